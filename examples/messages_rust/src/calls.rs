//! Functions that call others.

use crate::echo;
use crate::messages::{self, ByAuthor, Message, Refusal};
use cordon::prelude::*;

/// How many messages there are of an author.
#[query]
pub fn count(ctx: QueryCtx, args: ByAuthor) -> Result<u32> {
    Ok(ctx.run_query(messages::by_author::REF, &args)?.len() as u32)
}

#[cordon::data]
pub struct Tried {
    sent: Id<Message>,
    refused: String,
}

/// Sends a message, then calls what sends it once more and fails: of that nothing is left, and nothing
/// else is lost.
#[mutation]
pub fn send(ctx: MutationCtx, message: Message) -> Result<Tried> {
    let sent = ctx.run_mutation(messages::send::REF, &message)?;
    match ctx.run_mutation(messages::fail::REF, &message) {
        Ok(()) => Err(cordon::Error::new("messages:fail did not fail")),
        Err(error) => match error.data() {
            Some(Refusal { code }) => Ok(Tried { sent, refused: code }),
            None => Err(error),
        },
    }
}

/// The same, without a word about the failure: it is the caller's then, who loses all.
#[mutation]
pub fn fail(ctx: MutationCtx, message: Message) -> Result<()> {
    ctx.run_mutation(messages::send::REF, &message)?;
    ctx.run_mutation(messages::fail::REF, &message)
}

#[cordon::data]
pub struct Report {
    sent: Id<Message>,
    count: u32,
    now: f64,
}

/// Each call is a run of its own, and sees what those before it wrote.
#[action]
pub fn act(ctx: ActionCtx, message: Message) -> Result<Report> {
    let sent = ctx.run_mutation(messages::send::REF, &message)?;
    let count = ctx.run_query(count::REF, &ByAuthor::from(&message))?;
    let now = ctx.run_action(echo::now::REF, &())?.now;
    Ok(Report { sent, count, now })
}

/// How deep calls may nest, with this one: calls itself until that is refused.
#[query]
pub fn depth(ctx: QueryCtx) -> Result<u32> {
    match ctx.run_query(depth::REF, &()) {
        Ok(below) => Ok(below + 1),
        Err(error) if error.code() == Some("MaximumCallDepthExceeded") => Ok(1),
        Err(error) => Err(error),
    }
}
