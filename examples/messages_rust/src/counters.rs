use cordon::prelude::*;

/// One document for each name, made at its first use.
#[cordon::table("counters")]
pub struct Counter {
    name: String,
    value: f64,
}

#[cordon::data]
pub struct Add {
    name: String,
    by: f64,
}

#[mutation]
pub fn add(ctx: MutationCtx, args: Add) -> Result<f64> {
    for counter in ctx.db.table::<Counter>().iter()? {
        let mut counter = counter?;
        if counter.name == args.name {
            counter.value += args.by;
            ctx.db.replace(&counter.id, &counter)?;
            return Ok(counter.value);
        }
    }
    ctx.db.insert(&Counter { name: args.name, value: args.by })?;
    Ok(args.by)
}
