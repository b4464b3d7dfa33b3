use cordon::prelude::*;

#[cordon::table("messages")]
pub struct Message {
    author: String,
    body: String,
}

#[query]
pub fn list(ctx: QueryCtx) -> Result<Vec<Doc<Message>>> {
    ctx.db.query().collect()
}

#[mutation]
pub fn send(ctx: MutationCtx, message: Message) -> Result<Id<Message>> {
    ctx.db.insert(&message)
}
