use cordon::prelude::*;

#[cordon::data]
pub struct Moment {
    pub now: f64,
    random: f64,
}

#[action]
pub fn now(ctx: ActionCtx) -> Moment {
    Moment { now: ctx.now_ms() as f64, random: ctx.random() }
}

#[cordon::data]
pub struct Variable {
    name: String,
}

/// An environment variable, which `cordon env set` sets.
#[query]
pub fn env(ctx: QueryCtx, variable: Variable) -> Result<Option<String>> {
    ctx.env(&variable.name)
}
