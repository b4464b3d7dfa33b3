//! The reading half of the format: strict (RFC 8259), bounded in depth, borrowing where it can.
//!
//! Where the type asked for does not say what to expect (enums with a tag, [`crate::Value`]), a whole
//! number of 32 bits is offered to serde as such, any other number as `f64`, and an Int64 as `i64`.
//! So both `u32` and `f64` fields can take a number there, and [`crate::Value`] can tell the two apart.

use super::Error;
use crate::base64;
use serde::de::value::BorrowedStrDeserializer;
use serde::de::{self, DeserializeSeed, Error as _, IntoDeserializer, Unexpected, Visitor};
use serde::Deserialize;
use std::borrow::Cow;

/// Values may nest 64 deep, and what wraps them a little more; a guest's stack is small.
const DEPTH_MAX: u32 = 80;

/// A value's own text, left to be read later.
#[derive(Deserialize)]
#[serde(rename = "$cordon::raw")]
pub(crate) struct Raw<'a>(#[serde(borrow)] pub(crate) &'a str);

const RAW: &str = "$cordon::raw";

/// What an encoded value looks like from its second character on.
const ENCODED: &str = "\"$";

pub(crate) struct Reader<'de> {
    rest: &'de str,
    depth: u32,
    /// Leave out the fields of the outermost object that belong to the system.
    user_fields: bool,
}

/// Reads one value, and nothing after it.
pub(crate) fn read<'de, T: Deserialize<'de>>(json: &'de str) -> Result<T, Error> {
    read_to_end(Reader { rest: json, depth: 0, user_fields: false })
}

/// Reads a document's own fields, without those of the system.
pub(crate) fn from_document<'de, T: Deserialize<'de>>(json: &'de str) -> Result<T, Error> {
    read_to_end(Reader { rest: json, depth: 0, user_fields: true })
}

fn read_to_end<'de, T: Deserialize<'de>>(mut reader: Reader<'de>) -> Result<T, Error> {
    let value = T::deserialize(&mut reader)?;
    match reader.peek() {
        None => Ok(value),
        Some(_) => Err(reader.unexpected("the end")),
    }
}

/// A value that JSON itself lacks.
enum Encoded {
    Integer(i64),
    Float(f64),
    Bytes(Vec<u8>),
}

enum Number {
    Whole(i64),
    Float(f64),
}

impl Number {
    fn to_f64(&self) -> f64 {
        match *self {
            Number::Whole(whole) => whole as f64,
            Number::Float(float) => float,
        }
    }
}

impl<'de> Reader<'de> {
    fn peek(&mut self) -> Option<u8> {
        let space = |byte: &u8| matches!(byte, b' ' | b'\t' | b'\n' | b'\r');
        while self.rest.as_bytes().first().is_some_and(space) {
            self.rest = &self.rest[1..];
        }
        self.rest.as_bytes().first().copied()
    }

    fn unexpected(&self, wanted: &str) -> Error {
        match self.rest.chars().next() {
            Some(found) => Error::custom(format_args!("expected {wanted}, found {found:?}")),
            None => Error::custom(format_args!("expected {wanted}, found the end")),
        }
    }

    /// Steps over an ASCII character that was peeked at, or is expected.
    fn skip(&mut self, letter: u8, wanted: &str) -> Result<(), Error> {
        if self.peek() != Some(letter) {
            return Err(self.unexpected(wanted));
        }
        self.rest = &self.rest[1..];
        Ok(())
    }

    fn skip_if(&mut self, letter: u8) -> bool {
        let found = self.peek() == Some(letter);
        if found {
            self.rest = &self.rest[1..];
        }
        found
    }

    fn skip_word(&mut self, word: &str) -> Result<(), Error> {
        self.rest = self.rest.strip_prefix(word).ok_or_else(|| self.unexpected("a value"))?;
        Ok(())
    }

    /// The text up to `size` bytes from here, which is a border between characters.
    fn take(&mut self, size: usize) -> &'de str {
        let (taken, rest) = self.rest.split_at(size);
        self.rest = rest;
        taken
    }

    /// The digits of a number, by the grammar of JSON, and whether there are only digits.
    fn number_text(&mut self) -> Result<(&'de str, bool), Error> {
        let bytes = self.rest.as_bytes();
        let digits_from = |at: usize| bytes[at..].iter().take_while(|byte| byte.is_ascii_digit()).count();
        let start = usize::from(bytes.first() == Some(&b'-'));
        let count = digits_from(start);
        if count == 0 || (count > 1 && bytes[start] == b'0') {
            return Err(self.unexpected("a value"));
        }
        let mut end = start + count;
        let whole = !matches!(bytes.get(end), Some(b'.' | b'e' | b'E'));
        for (marks, signs) in [(&b"."[..], &b""[..]), (b"eE", b"+-")] {
            if !bytes.get(end).is_some_and(|byte| marks.contains(byte)) {
                continue;
            }
            end += 1;
            end += usize::from(bytes.get(end).is_some_and(|byte| signs.contains(byte)));
            let count = digits_from(end.min(bytes.len()));
            if count == 0 {
                self.take(end.min(bytes.len()));
                return Err(self.unexpected("a digit"));
            }
            end += count;
        }
        Ok((self.take(end), whole))
    }

    fn plain_number(&mut self) -> Result<Number, Error> {
        let (text, whole) = self.number_text()?;
        // Fifteen digits and a sign are exact in an f64. A zero may be the negative one.
        if whole && text.len() <= 16 && text != "-0" {
            return Ok(Number::Whole(text.parse().map_err(Error::custom)?));
        }
        let float: f64 = text.parse().map_err(Error::custom)?;
        if float.is_infinite() {
            return Err(Error::custom(format_args!("the number {text} is out of range")));
        }
        Ok(Number::Float(float))
    }

    /// A Float64, in either way of writing one.
    fn number(&mut self, visitor: &dyn de::Expected) -> Result<Number, Error> {
        match self.peek() {
            Some(b'-' | b'0'..=b'9') => self.plain_number(),
            Some(b'{') => match self.encoded()? {
                Some(Encoded::Float(float)) => Ok(Number::Float(float)),
                Some(other) => Err(other.invalid_type(visitor)),
                None => Err(Error::invalid_type(Unexpected::Map, visitor)),
            },
            _ => Err(self.invalid_type(visitor)),
        }
    }

    fn string(&mut self) -> Result<Cow<'de, str>, Error> {
        self.skip(b'"', "a string")?;
        let plain = self.rest.bytes().take_while(|&byte| byte >= 0x20 && byte != b'"' && byte != b'\\');
        let size = plain.count();
        if self.rest.as_bytes().get(size) == Some(&b'"') {
            let text = self.take(size);
            self.rest = &self.rest[1..];
            return Ok(Cow::Borrowed(text));
        }
        self.escaped_string()
    }

    fn escaped_string(&mut self) -> Result<Cow<'de, str>, Error> {
        let mut text = String::new();
        loop {
            let Some(end) = self.rest.find(|letter| letter < ' ' || letter == '"' || letter == '\\') else {
                return Err(Error::custom("expected the end of a string, found the end"));
            };
            text.push_str(self.take(end));
            match self.rest.as_bytes()[0] {
                b'"' => {
                    self.rest = &self.rest[1..];
                    return Ok(Cow::Owned(text));
                }
                b'\\' => {
                    self.rest = &self.rest[1..];
                    text.push(self.escape()?);
                }
                _ => return Err(self.unexpected("a character of a string")),
            }
        }
    }

    fn escape(&mut self) -> Result<char, Error> {
        let letter = match self.rest.as_bytes().first() {
            Some(b'"') => '"',
            Some(b'\\') => '\\',
            Some(b'/') => '/',
            Some(b'b') => '\u{8}',
            Some(b'f') => '\u{c}',
            Some(b'n') => '\n',
            Some(b'r') => '\r',
            Some(b't') => '\t',
            Some(b'u') => return self.unicode_escape(),
            _ => return Err(self.unexpected("an escape")),
        };
        self.rest = &self.rest[1..];
        Ok(letter)
    }

    /// The `u` of an escape and four digits.
    fn code_unit(&mut self) -> Result<u32, Error> {
        let digits = self.rest.get(1..5).filter(|digits| digits.bytes().all(|b| b.is_ascii_hexdigit()));
        let digits = digits.ok_or_else(|| self.unexpected("\\u and four hexadecimal digits"))?;
        let unit = u32::from_str_radix(digits, 16).map_err(Error::custom)?;
        self.rest = &self.rest[5..];
        Ok(unit)
    }

    /// A character beyond the first 65,536 is written as two units; one of them alone is none.
    fn unicode_escape(&mut self) -> Result<char, Error> {
        let mut code = self.code_unit()?;
        if (0xd800..0xdc00).contains(&code) && self.rest.starts_with("\\u") {
            self.rest = &self.rest[1..];
            let low = self.code_unit()?;
            if (0xdc00..0xe000).contains(&low) {
                code = 0x10000 + ((code - 0xd800) << 10) + (low - 0xdc00);
            }
        }
        char::from_u32(code).ok_or_else(|| Error::custom("half a surrogate pair is no character"))
    }

    /// An encoded value, if the object here is one. Stands before its brace if it is not.
    fn encoded(&mut self) -> Result<Option<Encoded>, Error> {
        let before = self.rest;
        self.skip(b'{', "an object")?;
        self.peek();
        if !self.rest.starts_with(ENCODED) {
            self.rest = before;
            return Ok(None);
        }
        let name = self.string()?;
        self.skip(b':', "a colon")?;
        let text = self.string()?;
        let Some(value) = Encoded::of(&name, &text) else {
            return Err(Error::custom(format_args!("{{{name:?}: {text:?}}} is no value")));
        };
        self.skip(b'}', "the end of an object")?;
        Ok(Some(value))
    }

    fn invalid_type(&mut self, expected: &dyn de::Expected) -> Error {
        let found = match self.peek() {
            Some(b'n') => Unexpected::Unit,
            Some(b't') => Unexpected::Bool(true),
            Some(b'f') => Unexpected::Bool(false),
            Some(b'"') => Unexpected::Other("a string"),
            Some(b'[') => Unexpected::Seq,
            Some(b'{') => match self.encoded() {
                Ok(Some(value)) => return value.invalid_type(expected),
                _ => Unexpected::Map,
            },
            Some(b'-' | b'0'..=b'9') => match self.plain_number() {
                Ok(number) => Unexpected::Float(number.to_f64()),
                Err(error) => return error,
            },
            _ => return self.unexpected("a value"),
        };
        Error::invalid_type(found, expected)
    }

    /// One level down and back.
    fn nested<T>(&mut self, read: impl FnOnce(&mut Self) -> Result<T, Error>) -> Result<T, Error> {
        if self.depth == DEPTH_MAX {
            return Err(Error::custom(format_args!("nested deeper than {DEPTH_MAX} levels")));
        }
        self.depth += 1;
        let value = read(self)?;
        self.depth -= 1;
        Ok(value)
    }

    fn array<V: Visitor<'de>>(&mut self, visitor: V) -> Result<V::Value, Error> {
        self.skip(b'[', "an array")?;
        self.nested(|reader| {
            let mut items = Items { reader, count: 0, closed: false };
            let value = visitor.visit_seq(&mut items)?;
            if !items.closed {
                items.reader.skip(b']', "the end of an array")?;
            }
            Ok(value)
        })
    }

    fn object<V: Visitor<'de>>(&mut self, visitor: V) -> Result<V::Value, Error> {
        self.skip(b'{', "an object")?;
        let user_fields = std::mem::take(&mut self.user_fields);
        self.nested(|reader| {
            let mut fields =
                Fields { reader, name: Cow::Borrowed(""), first: true, closed: false, user_fields };
            let value = visitor.visit_map(&mut fields)?;
            if !fields.closed {
                fields.reader.skip(b'}', "the end of an object")?;
            }
            Ok(value)
        })
    }

    /// A whole number where serde wants one of at most 32 bits; it checks the range.
    fn whole<V: Visitor<'de>>(&mut self, visitor: V) -> Result<V::Value, Error> {
        match self.number(&visitor)? {
            Number::Whole(whole) => visitor.visit_i64(whole),
            Number::Float(zero) if zero == 0.0 => visitor.visit_i64(0),
            Number::Float(float) => Err(Error::invalid_value(Unexpected::Float(float), &visitor)),
        }
    }
}

impl Encoded {
    fn of(name: &str, text: &str) -> Option<Encoded> {
        let bytes = base64::read(text.as_bytes())?;
        match name {
            "$integer" => Some(Encoded::Integer(i64::from_le_bytes(bytes.try_into().ok()?))),
            "$float" => {
                let float = f64::from_le_bytes(bytes.try_into().ok()?);
                let plain = float.is_finite() && !(float == 0.0 && float.is_sign_negative());
                (!plain).then_some(Encoded::Float(float))
            }
            "$bytes" => Some(Encoded::Bytes(bytes)),
            _ => None,
        }
    }

    fn invalid_type(self, expected: &dyn de::Expected) -> Error {
        let found = match &self {
            Encoded::Integer(_) => Unexpected::Other("an Int64"),
            Encoded::Float(float) => Unexpected::Float(*float),
            Encoded::Bytes(_) => Unexpected::Other("bytes"),
        };
        Error::invalid_type(found, expected)
    }

    fn visit<'de, V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        match self {
            Encoded::Integer(integer) => visitor.visit_i64(integer),
            Encoded::Float(float) => visitor.visit_f64(float),
            Encoded::Bytes(bytes) => visitor.visit_byte_buf(bytes),
        }
    }
}

fn visit_number<'de, V: Visitor<'de>>(number: Number, visitor: V) -> Result<V::Value, Error> {
    match number {
        Number::Whole(whole) => match (u32::try_from(whole), i32::try_from(whole)) {
            (Ok(whole), _) => visitor.visit_u32(whole),
            (_, Ok(whole)) => visitor.visit_i32(whole),
            _ => visitor.visit_f64(whole as f64),
        },
        Number::Float(float) => visitor.visit_f64(float),
    }
}

fn visit_string<'de, V: Visitor<'de>>(text: Cow<'de, str>, visitor: V) -> Result<V::Value, Error> {
    match text {
        Cow::Borrowed(text) => visitor.visit_borrowed_str(text),
        Cow::Owned(text) => visitor.visit_string(text),
    }
}

macro_rules! whole_numbers {
    ($($method:ident)*) => {
        $(fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
            self.whole(visitor)
        })*
    };
}

impl<'de> de::Deserializer<'de> for &mut Reader<'de> {
    type Error = Error;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        match self.peek() {
            Some(b'n') => self.skip_word("null").and_then(|()| visitor.visit_unit()),
            Some(b't') => self.skip_word("true").and_then(|()| visitor.visit_bool(true)),
            Some(b'f') => self.skip_word("false").and_then(|()| visitor.visit_bool(false)),
            Some(b'"') => visit_string(self.string()?, visitor),
            Some(b'[') => self.array(visitor),
            Some(b'{') => match self.encoded()? {
                Some(value) => value.visit(visitor),
                None => self.object(visitor),
            },
            _ => visit_number(self.plain_number()?, visitor),
        }
    }

    whole_numbers! {
        deserialize_i8 deserialize_i16 deserialize_i32 deserialize_u8 deserialize_u16 deserialize_u32
    }

    fn deserialize_bool<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        match self.peek() {
            Some(b't' | b'f') => self.deserialize_any(visitor),
            _ => Err(self.invalid_type(&visitor)),
        }
    }

    fn deserialize_i64<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        if self.peek() == Some(b'{') {
            match self.encoded()? {
                Some(Encoded::Integer(integer)) => return visitor.visit_i64(integer),
                Some(other) => return Err(other.invalid_type(&visitor)),
                None => {}
            }
        }
        Err(self.invalid_type(&visitor))
    }

    fn deserialize_u64<V: Visitor<'de>>(self, _: V) -> Result<V::Value, Error> {
        Err(Error::custom("u64 holds no value of Convex: use i64 or f64"))
    }

    fn deserialize_f32<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        self.deserialize_f64(visitor)
    }

    fn deserialize_f64<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        let number = self.number(&visitor)?;
        visitor.visit_f64(number.to_f64())
    }

    fn deserialize_char<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        self.deserialize_str(visitor)
    }

    fn deserialize_str<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        if self.peek() != Some(b'"') {
            return Err(self.invalid_type(&visitor));
        }
        visit_string(self.string()?, visitor)
    }

    fn deserialize_string<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        self.deserialize_str(visitor)
    }

    fn deserialize_bytes<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        self.deserialize_byte_buf(visitor)
    }

    fn deserialize_byte_buf<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        if self.peek() == Some(b'{') {
            match self.encoded()? {
                Some(Encoded::Bytes(bytes)) => return visitor.visit_byte_buf(bytes),
                Some(other) => return Err(other.invalid_type(&visitor)),
                None => {}
            }
        }
        Err(self.invalid_type(&visitor))
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        if self.peek() != Some(b'n') {
            return visitor.visit_some(self);
        }
        self.skip_word("null")?;
        visitor.visit_none()
    }

    fn deserialize_unit<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        if self.peek() != Some(b'n') {
            return Err(self.invalid_type(&visitor));
        }
        self.deserialize_any(visitor)
    }

    fn deserialize_unit_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        visitor: V,
    ) -> Result<V::Value, Error> {
        self.deserialize_unit(visitor)
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        name: &'static str,
        visitor: V,
    ) -> Result<V::Value, Error> {
        if name != RAW {
            return visitor.visit_newtype_struct(self);
        }
        self.peek();
        let start = self.rest;
        de::IgnoredAny::deserialize(&mut *self)?;
        let text = &start[..start.len() - self.rest.len()];
        visitor.visit_newtype_struct(BorrowedStrDeserializer::new(text))
    }

    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        if self.peek() != Some(b'[') {
            return Err(self.invalid_type(&visitor));
        }
        self.array(visitor)
    }

    fn deserialize_tuple<V: Visitor<'de>>(self, _: usize, visitor: V) -> Result<V::Value, Error> {
        self.deserialize_seq(visitor)
    }

    fn deserialize_tuple_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: usize,
        visitor: V,
    ) -> Result<V::Value, Error> {
        self.deserialize_seq(visitor)
    }

    fn deserialize_map<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        if self.peek() != Some(b'{') {
            return Err(self.invalid_type(&visitor));
        }
        match self.encoded()? {
            Some(value) => Err(value.invalid_type(&visitor)),
            None => self.object(visitor),
        }
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Error> {
        self.deserialize_map(visitor)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Error> {
        match self.peek() {
            Some(b'"') => visitor.visit_enum(self.string()?.into_deserializer()),
            Some(b'{') => {
                self.skip(b'{', "an object")?;
                let value = self.nested(|reader| visitor.visit_enum(Variant { reader }))?;
                self.skip(b'}', "the end of an object")?;
                Ok(value)
            }
            _ => Err(self.invalid_type(&visitor)),
        }
    }

    fn deserialize_identifier<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        self.deserialize_str(visitor)
    }

    fn deserialize_ignored_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        self.deserialize_any(visitor)
    }
}

struct Items<'a, 'de> {
    reader: &'a mut Reader<'de>,
    count: usize,
    closed: bool,
}

impl<'de> de::SeqAccess<'de> for Items<'_, 'de> {
    type Error = Error;

    fn next_element_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Result<Option<T::Value>, Error> {
        if self.closed {
            return Ok(None);
        }
        if self.count == 0 && self.reader.skip_if(b']') || self.count != 0 && !self.reader.skip_if(b',') {
            if self.count != 0 {
                self.reader.skip(b']', "a comma or the end of an array")?;
            }
            self.closed = true;
            return Ok(None);
        }
        let count = self.count;
        self.count += 1;
        let item = seed.deserialize(&mut *self.reader);
        item.map(Some).map_err(|error| error.inside(format_args!("[{count}]")))
    }
}

struct Fields<'a, 'de> {
    reader: &'a mut Reader<'de>,
    /// Of the field whose value comes next; told in errors.
    name: Cow<'de, str>,
    first: bool,
    closed: bool,
    user_fields: bool,
}

impl<'de> Fields<'_, 'de> {
    /// Stands before a field's value then; false at the end.
    fn next_name(&mut self) -> Result<bool, Error> {
        if self.closed {
            return Ok(false);
        }
        let first = std::mem::take(&mut self.first);
        if first && self.reader.skip_if(b'}') || !first && !self.reader.skip_if(b',') {
            if !first {
                self.reader.skip(b'}', "a comma or the end of an object")?;
            }
            self.closed = true;
            return Ok(false);
        }
        self.name = self.reader.string()?;
        self.reader.skip(b':', "a colon")?;
        Ok(true)
    }
}

impl<'de> de::MapAccess<'de> for Fields<'_, 'de> {
    type Error = Error;

    fn next_key_seed<K: DeserializeSeed<'de>>(&mut self, seed: K) -> Result<Option<K::Value>, Error> {
        while self.next_name()? {
            if !self.user_fields || !self.name.starts_with('_') {
                return match &self.name {
                    Cow::Borrowed(name) => seed.deserialize(Name(BorrowedStrDeserializer::new(name))),
                    Cow::Owned(name) => seed.deserialize(Name(name.as_str().into_deserializer())),
                }
                .map(Some);
            }
            de::IgnoredAny::deserialize(&mut *self.reader)?;
        }
        Ok(None)
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value, Error> {
        let value = seed.deserialize(&mut *self.reader);
        value.map_err(|error| error.inside(format_args!(".{}", self.name)))
    }
}

/// The name of a field, for whatever type it is read as.
struct Name<D>(D);

impl<'de, D: de::Deserializer<'de, Error = Error>> de::Deserializer<'de> for Name<D> {
    type Error = Error;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        self.0.deserialize_any(visitor)
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        visitor: V,
    ) -> Result<V::Value, Error> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        name: &'static str,
        variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Error> {
        self.0.deserialize_enum(name, variants, visitor)
    }

    serde::forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf option unit
        unit_struct seq tuple tuple_struct map struct identifier ignored_any
    }
}

/// A variant that holds something: `{"variant": …}`.
struct Variant<'a, 'de> {
    reader: &'a mut Reader<'de>,
}

impl<'de> de::EnumAccess<'de> for Variant<'_, 'de> {
    type Error = Error;
    type Variant = Self;

    fn variant_seed<V: DeserializeSeed<'de>>(self, seed: V) -> Result<(V::Value, Self), Error> {
        let name = seed.deserialize(&mut *self.reader)?;
        self.reader.skip(b':', "a colon")?;
        Ok((name, self))
    }
}

impl<'de> de::VariantAccess<'de> for Variant<'_, 'de> {
    type Error = Error;

    fn unit_variant(self) -> Result<(), Error> {
        Deserialize::deserialize(self.reader)
    }

    fn newtype_variant_seed<T: DeserializeSeed<'de>>(self, seed: T) -> Result<T::Value, Error> {
        seed.deserialize(self.reader)
    }

    fn tuple_variant<V: Visitor<'de>>(self, size: usize, visitor: V) -> Result<V::Value, Error> {
        de::Deserializer::deserialize_tuple(self.reader, size, visitor)
    }

    fn struct_variant<V: Visitor<'de>>(
        self,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Error> {
        de::Deserializer::deserialize_struct(self.reader, "", fields, visitor)
    }
}
