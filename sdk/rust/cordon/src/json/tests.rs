//! The format against tables of texts and values.

use super::*;
use crate::{Bytes, Nullable, Value};
use serde::Serialize;
use std::collections::BTreeMap;
use std::fmt::Debug;

fn is_written<T: Serialize + DeserializeOwned + PartialEq + Debug>(value: T, json: &str) {
    assert_eq!(to_string(&value).as_deref(), Ok(json));
    assert_eq!(from_str::<T>(json), Ok(value), "{json}");
}

fn object<const N: usize>(fields: [(&str, Value); N]) -> Value {
    Value::Object(fields.map(|(name, value)| (name.to_owned(), value)).into())
}

#[test]
fn values_of_every_type() {
    let table = [
        (Value::Null, "null"),
        (Value::Boolean(true), "true"),
        (Value::Boolean(false), "false"),
        (Value::Int64(42), r#"{"$integer":"KgAAAAAAAAA="}"#),
        (Value::Int64(-1), r#"{"$integer":"//////////8="}"#),
        (Value::Int64(i64::MIN), r#"{"$integer":"AAAAAAAAAIA="}"#),
        (Value::String("".into()), r#""""#),
        (Value::String("a\"b\\c/\n\r\t\u{8}\u{0}ü𝄞".into()), r#""a\"b\\c/\n\r\t\u0008\u0000ü𝄞""#),
        (Value::Bytes(vec![]), r#"{"$bytes":""}"#),
        (Value::Bytes(vec![0, 255]), r#"{"$bytes":"AP8="}"#),
        (Value::Array(vec![]), "[]"),
        (Value::Array(vec![Value::Null, Value::Array(vec![])]), "[null,[]]"),
        (object([]), "{}"),
        (object([("a", Value::Null), ("b", object([]))]), r#"{"a":null,"b":{}}"#),
    ];
    for (value, json) in table {
        is_written(value, json);
    }
}

#[test]
fn numbers() {
    let table = [
        (0.0, "0"),
        (3.0, "3"),
        (-3.5, "-3.5"),
        (0.1, "0.1"),
        (4294967296.0, "4294967296"),
        (999999999999999.0, "999999999999999"),
        (9007199254740993.0, "9007199254740992.0"),
        (1e300, "1e300"),
        (5e-324, "5e-324"),
        (f64::MAX, "1.7976931348623157e308"),
        (f64::INFINITY, r#"{"$float":"AAAAAAAA8H8="}"#),
        (f64::NEG_INFINITY, r#"{"$float":"AAAAAAAA8P8="}"#),
    ];
    for (number, json) in table {
        is_written(number, json);
        is_written(Value::Float64(number), json);
    }
    let zero = r#"{"$float":"AAAAAAAAAIA="}"#;
    assert_eq!(to_string(&-0.0).as_deref(), Ok(zero));
    for text in [zero, "-0", "-0.0"] {
        assert!(from_str::<f64>(text).is_ok_and(|number| number == 0.0 && number.is_sign_negative()));
    }
    assert!(from_str::<f64>(r#"{"$float":"AAAAAAAA+H8="}"#).is_ok_and(f64::is_nan));
}

#[test]
fn whole_numbers_keep_their_range() {
    is_written(u32::MAX, "4294967295");
    is_written(i32::MIN, "-2147483648");
    is_written(i64::MAX, r#"{"$integer":"/////////38="}"#);
    assert_eq!(from_str::<u8>("255"), Ok(255));
    for text in ["256", "-1", "0.5", "1e2", r#"{"$integer":"KgAAAAAAAAA="}"#, "\"1\"", "null"] {
        assert!(from_str::<u8>(text).is_err(), "{text}");
    }
    assert!(from_str::<i64>("42").is_err(), "a Float64 is no Int64");
    assert!(from_str::<f64>(r#"{"$integer":"KgAAAAAAAAA="}"#).is_err(), "nor the other way round");
    assert!(to_string(&1u64).is_err());
}

#[test]
fn what_is_not_json_is_refused() {
    let table = [
        "", " ", "nul", "nulll", "truefalse", "01", "+1", "1.", ".5", "1e", "1e+", "--1", "1e999", "NaN",
        "\"", "\"\n\"", "\"\\x\"", "\"\\u12\"", "\"\\ud800\"", "\"\\udc00\"", "\"\\ud800\\u0041\"",
        "[", "[1", "[1,", "[1,]", "[,1]", "[1 2]", "]", "{", "{\"a\"", "{\"a\":", "{\"a\":1", "{\"a\":1,}",
        "{a:1}", "{1:1}", "{\"a\" 1}", "1 2", "[1]]", "'a'",
    ];
    for text in table {
        assert!(from_str::<Value>(text).is_err(), "{text:?}");
    }
    assert!(from_slice::<Value>(b"\"\xff\"").is_err());
}

#[test]
fn what_is_json_and_no_value_is_refused() {
    let table = [
        r#"{"$integer":"KgAAAAAAAA=="}"#,
        r#"{"$integer":42}"#,
        r#"{"$integer":"KgAAAAAAAAA=","a":1}"#,
        r#"{"$float":"AAAAAAAA8D8="}"#,
        r#"{"$float":"AAAAAAAAAAA="}"#,
        r#"{"$bytes":"AP8"}"#,
        r#"{"$bytes":"AP9="}"#,
        r#"{"$other":"AP8="}"#,
        r#"{"a":1,"$b":2}"#,
        r#"{"a":1,"a":2}"#,
    ];
    for text in table {
        assert!(from_str::<Value>(text).is_err(), "{text}");
    }
}

#[test]
fn space_and_escapes_are_read() {
    let value = object([("ü/𝄞", Value::Array(vec![Value::Float64(1.0), Value::Null]))]);
    let text = " {\r\n\t\"\\u00fc\\/\\ud834\\udd1e\" : [ 1 , null ] } ";
    assert_eq!(from_str::<Value>(text), Ok(value));
}

#[test]
fn depth_has_a_bound() {
    let nested = |depth: usize| "[".repeat(depth) + &"]".repeat(depth);
    assert!(from_str::<Value>(&nested(64)).is_ok());
    assert!(from_str::<Value>(&nested(100_000)).is_err());
    let ignored = format!("{{\"a\":{}}}", nested(100_000));
    assert!(from_str::<BTreeMap<String, serde::de::IgnoredAny>>(&ignored).is_err());
}

#[derive(Debug, PartialEq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "camelCase")]
struct Everything {
    plain_text: String,
    may_be_absent: Option<f64>,
    may_be_null: Nullable<f64>,
    bytes: Bytes,
    wide: i64,
}

#[test]
fn absent_and_null_are_two_things() {
    let everything = |absent, null| Everything {
        plain_text: "a".into(),
        may_be_absent: absent,
        may_be_null: Nullable(null),
        bytes: Bytes(vec![1]),
        wide: 1,
    };
    let rest = r#""bytes":{"$bytes":"AQ=="},"wide":{"$integer":"AQAAAAAAAAA="}}"#;
    is_written(everything(None, None), &format!(r#"{{"plainText":"a","mayBeNull":null,{rest}"#));
    is_written(
        everything(Some(1.5), Some(2.0)),
        &format!(r#"{{"plainText":"a","mayBeAbsent":1.5,"mayBeNull":2,{rest}"#),
    );
}

#[derive(Debug, PartialEq, serde::Serialize, serde::Deserialize)]
#[serde(tag = "kind", rename_all = "lowercase")]
enum Shape {
    Circle { radius: f64 },
    Square { side: u32, label: Option<String> },
    Nothing,
}

#[derive(Debug, PartialEq, serde::Serialize, serde::Deserialize)]
enum Outer {
    Unit,
    Newtype(i64),
    Struct { a: bool },
}

#[test]
fn enums() {
    is_written(Shape::Circle { radius: 1.5 }, r#"{"kind":"circle","radius":1.5}"#);
    is_written(Shape::Square { side: 2, label: None }, r#"{"kind":"square","side":2}"#);
    is_written(Shape::Nothing, r#"{"kind":"nothing"}"#);
    is_written(Outer::Unit, r#""Unit""#);
    is_written(Outer::Newtype(1), r#"{"Newtype":{"$integer":"AQAAAAAAAAA="}}"#);
    is_written(Outer::Struct { a: true }, r#"{"Struct":{"a":true}}"#);
    let whole = from_str::<Shape>(r#"{"radius":3,"kind":"circle"}"#);
    assert_eq!(whole, Ok(Shape::Circle { radius: 3.0 }));
}

#[test]
fn errors_name_their_place() {
    let error = from_str::<BTreeMap<String, Vec<Everything>>>(r#"{"list":[{"plainText":1}]}"#).unwrap_err();
    assert!(error.to_string().starts_with("list[0].plainText: "), "{error}");
    let error = to_string(&BTreeMap::from([("a", TooWide { inner: [1] })])).unwrap_err();
    assert!(error.to_string().contains("inner: u64 does not fit"), "{error}");
}

#[derive(serde::Serialize)]
struct TooWide {
    inner: [u64; 1],
}

#[test]
fn names_of_fields_are_strings() {
    assert!(to_string(&BTreeMap::from([(1, 2)])).is_err());
    is_written(BTreeMap::from([("a".to_owned(), 2)]), r#"{"a":2}"#);
}
