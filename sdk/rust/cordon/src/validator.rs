//! Validators: what the host is told about the arguments and results of a function.
//!
//! They are made at compile time, from the types. The JSON of the module's metadata is written at
//! compile time too, by [`crate::rt`].

use crate::{Bytes, Value};
use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

/// What the host accepts in some place. See `sdk/abi.md`, section 2.
#[derive(Clone, Copy)]
pub enum Validator {
    /// Every value.
    Any,
    /// Null.
    Null,
    /// True and false.
    Boolean,
    /// Float64.
    Number,
    /// Int64.
    Int64,
    /// Strings.
    String,
    /// Bytes.
    Bytes,
    /// That string.
    Literal(&'static str),
    /// Ids of that table.
    Id(&'static str),
    /// Arrays of that.
    Array(&'static Validator),
    /// Objects with exactly these fields.
    Object(&'static [Field]),
    /// Objects with any fields whose names match the first and whose values match the second.
    Record(&'static Validator, &'static Validator),
    /// What one of them accepts.
    Union(&'static [Validator]),
    /// The same object with one more field, which tells it from others.
    Tagged {
        /// The name of that field.
        tag: &'static str,
        /// Its value.
        name: &'static str,
        /// The object's other fields; null if there are none.
        of: &'static Validator,
    },
    /// A document of a table: an object with the fields of the system.
    Document {
        /// The name of the table.
        table: &'static str,
        /// The document's own fields.
        of: &'static Validator,
    },
}

/// A field of an object.
#[derive(Clone, Copy)]
pub struct Field {
    /// Its name in the value, which need not be its name in Rust.
    pub name: &'static str,
    /// What it may be.
    pub validator: Validator,
    /// Whether it may be left out.
    pub optional: bool,
}

impl Field {
    /// A field of type `T`; it may be left out if the type says so, or `optional`.
    pub const fn of<T: HasValidator + ?Sized>(name: &'static str, optional: bool) -> Self {
        let (validator, by_type) = T::FIELD;
        Field { name, validator, optional: by_type || optional }
    }

    /// A field of any value.
    pub const fn any(name: &'static str, optional: bool) -> Self {
        Field { name, validator: Validator::Any, optional }
    }
}

/// A type whose values the host can check.
///
/// [`data`](crate::data) and [`table`](crate::table) implement it for a struct or an enum.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is no type of values",
    label = "the host cannot be told what to accept here",
    note = "put `#[cordon::data]` before a struct or enum of your own",
    note = "numbers are f64, f32, or integers of at most 32 bits; i64 is an Int64; wider ones fit nowhere",
    note = "`cordon::Value` takes every value"
)]
pub trait HasValidator {
    /// What the host accepts for this type.
    const VALIDATOR: Validator;
    /// The same for a field of this type, and whether it may be left out.
    const FIELD: (Validator, bool) = (Self::VALIDATOR, false);
}

macro_rules! validators {
    ($($validator:ident: $($type:ty)*;)*) => {
        $($(impl HasValidator for $type {
            const VALIDATOR: Validator = Validator::$validator;
        })*)*
    };
}

validators! {
    Any: Value;
    Null: ();
    Boolean: bool;
    Number: f64 f32 i8 i16 i32 u8 u16 u32;
    Int64: i64;
    String: String str char Cow<'_, str>;
    Bytes: Bytes;
}

impl<T: HasValidator + ?Sized> HasValidator for &T {
    const VALIDATOR: Validator = T::VALIDATOR;
    const FIELD: (Validator, bool) = T::FIELD;
}

impl<T: HasValidator + ?Sized> HasValidator for Box<T> {
    const VALIDATOR: Validator = T::VALIDATOR;
    const FIELD: (Validator, bool) = T::FIELD;
}

/// As a field it may be left out. Elsewhere it may be null.
impl<T: HasValidator> HasValidator for Option<T> {
    const VALIDATOR: Validator = Validator::Union(&[T::VALIDATOR, Validator::Null]);
    const FIELD: (Validator, bool) = (T::VALIDATOR, true);
}

macro_rules! arrays {
    ($([$($parameters:tt)*] $type:ty;)*) => {
        $(impl<T: HasValidator, $($parameters)*> HasValidator for $type {
            const VALIDATOR: Validator = Validator::Array(&T::VALIDATOR);
        })*
    };
}

arrays! {
    [] Vec<T>;
    [] [T];
    [const N: usize] [T; N];
    [] BTreeSet<T>;
    [S] HashSet<T, S>;
}

impl<K: HasValidator, V: HasValidator> HasValidator for BTreeMap<K, V> {
    const VALIDATOR: Validator = Validator::Record(&K::VALIDATOR, &V::VALIDATOR);
}

impl<K: HasValidator, V: HasValidator, S> HasValidator for HashMap<K, V, S> {
    const VALIDATOR: Validator = Validator::Record(&K::VALIDATOR, &V::VALIDATOR);
}
