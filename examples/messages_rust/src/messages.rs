use cordon::prelude::*;

#[cordon::table("messages")]
#[index(by_author(author))]
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

#[cordon::data]
pub struct ByAuthor {
    author: String,
}

impl From<&Message> for ByAuthor {
    fn from(message: &Message) -> Self {
        ByAuthor { author: message.author.clone() }
    }
}

/// What one author wrote, the newest first.
#[query]
pub fn by_author(ctx: QueryCtx, args: ByAuthor) -> Result<Vec<Doc<Message>>> {
    let messages = ctx.db.query().with_index(Message::BY_AUTHOR, |q| q.eq(args.author));
    messages.order(Order::Desc).collect()
}

#[cordon::data]
#[serde(rename_all = "camelCase")]
pub struct Page {
    pagination_opts: PaginationOptions,
}

/// All messages, page by page, the newest first.
#[query]
pub fn page(ctx: QueryCtx, args: Page) -> Result<PaginationResult<Doc<Message>>> {
    ctx.db.query().order(Order::Desc).paginate(&args.pagination_opts)
}

#[cordon::data]
pub struct Refusal {
    pub code: String,
}

/// The failure takes the message with it.
#[mutation]
pub fn fail(ctx: MutationCtx, message: Message) -> Result<()> {
    ctx.db.insert(&message)?;
    Err(ConvexError::new(Refusal { code: "refused".into() }).into())
}
