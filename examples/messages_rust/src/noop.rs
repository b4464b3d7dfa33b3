use cordon::prelude::*;

/// What a run costs that does nothing.
#[query]
pub fn noop() {}
