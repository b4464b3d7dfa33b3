//! `#[query]` and its like: the function itself, and beside it a type of the same name that knows how
//! to run it. `functions!` finds the one by the other, as types and functions have names apart.

use proc_macro2::{Span, TokenStream};
use quote::{quote, quote_spanned};
use syn::parse::Parser;
use syn::spanned::Spanned;
use syn::{Error, FnArg, ItemFn, LitStr, ReturnType, Type};

#[derive(Clone, Copy)]
pub enum Kind {
    Query,
    Mutation,
    Action,
}

impl Kind {
    fn name(self) -> &'static str {
        match self {
            Kind::Query => "query",
            Kind::Mutation => "mutation",
            Kind::Action => "action",
        }
    }

    fn marker(self) -> TokenStream {
        match self {
            Kind::Query => quote!(::cordon::rt::kind::Query),
            Kind::Mutation => quote!(::cordon::rt::kind::Mutation),
            Kind::Action => quote!(::cordon::rt::kind::Action),
        }
    }
}

pub fn expand(
    kind: Kind,
    visibility: &str,
    attribute: TokenStream,
    item: TokenStream,
) -> syn::Result<TokenStream> {
    let path = match parse_path(attribute)? {
        Some(path) => quote!(::core::option::Option::Some(#path)),
        None => quote!(::core::option::Option::None),
    };
    let function: ItemFn = syn::parse2(item)?;
    check_signature(&function)?;
    let Parameters { context, args } = Parameters::of(&function)?;

    let (kind_name, marker) = (kind.name(), kind.marker());
    let (vis, name) = (&function.vis, &function.sig.ident);
    let context_value = context.map(|context| {
        quote_spanned!(context.span()=> <#context as ::cordon::rt::Context<#marker>>::take(),)
    });
    let args_type = args.map_or_else(|| quote!(()), |args| quote!(#args));
    let args_value = args.map(|_| quote!(::cordon::rt::args(),));
    let args_validator = match args {
        Some(args) => quote_spanned!(args.span()=> <#args as ::cordon::HasValidator>::VALIDATOR),
        None => quote!(::cordon::Validator::Object(&[])),
    };
    let outcome = match &function.sig.output {
        ReturnType::Default => quote!(()),
        ReturnType::Type(_, outcome) => quote!(#outcome),
    };
    let does_nothing = context.is_none() && args.is_none() && outcome.to_string() == "()";
    let hook = (!does_nothing).then(|| quote!(::cordon::rt::set_panic_hook();));
    let returns_validator =
        quote_spanned!(outcome.span()=> <#outcome as ::cordon::rt::Outcome>::VALIDATOR);

    Ok(quote! {
        #function

        #[doc(hidden)]
        #[allow(non_camel_case_types)]
        #vis enum #name {}

        impl #name {
            /// This function, for those that call it.
            #[allow(dead_code)]
            #vis const REF: ::cordon::FunctionRef<#name> = ::cordon::FunctionRef::new();
        }

        impl ::cordon::rt::Signature<
            #marker,
            #args_type,
            <#outcome as ::cordon::rt::Outcome>::Value,
        > for #name {}

        impl ::cordon::rt::Function for #name {
            const KIND: &'static str = #kind_name;
            const VISIBILITY: &'static str = #visibility;
            const PATH: ::core::option::Option<&'static str> = #path;
            const ARGS: ::cordon::Validator = #args_validator;
            const RETURNS: ::cordon::Validator = #returns_validator;
            fn run() {
                #hook
                ::cordon::rt::finish(#name(#context_value #args_value));
            }
        }
    })
}

/// `path = "…"`, or nothing.
fn parse_path(attribute: TokenStream) -> syn::Result<Option<LitStr>> {
    let mut path = None;
    let parser = syn::meta::parser(|meta| {
        if !meta.path.is_ident("path") {
            return Err(meta.error("only `path = \"module:function\"` can stand here"));
        }
        let text: LitStr = meta.value()?.parse()?;
        if !text.value().contains(':') {
            return Err(Error::new(text.span(), "a path has the form `module:function`"));
        }
        path = Some(text);
        Ok(())
    });
    parser.parse2(attribute)?;
    Ok(path)
}

fn check_signature(function: &ItemFn) -> syn::Result<()> {
    let signature = &function.sig;
    let refuse = |span: Span, what: &str| Err(Error::new(span, what));
    if let Some(found) = &signature.asyncness {
        return refuse(found.span(), "a function of Cordon is not async: host calls return when they are done");
    }
    if !signature.generics.params.is_empty() {
        return refuse(signature.generics.span(), "a function of Cordon has no generics: clients cannot choose them");
    }
    if let Some(found) = &signature.variadic {
        return refuse(found.span(), "a function of Cordon has a context and one argument");
    }
    Ok(())
}

struct Parameters<'a> {
    context: Option<&'a Type>,
    args: Option<&'a Type>,
}

impl<'a> Parameters<'a> {
    fn of(function: &'a ItemFn) -> syn::Result<Self> {
        let mut types = Vec::new();
        for input in &function.sig.inputs {
            match input {
                FnArg::Typed(input) => types.push(&*input.ty),
                _ => return Err(Error::new(input.span(), "a function of Cordon is no method")),
            }
        }
        match types[..] {
            [] => Ok(Parameters { context: None, args: None }),
            [one] if is_context(one) => Ok(Parameters { context: Some(one), args: None }),
            [one] => Ok(Parameters { context: None, args: Some(one) }),
            [context, args] if is_context(context) => {
                Ok(Parameters { context: Some(context), args: Some(args) })
            }
            _ => Err(Error::new(
                function.sig.inputs.span(),
                "a function of Cordon has a context, if any, then its arguments in one struct, if any: \
                 `(ctx: QueryCtx, args: Args)`",
            )),
        }
    }
}

/// A context is known by its name, as a macro knows no types; a wrong one is found by its type.
fn is_context(ty: &Type) -> bool {
    let Type::Path(path) = ty else {
        return false;
    };
    let last = path.path.segments.last();
    last.is_some_and(|last| ["QueryCtx", "MutationCtx", "ActionCtx"].iter().any(|name| last.ident == name))
}
