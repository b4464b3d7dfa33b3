//! What the attributes make of types and functions, as their user sees it.

use cordon::prelude::*;
use cordon::rt::{Function, RowAt};
use cordon::{HasValidator, Nullable, Value};
use std::collections::HashMap;

/// A row's JSON, of which a function's validators are a part.
macro_rules! row {
    ($function:ty) => {{
        const ROW: cordon::rt::Row = RowAt::at(<$function as Function>::ROW, "the:place");
        const SIZE: usize = cordon::rt::size(&[ROW]);
        const JSON: [u8; SIZE] = cordon::rt::write(&[ROW]);
        String::from_utf8(JSON.to_vec()).unwrap()
    }};
}

fn any_row(kind: &str, visibility: &str, path: &str, args: &str, returns: &str) -> String {
    format!(
        "{{\"abi\":1,\"functions\":[{{\"path\":\"{path}\",\"export\":\"the:place\",\"kind\":\"{kind}\",\
         \"visibility\":\"{visibility}\",\"args\":{args},\"returns\":{returns}}}]}}"
    )
}

const NO_ARGS: &str = r#"{"type":"object","value":{}}"#;
const NULL: &str = r#"{"type":"null"}"#;
const NUMBER: &str = r#"{"type":"number"}"#;

#[query]
fn a_query() {}
#[mutation(path = "other:place")]
fn a_mutation(_: MutationCtx) {}
#[action]
fn an_action(_: ActionCtx) -> f64 {
    1.0
}
#[internal_query]
fn an_internal_query(_: QueryCtx) -> Result<f64> {
    Ok(1.0)
}
#[internal_mutation]
fn an_internal_mutation() {}
#[internal_action]
fn an_internal_action() {}

#[test]
fn kinds_and_visibilities() {
    let table = [
        (row!(a_query), any_row("query", "public", "the:place", NO_ARGS, NULL)),
        (row!(a_mutation), any_row("mutation", "public", "other:place", NO_ARGS, NULL)),
        (row!(an_action), any_row("action", "public", "the:place", NO_ARGS, NUMBER)),
        (row!(an_internal_query), any_row("query", "internal", "the:place", NO_ARGS, NUMBER)),
        (row!(an_internal_mutation), any_row("mutation", "internal", "the:place", NO_ARGS, NULL)),
        (row!(an_internal_action), any_row("action", "internal", "the:place", NO_ARGS, NULL)),
    ];
    for (found, expected) in table {
        assert_eq!(found, expected);
    }
}

#[cordon::table("users")]
struct User {
    name: String,
    nickname: Option<String>,
}

#[cordon::data]
#[serde(rename_all = "camelCase")]
struct Args {
    best_friend: Id<User>,
    maybe: Nullable<bool>,
    #[serde(rename = "other")]
    renamed: Vec<u32>,
    #[serde(default)]
    defaulted: i64,
    #[serde(skip)]
    skipped: f64,
    scores: HashMap<String, f64>,
    whatever: Value,
    state: State,
    shape: Shape,
}

#[cordon::data]
#[serde(rename_all = "kebab-case")]
enum State {
    Open,
    NotOpen,
}

#[cordon::data]
#[serde(tag = "kind")]
enum Shape {
    Circle { radius: f64 },
    Point,
}

#[query]
fn of_args(_: Args) -> Vec<Doc<User>> {
    Vec::new()
}

fn field(name: &str, validator: &str, optional: bool) -> String {
    format!("\"{name}\":{{\"fieldType\":{validator},\"optional\":{optional}}}")
}

fn object(fields: &[String]) -> String {
    format!("{{\"type\":\"object\",\"value\":{{{}}}}}", fields.join(","))
}

fn literal(text: &str) -> String {
    format!("{{\"type\":\"literal\",\"value\":\"{text}\"}}")
}

fn union(each: &[String]) -> String {
    format!("{{\"type\":\"union\",\"value\":[{}]}}", each.join(","))
}

#[test]
fn validators_come_from_types() {
    let id = r#"{"type":"id","tableName":"users"}"#;
    let args = object(&[
        field("bestFriend", id, false),
        field("maybe", r#"{"type":"union","value":[{"type":"boolean"},{"type":"null"}]}"#, false),
        field("other", r#"{"type":"array","value":{"type":"number"}}"#, false),
        field("defaulted", r#"{"type":"bigint"}"#, true),
        field(
            "scores",
            r#"{"type":"record","keys":{"type":"string"},"values":{"fieldType":{"type":"number"},"optional":false}}"#,
            false,
        ),
        field("whatever", r#"{"type":"any"}"#, false),
        field("state", &union(&[literal("open"), literal("not-open")]), false),
        field(
            "shape",
            &union(&[
                object(&[field("kind", &literal("Circle"), false), field("radius", NUMBER, false)]),
                object(&[field("kind", &literal("Point"), false)]),
            ]),
            false,
        ),
    ]);
    let document = object(&[
        field("_id", id, false),
        field("_creationTime", NUMBER, false),
        field("name", r#"{"type":"string"}"#, false),
        field("nickname", r#"{"type":"string"}"#, true),
    ]);
    let returns = format!("{{\"type\":\"array\",\"value\":{document}}}");
    assert_eq!(row!(of_args), any_row("query", "public", "the:place", &args, &returns));
}

#[test]
fn values_are_what_validators_say() {
    let json = r#"{"bestFriend":"id","maybe":null,"other":[1,2],"scores":{"a":1},"whatever":[null],"state":"not-open","shape":{"kind":"Circle","radius":2}}"#;
    let args: Args = cordon::json::from_str(json).unwrap();
    assert_eq!((args.defaulted, args.skipped, args.renamed.len()), (0, 0.0, 2));
    assert!(matches!(args.state, State::NotOpen) && matches!(args.shape, Shape::Circle { radius: 2.0 }));
    let back: Value = cordon::json::from_str(&cordon::json::to_string(&args).unwrap()).unwrap();
    assert_eq!(back.get("bestFriend"), Some(&"id".into()));
    assert_eq!(back.get("defaulted"), Some(&Value::Int64(0)));
    assert_eq!(back.get("skipped"), None);
}

#[test]
fn a_document_is_written_with_the_fields_of_the_system() {
    let user = User { name: "Ada".into(), nickname: None };
    let document = Doc { id: Id::<User>::new("id"), creation_time: 1.5, fields: user };
    let json = cordon::json::to_string(&document).unwrap();
    assert_eq!(json, r#"{"_id":"id","_creationTime":1.5,"name":"Ada"}"#);
    assert_eq!(document.name, "Ada");
    assert!(document.nickname.is_none());
}

#[cordon::data]
#[serde(tag = "kind")]
enum Found {
    One { document: Doc<User> },
}

#[derive(cordon::serde::Deserialize)]
#[serde(crate = "cordon::serde")]
struct Wrapped(User);

#[test]
fn a_document_is_read_wherever_a_value_is() {
    let json = r#"{"_creationTime":1.5,"_id":"id","name":"Ada"}"#;
    let document: Doc<User> = cordon::json::from_str(json).unwrap();
    assert_eq!((document.id.as_str(), document.creation_time, &*document.name), ("id", 1.5, "Ada"));

    let list: Vec<Doc<User>> = cordon::json::from_str(&format!("[{json},{json}]")).unwrap();
    assert_eq!(list.len(), 2);
    let wrapped: Doc<Wrapped> = cordon::json::from_str(json).unwrap();
    assert_eq!(wrapped.fields.0.name, "Ada");
    let any: Doc<Value> = cordon::json::from_str(json).unwrap();
    assert_eq!((any.get("name"), any.get("_id")), (Some(&"Ada".into()), None));
    // Through a tag, which has serde keep the fields before it knows their type.
    let found = format!("{{\"document\":{json},\"kind\":\"One\"}}");
    let Found::One { document } = cordon::json::from_str(&found).unwrap();
    assert_eq!(document.name, "Ada");
}

#[test]
fn what_is_no_document_is_not_read_as_one() {
    let table = [
        (r#"{"_id":"id","name":"Ada"}"#, "missing field `_creationTime`"),
        (r#"{"_creationTime":1,"name":"Ada"}"#, "missing field `_id`"),
        (r#"{"_creationTime":1,"_id":"id"}"#, "missing field `name`"),
        (r#"{"_creationTime":1,"_id":2,"name":"Ada"}"#, "_id: invalid type"),
        ("[]", "a document"),
    ];
    for (json, words) in table {
        let error = cordon::json::from_str::<Doc<User>>(json).err().unwrap().to_string();
        assert!(error.contains(words), "{json}: {error}");
    }
}

#[test]
fn any_error_becomes_one_by_the_question_mark() {
    fn number(text: &str) -> Result<f64> {
        Ok(text.parse::<f64>()?)
    }
    assert!(number("1.5").is_ok_and(|number| number == 1.5));
    assert_eq!(number("x").unwrap_err().to_string(), "invalid float literal");
}

#[test]
fn the_rest_of_the_types() {
    fn is_validated<T: HasValidator + ?Sized>() {}
    is_validated::<Box<[Option<&str>]>>();
    is_validated::<[cordon::Bytes; 2]>();
}
