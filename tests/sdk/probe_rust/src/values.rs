use cordon::Value;
use cordon::prelude::*;

#[query]
pub fn same(args: Value) -> Value {
    args
}

#[cordon::data]
pub struct Text {
    json: String,
}

/// The JSON of the value, in a string; null if the text is malformed.
#[query]
pub fn parse(args: Text) -> Result<Option<String>> {
    let value: Result<Value, _> = cordon::json::from_str(&args.json);
    Ok(value.ok().map(|value| cordon::json::to_string(&value)).transpose()?)
}
