use crate::db::{self, Thing};
use crate::query;
use cordon::Value;
use cordon::prelude::*;

#[cordon::data]
pub struct Call {
    kind: String,
    name: String,
    args: Value,
}

/// What came of a call.
#[cordon::data]
pub struct Told {
    value: Option<Value>,
    code: Option<String>,
    message: Option<String>,
    data: Option<Value>,
}

impl From<Result<Value>> for Told {
    fn from(result: Result<Value>) -> Self {
        match result {
            Ok(value) => Told { value: Some(value), code: None, message: None, data: None },
            Err(error) => Told {
                value: None,
                code: error.code().map(str::to_owned),
                message: Some(error.to_string()),
                data: error.data(),
            },
        }
    }
}

#[query]
pub fn in_query(ctx: QueryCtx, call: Call) -> Told {
    ctx.run_query(call.name.as_str(), &call.args).into()
}

#[mutation]
pub fn in_mutation(ctx: MutationCtx, call: Call) -> Told {
    let name = call.name.as_str();
    match call.kind.as_str() {
        "query" => ctx.run_query(name, &call.args).into(),
        _ => ctx.run_mutation(name, &call.args).into(),
    }
}

#[action]
pub fn in_action(ctx: ActionCtx, call: Call) -> Told {
    let name = call.name.as_str();
    match call.kind.as_str() {
        "query" => ctx.run_query(name, &call.args).into(),
        "mutation" => ctx.run_mutation(name, &call.args).into(),
        _ => ctx.run_action(name, &call.args).into(),
    }
}

#[cordon::data]
pub struct Failure {
    n: u32,
    data: Value,
}

/// Writes a thing, a line to the log, and fails with those data.
#[internal_mutation]
pub fn fails(ctx: MutationCtx, args: Failure) -> Result<()> {
    ctx.run_mutation(db::insert::REF, &Thing::numbered(args.n))?;
    cordon::info!("fails");
    Err(ConvexError::new(args.data).into())
}

/// What is left of three writes whose second fails; all of them within this transaction.
#[mutation]
pub fn goes_on(ctx: MutationCtx) -> Result<Vec<u32>> {
    ctx.run_mutation(db::insert::REF, &Thing::numbered(1))?;
    let failed: Result<()> = ctx.run_mutation(fails::REF, &Failure { n: 2, data: Value::Null });
    if failed.is_ok() {
        return Err(cordon::Error::new("it did not fail"));
    }
    ctx.run_mutation(db::insert::REF, &Thing::numbered(7))?;
    ctx.run_query(query::odd::REF, &())
}

/// The first of two calls of an action stays, whatever the second does.
#[action]
pub fn stays(ctx: ActionCtx, args: Failure) -> Result<()> {
    ctx.run_mutation(db::insert::REF, &Thing::numbered(1))?;
    ctx.run_mutation(fails::REF, &args)
}

/// The failure is the caller's too.
#[mutation]
pub fn passes_on(ctx: MutationCtx, args: Failure) -> Result<()> {
    ctx.run_mutation(db::insert::REF, &Thing::numbered(1))?;
    ctx.run_mutation(fails::REF, &args)
}

/// Documents arrive as such.
#[query]
pub fn newest(ctx: QueryCtx) -> Result<Option<Doc<Thing>>> {
    ctx.run_query(query::first::REF, &())
}
