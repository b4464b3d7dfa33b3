//! Functions that show to a test what the crate cordon does: each hands on its arguments and says what
//! came of it.

#![forbid(unsafe_code)]

mod call;
mod db;
mod effect;
mod query;
mod run;
mod values;

cordon::schema![db::Thing];

cordon::functions![
    values::same,
    values::parse,
    db::insert,
    db::get,
    db::patch,
    db::replace,
    db::forget,
    db::delete,
    db::refused,
    db::newest,
    db::stopped,
    db::sum,
    query::since,
    query::between,
    query::by_id,
    query::by_a_and_n,
    query::odd,
    query::computed,
    query::before,
    query::without_b,
    query::limited,
    query::first,
    query::unique,
    query::evil,
    query::cost,
    query::page,
    query::normalize,
    call::in_query,
    call::in_mutation,
    call::in_action,
    call::fails,
    call::goes_on,
    call::stays,
    call::passes_on,
    call::newest,
    run::logs,
    run::fails,
    run::left,
    run::env,
    run::identity,
    run::identity_of_called,
    run::panics,
    run::hashes,
    effect::sleeps,
    effect::draws,
];
