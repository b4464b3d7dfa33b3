//! Memory by collections: one vector that doubles, many strings that are kept.

use crate::Size;
use cordon::prelude::*;

#[query]
pub fn vector(size: Size) -> f64 {
    let mut numbers: Vec<u64> = Vec::new();
    while numbers.len() < size.n as usize {
        numbers.push(numbers.len() as u64);
    }
    numbers.len() as f64
}

#[query]
pub fn strings(size: Size) -> f64 {
    let kept: Vec<String> = (0..size.n as usize).map(|n| "x".repeat(1_000_000 + n)).collect();
    kept.len() as f64
}
