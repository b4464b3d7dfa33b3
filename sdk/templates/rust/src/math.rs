use cordon::prelude::*;

#[cordon::data]
pub struct Fib {
    n: u32,
}

#[query]
pub fn fib(args: Fib) -> f64 {
    /// By plain recursion, as there is something to measure then.
    fn fib(n: u32) -> u64 {
        if n < 2 { n.into() } else { fib(n - 1) + fib(n - 2) }
    }
    fib(args.n) as f64
}
