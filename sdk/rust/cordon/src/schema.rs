//! The schema: the JSON document of the custom section `convex.schema`, made as the metadata is.

use crate::metadata::{is_same, Sink};
use crate::table::{IndexRow, Table};
use crate::validator::Validator;

/// Tells the host of the module's tables: what their documents look like, and their indexes.
///
/// It stands once, in `lib.rs`. Then every write to these tables is checked, and a deploy is refused
/// while a document does not fit. Of several modules in a deployment each may have a schema, of tables
/// of its own. A table that is in none takes any document, and has no indexes but those that all have.
///
/// ```
/// #[cordon::table("messages")]
/// #[index(by_author(author, stars))]
/// pub struct Message {
///     author: String,
///     body: String,
///     stars: Option<f64>,
/// }
///
/// cordon::schema![Message];
/// # fn main() {}
/// ```
///
/// With `cordon::schema![Message; schema_validation = false]` documents are not checked: there are
/// only the indexes.
#[macro_export]
macro_rules! schema {
    ($($table:ty),+ $(,)?) => {
        $crate::schema![$($table),+; schema_validation = true];
    };
    ($($table:ty),+ $(,)?; schema_validation = $checked:literal) => {
        const _: () = {
            const TABLES: &[$crate::rt::TableRow] = &[$($crate::rt::TableRow::of::<$table>()),+];
            const _: () = ::core::assert!(
                $crate::rt::tables_differ(TABLES),
                "two types are the documents of the same table"
            );

            #[cfg(target_arch = "wasm32")]
            #[used]
            #[unsafe(link_section = "convex.schema")]
            #[allow(long_running_const_eval)]
            static SCHEMA: [u8; $crate::rt::schema_size(TABLES, $checked)] =
                $crate::rt::write_schema(TABLES, $checked);
        };
    };
}

/// A table of the schema.
#[derive(Clone, Copy)]
#[allow(missing_docs)]
pub struct TableRow {
    name: &'static str,
    indexes: &'static [IndexRow],
    documents: Validator,
}

impl TableRow {
    /// That of a type.
    pub const fn of<T: Table>() -> Self {
        TableRow { name: T::NAME, indexes: T::INDEXES, documents: T::VALIDATOR }
    }
}

impl Sink<'_> {
    const fn index(&mut self, index: &IndexRow) {
        self.byte(b'{');
        self.member("indexDescriptor", index.name);
        self.text(",\"fields\":[");
        let mut i = 0;
        while i < index.fields.len() {
            if i != 0 {
                self.byte(b',');
            }
            self.string(index.fields[i]);
            i += 1;
        }
        self.text("]}");
    }

    /// Those that are staged, or those that are not.
    const fn indexes(&mut self, indexes: &[IndexRow], staged: bool) {
        let mut is_first = true;
        let mut i = 0;
        while i < indexes.len() {
            if indexes[i].staged == staged {
                if !is_first {
                    self.byte(b',');
                }
                self.index(&indexes[i]);
                is_first = false;
            }
            i += 1;
        }
    }

    const fn table(&mut self, table: &TableRow) {
        self.byte(b'{');
        self.member("tableName", table.name);
        self.text(",\"indexes\":[");
        self.indexes(table.indexes, false);
        if has_staged(table.indexes) {
            self.text("],\"stagedDbIndexes\":[");
            self.indexes(table.indexes, true);
        }
        self.text("],\"searchIndexes\":[],\"vectorIndexes\":[],\"documentType\":");
        self.validator(&table.documents);
        self.byte(b'}');
    }

    const fn schema(&mut self, tables: &[TableRow], checked: bool) {
        self.text("{\"tables\":[");
        let mut i = 0;
        while i < tables.len() {
            if i != 0 {
                self.byte(b',');
            }
            self.table(&tables[i]);
            i += 1;
        }
        self.text(if checked { "],\"schemaValidation\":true}" } else { "],\"schemaValidation\":false}" });
    }
}

const fn has_staged(indexes: &[IndexRow]) -> bool {
    let mut i = 0;
    while i < indexes.len() {
        if indexes[i].staged {
            return true;
        }
        i += 1;
    }
    false
}

/// How many bytes [`write_schema`] writes.
pub const fn schema_size(tables: &[TableRow], checked: bool) -> usize {
    let mut sink = Sink { bytes: None, size: 0 };
    sink.schema(tables, checked);
    sink.size
}

/// The document; `SIZE` is that of [`schema_size`].
pub const fn write_schema<const SIZE: usize>(tables: &[TableRow], checked: bool) -> [u8; SIZE] {
    let mut bytes = [0; SIZE];
    let mut sink = Sink { bytes: Some(&mut bytes), size: 0 };
    sink.schema(tables, checked);
    bytes
}

/// Whether each table is there once.
pub const fn tables_differ(tables: &[TableRow]) -> bool {
    let mut i = 0;
    while i < tables.len() {
        let mut j = 0;
        while j < i {
            if is_same(tables[i].name.as_bytes(), tables[j].name.as_bytes()) {
                return false;
            }
            j += 1;
        }
        i += 1;
    }
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    #[cordon::table("notes")]
    #[index(by_text(text), by_stars_and_text(stars, text))]
    #[index(by_city(address.city))]
    struct Note {
        text: String,
        stars: Option<f64>,
        #[cordon(any)]
        address: (),
    }

    #[cordon::table("events")]
    #[serde(tag = "kind")]
    #[index(by_kind(kind))]
    enum Event {
        Join { user: cordon::Id<Note> },
        Leave,
    }

    crate::schema![Note, Event];
    crate::schema![Note; schema_validation = false];

    #[test]
    fn writes_the_schema_as_convex_does() {
        const TABLES: &[TableRow] = &[TableRow::of::<Note>(), TableRow::of::<Event>()];
        const JSON: [u8; schema_size(TABLES, true)] = write_schema(TABLES, true);
        let note = concat!(
            r#"{"tableName":"notes","indexes":[{"indexDescriptor":"by_text","fields":["text"]},"#,
            r#"{"indexDescriptor":"by_stars_and_text","fields":["stars","text"]},"#,
            r#"{"indexDescriptor":"by_city","fields":["address.city"]}],"#,
            r#""searchIndexes":[],"vectorIndexes":[],"documentType":{"type":"object","value":{"#,
            r#""text":{"fieldType":{"type":"string"},"optional":false},"#,
            r#""stars":{"fieldType":{"type":"number"},"optional":true},"#,
            r#""address":{"fieldType":{"type":"any"},"optional":false}}}}"#,
        );
        let literal = |name| {
            format!(r#""kind":{{"fieldType":{{"type":"literal","value":"{name}"}},"optional":false}}"#)
        };
        let event = format!(
            concat!(
                r#"{{"tableName":"events","indexes":[{{"indexDescriptor":"by_kind","fields":["kind"]}}],"#,
                r#""searchIndexes":[],"vectorIndexes":[],"documentType":{{"type":"union","value":["#,
                r#"{{"type":"object","value":{{{},"user":{{"fieldType":{{"type":"id","tableName":"notes"}},"#,
                r#""optional":false}}}}}},{{"type":"object","value":{{{}}}}}]}}}}"#
            ),
            literal("Join"),
            literal("Leave"),
        );
        let json = format!(r#"{{"tables":[{note},{event}],"schemaValidation":true}}"#);
        assert_eq!(String::from_utf8(JSON.to_vec()).unwrap(), json);
        const UNCHECKED: [u8; schema_size(&[], false)] = write_schema(&[], false);
        assert_eq!(&UNCHECKED, br#"{"tables":[],"schemaValidation":false}"#);
    }

    #[cordon::table("logs")]
    #[index(by_level(level; staged = true), by_text(text), by_both(level, text; staged = true))]
    #[index(by_address(address.city; staged = false))]
    struct Log {
        level: f64,
        text: String,
        #[cordon(any)]
        address: (),
    }

    #[test]
    fn staged_indexes_stand_apart() {
        const TABLES: &[TableRow] = &[TableRow::of::<Log>()];
        const JSON: [u8; schema_size(TABLES, true)] = write_schema(TABLES, true);
        let json = String::from_utf8(JSON.to_vec()).unwrap();
        let indexes = concat!(
            r#""indexes":[{"indexDescriptor":"by_text","fields":["text"]},"#,
            r#"{"indexDescriptor":"by_address","fields":["address.city"]}],"#,
            r#""stagedDbIndexes":[{"indexDescriptor":"by_level","fields":["level"]},"#,
            r#"{"indexDescriptor":"by_both","fields":["level","text"]}],"searchIndexes":[],"#,
        );
        assert!(json.contains(indexes), "{json}");
        assert_eq!((Log::BY_TEXT.name(), Log::BY_ADDRESS.name()), ("by_text", "by_address"));
    }

    #[test]
    fn tells_equal_tables() {
        const NOTE: TableRow = TableRow::of::<Note>();
        assert!(tables_differ(&[NOTE, TableRow::of::<Event>()]));
        assert!(!tables_differ(&[NOTE, TableRow::of::<Event>(), NOTE]));
    }
}
