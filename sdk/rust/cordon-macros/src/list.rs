//! `functions!`: exports, metadata and the entry point that the C library is set up by.

use proc_macro2::TokenStream;
use quote::{format_ident, quote};
use syn::ext::IdentExt;
use syn::parse::Parser;
use syn::punctuated::Punctuated;
use syn::spanned::Spanned;
use syn::{Error, Path, Token};

pub fn expand(input: TokenStream) -> syn::Result<TokenStream> {
    let paths = Punctuated::<Path, Token![,]>::parse_terminated.parse2(input)?;
    if paths.is_empty() {
        return Err(Error::new(
            proc_macro2::Span::call_site(),
            "a module needs at least one function: `cordon::functions![messages::list]`",
        ));
    }
    let mut exports = Vec::new();
    let mut rows = Vec::new();
    for (i, path) in paths.iter().enumerate() {
        let place = place_of(path)?;
        let function = quote!(<#path as ::cordon::rt::Function>);
        let name = format_ident!("run_{i}");
        let no_object = format!("the arguments of `{place}` must be a struct with named fields");
        exports.push(quote! {
            #[cfg(target_arch = "wasm32")]
            #[unsafe(export_name = #place)]
            extern "C" fn #name() {
                #function::run();
            }
            impl ::cordon::rt::Listed for #path {
                const PATH: &'static str = #function::ROW.path_at(#place);
            }
            const _: () = ::core::assert!(#function::ARGS.is_object(), #no_object);
        });
        rows.push(quote!(#function::ROW.at(#place)));
    }
    Ok(quote! {
        const _: () = {
            #(#exports)*

            const ROWS: &[::cordon::rt::Row] = &[#(#rows),*];
            const _: () = ::core::assert!(
                ::cordon::rt::paths_differ(ROWS),
                "two functions are called by the same path"
            );

            #[cfg(target_arch = "wasm32")]
            #[used]
            #[unsafe(link_section = "convex.functions")]
            #[allow(long_running_const_eval)]
            static METADATA: [u8; ::cordon::rt::size(ROWS)] = ::cordon::rt::write(ROWS);

            /// Also keeps a second list out of the module.
            #[cfg(target_arch = "wasm32")]
            #[unsafe(no_mangle)]
            extern "C" fn _initialize() {
                ::cordon::rt::initialize();
            }
        };
    })
}

/// `messages::send` is `messages:send`; `admin::users::list` is `admin/users:list`.
fn place_of(path: &Path) -> syn::Result<String> {
    let mut names: Vec<String> = Vec::new();
    for segment in &path.segments {
        if !segment.arguments.is_none() {
            return Err(Error::new(segment.span(), "a function of Cordon has no generics"));
        }
        names.push(segment.ident.unraw().to_string());
    }
    if matches!(names[0].as_str(), "crate" | "self") {
        names.remove(0);
    }
    let Some(name) = names.pop() else {
        return Err(Error::new(path.span(), "a function's name is missing"));
    };
    if names.is_empty() {
        names.push(crate_name());
    }
    Ok(format!("{}:{name}", names.join("/")))
}

/// The module of functions that stand in `lib.rs` itself.
fn crate_name() -> String {
    std::env::var("CARGO_CRATE_NAME").unwrap_or_else(|_| "functions".into())
}
