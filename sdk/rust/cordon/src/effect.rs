//! What reaches outside of a run and cannot be repeated: for actions alone.

use crate::error::Result;
use crate::host;
use crate::json;
use std::time::Duration;

/// The effects of an action: `ctx.effect` of an [`ActionCtx`](crate::ActionCtx).
///
/// ```
/// # use cordon::prelude::*;
/// # use std::time::Duration;
/// #[action]
/// fn new_key(ctx: ActionCtx) -> Result<cordon::Bytes> {
///     let mut key = vec![0; 32];
///     ctx.effect.crypto_random(&mut key);
///     ctx.effect.sleep(Duration::from_millis(50))?;
///     Ok(cordon::Bytes(key))
/// }
/// # fn main() {}
/// ```
///
/// A query or a mutation has none:
///
/// ```compile_fail,E0609
/// # use cordon::prelude::*;
/// fn wait(ctx: MutationCtx) {
///     ctx.effect;
/// }
/// ```
#[derive(Clone, Copy)]
pub struct Effects(());

impl Effects {
    pub(crate) fn new() -> Self {
        Effects(())
    }

    /// Sleeps. That is the action's own time, and ends at its limit; the host refuses more than
    /// 2,147,483,647 ms.
    pub fn sleep(&self, duration: Duration) -> Result<()> {
        let mut argument = b"{\"ms\":".to_vec();
        json::write_value(&(duration.as_nanos() as f64 / 1e6), &mut argument)?;
        argument.push(b'}');
        host::ask_for(host::sleep, &argument)
    }

    /// Random bytes from the operating system, fit for keys; no seed makes them repeat.
    pub fn crypto_random(&self, bytes: &mut [u8]) {
        host::fill(host::crypto_random, bytes);
    }
}
