//! A message board, a counter and a few probes: the same functions as in `../messages_c`.

#![forbid(unsafe_code)]

mod counters;
mod echo;
mod math;
mod messages;
mod noop;

cordon::functions![
    messages::list,
    messages::send,
    messages::fail,
    math::fib,
    echo::now,
    counters::add,
    noop::noop,
];
