//! Attacks as programs in Rust make them, with what its standard library adds. Each module is one idea.

#![forbid(unsafe_code)]

mod rust_deep;
mod rust_hoard;
mod rust_order;
mod rust_panic;
mod rust_spin;

/// What most of the functions are called with.
#[cordon::data]
pub struct Size {
    n: f64,
}

cordon::functions![
    rust_deep::calls,
    rust_deep::steps,
    rust_deep::values,
    rust_hoard::vector,
    rust_hoard::strings,
    rust_order::hashes,
    rust_order::instants,
    rust_panic::index,
    rust_panic::unwraps,
    rust_panic::overflows,
    rust_panic::after_write,
    rust_spin::sorts,
];
