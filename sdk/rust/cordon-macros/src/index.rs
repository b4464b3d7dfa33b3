//! `#[index(name(field, field.inner), …)]` of a table: a constant of the struct for those who query,
//! and a line of the schema. One with `; staged = true` behind its fields is the line alone.

use crate::data::name_of_field;
use crate::serde_attributes::Attributes;
use proc_macro2::{Span, TokenStream};
use quote::{format_ident, quote};
use syn::ext::IdentExt;
use syn::parse::{Parse, ParseStream};
use syn::punctuated::Punctuated;
use syn::{Attribute, Data, DeriveInput, Error, Field, Ident, LitBool, Token};

const BUILT_IN: [&str; 2] = ["by_id", "by_creation_time"];
const FIELDS_MAX: usize = 16;
const INDEXES_MAX: usize = 64;

/// One index as it is written.
struct Index {
    name: Ident,
    fields: Vec<Place>,
    staged: bool,
}

/// A field, and what of it: `address.city`.
struct Place(Vec<Ident>);

impl Parse for Index {
    fn parse(input: ParseStream<'_>) -> syn::Result<Self> {
        let name = Ident::parse_any(input)?;
        let content;
        syn::parenthesized!(content in input);
        let mut fields = Vec::new();
        while !content.is_empty() && !content.peek(Token![;]) {
            fields.push(content.parse()?);
            if !content.peek(Token![;]) && !content.is_empty() {
                content.parse::<Token![,]>()?;
            }
        }
        let staged = if content.is_empty() { false } else { parse_staged(&content)? };
        Ok(Index { name, fields, staged })
    }
}

/// `; staged = true`, which is the last in an index.
fn parse_staged(input: ParseStream<'_>) -> syn::Result<bool> {
    input.parse::<Token![;]>()?;
    let word: Ident = input.parse()?;
    if word != "staged" {
        return Err(Error::new(word.span(), "behind `;` stands `staged = true`, or nothing"));
    }
    input.parse::<Token![=]>()?;
    let staged: LitBool = input.parse()?;
    if !input.is_empty() {
        return Err(input.error("nothing stands behind `staged`"));
    }
    Ok(staged.value)
}

impl Parse for Place {
    fn parse(input: ParseStream<'_>) -> syn::Result<Self> {
        let mut names = vec![Ident::parse_any(input)?];
        while input.peek(Token![.]) {
            input.parse::<Token![.]>()?;
            names.push(Ident::parse_any(input)?);
        }
        Ok(Place(names))
    }
}

/// Takes the attributes out of the item, and returns the constants and the lines of the schema.
pub fn take(input: &mut DeriveInput) -> syn::Result<(TokenStream, TokenStream)> {
    let is_ours = |attribute: &Attribute| attribute.path().is_ident("index");
    let (ours, others) = std::mem::take(&mut input.attrs).into_iter().partition::<Vec<_>, _>(is_ours);
    input.attrs = others;
    let mut indexes = Vec::new();
    for attribute in ours {
        let parser = Punctuated::<Index, Token![,]>::parse_terminated;
        indexes.extend(attribute.parse_args_with(parser)?);
    }
    check_names(&indexes)?;
    let mut constants = vec![built_in(input, "by_creation_time"), built_in(input, "by_id")];
    let mut rows = Vec::new();
    for index in &indexes {
        let (constant, row) = expand(index, input)?;
        if !index.staged {
            constants.push(constant);
        }
        rows.push(row);
    }
    Ok((quote!(#(#constants)*), quote!(&[#(#rows),*])))
}

fn check_names(indexes: &[Index]) -> syn::Result<()> {
    for (i, index) in indexes.iter().enumerate() {
        let refuse = |what: &str| Err(Error::new(index.name.span(), what));
        if BUILT_IN.iter().any(|name| index.name == name) {
            return refuse("every table has this index");
        }
        if index.name.to_string().starts_with('_') {
            return refuse("names of indexes that start with `_` belong to the system");
        }
        if indexes[..i].iter().any(|other| other.name == index.name) {
            return refuse("two indexes of one name");
        }
        if i == INDEXES_MAX {
            return refuse("a table has at most 64 indexes");
        }
    }
    Ok(())
}

fn built_in(input: &DeriveInput, name: &str) -> TokenStream {
    let of_system = if name == "by_id" { vec![] } else { vec![("_creationTime", quote!(f64))] };
    constant(input, &Ident::new(name, Span::call_site()), of_system)
}

fn expand(index: &Index, input: &DeriveInput) -> syn::Result<(TokenStream, TokenStream)> {
    let mut names = Vec::new();
    let mut keys = Vec::new();
    for place in &index.fields {
        let (name, ty) = look_up(place, input)?;
        if names.contains(&name) {
            return Err(Error::new(place.0[0].span(), "this field is in the index already"));
        }
        names.push(name);
        keys.push(ty);
    }
    if names.is_empty() || names.len() > FIELDS_MAX {
        return Err(Error::new(index.name.span(), "an index has one to 16 fields"));
    }
    let mut fields: Vec<_> = names.iter().map(String::as_str).zip(keys).collect();
    fields.push(("_creationTime", quote!(f64)));
    let name = index.name.unraw().to_string();
    let staged = index.staged;
    let row = quote!(::cordon::rt::IndexRow { name: #name, fields: &[#(#names),*], staged: #staged });
    Ok((constant(input, &index.name, fields), row))
}

/// The field's name in values, and its type; that of a part of a field is not known here.
fn look_up(place: &Place, input: &DeriveInput) -> syn::Result<(String, TokenStream)> {
    let any = quote!(::cordon::Value);
    let first = &place.0[0];
    let container = Attributes::of(&input.attrs)?;
    let (mut name, ty) = match &input.data {
        Data::Struct(data) if !container.any => {
            let is_it = |field: &&Field| field.ident.as_ref() == Some(first);
            let Some(field) = data.fields.iter().find(is_it) else {
                return Err(Error::new(first.span(), "the struct has no such field"));
            };
            let attributes = Attributes::of(&field.attrs)?;
            if attributes.skip {
                return Err(Error::new(first.span(), "this field is never in a document"));
            }
            let ty = &field.ty;
            (name_of_field(field, &attributes, &container), quote!(#ty))
        }
        _ => (first.unraw().to_string(), any.clone()),
    };
    for inner in &place.0[1..] {
        name.push('.');
        name.push_str(&inner.unraw().to_string());
    }
    Ok((name, if place.0.len() == 1 { ty } else { any }))
}

/// Ends with the id, as all indexes do.
fn constant(input: &DeriveInput, name: &Ident, fields: Vec<(&str, TokenStream)>) -> TokenStream {
    let table = &input.ident;
    let vis = &input.vis;
    let text = name.unraw().to_string();
    let constant = format_ident!("{}", text.to_uppercase(), span = name.span());
    let names = fields.iter().map(|(name, _)| *name);
    let id = quote!((::cordon::Id<#table>, ()));
    let keys = fields.iter().rev().fold(id, |rest, (_, ty)| quote!((#ty, #rest)));
    let doc = format!("The index `{text}`.");
    quote! {
        #[doc = #doc]
        #[allow(dead_code, private_interfaces)]
        #vis const #constant: ::cordon::Index<#table, #keys> =
            ::cordon::Index::new(#text, &[#(#names,)* "_id"]);
    }
}
