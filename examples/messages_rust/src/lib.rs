//! A message board, a counter, functions that call those, and a few probes: the same functions as in
//! `../messages_c`.

#![forbid(unsafe_code)]

mod calls;
mod counters;
mod echo;
mod math;
mod messages;
mod noop;

cordon::schema![messages::Message, counters::Counter];

cordon::functions![
    messages::list,
    messages::send,
    messages::by_author,
    messages::page,
    messages::fail,
    math::fib,
    echo::now,
    echo::env,
    counters::add,
    noop::noop,
    calls::count,
    calls::send,
    calls::fail,
    calls::act,
    calls::depth,
];
