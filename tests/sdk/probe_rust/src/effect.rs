use crate::db::Count;
use cordon::prelude::*;
use cordon::Bytes;
use std::time::Duration;

#[cordon::data]
pub struct Milliseconds {
    ms: f64,
}

/// By how much the clock has moved.
#[action]
pub fn sleeps(ctx: ActionCtx, args: Milliseconds) -> Result<f64> {
    let began = ctx.now_ms();
    ctx.effect.sleep(Duration::from_millis(args.ms as u64))?;
    Ok((ctx.now_ms() - began) as f64)
}

#[action]
pub fn draws(ctx: ActionCtx, args: Count) -> Bytes {
    let mut bytes = vec![0; args.count as usize];
    ctx.effect.crypto_random(&mut bytes);
    Bytes(bytes)
}
