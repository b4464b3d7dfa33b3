//! Each function that can be called is listed here, and is called by its place: `messages::send` is
//! `messages:send`.

#![forbid(unsafe_code)]

mod math;
mod messages;

cordon::functions![messages::list, messages::send, math::fib];
