//! Pages of a query, in the shapes that Convex's clients send and expect.

use crate::error::Result;
use crate::host;
use crate::json;
use crate::table::{read_document, Doc, Table};
use crate::value::Nullable;
use serde::Serialize;

/// Which page, and how large: what clients send as `paginationOpts`.
#[crate::data]
#[derive(Debug, Clone, Default, PartialEq)]
#[serde(rename_all = "camelCase")]
pub struct PaginationOptions {
    /// How many documents the page shall have.
    pub num_items: u32,
    /// Where the page begins: the `continue_cursor` of the page before, or null.
    pub cursor: Nullable<String>,
    /// Where the page ends, however long it is then.
    pub end_cursor: Option<Nullable<String>>,
    /// The page ends after that many documents were read, those too that a filter left out.
    pub maximum_rows_read: Option<u32>,
    /// The page ends after that many bytes were read.
    pub maximum_bytes_read: Option<u32>,
    /// A client's own name of its pages.
    pub id: Option<f64>,
}

impl PaginationOptions {
    /// The first page, of so many documents.
    pub fn first(num_items: u32) -> Self {
        PaginationOptions { num_items, ..PaginationOptions::default() }
    }

    /// The page from a cursor on.
    pub fn after(cursor: impl Into<String>, num_items: u32) -> Self {
        PaginationOptions { cursor: Nullable(Some(cursor.into())), ..PaginationOptions::first(num_items) }
    }
}

/// A page of a query.
#[crate::data]
#[derive(Debug, Clone, PartialEq)]
#[serde(rename_all = "camelCase")]
pub struct PaginationResult<T> {
    /// What is on it.
    pub page: Vec<T>,
    /// Whether it is the last one.
    pub is_done: bool,
    /// Where the next page begins.
    pub continue_cursor: String,
    /// Where to cut this page in two, if that is better or needed.
    pub split_cursor: Nullable<String>,
    /// Whether it is.
    pub page_status: Nullable<PageStatus>,
}

/// That a page has become too long, as its end was given.
#[crate::data]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PageStatus {
    /// It would be read faster in two.
    SplitRecommended,
    /// It is not complete: limits ended it.
    SplitRequired,
}

impl<T> PaginationResult<T> {
    /// The page with something else of each document.
    pub fn map<U>(self, each: impl FnMut(T) -> U) -> PaginationResult<U> {
        PaginationResult {
            page: self.page.into_iter().map(each).collect(),
            is_done: self.is_done,
            continue_cursor: self.continue_cursor,
            split_cursor: self.split_cursor,
            page_status: self.page_status,
        }
    }
}

/// Reads the page; `argument` is `{"query":{…}`.
pub(crate) fn read<T: Table>(
    argument: Vec<u8>,
    options: &PaginationOptions,
) -> Result<PaginationResult<Doc<T>>> {
    let reply = ask(argument, options)?;
    let PaginationResult { page, is_done, continue_cursor, split_cursor, page_status } =
        json::from_str::<PaginationResult<json::Raw>>(json::utf8(&reply)?)?;
    let page = page.into_iter().map(|document| read_document(document.0));
    Ok(PaginationResult {
        page: page.collect::<Result<_>>()?,
        is_done,
        continue_cursor,
        split_cursor,
        page_status,
    })
}

fn ask(mut argument: Vec<u8>, options: &PaginationOptions) -> Result<Vec<u8>> {
    #[derive(Serialize)]
    #[serde(rename_all = "camelCase")]
    struct Wish<'a> {
        page_size: u32,
        cursor: Option<&'a str>,
        end_cursor: Option<&'a str>,
        maximum_rows_read: Option<u32>,
        maximum_bytes_read: Option<u32>,
    }
    let wish = Wish {
        page_size: options.num_items,
        cursor: options.cursor.0.as_deref(),
        end_cursor: options.end_cursor.as_ref().and_then(|cursor| cursor.0.as_deref()),
        maximum_rows_read: options.maximum_rows_read,
        maximum_bytes_read: options.maximum_bytes_read,
    };
    let at = argument.len();
    json::write_value(&wish, &mut argument)?;
    argument[at] = b','; // in place of its brace
    Ok(host::ask(host::query_page, &argument)?)
}
