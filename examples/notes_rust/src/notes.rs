use cordon::prelude::*;
use cordon::{RunCtx, Value};

#[cordon::table("notes")]
#[index(by_owner(owner))]
pub struct Note {
    owner: String,
    text: String,
}

#[cordon::data]
pub struct Text {
    text: String,
}

/// Who calls, or an error that clients can tell from others.
fn signed_in(ctx: &RunCtx) -> Result<Identity> {
    match ctx.identity()? {
        Some(identity) => Ok(identity),
        None => Err(ConvexError::new("not signed in").into()),
    }
}

/// What the token says of who calls: all claims, or null.
#[query]
pub fn me(ctx: QueryCtx) -> Result<Value> {
    Ok(ctx.identity()?.map_or(Value::Null, Value::from))
}

#[mutation]
pub fn add(ctx: MutationCtx, args: Text) -> Result<Id<Note>> {
    let owner = signed_in(&ctx)?.token_identifier;
    ctx.db.insert(&Note { owner, text: args.text })
}

/// One's own, oldest first; nobody sees another's.
#[query]
pub fn mine(ctx: QueryCtx) -> Result<Vec<String>> {
    let owner = signed_in(&ctx)?.token_identifier;
    let notes = ctx.db.query().with_index(Note::BY_OWNER, |q| q.eq(owner)).collect()?;
    Ok(notes.into_iter().map(|note| note.into_inner().text).collect())
}

/// The functions that an action calls are told the same as it is.
#[action]
pub fn add_and_count(ctx: ActionCtx, args: Text) -> Result<f64> {
    ctx.run_mutation(add::REF, &args)?;
    let notes = ctx.run_query(mine::REF, &())?;
    Ok(notes.len() as f64)
}
