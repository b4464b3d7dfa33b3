//! Time by an algorithm: a sort that compares each with each, of so many numbers.

use crate::Size;
use cordon::prelude::*;

#[query]
pub fn sorts(size: Size) -> f64 {
    let mut numbers: Vec<u32> = (0..size.n as u32).rev().collect();
    for i in 0..numbers.len() {
        for j in 0..numbers.len() - 1 - i {
            if numbers[j] > numbers[j + 1] {
                numbers.swap(j, j + 1);
            }
        }
    }
    f64::from(u8::from(numbers.is_sorted()))
}
