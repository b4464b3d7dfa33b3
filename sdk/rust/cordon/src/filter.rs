//! Filter expressions, which the host evaluates for each document.

use crate::json;
use crate::table::Id;
use crate::value::{Bytes, Value};
use serde::Serialize;

/// Makes the parts of a filter; [`Query::filter`](crate::Query::filter) gives one.
///
/// Comparisons are over all types, in Convex's order, and a missing field comes before all values.
/// Arithmetic is over two Float64 or two Int64; `and`, `or`, `not` and the filter itself take
/// booleans. What cannot be evaluated is an error of the query, with the code `EvalError`.
#[derive(Clone, Copy)]
pub struct Filter(pub(crate) ());

/// A part of a filter.
#[must_use = "an expression alone filters nothing"]
pub struct Expression(pub(crate) Result<Vec<u8>, json::Error>);

/// What an expression may be made of: another, or a value.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is no part of a filter",
    note = "it takes `q.field(\"name\")`, other expressions, and values; `cordon::Value` is every value"
)]
pub trait Operand {
    #[doc(hidden)]
    fn into_expression(self) -> Expression;
}

impl Operand for Expression {
    fn into_expression(self) -> Expression {
        self
    }
}

fn literal(value: &impl Serialize) -> Expression {
    let mut json = b"{\"$literal\":".to_vec();
    let written = json::write_value_or_undefined(value, &mut json);
    json.push(b'}');
    Expression(written.map(|()| json))
}

macro_rules! values {
    ($([$($parameters:tt)*] $type:ty;)*) => {
        $(impl<$($parameters)*> Operand for $type {
            fn into_expression(self) -> Expression {
                literal(&self)
            }
        })*
    };
}

values! {
    [] ();
    [] bool;
    [] i8;
    [] i16;
    [] i32;
    [] i64;
    [] u8;
    [] u16;
    [] u32;
    [] f32;
    [] f64;
    [] &str;
    [] String;
    [] &String;
    [] Bytes;
    [] &Bytes;
    [] Value;
    [] &Value;
    [T] Id<T>;
    [T] &Id<T>;
}

/// `None` stands for a field that is not there.
impl<O: Operand> Operand for Option<O> {
    fn into_expression(self) -> Expression {
        match self {
            Some(operand) => operand.into_expression(),
            None => literal(&None::<()>),
        }
    }
}

/// `{"$name":[…]}`
fn list(name: &str, operands: impl IntoIterator<Item = Expression>) -> Expression {
    let mut json = open(name);
    json.push(b'[');
    for (i, operand) in operands.into_iter().enumerate() {
        if i != 0 {
            json.push(b',');
        }
        match operand.0 {
            Ok(part) => json.extend_from_slice(&part),
            wrong => return Expression(wrong),
        }
    }
    json.extend_from_slice(b"]}");
    Expression(Ok(json))
}

/// `{"$name":…}`
fn single(name: &str, operand: Expression) -> Expression {
    Expression(operand.0.map(|part| {
        let mut json = open(name);
        json.extend_from_slice(&part);
        json.push(b'}');
        json
    }))
}

fn open(name: &str) -> Vec<u8> {
    let mut json = b"{\"$".to_vec();
    json.extend_from_slice(name.as_bytes());
    json.extend_from_slice(b"\":");
    json
}

macro_rules! of_two {
    ($($(#[$doc:meta])* $method:ident $name:literal;)*) => {
        $(
            $(#[$doc])*
            pub fn $method(self, a: impl Operand, b: impl Operand) -> Expression {
                list($name, [a.into_expression(), b.into_expression()])
            }
        )*
    };
}

impl Filter {
    /// The document's field of that name, or at that path: `"address.city"`.
    pub fn field(self, path: &str) -> Expression {
        let mut json = open("field");
        json::write_string(path, &mut json);
        json.push(b'}');
        Expression(Ok(json))
    }

    of_two! {
        /// Whether both are the same, in type and value.
        eq "eq";
        /// Whether they differ, in type or value.
        neq "neq";
        /// Whether `a` is below `b`.
        lt "lt";
        /// Whether `a` is `b` or below.
        lte "lte";
        /// Whether `a` is above `b`.
        gt "gt";
        /// Whether `a` is `b` or above.
        gte "gte";
        /// The sum.
        add "add";
        /// The difference.
        sub "sub";
        /// The product.
        mul "mul";
        /// The quotient.
        div "div";
        /// The remainder.
        rem "mod";
    }

    /// The number with the other sign.
    pub fn neg(self, operand: impl Operand) -> Expression {
        single("neg", operand.into_expression())
    }

    /// Whether it is false.
    pub fn not(self, operand: impl Operand) -> Expression {
        single("not", operand.into_expression())
    }

    /// Whether all are true; of none they are.
    pub fn and(self, operands: impl IntoIterator<Item = Expression>) -> Expression {
        list("and", operands)
    }

    /// Whether one is true; of none it is not.
    pub fn or(self, operands: impl IntoIterator<Item = Expression>) -> Expression {
        list("or", operands)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn writes_what_the_host_reads() {
        let q = Filter(());
        let table = [
            (q.eq(q.field("a.b"), "x\""), r#"{"$eq":[{"$field":"a.b"},{"$literal":"x\""}]}"#),
            (q.neq(None::<f64>, ()), r#"{"$neq":[{"$literal":{"$undefined":null}},{"$literal":null}]}"#),
            (q.lt(1, 2.5), r#"{"$lt":[{"$literal":1},{"$literal":2.5}]}"#),
            (q.gte(1i64, true), r#"{"$gte":[{"$literal":{"$integer":"AQAAAAAAAAA="}},{"$literal":true}]}"#),
            (
                q.not(q.or([q.gt(q.rem(q.field("n"), 2), q.neg(1)), q.and([])])),
                concat!(
                    r#"{"$not":{"$or":[{"$gt":[{"$mod":[{"$field":"n"},{"$literal":2}]},"#,
                    r#"{"$neg":{"$literal":1}}]},{"$and":[]}]}}"#
                ),
            ),
        ];
        for (expression, json) in table {
            assert_eq!(String::from_utf8(expression.0.unwrap()).unwrap(), json);
        }
    }
}
