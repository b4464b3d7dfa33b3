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
