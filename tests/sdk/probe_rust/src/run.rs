use cordon::prelude::*;
use cordon::Value;
use std::collections::{BTreeMap, HashMap};

#[action]
pub fn logs() {
    cordon::debug!("one");
    cordon::error!("t\"w\"{}", "o\n");
    println!("three {}", 3);
    eprintln!("four");
}

#[cordon::data]
pub struct Failure {
    text: Option<String>,
}

#[internal_action]
pub fn fails(args: Failure) -> Result<()> {
    match args.text {
        Some(text) => Err(ConvexError::new(text).into()),
        None => Err(cordon::Error::new("a \"message\"")),
    }
}

#[internal_query]
pub fn left(ctx: QueryCtx) -> Result<BTreeMap<String, f64>> {
    ctx.left()
}

#[cordon::data]
pub struct Variable {
    name: String,
}

#[query]
pub fn env(ctx: QueryCtx, variable: Variable) -> Result<Option<String>> {
    ctx.env(&variable.name)
}

#[mutation]
pub fn identity(ctx: MutationCtx) -> Result<Value> {
    Ok(ctx.identity()?.map_or(Value::Null, Value::from))
}

#[action]
pub fn identity_of_called(ctx: ActionCtx) -> Result<Value> {
    ctx.run_mutation(identity::REF, &())
}

#[internal_mutation]
pub fn panics(ctx: MutationCtx) -> f64 {
    let things: Vec<f64> = Vec::new();
    things[ctx.random() as usize]
}

/// The order of a hash map, which the host decides.
#[query]
pub fn hashes() -> Vec<u32> {
    let map: HashMap<u32, ()> = (0..20).map(|n| (n, ())).collect();
    map.into_keys().collect()
}
