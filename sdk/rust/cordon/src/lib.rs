//! Queries, mutations and actions in Rust, for the Cordon function runner.
//!
//! ```
//! mod messages {
//!     use cordon::prelude::*;
//!
//!     #[cordon::table("messages")]
//!     pub struct Message {
//!         author: String,
//!         body: String,
//!     }
//!
//!     #[query]
//!     pub fn list(ctx: QueryCtx) -> Result<Vec<Doc<Message>>> {
//!         ctx.db.query().collect()
//!     }
//!
//!     #[mutation]
//!     pub fn send(ctx: MutationCtx, message: Message) -> Result<Id<Message>> {
//!         ctx.db.insert(&message)
//!     }
//! }
//!
//! cordon::functions![messages::list, messages::send];
//! # fn main() {}
//! ```
//!
//! # Functions
//!
//! [`query`], [`mutation`] and [`action`] make a function callable by clients; their `internal_` forms
//! make one that only other functions and the operator may call. A function has a context, or none,
//! and behind it one argument of a type of your own, or none. It returns a value or a [`Result`] of
//! one. Its capabilities are its context: a [`QueryCtx`] reads, a [`MutationCtx`] writes too, an
//! [`ActionCtx`] has no database, but [`Effects`].
//!
//! [`functions!`] stands once, in `lib.rs`, and lists them all. A function is called by its place
//! there: `messages::send` is `messages:send`, `admin::users::list` is `admin/users:list`, and a
//! function in `lib.rs` itself has the crate for its module. `#[query(path = "chat:post")]` says
//! otherwise.
//!
//! # Values
//!
//! [`data`] lets a struct or enum be an argument, a result or a part of one, [`table`] the documents
//! of a table. Both make serde's implementations and the validator by which the host checks values,
//! and serde's attributes on fields and variants hold for both.
//!
//! | Rust | Convex |
//! |---|---|
//! | `f64`, `f32`, integers of at most 32 bits | Float64 |
//! | `i64` | Int64 |
//! | `String`, `bool`, `()` | string, boolean, null |
//! | [`Bytes`] | bytes |
//! | `Vec` and other collections | array |
//! | a struct | object; a field of type `Option` may be left out, one of type [`Nullable`] be null |
//! | an enum without fields | union of strings |
//! | an enum with `#[serde(tag = "…")]` | union of objects that a field tells apart |
//! | `HashMap`, `BTreeMap` | record |
//! | [`Id`], [`Doc`] | id, document with `_id` and `_creationTime` |
//! | [`Value`] | any |
//!
//! # Tables, indexes and queries
//!
//! A table's struct says which indexes it has, in `#[index(name(field, …))]`, and [`schema!`] tells
//! the host of its tables. A query begins with `ctx.db.query()`; see [`Query`] for what it can ask.
//!
//! ```
//! mod users {
//!     use cordon::prelude::*;
//!
//!     #[cordon::table("users")]
//!     #[index(by_team(team, score))]
//!     pub struct User {
//!         name: String,
//!         team: String,
//!         score: f64,
//!     }
//!
//!     #[cordon::data]
//!     pub struct Team {
//!         team: String,
//!     }
//!
//!     #[query]
//!     pub fn best(ctx: QueryCtx, args: Team) -> Result<Option<Doc<User>>> {
//!         let of_team = ctx.db.query().with_index(User::BY_TEAM, |q| q.eq(args.team));
//!         of_team.order(Order::Desc).first()
//!     }
//! }
//!
//! cordon::schema![users::User];
//! cordon::functions![users::best];
//! # fn main() {}
//! ```
//!
//! # Calls of other functions
//!
//! A query calls queries, a mutation queries and mutations, by `ctx.run_query` and `ctx.run_mutation`:
//! within its own transaction, of which a call that fails undoes exactly its own writes. An action calls
//! all three kinds, each as a run of its own. What is called is the constant `REF` of a function, or the
//! path of one in another module of the deployment.
//!
//! ```
//! mod ledger {
//!     use cordon::prelude::*;
//!
//!     #[cordon::table("entries")]
//!     pub struct Entry {
//!         account: String,
//!         amount: f64,
//!     }
//!
//!     #[internal_mutation]
//!     pub fn book(ctx: MutationCtx, entry: Entry) -> Result<Id<Entry>> {
//!         if entry.amount > 100.0 {
//!             return Err(ConvexError::new("too much at once").into());
//!         }
//!         ctx.db.insert(&entry)
//!     }
//!
//!     #[cordon::data]
//!     pub struct Transfer {
//!         from: String,
//!         to: String,
//!         amount: f64,
//!     }
//!
//!     /// Both entries, or none: a failure of the second takes the first back, too.
//!     #[mutation]
//!     pub fn transfer(ctx: MutationCtx, args: Transfer) -> Result<bool> {
//!         ctx.run_mutation(book::REF, &Entry { account: args.from.clone(), amount: -args.amount })?;
//!         ctx.run_mutation(book::REF, &Entry { account: args.to.clone(), amount: args.amount })?;
//!         // A function of another module; without it the transfer is as good.
//!         match ctx.run_mutation("audit:note", &args) {
//!             Ok(()) => Ok(true),
//!             Err(error) if error.code() == Some("FunctionNotFound") => Ok(false),
//!             Err(error) => Err(error),
//!         }
//!     }
//! }
//!
//! cordon::functions![ledger::book, ledger::transfer];
//! # fn main() {}
//! ```
//!
//! # Errors
//!
//! `?` turns any error into a failure of the function with the error's message, and a [`ConvexError`]
//! into one whose data clients get. A failed function leaves nothing in the database. A panic ends
//! the run too, with a line in its log; a failure has the better message. What the host refuses is an
//! error like others, which [`Error::code`] tells apart; whoever handles it may go on. So is the failure of
//! a function that was called, with the data of its [`ConvexError`] in [`Error::data`].
//!
//! # Logs, time, chance
//!
//! [`info!`] and its like, or `println!`, write to the run's log. `std::time` and the hash maps of the
//! standard library are deterministic in queries and mutations, as everything else is. An action has
//! real randomness and sleep too, in its [`Effects`].

#![warn(missing_docs)]

// The attributes name this crate as those that use it do, and it uses them too.
extern crate self as cordon;

mod base64;
mod call;
mod context;
mod document;
mod effect;
mod error;
mod filter;
mod host;
mod identity;
mod index;
pub mod json;
#[doc(hidden)]
pub mod log;
mod metadata;
mod page;
mod query;
#[doc(hidden)]
pub mod rt;
mod schema;
mod table;
mod validator;
mod value;

pub use call::{Callee, FunctionRef};
pub use context::{ActionCtx, MutationCtx, QueryCtx, Reader, RunCtx, Writer};
pub use cordon_macros::{
    action, data, functions, internal_action, internal_mutation, internal_query, mutation, query,
    table, HasValidator,
};
pub use effect::Effects;
pub use error::{ConvexError, Error, Result};
pub use filter::{Expression, Filter, Operand};
pub use identity::Identity;
pub use index::{Bounded, Index, IndexRange, LowerBound, Range};
pub use page::{PageStatus, PaginationOptions, PaginationResult};
pub use query::{Documents, Order, Query};
pub use serde;
pub use table::{Doc, Id, Table};
pub use validator::{Field, HasValidator, Validator};
pub use value::{Bytes, Nullable, Unset, Value};

/// What most files of functions need.
pub mod prelude {
    pub use crate::{
        action, internal_action, internal_mutation, internal_query, mutation, query, ActionCtx,
        ConvexError, Doc, Id, Identity, MutationCtx, Order, PaginationOptions, PaginationResult,
        QueryCtx, Result,
    };
}
