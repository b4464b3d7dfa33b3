//! Calls of other functions.
//!
//! What is called is named by its `REF`, from which the compiler knows its kind, its arguments and its
//! result, or by its path, for a function of another module.

use crate::error::Result;
use crate::host;
use crate::json::{self, write_string};
use crate::rt::{kind, Listed, Signature};
use serde::de::DeserializeOwned;
use serde::Serialize;
use std::marker::PhantomData;

/// A function of this crate, for those that call it: the constant `REF` that its attribute makes.
///
/// `messages::list::REF` is the function `messages::list`, and calls of it are checked by the compiler:
/// its kind,
///
/// ```compile_fail,E0277
/// # mod messages { use cordon::prelude::*; #[mutation] pub fn clear(ctx: MutationCtx) {} }
/// # cordon::functions![messages::clear];
/// # use cordon::prelude::*;
/// fn wrong_kind(ctx: MutationCtx) -> Result<()> {
///     ctx.run_query(messages::clear::REF, &())
/// }
/// # fn main() {}
/// ```
///
/// its arguments,
///
/// ```compile_fail,E0308
/// # mod messages { use cordon::prelude::*; #[mutation] pub fn clear(ctx: MutationCtx) {} }
/// # cordon::functions![messages::clear];
/// # use cordon::prelude::*;
/// fn wrong_arguments(ctx: MutationCtx) -> Result<()> {
///     ctx.run_mutation(messages::clear::REF, &"all")
/// }
/// # fn main() {}
/// ```
///
/// its result, and that it can be called at all, which [`functions!`](crate::functions) decides.
///
/// ```compile_fail,E0308
/// # mod messages { use cordon::prelude::*; #[mutation] pub fn clear(ctx: MutationCtx) -> f64 { 1.0 } }
/// # cordon::functions![messages::clear];
/// # use cordon::prelude::*;
/// fn wrong_result(ctx: MutationCtx) -> Result<String> {
///     ctx.run_mutation(messages::clear::REF, &())
/// }
/// # fn main() {}
/// ```
///
/// ```compile_fail,E0277
/// # mod messages { use cordon::prelude::*; #[mutation] pub fn clear(ctx: MutationCtx) {} }
/// # use cordon::prelude::*;
/// fn not_listed(ctx: MutationCtx) -> Result<()> {
///     ctx.run_mutation(messages::clear::REF, &())
/// }
/// # fn main() {}
/// ```
pub struct FunctionRef<F>(PhantomData<fn() -> F>);

impl<F> FunctionRef<F> {
    /// For what the attributes write.
    #[doc(hidden)]
    #[allow(clippy::new_without_default)]
    pub const fn new() -> Self {
        FunctionRef(PhantomData)
    }
}

impl<F> Clone for FunctionRef<F> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<F> Copy for FunctionRef<F> {}

/// What can be called as a function of the kind `K` that takes an `A` and returns an `R`: the
/// [`FunctionRef`] of one, or a path such as `"messages:list"`, which the host looks up.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is nothing that can be called",
    note = "name a function by its constant, as in `messages::list::REF`, or by its path, `\"messages:list\"`"
)]
pub trait Callee<K, A: ?Sized, R> {
    /// By which the host knows it.
    fn path(&self) -> &str;
}

impl<F: Signature<K, A, R> + Listed, K, A, R> Callee<K, A, R> for FunctionRef<F> {
    fn path(&self) -> &str {
        F::PATH
    }
}

impl<K, A: ?Sized, R> Callee<K, A, R> for &str {
    fn path(&self) -> &str {
        self
    }
}

/// What calls one, of the kind `K`, in the transaction of its caller.
pub(crate) fn run_in_transaction<K: InTransaction, A: Serialize + ?Sized, R: DeserializeOwned>(
    callee: impl Callee<K, A, R>,
    args: &A,
) -> Result<R> {
    let mut argument = b"{\"udfType\":".to_vec();
    write_string(K::UDF_TYPE, &mut argument);
    argument.push(b',');
    run(host::run_udf, argument, callee, args)
}

/// What calls one from an action.
pub(crate) fn run_apart<K, A: Serialize + ?Sized, R: DeserializeOwned>(
    call: host::Call,
    callee: impl Callee<K, A, R>,
    args: &A,
) -> Result<R> {
    run(call, b"{".to_vec(), callee, args)
}

fn run<K, A: Serialize + ?Sized, R: DeserializeOwned>(
    call: host::Call,
    mut argument: Vec<u8>,
    callee: impl Callee<K, A, R>,
    args: &A,
) -> Result<R> {
    argument.extend_from_slice(b"\"name\":");
    write_string(callee.path(), &mut argument);
    argument.extend_from_slice(b",\"args\":");
    let start = argument.len();
    json::write_value(args, &mut argument)?;
    if &argument[start..] == b"null" {
        argument.truncate(start);
        argument.extend_from_slice(b"{}");
    }
    argument.push(b'}');
    host::ask_for(call, &argument)
}

/// The kinds that can be called in a transaction.
pub(crate) trait InTransaction {
    /// What the host calls this kind.
    const UDF_TYPE: &'static str;
}

impl InTransaction for kind::Query {
    const UDF_TYPE: &'static str = "query";
}

impl InTransaction for kind::Mutation {
    const UDF_TYPE: &'static str = "mutation";
}
