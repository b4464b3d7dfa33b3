//! What a program in Rust sees of chance and of time without asking for them: the order of a hash map,
//! which the standard library seeds, and its clocks.

use crate::Size;
use cordon::prelude::*;
use std::collections::HashMap;
use std::hint::black_box;
use std::time::{Instant, SystemTime};

#[query]
pub fn hashes(size: Size) -> Vec<u32> {
    let map: HashMap<u32, ()> = (0..size.n as u32).map(|n| (n, ())).collect();
    map.into_keys().collect()
}

/// Nanoseconds that `n` rounds of work took, by both clocks.
#[query]
pub fn instants(size: Size) -> f64 {
    let (began, moment) = (SystemTime::now(), Instant::now());
    for n in 0..size.n as u64 {
        black_box(n);
    }
    let passed = began.elapsed().unwrap_or_default() + moment.elapsed();
    passed.as_nanos() as f64
}
