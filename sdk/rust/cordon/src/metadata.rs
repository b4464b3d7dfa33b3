//! The module's metadata: the JSON document of the custom section `convex.functions`.
//!
//! A custom section is a constant of known size, so the document is written by the compiler: once
//! to count its bytes and once to have them. Everything here is evaluated at compile time alone.

use crate::validator::{Field, Validator};

/// What kind of function, and by whom it may be called.
#[derive(Clone, Copy)]
#[allow(missing_docs)]
pub struct Row {
    pub path: &'static str,
    pub export: &'static str,
    pub kind: &'static str,
    pub visibility: &'static str,
    pub args: Validator,
    pub returns: Validator,
}

/// Counts bytes, and keeps them if it is given a place.
pub(crate) struct Sink<'a> {
    pub(crate) bytes: Option<&'a mut [u8]>,
    pub(crate) size: usize,
}

impl Sink<'_> {
    pub(crate) const fn byte(&mut self, byte: u8) {
        if let Some(bytes) = &mut self.bytes {
            bytes[self.size] = byte;
        }
        self.size += 1;
    }

    pub(crate) const fn text(&mut self, text: &str) {
        let bytes = text.as_bytes();
        let mut i = 0;
        while i < bytes.len() {
            self.byte(bytes[i]);
            i += 1;
        }
    }

    pub(crate) const fn string(&mut self, text: &str) {
        const DIGITS: &[u8; 16] = b"0123456789abcdef";
        self.byte(b'"');
        let bytes = text.as_bytes();
        let mut i = 0;
        while i < bytes.len() {
            match bytes[i] {
                byte @ (b'"' | b'\\') => {
                    self.byte(b'\\');
                    self.byte(byte);
                }
                byte @ 0..=0x1f => {
                    self.text("\\u00");
                    self.byte(DIGITS[(byte >> 4) as usize]);
                    self.byte(DIGITS[(byte & 15) as usize]);
                }
                byte => self.byte(byte),
            }
            i += 1;
        }
        self.byte(b'"');
    }

    /// `"name":` and a string, behind a comma if it is not the first.
    pub(crate) const fn member(&mut self, name: &str, value: &str) {
        self.string(name);
        self.byte(b':');
        self.string(value);
    }

    pub(crate) const fn validator(&mut self, validator: &Validator) {
        self.text("{\"type\":");
        match validator {
            Validator::Any => self.text("\"any\""),
            Validator::Null => self.text("\"null\""),
            Validator::Boolean => self.text("\"boolean\""),
            Validator::Number => self.text("\"number\""),
            Validator::Int64 => self.text("\"bigint\""),
            Validator::String => self.text("\"string\""),
            Validator::Bytes => self.text("\"bytes\""),
            Validator::Literal(text) => {
                self.text("\"literal\",");
                self.member("value", text);
            }
            Validator::Id(table) => {
                self.text("\"id\",");
                self.member("tableName", table);
            }
            Validator::Array(of) => {
                self.text("\"array\",\"value\":");
                self.validator(of);
            }
            Validator::Object(fields) => self.object(&[], fields),
            Validator::Record(names, of) => {
                self.text("\"record\",\"keys\":");
                self.validator(names);
                self.text(",\"values\":{\"fieldType\":");
                self.validator(of);
                self.text(",\"optional\":false}");
            }
            Validator::Union(each) => self.union(each),
            Validator::Tagged { tag, name, of } => {
                self.object(&[required(tag, Validator::Literal(name))], of.fields());
            }
            Validator::Document { table, of } => {
                let system = [
                    required("_id", Validator::Id(table)),
                    required("_creationTime", Validator::Number),
                ];
                self.object(&system, of.fields());
            }
        }
        self.byte(b'}');
    }

    const fn union(&mut self, each: &[Validator]) {
        self.text("\"union\",\"value\":[");
        let mut i = 0;
        while i < each.len() {
            if i != 0 {
                self.byte(b',');
            }
            self.validator(&each[i]);
            i += 1;
        }
        self.byte(b']');
    }

    const fn object(&mut self, first: &[Field], then: &[Field]) {
        self.text("\"object\",\"value\":{");
        let mut i = 0;
        while i < first.len() + then.len() {
            if i != 0 {
                self.byte(b',');
            }
            self.field(if i < first.len() { &first[i] } else { &then[i - first.len()] });
            i += 1;
        }
        self.byte(b'}');
    }

    const fn field(&mut self, field: &Field) {
        self.string(field.name);
        self.text(":{\"fieldType\":");
        self.validator(&field.validator);
        self.text(if field.optional { ",\"optional\":true}" } else { ",\"optional\":false}" });
    }

    const fn row(&mut self, row: &Row) {
        self.byte(b'{');
        self.member("path", row.path);
        self.byte(b',');
        self.member("export", row.export);
        self.byte(b',');
        self.member("kind", row.kind);
        self.byte(b',');
        self.member("visibility", row.visibility);
        self.text(",\"args\":");
        self.validator(&row.args);
        self.text(",\"returns\":");
        self.validator(&row.returns);
        self.byte(b'}');
    }

    const fn document(&mut self, rows: &[Row]) {
        self.text("{\"abi\":1,\"functions\":[");
        let mut i = 0;
        while i < rows.len() {
            if i != 0 {
                self.byte(b',');
            }
            self.row(&rows[i]);
            i += 1;
        }
        self.text("]}");
    }
}

const fn required(name: &'static str, validator: Validator) -> Field {
    Field { name, validator, optional: false }
}

impl Validator {
    /// The fields of an object, to which others are added.
    const fn fields(&self) -> &'static [Field] {
        match self {
            Validator::Object(fields) => fields,
            Validator::Null => &[],
            _ => panic!("a tagged variant, or a document of a table, must be a struct with named fields"),
        }
    }

    /// Whether these can be a function's arguments.
    pub const fn is_object(&self) -> bool {
        matches!(self, Validator::Object(_) | Validator::Any)
    }
}

/// How many bytes [`write`] writes.
pub const fn size(rows: &[Row]) -> usize {
    let mut sink = Sink { bytes: None, size: 0 };
    sink.document(rows);
    sink.size
}

/// The document; `SIZE` is that of [`size`].
pub const fn write<const SIZE: usize>(rows: &[Row]) -> [u8; SIZE] {
    let mut bytes = [0; SIZE];
    let mut sink = Sink { bytes: Some(&mut bytes), size: 0 };
    sink.document(rows);
    bytes
}

/// Whether each path is there once.
pub const fn paths_differ(rows: &[Row]) -> bool {
    let mut i = 0;
    while i < rows.len() {
        let mut j = 0;
        while j < i {
            if is_same(rows[i].path.as_bytes(), rows[j].path.as_bytes()) {
                return false;
            }
            j += 1;
        }
        i += 1;
    }
    true
}

pub(crate) const fn is_same(a: &[u8], b: &[u8]) -> bool {
    if a.len() != b.len() {
        return false;
    }
    let mut i = 0;
    while i < a.len() {
        if a[i] != b[i] {
            return false;
        }
        i += 1;
    }
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text_of(validator: Validator) -> String {
        let mut sink = Sink { bytes: None, size: 0 };
        sink.validator(&validator);
        let mut bytes = vec![0; sink.size];
        let mut sink = Sink { bytes: Some(&mut bytes), size: 0 };
        sink.validator(&validator);
        String::from_utf8(bytes).unwrap()
    }

    #[test]
    fn writes_each_validator_as_convex_does() {
        const NAME: &[Field] =
            &[Field { name: "name", validator: Validator::String, optional: true }];
        let table = [
            (Validator::Any, r#"{"type":"any"}"#),
            (Validator::Int64, r#"{"type":"bigint"}"#),
            (Validator::Literal("a\"b\n"), r#"{"type":"literal","value":"a\"b\u000a"}"#),
            (Validator::Id("users"), r#"{"type":"id","tableName":"users"}"#),
            (Validator::Array(&Validator::Bytes), r#"{"type":"array","value":{"type":"bytes"}}"#),
            (
                Validator::Object(NAME),
                r#"{"type":"object","value":{"name":{"fieldType":{"type":"string"},"optional":true}}}"#,
            ),
            (
                Validator::Record(&Validator::String, &Validator::Number),
                r#"{"type":"record","keys":{"type":"string"},"values":{"fieldType":{"type":"number"},"optional":false}}"#,
            ),
            (
                Validator::Union(&[Validator::Null, Validator::Boolean]),
                r#"{"type":"union","value":[{"type":"null"},{"type":"boolean"}]}"#,
            ),
            (
                Validator::Tagged { tag: "kind", name: "a", of: &Validator::Null },
                r#"{"type":"object","value":{"kind":{"fieldType":{"type":"literal","value":"a"},"optional":false}}}"#,
            ),
            (
                Validator::Document { table: "users", of: &Validator::Object(NAME) },
                concat!(
                    r#"{"type":"object","value":{"_id":{"fieldType":{"type":"id","tableName":"users"},"optional":false},"#,
                    r#""_creationTime":{"fieldType":{"type":"number"},"optional":false},"#,
                    r#""name":{"fieldType":{"type":"string"},"optional":true}}}"#
                ),
            ),
        ];
        for (validator, json) in table {
            assert_eq!(text_of(validator), json);
        }
    }

    #[test]
    fn tells_equal_paths() {
        let row = |path| Row {
            path,
            export: "e",
            kind: "query",
            visibility: "public",
            args: Validator::Any,
            returns: Validator::Any,
        };
        assert!(paths_differ(&[row("a:b"), row("a:c"), row("ab")]));
        assert!(!paths_differ(&[row("a:b"), row("a:c"), row("a:b")]));
    }
}
