use cordon::prelude::*;

/// One document for each name, made at its first use.
#[cordon::table("counters")]
#[index(by_name(name))]
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
    let of_name = ctx.db.query().with_index(Counter::BY_NAME, |q| q.eq(&args.name));
    let Some(mut counter) = of_name.unique()? else {
        ctx.db.insert(&Counter { name: args.name, value: args.by })?;
        return Ok(args.by);
    };
    counter.value += args.by;
    ctx.db.replace(&counter.id, &counter)?;
    Ok(counter.value)
}
