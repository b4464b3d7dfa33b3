//! The writing half of the format.

use super::Error;
use crate::base64;
use serde::ser::{self, Error as _, Serialize};
use std::io::Write;

/// The name of a field whose value's own fields are written in its place. [`crate::Doc`] uses it.
pub(crate) const INLINE: &str = "$cordon::inline";

/// Whether a value was `None`: the field it belongs to is left out then.
#[derive(PartialEq, Eq)]
pub(crate) enum Written {
    Value,
    Nothing,
}

pub(crate) struct Writer<'a> {
    out: &'a mut Vec<u8>,
    /// Write the fields of an object without its braces.
    inline: bool,
}

pub(crate) fn write_string(text: &str, out: &mut Vec<u8>) {
    out.push(b'"');
    let bytes = text.as_bytes();
    let mut start = 0;
    for (i, &byte) in bytes.iter().enumerate() {
        let escape: &[u8] = match byte {
            b'"' => b"\\\"",
            b'\\' => b"\\\\",
            b'\n' => b"\\n",
            b'\r' => b"\\r",
            b'\t' => b"\\t",
            0..=0x1f => b"",
            _ => continue,
        };
        out.extend_from_slice(&bytes[start..i]);
        out.extend_from_slice(escape);
        if escape.is_empty() {
            const DIGITS: &[u8; 16] = b"0123456789abcdef";
            out.extend_from_slice(b"\\u00");
            out.extend_from_slice(&[DIGITS[usize::from(byte >> 4)], DIGITS[usize::from(byte & 15)]]);
        }
        start = i + 1;
    }
    out.extend_from_slice(&bytes[start..]);
    out.push(b'"');
}

fn write_encoded(name: &str, bytes: &[u8], out: &mut Vec<u8>) {
    out.extend_from_slice(b"{\"$");
    out.extend_from_slice(name.as_bytes());
    out.extend_from_slice(b"\":\"");
    base64::write(bytes, out);
    out.extend_from_slice(b"\"}");
}

pub(crate) fn write_whole(whole: i64, out: &mut Vec<u8>) {
    let mut digits = [0; 20];
    let mut at = digits.len();
    let mut rest = whole.unsigned_abs();
    loop {
        at -= 1;
        digits[at] = b'0' + (rest % 10) as u8;
        rest /= 10;
        if rest == 0 {
            break;
        }
    }
    if whole < 0 {
        out.push(b'-');
    }
    out.extend_from_slice(&digits[at..]);
}

fn write_number(number: f64, out: &mut Vec<u8>) {
    if !number.is_finite() || (number == 0.0 && number.is_sign_negative()) {
        write_encoded("float", &number.to_le_bytes(), out);
    } else if number.abs() < 1e15 && number == (number as i64) as f64 {
        write_whole(number as i64, out);
    } else {
        write!(out, "{number:?}").expect("a vector takes every byte");
    }
}

impl<'a> Writer<'a> {
    pub(crate) fn new(out: &'a mut Vec<u8>) -> Self {
        Writer { out, inline: false }
    }

    fn write_bytes(self, bytes: &[u8]) -> Result<Written, Error> {
        self.out.extend_from_slice(bytes);
        Ok(Written::Value)
    }

    fn number(self, number: f64) -> Result<Written, Error> {
        write_number(number, self.out);
        Ok(Written::Value)
    }

    fn begin(self, open: &[u8], close: &'static [u8]) -> Compound<'a> {
        let (open, close): (&[u8], _) = if self.inline { (b"", b"" as &[u8]) } else { (open, close) };
        self.out.extend_from_slice(open);
        Compound { out: self.out, close, first: true }
    }

    /// `{"variant":` and what closes it; for the variants of an enum that hold something.
    fn begin_variant(self, variant: &str, open: u8, close: &'static [u8]) -> Compound<'a> {
        self.out.push(b'{');
        write_string(variant, self.out);
        self.out.extend_from_slice(&[b':', open]);
        Compound { out: self.out, close, first: true }
    }
}

fn too_wide(name: &str) -> Error {
    Error::custom(format_args!("{name} does not fit into a value: use i64 or f64"))
}

impl<'a> ser::Serializer for Writer<'a> {
    type Ok = Written;
    type Error = Error;
    type SerializeSeq = Compound<'a>;
    type SerializeTuple = Compound<'a>;
    type SerializeTupleStruct = Compound<'a>;
    type SerializeTupleVariant = Compound<'a>;
    type SerializeMap = Compound<'a>;
    type SerializeStruct = Compound<'a>;
    type SerializeStructVariant = Compound<'a>;

    fn serialize_bool(self, boolean: bool) -> Result<Written, Error> {
        self.write_bytes(if boolean { b"true" } else { b"false" })
    }
    fn serialize_i8(self, number: i8) -> Result<Written, Error> {
        self.number(number.into())
    }
    fn serialize_i16(self, number: i16) -> Result<Written, Error> {
        self.number(number.into())
    }
    fn serialize_i32(self, number: i32) -> Result<Written, Error> {
        self.number(number.into())
    }
    fn serialize_i64(self, integer: i64) -> Result<Written, Error> {
        write_encoded("integer", &integer.to_le_bytes(), self.out);
        Ok(Written::Value)
    }
    fn serialize_u8(self, number: u8) -> Result<Written, Error> {
        self.number(number.into())
    }
    fn serialize_u16(self, number: u16) -> Result<Written, Error> {
        self.number(number.into())
    }
    fn serialize_u32(self, number: u32) -> Result<Written, Error> {
        self.number(number.into())
    }
    fn serialize_u64(self, _: u64) -> Result<Written, Error> {
        Err(too_wide("u64"))
    }
    fn serialize_f32(self, number: f32) -> Result<Written, Error> {
        self.number(number.into())
    }
    fn serialize_f64(self, number: f64) -> Result<Written, Error> {
        self.number(number)
    }
    fn serialize_char(self, character: char) -> Result<Written, Error> {
        self.serialize_str(character.encode_utf8(&mut [0; 4]))
    }
    fn serialize_str(self, text: &str) -> Result<Written, Error> {
        write_string(text, self.out);
        Ok(Written::Value)
    }
    fn serialize_bytes(self, bytes: &[u8]) -> Result<Written, Error> {
        write_encoded("bytes", bytes, self.out);
        Ok(Written::Value)
    }
    fn serialize_none(self) -> Result<Written, Error> {
        self.write_bytes(b"null")?;
        Ok(Written::Nothing)
    }
    fn serialize_some<T: Serialize + ?Sized>(self, value: &T) -> Result<Written, Error> {
        value.serialize(self)?;
        Ok(Written::Value)
    }
    fn serialize_unit(self) -> Result<Written, Error> {
        self.write_bytes(b"null")
    }
    fn serialize_unit_struct(self, _: &'static str) -> Result<Written, Error> {
        self.write_bytes(b"null")
    }
    fn serialize_unit_variant(
        self,
        _: &'static str,
        _: u32,
        variant: &'static str,
    ) -> Result<Written, Error> {
        self.serialize_str(variant)
    }
    fn serialize_newtype_struct<T: Serialize + ?Sized>(
        self,
        _: &'static str,
        value: &T,
    ) -> Result<Written, Error> {
        value.serialize(self)
    }
    fn serialize_newtype_variant<T: Serialize + ?Sized>(
        self,
        _: &'static str,
        _: u32,
        variant: &'static str,
        value: &T,
    ) -> Result<Written, Error> {
        self.out.push(b'{');
        write_string(variant, self.out);
        self.out.push(b':');
        value.serialize(Writer::new(self.out))?;
        self.out.push(b'}');
        Ok(Written::Value)
    }
    fn serialize_seq(self, _: Option<usize>) -> Result<Compound<'a>, Error> {
        Ok(Writer::new(self.out).begin(b"[", b"]"))
    }
    fn serialize_tuple(self, size: usize) -> Result<Compound<'a>, Error> {
        self.serialize_seq(Some(size))
    }
    fn serialize_tuple_struct(self, _: &'static str, size: usize) -> Result<Compound<'a>, Error> {
        self.serialize_seq(Some(size))
    }
    fn serialize_tuple_variant(
        self,
        _: &'static str,
        _: u32,
        variant: &'static str,
        _: usize,
    ) -> Result<Compound<'a>, Error> {
        Ok(self.begin_variant(variant, b'[', b"]}"))
    }
    fn serialize_map(self, _: Option<usize>) -> Result<Compound<'a>, Error> {
        Ok(self.begin(b"{", b"}"))
    }
    fn serialize_struct(self, _: &'static str, _: usize) -> Result<Compound<'a>, Error> {
        Ok(self.begin(b"{", b"}"))
    }
    fn serialize_struct_variant(
        self,
        _: &'static str,
        _: u32,
        variant: &'static str,
        _: usize,
    ) -> Result<Compound<'a>, Error> {
        Ok(self.begin_variant(variant, b'{', b"}}"))
    }
}

/// An array or object that is being written.
pub(crate) struct Compound<'a> {
    out: &'a mut Vec<u8>,
    close: &'static [u8],
    first: bool,
}

impl Compound<'_> {
    fn separate(&mut self) {
        if !self.first {
            self.out.push(b',');
        }
        self.first = false;
    }

    fn item<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Error> {
        self.separate();
        value.serialize(Writer::new(self.out))?;
        Ok(())
    }

    /// A field of a struct, unless it turns out to be `None`.
    fn field<T: Serialize + ?Sized>(&mut self, name: &'static str, value: &T) -> Result<(), Error> {
        let (size, first) = (self.out.len(), self.first);
        self.separate();
        if name == INLINE {
            let start = self.out.len();
            value.serialize(Writer { out: self.out, inline: true })?;
            if self.out.len() == start {
                self.out.truncate(size);
                self.first = first;
            }
            return Ok(());
        }
        write_string(name, self.out);
        self.out.push(b':');
        let written = value
            .serialize(Writer::new(self.out))
            .map_err(|error| error.inside(format_args!(".{name}")))?;
        if written == Written::Nothing {
            self.out.truncate(size);
            self.first = first;
        }
        Ok(())
    }

    fn close(self) -> Result<Written, Error> {
        self.out.extend_from_slice(self.close);
        Ok(Written::Value)
    }
}

impl ser::SerializeSeq for Compound<'_> {
    type Ok = Written;
    type Error = Error;
    fn serialize_element<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Error> {
        self.item(value)
    }
    fn end(self) -> Result<Written, Error> {
        self.close()
    }
}

impl ser::SerializeTuple for Compound<'_> {
    type Ok = Written;
    type Error = Error;
    fn serialize_element<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Error> {
        self.item(value)
    }
    fn end(self) -> Result<Written, Error> {
        self.close()
    }
}

impl ser::SerializeTupleStruct for Compound<'_> {
    type Ok = Written;
    type Error = Error;
    fn serialize_field<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Error> {
        self.item(value)
    }
    fn end(self) -> Result<Written, Error> {
        self.close()
    }
}

impl ser::SerializeTupleVariant for Compound<'_> {
    type Ok = Written;
    type Error = Error;
    fn serialize_field<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Error> {
        self.item(value)
    }
    fn end(self) -> Result<Written, Error> {
        self.close()
    }
}

impl ser::SerializeMap for Compound<'_> {
    type Ok = Written;
    type Error = Error;
    fn serialize_key<T: Serialize + ?Sized>(&mut self, name: &T) -> Result<(), Error> {
        self.separate();
        let start = self.out.len();
        name.serialize(Writer::new(self.out))?;
        // Names are strings; a string is all that starts with a quotation mark.
        if self.out[start] != b'"' {
            return Err(Error::custom("the names of an object's fields must be strings"));
        }
        Ok(())
    }
    fn serialize_value<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Error> {
        self.out.push(b':');
        value.serialize(Writer::new(self.out))?;
        Ok(())
    }
    fn end(self) -> Result<Written, Error> {
        self.close()
    }
}

impl ser::SerializeStruct for Compound<'_> {
    type Ok = Written;
    type Error = Error;
    fn serialize_field<T: Serialize + ?Sized>(
        &mut self,
        name: &'static str,
        value: &T,
    ) -> Result<(), Error> {
        self.field(name, value)
    }
    fn end(self) -> Result<Written, Error> {
        self.close()
    }
}

impl ser::SerializeStructVariant for Compound<'_> {
    type Ok = Written;
    type Error = Error;
    fn serialize_field<T: Serialize + ?Sized>(
        &mut self,
        name: &'static str,
        value: &T,
    ) -> Result<(), Error> {
        self.field(name, value)
    }
    fn end(self) -> Result<Written, Error> {
        self.close()
    }
}
