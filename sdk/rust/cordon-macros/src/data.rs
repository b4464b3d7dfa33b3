//! `#[data]`, `#[table]` and the validator of a struct or enum.

use crate::index;
use crate::serde_attributes::Attributes;
use proc_macro2::TokenStream;
use quote::{quote, quote_spanned};
use syn::ext::IdentExt;
use syn::spanned::Spanned;
use syn::{Data, DataEnum, DeriveInput, Error, Field, Fields, LitStr, Variant};

const NO_FIELDS: &str = "a tuple is no value: name its fields";

/// The item with all its derives.
fn derive_all(input: &DeriveInput) -> TokenStream {
    quote! {
        #[derive(::cordon::serde::Serialize, ::cordon::serde::Deserialize, ::cordon::HasValidator)]
        #[serde(crate = "::cordon::serde")]
        #input
    }
}

pub fn expand_data(attribute: TokenStream, item: TokenStream) -> syn::Result<TokenStream> {
    if !attribute.is_empty() {
        return Err(Error::new(attribute.span(), "`data` takes nothing; a table is `table(\"name\")`"));
    }
    Ok(derive_all(&syn::parse2(item)?))
}

pub fn expand_table(attribute: TokenStream, item: TokenStream) -> syn::Result<TokenStream> {
    let name: LitStr = syn::parse2(attribute.clone()).map_err(|_| {
        Error::new(attribute.span(), "the name of the table is missing: `#[cordon::table(\"messages\")]`")
    })?;
    let mut input: DeriveInput = syn::parse2(item)?;
    let (constants, rows) = index::take(&mut input)?;
    let item = derive_all(&input);
    let ident = &input.ident;
    if !input.generics.params.is_empty() {
        return Err(Error::new(input.generics.span(), "the documents of a table have no generics"));
    }
    Ok(quote! {
        #item

        impl #ident {
            #constants
        }

        impl ::cordon::Table for #ident {
            const NAME: &'static str = #name;
            const INDEXES: &'static [::cordon::rt::IndexRow] = #rows;
        }
    })
}

pub fn expand_validator(item: TokenStream) -> syn::Result<TokenStream> {
    let mut input: DeriveInput = syn::parse2(item)?;
    let attributes = Attributes::of(&input.attrs)?;
    let validator = match &input.data {
        _ if attributes.any => quote!(::cordon::Validator::Any),
        Data::Struct(data) => of_fields(&data.fields, &attributes)?,
        Data::Enum(data) => of_enum(data, &attributes)?,
        Data::Union(data) => {
            return Err(Error::new(data.union_token.span(), "a union of C is no value"));
        }
    };
    for parameter in input.generics.type_params_mut() {
        parameter.bounds.push(syn::parse_quote!(::cordon::HasValidator));
    }
    let ident = &input.ident;
    let (impl_generics, type_generics, where_clause) = input.generics.split_for_impl();
    Ok(quote! {
        impl #impl_generics ::cordon::HasValidator for #ident #type_generics #where_clause {
            const VALIDATOR: ::cordon::Validator = #validator;
        }
    })
}

fn of_fields(fields: &Fields, container: &Attributes) -> syn::Result<TokenStream> {
    match fields {
        Fields::Named(named) => {
            let rows = named.named.iter().filter_map(|field| of_field(field, container).transpose());
            let rows = rows.collect::<syn::Result<Vec<_>>>()?;
            Ok(quote!(::cordon::Validator::Object(&[#(#rows),*])))
        }
        Fields::Unnamed(unnamed) if unnamed.unnamed.len() == 1 => {
            let field = &unnamed.unnamed[0];
            if Attributes::of(&field.attrs)?.any {
                return Ok(quote!(::cordon::Validator::Any));
            }
            let ty = &field.ty;
            Ok(quote_spanned!(ty.span()=> <#ty as ::cordon::HasValidator>::VALIDATOR))
        }
        Fields::Unnamed(unnamed) => Err(Error::new(unnamed.span(), NO_FIELDS)),
        Fields::Unit => Ok(quote!(::cordon::Validator::Null)),
    }
}

/// Nothing for a field that is never in a value.
fn of_field(field: &Field, container: &Attributes) -> syn::Result<Option<TokenStream>> {
    let attributes = Attributes::of(&field.attrs)?;
    if attributes.skip {
        return Ok(None);
    }
    let name = name_of_field(field, &attributes, container);
    if name.starts_with('$') || name.starts_with('_') {
        return Err(Error::new(field.span(), "names that start with `$` or `_` belong to the system"));
    }
    let optional = attributes.optional || container.optional;
    let ty = &field.ty;
    Ok(Some(if attributes.any {
        quote!(::cordon::Field::any(#name, #optional))
    } else {
        quote_spanned!(ty.span()=> ::cordon::Field::of::<#ty>(#name, #optional))
    }))
}

/// What the field is called in a value.
pub fn name_of_field(field: &Field, attributes: &Attributes, container: &Attributes) -> String {
    let ident = field.ident.as_ref().map(|ident| ident.unraw().to_string()).unwrap_or_default();
    let by_case = || container.rename_all.map_or(ident.clone(), |case| case.of_field(&ident));
    attributes.rename.clone().unwrap_or_else(by_case)
}

fn of_enum(data: &DataEnum, container: &Attributes) -> syn::Result<TokenStream> {
    let mut each = Vec::new();
    for variant in &data.variants {
        let attributes = Attributes::of(&variant.attrs)?;
        if !attributes.skip {
            each.push(of_variant(variant, attributes, container)?);
        }
    }
    Ok(quote!(::cordon::Validator::Union(&[#(#each),*])))
}

/// The four forms in which serde writes a variant.
fn of_variant(
    variant: &Variant,
    mut attributes: Attributes,
    container: &Attributes,
) -> syn::Result<TokenStream> {
    let ident = variant.ident.unraw().to_string();
    let name = attributes
        .rename
        .take()
        .unwrap_or_else(|| container.rename_all.map_or(ident.clone(), |case| case.of_variant(&ident)));
    attributes.rename_all = attributes.rename_all.or(container.rename_all_fields);
    let content = if attributes.any {
        quote!(::cordon::Validator::Any)
    } else {
        of_fields(&variant.fields, &attributes)?
    };
    let is_unit = matches!(variant.fields, Fields::Unit);

    if container.untagged || attributes.untagged {
        return Ok(content);
    }
    match (&container.tag, &container.content) {
        (Some(tag), Some(_)) if is_unit => Ok(tagged(tag, &name, &quote!(::cordon::Validator::Null))),
        (Some(tag), Some(content_name)) => Ok(tagged(tag, &name, &object_of(content_name, &content))),
        (Some(tag), None) => Ok(tagged(tag, &name, &content)),
        (None, _) if is_unit => Ok(quote!(::cordon::Validator::Literal(#name))),
        (None, _) => Ok(object_of(&name, &content)),
    }
}

fn tagged(tag: &str, name: &str, of: &TokenStream) -> TokenStream {
    quote!(::cordon::Validator::Tagged { tag: #tag, name: #name, of: &#of })
}

fn object_of(name: &str, content: &TokenStream) -> TokenStream {
    quote! {
        ::cordon::Validator::Object(&[::cordon::Field {
            name: #name,
            validator: #content,
            optional: false,
        }])
    }
}
