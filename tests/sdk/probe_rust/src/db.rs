use cordon::prelude::*;
use cordon::{Unset, Value};

#[cordon::table("things")]
#[index(by_a_and_n(a, n))]
pub struct Thing {
    a: Option<f64>,
    b: Option<String>,
    c: Option<Vec<Value>>,
    pub n: Option<u32>,
    filler: Option<String>,
}

impl Thing {
    pub fn numbered(n: u32) -> Self {
        Thing { a: None, b: None, c: None, n: Some(n), filler: None }
    }
}

#[cordon::data]
pub struct One {
    id: Id<Thing>,
}

#[cordon::data]
pub struct Change {
    id: Id<Thing>,
    fields: Thing,
}

#[mutation]
pub fn insert(ctx: MutationCtx, thing: Thing) -> Result<Id<Thing>> {
    ctx.db.insert(&thing)
}

/// Null where there is none.
#[query]
pub fn get(ctx: QueryCtx, args: One) -> Result<Option<Doc<Thing>>> {
    ctx.db.get(&args.id)
}

#[mutation]
pub fn patch(ctx: MutationCtx, args: Change) -> Result<Doc<Thing>> {
    ctx.db.patch(&args.id, &args.fields)
}

#[mutation]
pub fn replace(ctx: MutationCtx, args: Change) -> Result<Doc<Thing>> {
    ctx.db.replace(&args.id, &args.fields)
}

#[mutation]
pub fn forget(ctx: MutationCtx, args: One) -> Result<Doc<Thing>> {
    #[derive(cordon::serde::Serialize)]
    #[serde(crate = "cordon::serde")]
    struct WithoutA {
        a: Unset,
    }
    ctx.db.patch(&args.id, &WithoutA { a: Unset })
}

#[mutation]
pub fn delete(ctx: MutationCtx, args: One) -> Result<Doc<Thing>> {
    ctx.db.delete(&args.id)
}

#[cordon::data]
pub struct Refusal {
    code: Option<String>,
    done: bool,
}

#[mutation]
pub fn refused(ctx: MutationCtx, args: One) -> Refusal {
    match ctx.db.delete(&args.id) {
        Ok(_) => Refusal { code: None, done: true },
        Err(error) => Refusal { code: error.code().map(str::to_owned), done: false },
    }
}

#[cordon::data]
pub struct Count {
    pub count: u32,
}

#[query]
pub fn newest(ctx: QueryCtx, args: Count) -> Result<Vec<Id<Thing>>> {
    let things = ctx.db.query::<Thing>().order(Order::Desc).take(args.count)?;
    Ok(things.into_iter().map(|thing| thing.id).collect())
}

#[query]
pub fn stopped(ctx: QueryCtx) -> Result<()> {
    drop(ctx.db.query::<Thing>().iter()?);
    Ok(())
}

#[query]
pub fn sum(ctx: QueryCtx) -> Result<f64> {
    let mut sum = 0.0;
    for thing in ctx.db.query::<Thing>().iter()? {
        sum += f64::from(thing?.n.unwrap_or(0));
    }
    Ok(sum)
}
