//! Recursion with a local array in each call, and a value that contains itself, so many levels deep.

use crate::Size;
use cordon::prelude::*;
use std::hint::black_box;

#[inline(never)]
fn down(n: u64) -> u64 {
    let local = black_box([n; 16]);
    if n == 0 { 0 } else { down(n - 1) + local[3] / n }
}

#[query]
pub fn calls(size: Size) -> f64 {
    down(size.n as u64) as f64
}

#[inline(never)]
fn walk(left: f64, right: f64, levels: u64) -> f64 {
    if levels == 0 { left } else { walk(right, left + levels as f64, levels - 1) * 0.5 + right - levels as f64 }
}

/// Recursion that keeps its few values in registers and on the engine's stack.
#[query]
pub fn steps(size: Size) -> f64 {
    if black_box(walk(1.0, 2.0, size.n as u64)) > 1e300 { -1.0 } else { size.n }
}

/// A list of boxes, one in the other, which is taken apart by as many calls.
#[query]
pub fn values(size: Size) -> f64 {
    struct Link(Option<Box<Link>>, [u64; 4]);
    let mut list = Link(None, [0; 4]);
    for n in 0..size.n as u64 {
        list = Link(Some(Box::new(list)), [n; 4]);
    }
    list.1[0] as f64 + f64::from(u8::from(list.0.is_some()))
}
