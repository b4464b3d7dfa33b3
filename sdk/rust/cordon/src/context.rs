//! What a function is given: its capabilities, by type.
//!
//! A query has a [`QueryCtx`], a mutation a [`MutationCtx`], an action an [`ActionCtx`]. None can be
//! made by other means, so a query cannot even be written to write.

use crate::call::{self, Callee};
use crate::effect::Effects;
use crate::error::Result;
use crate::host;
use crate::identity::Identity;
use crate::json::{self, write_string};
use crate::query::Query;
use crate::rt::kind;
use crate::table::{read_document, Doc, Id, Table};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::ops::Deref;

/// What every function may use.
#[derive(Clone, Copy)]
pub struct RunCtx(());

static RUN: RunCtx = RunCtx(());

impl RunCtx {
    /// Milliseconds since 1970. Stands still in queries and mutations. `std::time` tells the same.
    pub fn now_ms(&self) -> i64 {
        host::time_ms()
    }

    /// A random number from 0 up to, not including, 1. In queries and mutations a replay of the run
    /// draws the same.
    pub fn random(&self) -> f64 {
        let mut bits = [0; 8];
        self.random_fill(&mut bits);
        (u64::from_le_bytes(bits) >> 11) as f64 / (1u64 << 53) as f64
    }

    /// Random bytes, likewise.
    pub fn random_fill(&self, bytes: &mut [u8]) {
        host::fill(host::random_fill, bytes);
    }

    /// What remains of each limit, by the names of `cordon limits`.
    pub fn left(&self) -> Result<BTreeMap<String, f64>> {
        host::ask_for(host::left, b"{}")
    }

    /// The deployment's environment variable of that name, as it was when the run began; `cordon env
    /// set` sets one.
    ///
    /// ```
    /// # use cordon::prelude::*;
    /// #[query]
    /// fn greeting(ctx: QueryCtx) -> Result<String> {
    ///     Ok(ctx.env("GREETING")?.unwrap_or("hello".into()))
    /// }
    /// # fn main() {}
    /// ```
    pub fn env(&self, name: &str) -> Result<Option<String>> {
        let mut argument = b"{\"name\":".to_vec();
        write_string(name, &mut argument);
        argument.push(b'}');
        host::ask_for(host::env_get, &argument)
    }

    /// Who has signed in; `None` where nobody has. The functions that a function calls are told the
    /// same as it is.
    ///
    /// ```
    /// # use cordon::prelude::*;
    /// #[query]
    /// fn greeting(ctx: QueryCtx) -> Result<String> {
    ///     let Some(identity) = ctx.identity()? else {
    ///         return Err(ConvexError::new("not signed in").into());
    ///     };
    ///     Ok(format!("hello, {}", identity.text("name").unwrap_or("you")))
    /// }
    /// # fn main() {}
    /// ```
    pub fn identity(&self) -> Result<Option<Identity>> {
        host::ask_for(host::get_user_identity, b"{}")
    }
}

macro_rules! contexts {
    ($($(#[$doc:meta])* $name:ident { $($(#[$member_doc:meta])* $member:ident: $type:ident)? })*) => {
        $(
            $(#[$doc])*
            #[derive(Clone, Copy)]
            pub struct $name {
                $($(#[$member_doc])* pub $member: $type,)?
                _private: (),
            }

            impl $name {
                pub(crate) fn new() -> Self {
                    $name { $($member: $type::new(),)? _private: () }
                }
            }

            impl Deref for $name {
                type Target = RunCtx;
                fn deref(&self) -> &RunCtx {
                    &RUN
                }
            }
        )*
    };
}

contexts! {
    /// What a query may use.
    ///
    /// ```compile_fail,E0599
    /// # use cordon::prelude::*;
    /// # #[cordon::table("t")] struct T { x: f64 }
    /// fn write(ctx: QueryCtx) {
    ///     ctx.db.insert(&T { x: 1.0 });
    /// }
    /// ```
    ///
    /// Nor does it call what writes.
    ///
    /// ```compile_fail,E0599
    /// # use cordon::prelude::*;
    /// fn write(ctx: QueryCtx) -> Result<()> {
    ///     ctx.run_mutation("messages:clear", &())
    /// }
    /// ```
    QueryCtx {
        /// The database, to read.
        db: Reader
    }

    /// What a mutation may use.
    ///
    /// ```compile_fail,E0599
    /// # use cordon::prelude::*;
    /// fn act(ctx: MutationCtx) -> Result<()> {
    ///     ctx.run_action("mails:send", &())
    /// }
    /// ```
    MutationCtx {
        /// The database, to read and write.
        db: Writer
    }

    /// What an action may use.
    ///
    /// ```compile_fail,E0609
    /// # use cordon::prelude::*;
    /// fn read(ctx: ActionCtx) {
    ///     ctx.db;
    /// }
    /// ```
    ActionCtx {
        /// What reaches outside of the run.
        effect: Effects
    }
}

impl QueryCtx {
    /// Runs a query at the same moment of the database, and returns its result.
    ///
    /// A call that fails is an error that may be handled; see [`FunctionRef`](crate::FunctionRef) for
    /// what can be called.
    pub fn run_query<A: Serialize + ?Sized, R: DeserializeOwned>(
        &self,
        function: impl Callee<kind::Query, A, R>,
        args: &A,
    ) -> Result<R> {
        call::run_in_transaction(function, args)
    }
}

impl MutationCtx {
    /// Runs a query, which sees what this mutation wrote, and returns its result.
    pub fn run_query<A: Serialize + ?Sized, R: DeserializeOwned>(
        &self,
        function: impl Callee<kind::Query, A, R>,
        args: &A,
    ) -> Result<R> {
        call::run_in_transaction(function, args)
    }

    /// Runs a mutation as a part of this one, and returns its result.
    ///
    /// If it fails, exactly what it wrote is undone, and whoever handles the error may go on.
    pub fn run_mutation<A: Serialize + ?Sized, R: DeserializeOwned>(
        &self,
        function: impl Callee<kind::Mutation, A, R>,
        args: &A,
    ) -> Result<R> {
        call::run_in_transaction(function, args)
    }
}

impl ActionCtx {
    /// Runs a query as a run of its own, and returns its result.
    pub fn run_query<A: Serialize + ?Sized, R: DeserializeOwned>(
        &self,
        function: impl Callee<kind::Query, A, R>,
        args: &A,
    ) -> Result<R> {
        call::run_apart(host::action_query, function, args)
    }

    /// Runs a mutation in a transaction of its own, and returns its result.
    ///
    /// What it wrote is there, durable, when it comes back, and stays there if this action fails.
    pub fn run_mutation<A: Serialize + ?Sized, R: DeserializeOwned>(
        &self,
        function: impl Callee<kind::Mutation, A, R>,
        args: &A,
    ) -> Result<R> {
        call::run_apart(host::action_mutation, function, args)
    }

    /// Runs another action, and returns its result.
    pub fn run_action<A: Serialize + ?Sized, R: DeserializeOwned>(
        &self,
        function: impl Callee<kind::Action, A, R>,
        args: &A,
    ) -> Result<R> {
        call::run_apart(host::action_action, function, args)
    }
}

/// The database as a query sees it.
#[derive(Clone, Copy)]
pub struct Reader(());

static READER: Reader = Reader(());

impl Reader {
    fn new() -> Self {
        Reader(())
    }

    /// The document of that id, if there is one.
    pub fn get<T: Table>(&self, id: &Id<T>) -> Result<Option<Doc<T>>> {
        let reply = host::ask(host::get, &document_argument::<T>(id, None::<&()>)?)?;
        if reply == b"null" {
            return Ok(None);
        }
        read_document(&reply).map(Some)
    }

    /// A query of a table's documents: all of them, oldest first, unless told otherwise.
    pub fn query<T: Table>(&self) -> Query<T> {
        Query::new()
    }

    /// The id, if the text is one of this table's, whether or not it has such a document.
    pub fn normalize_id<T: Table>(&self, text: &str) -> Result<Option<Id<T>>> {
        #[derive(Deserialize)]
        struct Reply {
            id: Option<String>,
        }
        let mut argument = b"{\"table\":".to_vec();
        write_string(T::NAME, &mut argument);
        argument.extend_from_slice(b",\"idString\":");
        write_string(text, &mut argument);
        argument.push(b'}');
        let reply: Reply = host::ask_for(host::normalize_id, &argument)?;
        Ok(reply.id.map(Id::new))
    }
}

/// The database as a mutation sees it: all that [`Reader`] has, and writing.
#[derive(Clone, Copy)]
pub struct Writer(());

impl Deref for Writer {
    type Target = Reader;
    fn deref(&self) -> &Reader {
        &READER
    }
}

impl Writer {
    fn new() -> Self {
        Writer(())
    }

    /// Writes a new document.
    pub fn insert<T: Table>(&self, fields: &T) -> Result<Id<T>> {
        #[derive(Deserialize)]
        struct Reply {
            _id: String,
        }
        let mut argument = b"{\"table\":".to_vec();
        write_string(T::NAME, &mut argument);
        argument.extend_from_slice(b",\"value\":");
        json::write_value(fields, &mut argument)?;
        argument.push(b'}');
        let reply: Reply = host::ask_for(host::insert, &argument)?;
        Ok(Id::new(reply._id))
    }

    /// Sets the fields that `fields` has and leaves the others; one that is [`Unset`](crate::Unset)
    /// is removed. Returns the document as it is then.
    pub fn patch<T: Table>(&self, id: &Id<T>, fields: &(impl Serialize + ?Sized)) -> Result<Doc<T>> {
        self.change(host::shallow_merge, id, Some(fields))
    }

    /// Sets all fields, and returns the document as it is then.
    pub fn replace<T: Table>(&self, id: &Id<T>, fields: &T) -> Result<Doc<T>> {
        self.change(host::replace, id, Some(fields))
    }

    /// Removes the document, and returns it as it was.
    pub fn delete<T: Table>(&self, id: &Id<T>) -> Result<Doc<T>> {
        self.change(host::remove, id, None::<&()>)
    }

    fn change<T: Table>(
        &self,
        call: host::Call,
        id: &Id<T>,
        fields: Option<&(impl Serialize + ?Sized)>,
    ) -> Result<Doc<T>> {
        read_document(&host::ask(call, &document_argument(id, fields)?)?)
    }
}

/// `{"id": …, "table": …, "value": …}`
fn document_argument<T: Table>(
    id: &Id<T>,
    fields: Option<&(impl Serialize + ?Sized)>,
) -> Result<Vec<u8>> {
    let mut argument = b"{\"id\":".to_vec();
    write_string(id.as_str(), &mut argument);
    argument.extend_from_slice(b",\"table\":");
    write_string(T::NAME, &mut argument);
    if let Some(fields) = fields {
        argument.extend_from_slice(b",\"value\":");
        json::write_value(fields, &mut argument)?;
    }
    argument.push(b'}');
    Ok(argument)
}
