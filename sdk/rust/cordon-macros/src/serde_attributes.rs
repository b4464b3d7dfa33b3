//! What serde's attributes say about the shape of a value. An attribute that makes the shape unknown
//! is an error, unless `#[cordon(any)]` says that the host is not to check.

use crate::case::Case;
use syn::meta::ParseNestedMeta;
use syn::{Attribute, LitStr, Token};

/// Of a struct, an enum, a variant or a field; each uses a part of it.
#[derive(Default)]
pub struct Attributes {
    pub any: bool,
    pub rename: Option<String>,
    pub rename_all: Option<Case>,
    pub rename_all_fields: Option<Case>,
    pub tag: Option<String>,
    pub content: Option<String>,
    pub untagged: bool,
    pub optional: bool,
    pub skip: bool,
    /// The first attribute that hides the shape.
    hidden: Option<syn::Error>,
}

impl Attributes {
    pub fn of(attributes: &[Attribute]) -> syn::Result<Self> {
        let mut found = Attributes::default();
        for attribute in attributes {
            if attribute.path().is_ident("cordon") {
                attribute.parse_nested_meta(|meta| found.take_own(&meta))?;
            } else if attribute.path().is_ident("serde") {
                attribute.parse_nested_meta(|meta| found.take_serde(&meta))?;
            }
        }
        match found.hidden.take() {
            Some(error) if !found.any => Err(error),
            _ => Ok(found),
        }
    }

    fn take_own(&mut self, meta: &ParseNestedMeta) -> syn::Result<()> {
        if !meta.path.is_ident("any") {
            return Err(meta.error("only `#[cordon(any)]` can stand here"));
        }
        self.any = true;
        Ok(())
    }

    fn take_serde(&mut self, meta: &ParseNestedMeta) -> syn::Result<()> {
        let name = meta.path.get_ident().map(ToString::to_string).unwrap_or_default();
        match name.as_str() {
            "rename" => self.rename = Some(one_name(meta)?.value()),
            "rename_all" => self.rename_all = Some(Case::parse(&one_name(meta)?)?),
            "rename_all_fields" => self.rename_all_fields = Some(Case::parse(&one_name(meta)?)?),
            "tag" => self.tag = Some(text(meta)?.value()),
            "content" => self.content = Some(text(meta)?.value()),
            "untagged" => self.untagged = true,
            "skip" => self.skip = true,
            "default" | "skip_serializing_if" | "skip_serializing" | "skip_deserializing" => {
                self.optional = true;
                skip_value(meta)?;
            }
            "crate" | "bound" | "alias" | "borrow" | "deny_unknown_fields" | "transparent" | "expecting" => {
                skip_value(meta)?;
            }
            _ => {
                let error = meta.error(format_args!(
                    "`{name}` hides from Cordon what the value looks like; `#[cordon(any)]` beside it lets \
                     the host accept any value"
                ));
                self.hidden.get_or_insert(error);
                skip_value(meta)?;
            }
        }
        Ok(())
    }
}

fn text(meta: &ParseNestedMeta) -> syn::Result<LitStr> {
    meta.value()?.parse()
}

/// `= "name"`; two names, one for each direction, make no one shape.
fn one_name(meta: &ParseNestedMeta) -> syn::Result<LitStr> {
    if !meta.input.peek(Token![=]) {
        return Err(meta.error("a value has one name in both directions"));
    }
    text(meta)
}

/// Steps over `= value` or `(…)`, whose meaning is serde's matter.
fn skip_value(meta: &ParseNestedMeta) -> syn::Result<()> {
    if meta.input.peek(Token![=]) {
        meta.value()?.parse::<syn::Expr>()?;
    } else if meta.input.peek(syn::token::Paren) {
        let content;
        syn::parenthesized!(content in meta.input);
        content.parse::<proc_macro2::TokenStream>()?;
    }
    Ok(())
}
