//! What a function is given: its capabilities, by type.
//!
//! A query has a [`QueryCtx`], a mutation a [`MutationCtx`], an action an [`ActionCtx`]. None can be
//! made by other means, so a query cannot even be written to write.

use crate::effect::Effects;
use crate::error::Result;
use crate::host;
use crate::json::{self, write_string};
use crate::table::{Doc, Id, Table};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::marker::PhantomData;
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
    QueryCtx {
        /// The database, to read.
        db: Reader
    }

    /// What a mutation may use.
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

    /// A table's documents, oldest first unless told otherwise.
    pub fn table<T: Table>(&self) -> TableQuery<T> {
        TableQuery { newest_first: false, limit: None, table: PhantomData }
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

/// In two passes, so that a table's type needs no place for the fields of the system.
fn read_document<T: Table>(json: &[u8]) -> Result<Doc<T>> {
    #[derive(Deserialize)]
    struct System<T> {
        _id: Id<T>,
        #[serde(rename = "_creationTime")]
        creation_time: f64,
    }
    let text = json::utf8(json)?;
    let system: System<T> = json::from_str(text)?;
    Ok(Doc {
        id: system._id,
        creation_time: system.creation_time,
        fields: json::from_document(text)?,
    })
}

/// A walk over a table, in order of creation.
#[must_use = "nothing is read before `all`, `first`, `take` or `iter`"]
pub struct TableQuery<T> {
    newest_first: bool,
    limit: Option<u32>,
    table: PhantomData<fn() -> T>,
}

impl<T: Table> TableQuery<T> {
    /// The other way round.
    pub fn newest_first(mut self) -> Self {
        self.newest_first = true;
        self
    }

    /// Every document.
    pub fn all(self) -> Result<Vec<Doc<T>>> {
        self.iter()?.collect()
    }

    /// The first document.
    pub fn first(self) -> Result<Option<Doc<T>>> {
        Ok(self.take(1)?.pop())
    }

    /// The first `count` documents.
    pub fn take(mut self, count: u32) -> Result<Vec<Doc<T>>> {
        self.limit = Some(count);
        self.all()
    }

    /// One document after the other; for whoever need not see all.
    pub fn iter(self) -> Result<Documents<T>> {
        #[derive(Deserialize)]
        #[serde(rename_all = "camelCase")]
        struct Reply {
            query_id: f64,
        }
        let mut argument = b"{\"query\":{\"source\":{\"type\":\"FullTableScan\",\"tableName\":".to_vec();
        write_string(T::NAME, &mut argument);
        argument.extend_from_slice(b",\"order\":");
        write_string(if self.newest_first { "desc" } else { "asc" }, &mut argument);
        argument.extend_from_slice(b"},\"operators\":[");
        if let Some(limit) = self.limit {
            argument.extend_from_slice(b"{\"limit\":");
            json::write_value(&limit, &mut argument)?;
            argument.push(b'}');
        }
        argument.extend_from_slice(b"]}}");
        let reply: Reply = host::ask_for(host::query_stream, &argument)?;

        let mut argument = b"{\"queryId\":".to_vec();
        json::write_value(&reply.query_id, &mut argument)?;
        argument.push(b'}');
        Ok(Documents { argument: Some(argument), table: PhantomData })
    }
}

/// The documents of a walk. The walk ends with the last one, at an error, or when this is dropped.
pub struct Documents<T> {
    /// Of the calls that go on with the walk; `None` once it has ended.
    argument: Option<Vec<u8>>,
    table: PhantomData<fn() -> T>,
}

impl<T: Table> Iterator for Documents<T> {
    type Item = Result<Doc<T>>;

    fn next(&mut self) -> Option<Result<Doc<T>>> {
        let document = next_document(self.argument.as_ref()?).transpose();
        if !matches!(document, Some(Ok(_))) {
            self.argument = None;
        }
        document
    }
}

fn next_document<T: Table>(argument: &[u8]) -> Result<Option<Doc<T>>> {
    #[derive(Deserialize)]
    struct Reply<'a> {
        #[serde(borrow)]
        value: json::Raw<'a>,
        done: bool,
    }
    let reply = host::ask(host::query_stream_next, argument)?;
    let reply: Reply = json::from_str(json::utf8(&reply)?)?;
    if reply.done {
        return Ok(None);
    }
    read_document(reply.value.0.as_bytes()).map(Some)
}

impl<T> Drop for Documents<T> {
    fn drop(&mut self) {
        if let Some(argument) = &self.argument {
            // A walk that the host does not know any more has ended all the same.
            let _ = host::ask(host::query_cleanup, argument);
        }
    }
}
