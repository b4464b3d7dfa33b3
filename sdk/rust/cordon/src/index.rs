//! Indexes of a table, and the ranges of them that a query walks.
//!
//! A range is made by the rule that the host keeps: equalities on the first fields of the index, then
//! bounds on one more. The types say how far a range has come and what its next field is, so that one
//! that the host would refuse is not compiled.

use crate::json;
use serde::Serialize;
use std::marker::PhantomData;

/// An index of the table `T`, with the types of its fields in `K`.
///
/// [`table`](crate::table) makes one for each `#[index(…)]`, as a constant of the struct:
/// `#[index(by_author(author))]` before `Message` is `Message::BY_AUTHOR`. Each table also has
/// `BY_CREATION_TIME` and `BY_ID`. Whatever its fields, an index ends with the creation time and the id.
///
/// ```
/// #[cordon::table("messages")]
/// #[index(by_author(author), by_city(address.city, stars))]
/// pub struct Message {
///     author: String,
///     address: Option<Address>,
///     stars: f64,
/// }
///
/// #[cordon::data]
/// pub struct Address {
///     city: String,
/// }
///
/// const BOTH: (&str, &str) = (Message::BY_AUTHOR.name(), Message::BY_CITY.name());
/// assert_eq!(BOTH, ("by_author", "by_city"));
/// ```
///
/// An index that is *staged* is filled and kept up as any other, and no deploy waits for it; but it
/// cannot be used yet, so it is no constant. A later deploy enables it, without those words:
///
/// ```
/// #[cordon::table("messages")]
/// #[index(by_author(author), by_stars(stars, author; staged = true))]
/// pub struct Message {
///     author: String,
///     stars: f64,
/// }
/// ```
///
/// ```compile_fail,E0599
/// # #[cordon::table("messages")]
/// # #[index(by_author(author), by_stars(stars, author; staged = true))]
/// # pub struct Message {
/// #     author: String,
/// #     stars: f64,
/// # }
/// let index = Message::BY_STARS;
/// ```
///
/// Another word in that place is an error.
///
/// ```compile_fail
/// #[cordon::table("messages")]
/// #[index(by_author(author; stage = true))]
/// pub struct Message {
///     author: String,
/// }
/// ```
///
/// A field that the struct does not have is an error,
///
/// ```compile_fail
/// #[cordon::table("messages")]
/// #[index(by_author(autor))]
/// pub struct Message {
///     author: String,
/// }
/// ```
///
/// and so are one that is in the index twice, and an index that every table has.
///
/// ```compile_fail
/// #[cordon::table("messages")]
/// #[index(by_author(author, author))]
/// pub struct Message {
///     author: String,
/// }
/// ```
///
/// ```compile_fail
/// #[cordon::table("messages")]
/// #[index(by_id(author))]
/// pub struct Message {
///     author: String,
/// }
/// ```
pub struct Index<T, K> {
    name: &'static str,
    /// Those of the system too.
    fields: &'static [&'static str],
    types: PhantomData<fn() -> (T, K)>,
}

impl<T, K> Index<T, K> {
    /// For what [`table`](crate::table) writes.
    #[doc(hidden)]
    pub const fn new(name: &'static str, fields: &'static [&'static str]) -> Self {
        Index { name, fields, types: PhantomData }
    }

    /// What it is called in the schema.
    pub const fn name(&self) -> &'static str {
        self.name
    }

    /// All of it.
    pub(crate) fn range(&self) -> Range<K> {
        let conditions = Conditions { fields: self.fields, json: Vec::new(), wrong: None };
        Range { conditions, fields: PhantomData }
    }
}

impl<T, K> Clone for Index<T, K> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T, K> Copy for Index<T, K> {}

/// What of an index a query walks. See [`Query::with_index`](crate::Query::with_index).
#[diagnostic::on_unimplemented(
    message = "`{Self}` is no range of an index",
    note = "say which part of the index: `|q| q.eq(author)`; `|q| q` is all of it"
)]
pub trait IndexRange {
    #[doc(hidden)]
    fn into_conditions(self) -> Conditions;
}

/// The conditions so far, in JSON.
#[doc(hidden)]
pub struct Conditions {
    /// Which no condition is on yet.
    fields: &'static [&'static str],
    pub(crate) json: Vec<u8>,
    pub(crate) wrong: Option<json::Error>,
}

impl Conditions {
    /// One on the first field that has none.
    fn add(&mut self, kind: &str, value: &impl Serialize) {
        if !self.json.is_empty() {
            self.json.push(b',');
        }
        self.json.extend_from_slice(b"{\"type\":\"");
        self.json.extend_from_slice(kind.as_bytes());
        self.json.extend_from_slice(b"\",\"fieldPath\":");
        json::write_string(self.fields[0], &mut self.json);
        self.json.extend_from_slice(b",\"value\":");
        if let Err(error) = json::write_value_or_undefined(value, &mut self.json) {
            self.wrong.get_or_insert(error);
        }
        self.json.push(b'}');
    }
}

/// Equalities on the first fields of an index; `K` has the types of those behind them.
///
/// A value is of the field's type, or of one that becomes it: `"Ada"` a `String`, `3` an `f64`.
/// `None` is for documents that lack the field, which come before all others.
pub struct Range<K> {
    conditions: Conditions,
    fields: PhantomData<fn() -> K>,
}

/// A range with a lower bound, which may have an upper bound too.
pub struct LowerBound<V> {
    conditions: Conditions,
    field: PhantomData<fn() -> V>,
}

/// A range that is complete.
pub struct Bounded(Conditions);

impl<V: Serialize, K> Range<(V, K)> {
    /// Where the next field has this value.
    pub fn eq(mut self, value: impl Into<V>) -> Range<K> {
        self.conditions.add("Eq", &value.into());
        self.conditions.fields = &self.conditions.fields[1..];
        Range { conditions: self.conditions, fields: PhantomData }
    }

    /// Where the next field is above this.
    pub fn gt(self, value: impl Into<V>) -> LowerBound<V> {
        self.from("Gt", &value.into())
    }

    /// Where the next field is this or above.
    pub fn gte(self, value: impl Into<V>) -> LowerBound<V> {
        self.from("Gte", &value.into())
    }

    /// Where the next field is below this.
    pub fn lt(self, value: impl Into<V>) -> Bounded {
        self.from("Lt", &value.into()).complete()
    }

    /// Where the next field is this or below.
    pub fn lte(self, value: impl Into<V>) -> Bounded {
        self.from("Lte", &value.into()).complete()
    }

    fn from(mut self, kind: &str, value: &V) -> LowerBound<V> {
        self.conditions.add(kind, value);
        LowerBound { conditions: self.conditions, field: PhantomData }
    }
}

impl<V: Serialize> LowerBound<V> {
    /// And below this.
    pub fn lt(mut self, value: impl Into<V>) -> Bounded {
        self.conditions.add("Lt", &value.into());
        self.complete()
    }

    /// And this or below.
    pub fn lte(mut self, value: impl Into<V>) -> Bounded {
        self.conditions.add("Lte", &value.into());
        self.complete()
    }

    fn complete(self) -> Bounded {
        Bounded(self.conditions)
    }
}

impl<K> IndexRange for Range<K> {
    fn into_conditions(self) -> Conditions {
        self.conditions
    }
}

impl<V> IndexRange for LowerBound<V> {
    fn into_conditions(self) -> Conditions {
        self.conditions
    }
}

impl IndexRange for Bounded {
    fn into_conditions(self) -> Conditions {
        self.0
    }
}
