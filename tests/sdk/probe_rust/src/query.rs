use crate::db::{Count, Thing};
use cordon::prelude::*;

fn numbers(things: Vec<Doc<Thing>>) -> Vec<u32> {
    things.into_iter().filter_map(|thing| thing.n).collect()
}

#[cordon::data]
pub struct Times {
    from: f64,
    to: f64,
}

#[query]
pub fn since(ctx: QueryCtx, args: Times) -> Result<Vec<u32>> {
    let things = ctx.db.query().with_index(Thing::BY_CREATION_TIME, |q| q.gte(args.from));
    Ok(numbers(things.collect()?))
}

/// The newest first.
#[query]
pub fn between(ctx: QueryCtx, args: Times) -> Result<Vec<u32>> {
    let things = ctx.db.query().with_index(Thing::BY_CREATION_TIME, |q| q.gt(args.from).lte(args.to));
    Ok(numbers(things.order(Order::Desc).collect()?))
}

#[cordon::data]
pub struct Which {
    id: Id<Thing>,
}

#[query]
pub fn by_id(ctx: QueryCtx, args: Which) -> Result<Vec<u32>> {
    Ok(numbers(ctx.db.query().with_index(Thing::BY_ID, |q| q.eq(&args.id)).collect()?))
}

#[cordon::data]
pub struct AAndN {
    a: Option<f64>,
    above: Option<u32>,
}

/// Those with this `a`, or without any, in the order of their numbers.
#[query]
pub fn by_a_and_n(ctx: QueryCtx, args: AAndN) -> Result<Vec<u32>> {
    let things = ctx.db.query();
    let things = match args.above {
        None => things.with_index(Thing::BY_A_AND_N, |q| q.eq(args.a)),
        Some(n) => things.with_index(Thing::BY_A_AND_N, |q| q.eq(args.a).gt(n)),
    };
    Ok(numbers(things.collect()?))
}

/// Odd, and below 3 or above 6.
#[query]
pub fn odd(ctx: QueryCtx) -> Result<Vec<u32>> {
    let things = ctx.db.query::<Thing>().filter(|q| {
        let is_odd = q.eq(q.rem(q.field("n"), 2), 1);
        let is_far = q.or([q.lt(q.field("n"), 3), q.not(q.lte(q.field("n"), q.add(4, 2)))]);
        q.and([is_odd, is_far])
    });
    Ok(numbers(things.collect()?))
}

/// All arithmetic: those whose n is 3 or more and not 8, as (-n * 3 - 3) / -3 - 1 is n.
#[query]
pub fn computed(ctx: QueryCtx) -> Result<Vec<u32>> {
    let things = ctx.db.query::<Thing>();
    let things = things.filter(|q| {
        let product = q.mul(q.neg(q.field("n")), 3);
        q.gte(q.sub(q.div(q.sub(product, 3), -3), 1), 3)
    });
    Ok(numbers(things.filter(|q| q.neq(q.field("n"), 8)).collect()?))
}

#[query]
pub fn before(ctx: QueryCtx, args: Times) -> Result<Vec<u32>> {
    let things = ctx.db.query().with_index(Thing::BY_CREATION_TIME, |q| q.lt(args.to));
    Ok(numbers(things.collect()?))
}

#[query]
pub fn without_b(ctx: QueryCtx) -> Result<Vec<u32>> {
    let things = ctx.db.query::<Thing>().filter(|q| q.eq(q.field("b"), None::<&str>));
    Ok(numbers(things.collect()?))
}

/// Of the first three those above 1.
#[query]
pub fn limited(ctx: QueryCtx) -> Result<Vec<u32>> {
    Ok(numbers(ctx.db.query::<Thing>().limit(3).filter(|q| q.gt(q.field("n"), 1)).collect()?))
}

#[query]
pub fn first(ctx: QueryCtx) -> Result<Option<Doc<Thing>>> {
    ctx.db.query().order(Order::Desc).first()
}

/// Those whose number is `count`.
#[query]
pub fn unique(ctx: QueryCtx, args: Count) -> Result<Option<Doc<Thing>>> {
    ctx.db.query::<Thing>().filter(|q| q.eq(q.field("n"), args.count)).unique()
}

/// A filter that cannot be evaluated.
#[query]
pub fn evil(ctx: QueryCtx) -> Result<Option<Doc<Thing>>> {
    ctx.db.query::<Thing>().filter(|q| q.field("n")).first()
}

/// How many documents are read for the first, for two of all, for the only one and for the first that
/// a filter lets pass.
#[query]
pub fn cost(ctx: QueryCtx) -> Result<Vec<f64>> {
    let mut costs = Vec::new();
    let mut before = ctx.left()?["documents_read"];
    let mut note = |ctx: &QueryCtx| -> Result<()> {
        let now = ctx.left()?["documents_read"];
        costs.push(before - now);
        before = now;
        Ok(())
    };
    ctx.db.query::<Thing>().first()?;
    note(&ctx)?;
    ctx.db.query::<Thing>().take(2)?;
    note(&ctx)?;
    ctx.db.query::<Thing>().limit(1).unique()?;
    note(&ctx)?;
    ctx.db.query::<Thing>().filter(|q| q.eq(q.field("n"), 3)).first()?;
    note(&ctx)?;
    Ok(costs)
}

#[cordon::data]
#[serde(rename_all = "camelCase")]
pub struct Page {
    pagination_opts: PaginationOptions,
}

#[query]
pub fn page(ctx: QueryCtx, args: Page) -> Result<PaginationResult<u32>> {
    let things = ctx.db.query::<Thing>().paginate(&args.pagination_opts)?;
    Ok(things.map(|thing| thing.n.unwrap_or(0)))
}

#[cordon::data]
pub struct Text {
    text: String,
}

#[query]
pub fn normalize(ctx: QueryCtx, args: Text) -> Result<Option<Id<Thing>>> {
    ctx.db.normalize_id(&args.text)
}
