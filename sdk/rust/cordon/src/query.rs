//! Queries: which documents of a table, in which order, and how many of them are read.

use crate::error::{Error, Result};
use crate::filter::{Expression, Filter};
use crate::host;
use crate::index::{Index, IndexRange, Range};
use crate::json::{self, write_string};
use crate::page::{PaginationOptions, PaginationResult};
use crate::table::{read_document, Doc, Table};
use serde::Deserialize;
use std::marker::PhantomData;

/// In which direction a query walks. Without an order it is ascending.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Order {
    /// The smallest key first; of a table the oldest document.
    Asc,
    /// The largest key first; of a table the newest document.
    Desc,
}

/// A query of a table's documents: all in order of creation, or what lies in a range of an index.
///
/// ```
/// # use cordon::prelude::*;
/// #[cordon::table("messages")]
/// #[index(by_author(author))]
/// pub struct Message {
///     author: String,
///     stars: f64,
/// }
///
/// #[cordon::data]
/// pub struct Author {
///     author: String,
/// }
///
/// /// The three newest of an author that have a star.
/// #[query]
/// pub fn starred(ctx: QueryCtx, args: Author) -> Result<Vec<Doc<Message>>> {
///     ctx.db
///         .query::<Message>()
///         .with_index(Message::BY_AUTHOR, |q| q.eq(args.author))
///         .order(Order::Desc)
///         .filter(|q| q.gt(q.field("stars"), 0))
///         .take(3)
/// }
/// # fn main() {}
/// ```
///
/// Nothing is read before one of the methods that end a query, and then no more than it needs. What
/// a filter leaves out is read too, so an index that says the same is faster. `filter` and `limit`
/// hold in the order in which they stand.
#[must_use = "nothing is read before `first`, `unique`, `take`, `collect`, `iter` or `paginate`"]
pub struct Query<T> {
    index: Option<&'static str>,
    conditions: Vec<u8>,
    order: Order,
    operators: Vec<u8>,
    wrong: Option<json::Error>,
    table: PhantomData<fn() -> T>,
}

impl<T: Table> Query<T> {
    pub(crate) fn new() -> Self {
        Query {
            index: None,
            conditions: Vec::new(),
            order: Order::Asc,
            operators: Vec::new(),
            wrong: None,
            table: PhantomData,
        }
    }

    /// Walks a range of an index, in its order: equalities on its first fields, then bounds on the next.
    ///
    /// ```
    /// # use cordon::prelude::*;
    /// # #[cordon::table("t")] #[index(by_room(room, stars))] struct Message { room: String, stars: f64 }
    /// # fn f(ctx: QueryCtx) -> Result<()> {
    /// let query = ctx.db.query().with_index(Message::BY_ROOM, |q| q.eq("attic").gt(3).lte(5));
    /// # query.first()?; Ok(()) }
    /// ```
    ///
    /// What the index cannot answer is not compiled: a value of another type,
    ///
    /// ```compile_fail,E0277
    /// # use cordon::prelude::*;
    /// # #[cordon::table("t")] #[index(by_room(room, stars))] struct Message { room: String, stars: f64 }
    /// # fn f(ctx: QueryCtx) {
    /// let query = ctx.db.query().with_index(Message::BY_ROOM, |q| q.eq(3.0));
    /// # }
    /// ```
    ///
    /// a bound on one field and a condition on the next,
    ///
    /// ```compile_fail,E0599
    /// # use cordon::prelude::*;
    /// # #[cordon::table("t")] #[index(by_room(room, stars))] struct Message { room: String, stars: f64 }
    /// # fn f(ctx: QueryCtx) {
    /// let query = ctx.db.query().with_index(Message::BY_ROOM, |q| q.gt("attic").eq(3));
    /// # }
    /// ```
    ///
    /// or an index of another table.
    ///
    /// ```compile_fail,E0308
    /// # use cordon::prelude::*;
    /// # #[cordon::table("t")] struct Message { room: String }
    /// # #[cordon::table("u")] #[index(by_name(name))] struct User { name: String }
    /// # fn f(ctx: QueryCtx) {
    /// let query = ctx.db.query::<Message>().with_index(User::BY_NAME, |q| q.eq("Ada"));
    /// # }
    /// ```
    pub fn with_index<K, R: IndexRange>(
        mut self,
        index: Index<T, K>,
        range: impl FnOnce(Range<K>) -> R,
    ) -> Self {
        let conditions = range(index.range()).into_conditions();
        self.index = Some(index.name());
        self.conditions = conditions.json;
        self.wrong = self.wrong.or(conditions.wrong);
        self
    }

    /// Walks in that direction.
    pub fn order(mut self, order: Order) -> Self {
        self.order = order;
        self
    }

    /// Leaves out the documents for which the expression is false.
    pub fn filter(mut self, filter: impl FnOnce(Filter) -> Expression) -> Self {
        match filter(Filter(())).0 {
            Ok(expression) => self.add_operator(b"{\"filter\":", &expression),
            Err(error) => {
                self.wrong.get_or_insert(error);
            }
        }
        self
    }

    /// Lets that many documents pass, and then ends.
    pub fn limit(mut self, count: u32) -> Self {
        let mut number = Vec::new();
        json::write_whole(count.into(), &mut number);
        self.add_operator(b"{\"limit\":", &number);
        self
    }

    fn add_operator(&mut self, open: &[u8], json: &[u8]) {
        if !self.operators.is_empty() {
            self.operators.push(b',');
        }
        self.operators.extend_from_slice(open);
        self.operators.extend_from_slice(json);
        self.operators.push(b'}');
    }

    /// The first document, if there is one.
    pub fn first(self) -> Result<Option<Doc<T>>> {
        self.limit(1).iter()?.next().transpose()
    }

    /// The only document, if there is one; a second is an error.
    pub fn unique(self) -> Result<Option<Doc<T>>> {
        let mut documents = self.limit(2).iter()?;
        let Some(one) = documents.next().transpose()? else {
            return Ok(None);
        };
        match documents.next().transpose()? {
            None => Ok(Some(one)),
            Some(other) => Err(not_unique(T::NAME, one.id.as_str(), other.id.as_str())),
        }
    }

    /// The first documents, at most so many.
    pub fn take(self, count: u32) -> Result<Vec<Doc<T>>> {
        self.limit(count).collect()
    }

    /// Every document.
    pub fn collect(self) -> Result<Vec<Doc<T>>> {
        self.iter()?.collect()
    }

    /// One document after the other; for whoever need not see all, or not at once.
    pub fn iter(self) -> Result<Documents<T>> {
        let argument = self.into_argument()?;
        Ok(Documents { argument: Some(begin(argument)?), table: PhantomData })
    }

    /// One page of documents, from the cursor of the page before. A run can read one page.
    ///
    /// With the argument `paginationOpts` and this result, clients page as with Convex:
    ///
    /// ```
    /// # use cordon::prelude::*;
    /// # #[cordon::table("messages")] pub struct Message { body: String }
    /// #[cordon::data]
    /// #[serde(rename_all = "camelCase")]
    /// pub struct Page {
    ///     pagination_opts: PaginationOptions,
    /// }
    ///
    /// #[query]
    /// pub fn page(ctx: QueryCtx, args: Page) -> Result<PaginationResult<Doc<Message>>> {
    ///     ctx.db.query().order(Order::Desc).paginate(&args.pagination_opts)
    /// }
    /// # fn main() {}
    /// ```
    pub fn paginate(self, options: &PaginationOptions) -> Result<PaginationResult<Doc<T>>> {
        crate::page::read(self.into_argument()?, options)
    }

    /// `{"query":{…}`, to which more may be added.
    fn into_argument(self) -> Result<Vec<u8>> {
        if let Some(error) = self.wrong {
            return Err(error.into());
        }
        Ok(argument(T::NAME, &self))
    }
}

/// What is the same for all types stands apart from the queries of each: modules stay small.
fn argument<T>(table: &str, query: &Query<T>) -> Vec<u8> {
    argument_of(table, query.index, &query.conditions, query.order, &query.operators)
}

fn argument_of(
    table: &str,
    index: Option<&str>,
    conditions: &[u8],
    order: Order,
    operators: &[u8],
) -> Vec<u8> {
    let mut json = b"{\"query\":{\"source\":{\"type\":\"".to_vec();
    if let Some(index) = index {
        json.extend_from_slice(b"IndexRange\",\"indexName\":\"");
        json.extend_from_slice(table.as_bytes());
        json.push(b'.');
        json.extend_from_slice(index.as_bytes());
        json.extend_from_slice(b"\",\"range\":[");
        json.extend_from_slice(conditions);
        json.push(b']');
    } else {
        json.extend_from_slice(b"FullTableScan\",\"tableName\":");
        write_string(table, &mut json);
    }
    json.extend_from_slice(match order {
        Order::Asc => b",\"order\":\"asc\"},\"operators\":[" as &[u8],
        Order::Desc => b",\"order\":\"desc\"},\"operators\":[",
    });
    json.extend_from_slice(operators);
    json.extend_from_slice(b"]}");
    json
}

/// Begins a walk, and returns the argument of the calls that go on with it.
fn begin(mut argument: Vec<u8>) -> Result<Vec<u8>> {
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Reply {
        query_id: f64,
    }
    argument.push(b'}');
    let reply: Reply = host::ask_for(host::query_stream, &argument)?;
    argument.clear();
    argument.extend_from_slice(b"{\"queryId\":");
    json::write_value(&reply.query_id, &mut argument)?;
    argument.push(b'}');
    Ok(argument)
}

#[cold]
fn not_unique(table: &str, one: &str, other: &str) -> Error {
    Error::new(format_args!(
        "unique() query returned more than one result from table {table}:\n [{one}, {other}, ...]"
    ))
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
    read_document(reply.value.0).map(Some)
}

impl<T> Drop for Documents<T> {
    fn drop(&mut self) {
        if let Some(argument) = &self.argument {
            // A walk that the host does not know any more has ended all the same.
            let _ = host::ask(host::query_cleanup, argument);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Id;

    #[cordon::table("notes")]
    #[index(by_text(text), by_place(place.name, stars))]
    #[serde(rename_all = "camelCase")]
    struct Note {
        #[serde(rename = "words")]
        text: String,
        stars: Option<f64>,
        #[cordon(any)]
        place: std::collections::BTreeMap<String, String>,
    }

    fn json_of(query: Query<Note>) -> String {
        String::from_utf8(query.into_argument().unwrap()).unwrap()
    }

    #[test]
    fn writes_what_the_host_reads() {
        let table = r#"{"query":{"source":{"type":"FullTableScan","tableName":"notes","order":"asc"},"operators":["#;
        let index = r#"{"query":{"source":{"type":"IndexRange","indexName":"notes."#;
        let condition = |kind: &str, field: &str, value: &str| {
            format!(r#"{{"type":"{kind}","fieldPath":"{field}","value":{value}}}"#)
        };
        let range = |name: &str, conditions: &[String], order: &str| {
            format!(
                r#"{index}{name}","range":[{}],"order":"{order}"}},"operators":[]}}"#,
                conditions.join(",")
            )
        };
        let new = Query::<Note>::new;
        let cases = [
            (new(), format!("{table}]}}")),
            (
                new().filter(|q| q.eq(q.field("a"), 1)).limit(4294967295).limit(0),
                format!(
                    r#"{table}{{"filter":{{"$eq":[{{"$field":"a"}},{{"$literal":1}}]}}}},{{"limit":4294967295}},{{"limit":0}}]}}"#
                ),
            ),
            (new().with_index(Note::BY_ID, |q| q).order(Order::Desc), range("by_id", &[], "desc")),
            (
                new().with_index(Note::BY_CREATION_TIME, |q| q.gte(1).lt(2.5)),
                range(
                    "by_creation_time",
                    &[condition("Gte", "_creationTime", "1"), condition("Lt", "_creationTime", "2.5")],
                    "asc",
                ),
            ),
            (
                new().with_index(Note::BY_TEXT, |q| q.eq("x\n").eq(7).lte(Id::new("id"))),
                range(
                    "by_text",
                    &[
                        condition("Eq", "words", r#""x\n""#),
                        condition("Eq", "_creationTime", "7"),
                        condition("Lte", "_id", r#""id""#),
                    ],
                    "asc",
                ),
            ),
            (
                new().with_index(Note::BY_PLACE, |q| q.eq("attic").eq(None)),
                range(
                    "by_place",
                    &[
                        condition("Eq", "place.name", r#""attic""#),
                        condition("Eq", "stars", r#"{"$undefined":null}"#),
                    ],
                    "asc",
                ),
            ),
        ];
        for (query, json) in cases {
            assert_eq!(json_of(query), json);
        }
    }
}
