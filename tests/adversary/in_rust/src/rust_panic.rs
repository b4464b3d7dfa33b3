//! Panics of each kind, if `n` is 0, and one after a document was written.

use crate::Size;
use cordon::prelude::*;
use std::hint::black_box;

#[query]
pub fn index(size: Size) -> f64 {
    [7.0, 1.0][if size.n == 0.0 { black_box(9) } else { 1 }]
}

#[query]
pub fn unwraps(size: Size) -> f64 {
    Some(1.0).filter(|_| size.n != 0.0).expect("a number that is there")
}

#[query]
pub fn overflows(size: Size) -> f64 {
    f64::from(black_box(255u8).checked_add(u8::from(size.n == 0.0)).expect("room for one more")) - 254.0
}

#[cordon::table("rust_panic")]
struct Written {
    n: f64,
}

#[mutation]
pub fn after_write(ctx: MutationCtx, size: Size) -> Result<f64> {
    ctx.db.insert(&Written { n: size.n })?;
    assert!(size.n != 0.0, "written, and now this");
    Ok(1.0)
}
