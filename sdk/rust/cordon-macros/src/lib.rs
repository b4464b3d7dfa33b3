//! The attributes of the crate `cordon`, which documents and re-exports them.

mod case;
mod data;
mod function;
mod index;
mod list;
mod serde_attributes;

use function::Kind;
use proc_macro::TokenStream;
use proc_macro2::TokenStream as Tokens;

/// The expansion, or the error in its place.
fn finish(result: syn::Result<Tokens>) -> TokenStream {
    result.unwrap_or_else(|error| error.to_compile_error()).into()
}

macro_rules! functions {
    ($($(#[$doc:meta])* $name:ident $kind:ident $visibility:literal;)*) => {
        $(
            $(#[$doc])*
            #[proc_macro_attribute]
            pub fn $name(attribute: TokenStream, item: TokenStream) -> TokenStream {
                finish(function::expand(Kind::$kind, $visibility, attribute.into(), item.into()))
            }
        )*
    };
}

functions! {
    /// Makes a function a query: it reads the database and changes nothing.
    ///
    /// `#[query(path = "folder/module:name")]` says by what it is called.
    query Query "public";
    /// Makes a function a mutation: it reads and writes the database, in one transaction.
    mutation Mutation "public";
    /// Makes a function an action: it has no transaction, and real time and chance.
    action Action "public";
    /// A [`macro@query`] that clients cannot call.
    internal_query Query "internal";
    /// A [`macro@mutation`] that clients cannot call.
    internal_mutation Mutation "internal";
    /// An [`macro@action`] that clients cannot call.
    internal_action Action "internal";
}

/// Lists the functions of a module, once, in `lib.rs`: `functions![messages::list, math::fib]`.
///
/// They are functions of this crate. One that is not listed cannot be called, and the compiler warns
/// that it is not used.
#[proc_macro]
pub fn functions(input: TokenStream) -> TokenStream {
    finish(list::expand(input.into()))
}

/// Lets a struct or enum be an argument, a result, or a part of one.
///
/// It stands for serde's `Serialize` and `Deserialize` and [`macro@HasValidator`]. A field or variant
/// with `#[cordon(any)]` is not checked by the host; its type needs serde's traits alone.
#[proc_macro_attribute]
pub fn data(attribute: TokenStream, item: TokenStream) -> TokenStream {
    finish(data::expand_data(attribute.into(), item.into()))
}

/// As [`macro@data`], for the documents of a table: `#[cordon::table("messages")]`.
///
/// Below it, `#[index(by_author(author), by_place(address.city, stars))]` gives the table indexes:
/// of fields of the struct, or of what is in them, by its name in values. Each is a constant of the
/// struct, such as `Message::BY_AUTHOR`, besides `BY_CREATION_TIME` and `BY_ID`, which all have. The
/// host makes those of the tables that `schema!` lists. `by_author(author; staged = true)` is filled
/// while no deploy waits for it, and enabled by a later one that leaves `staged` out.
#[proc_macro_attribute]
pub fn table(attribute: TokenStream, item: TokenStream) -> TokenStream {
    finish(data::expand_table(attribute.into(), item.into()))
}

/// Makes the validator of a struct or enum from its fields and serde's attributes.
#[proc_macro_derive(HasValidator, attributes(serde, cordon))]
pub fn has_validator(input: TokenStream) -> TokenStream {
    finish(data::expand_validator(input.into()))
}
