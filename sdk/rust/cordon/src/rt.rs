//! What the code made by the attributes calls. No part of the promise: it may change at any time.

use crate::context::{ActionCtx, MutationCtx, QueryCtx};
use crate::error::Error;
use crate::host;
use crate::json;
pub use crate::metadata::{paths_differ, size, write, Row};
pub use crate::schema::{schema_size, tables_differ, write_schema, TableRow};
pub use crate::table::IndexRow;
use crate::validator::{HasValidator, Validator};
use serde::de::{DeserializeOwned, SeqAccess, Visitor};
use serde::{Deserialize, Serialize};
use std::fmt;
use std::io::Write as _;
use std::marker::PhantomData;

/// A function that an attribute was put on.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is no function of Cordon",
    note = "put `#[query]`, `#[mutation]`, `#[action]` or an `internal_` form of them before it"
)]
pub trait Function {
    /// Of the attribute.
    const KIND: &'static str;
    /// Of the attribute.
    const VISIBILITY: &'static str;
    /// Of the attribute, if it says one.
    const PATH: Option<&'static str>;
    /// Of the parameter.
    const ARGS: Validator;
    /// Of the result.
    const RETURNS: Validator;
    /// One run of it.
    fn run();

    /// Its line in the metadata, if it is called `path` by its place.
    #[doc(hidden)]
    const ROW: RowAt = RowAt {
        path: Self::PATH,
        kind: Self::KIND,
        visibility: Self::VISIBILITY,
        args: Self::ARGS,
        returns: Self::RETURNS,
    };
}

/// What the compiler has to know of a function that is called: its kind, its arguments, its result.
///
/// They are parameters, as they may be less visible than the function.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is no function of this kind that takes `{A}` and returns `{R}`",
    label = "of another kind, or with other arguments or another result",
    note = "`run_query` calls queries, `run_mutation` mutations, `run_action` actions; a function \
            without arguments takes `&()`"
)]
pub trait Signature<K, A: ?Sized, R> {}

/// A function that [`functions!`](crate::functions) lists.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be called, as `cordon::functions!` does not list it",
    note = "add it to the list in `lib.rs`"
)]
pub trait Listed {
    /// By which it is called.
    const PATH: &'static str;
}

/// A [`Row`] whose place is not known.
#[derive(Clone, Copy)]
pub struct RowAt {
    path: Option<&'static str>,
    kind: &'static str,
    visibility: &'static str,
    args: Validator,
    returns: Validator,
}

impl RowAt {
    /// The path of the function that is `place` in the list.
    pub const fn path_at(self, place: &'static str) -> &'static str {
        match self.path {
            Some(path) => path,
            None => place,
        }
    }

    /// Its row.
    pub const fn at(self, place: &'static str) -> Row {
        Row {
            path: self.path_at(place),
            export: place,
            kind: self.kind,
            visibility: self.visibility,
            args: self.args,
            returns: self.returns,
        }
    }
}

/// The kinds of functions, as types.
#[allow(missing_docs)]
pub mod kind {
    pub struct Query;
    pub struct Mutation;
    pub struct Action;
}

/// The context of a kind of function.
#[diagnostic::on_unimplemented(
    message = "a function of this kind has no `{Self}`",
    note = "a query has a `QueryCtx`, a mutation a `MutationCtx`, an action an `ActionCtx`"
)]
pub trait Context<K> {
    /// The capability itself: only the code of the attributes may ask for it.
    fn take() -> Self;
}

impl Context<kind::Query> for QueryCtx {
    fn take() -> Self {
        QueryCtx::new()
    }
}

impl Context<kind::Mutation> for MutationCtx {
    fn take() -> Self {
        MutationCtx::new()
    }
}

impl Context<kind::Action> for ActionCtx {
    fn take() -> Self {
        ActionCtx::new()
    }
}

/// What a function may return: a value, or a `Result` of one.
#[diagnostic::on_unimplemented(
    message = "a function cannot return `{Self}`",
    note = "it returns a value, such as a struct with `#[cordon::data]`, or a `Result` of one"
)]
pub trait Outcome {
    /// What a caller gets.
    type Value;
    /// Of the value.
    const VALIDATOR: Validator;
    /// The value's JSON; `None` for null, which needs not be written.
    fn into_json(self) -> Result<Option<Vec<u8>>, Error>;
}

impl<T: HasValidator + Serialize> Outcome for T {
    type Value = T;
    const VALIDATOR: Validator = T::VALIDATOR;
    fn into_json(self) -> Result<Option<Vec<u8>>, Error> {
        if matches!(T::VALIDATOR, Validator::Null) {
            return Ok(None);
        }
        Ok(Some(json::to_vec(&self)?))
    }
}

impl<T: HasValidator + Serialize, E: Into<Error>> Outcome for Result<T, E> {
    type Value = T;
    const VALIDATOR: Validator = T::VALIDATOR;
    fn into_json(self) -> Result<Option<Vec<u8>>, Error> {
        self.map_err(Into::into)?.into_json()
    }
}

/// Ends a run with what the function returned.
#[inline]
pub fn finish(outcome: impl Outcome) {
    match outcome.into_json() {
        Ok(None) => {}
        Ok(Some(json)) => host::write_output(&json),
        Err(error) => host::fail(&error),
    }
}

/// Lets a panic say in one line what happened; then the run is trapped.
///
/// The hook that the standard library has by itself would do. This one is set by functions that have
/// a context, arguments or a result, so that one without any touches no memory at all.
pub fn set_panic_hook() {
    std::panic::set_hook(Box::new(|panic| {
        let payload = panic.payload();
        let text = payload.downcast_ref::<&str>().copied();
        let message = text
            .or_else(|| payload.downcast_ref::<String>().map(String::as_str))
            .unwrap_or("a panic without a message");
        let line = match panic.location() {
            Some(location) => format!("panicked at {location}: {message}\n"),
            None => format!("panicked: {message}\n"),
        };
        // In one piece, as each write is a host call. If it fails there is nobody to tell.
        let _ = std::io::stderr().write_all(line.as_bytes());
    }));
}

/// The arguments of the run; a failure to read them ends it.
pub fn args<T: DeserializeOwned>() -> T {
    match json::from_slice(&host::read_input()) {
        Ok(Arguments(args)) => args,
        Err(error) => host::fail(&Error::new(format_args!("the arguments cannot be read: {error}"))),
    }
}

/// An array of one object; an empty array stands for an empty object.
struct Arguments<T>(T);

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Arguments<T> {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_seq(ArgumentsVisitor(PhantomData))
    }
}

struct ArgumentsVisitor<T>(PhantomData<T>);

impl<'de, T: Deserialize<'de>> Visitor<'de> for ArgumentsVisitor<T> {
    type Value = Arguments<T>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an array of one object")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Arguments<T>, A::Error> {
        if let Some(args) = items.next_element()? {
            return Ok(Arguments(args));
        }
        let nothing = serde::de::value::MapDeserializer::new(std::iter::empty::<(&str, &str)>());
        T::deserialize(nothing).map(Arguments)
    }
}

/// `_initialize` of the module, for what the C library has to set up.
#[cfg(target_arch = "wasm32")]
pub fn initialize() {
    extern "C" {
        fn __wasm_call_ctors();
    }
    // SAFETY: called once, before anything else, by the host.
    unsafe { __wasm_call_ctors() };
}
