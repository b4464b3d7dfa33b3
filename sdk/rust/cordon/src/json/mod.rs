//! Convex's encoding of values in JSON, as a data format of serde.
//!
//! It is JSON with 64-bit integers as `{"$integer": …}`, bytes as `{"$bytes": …}`, and the numbers
//! that JSON lacks as `{"$float": …}`. So `i64` is Convex's Int64; `f64`, `f32` and the integers of at
//! most 32 bits, which fit into it exactly, are Float64. `u64` and the wider integers fit nowhere and
//! are refused.
//!
//! A field of a struct that is `None` is left out, as `undefined` is in JavaScript. `None` elsewhere
//! is null.

mod read;
mod write;

use serde::de::{Deserialize, DeserializeOwned};
use serde::Serialize;
use std::fmt;

pub(crate) use read::{from_document, Raw};
pub(crate) use write::{write_string, write_whole, INLINE};

/// A text that is no value, or a value that has no encoding.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Error {
    path: String,
    what: String,
}

impl Error {
    /// The same, seen from one level above.
    fn inside(mut self, step: fmt::Arguments<'_>) -> Self {
        self.path.insert_str(0, &step.to_string());
        self
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.path.strip_prefix('.').unwrap_or(&self.path) {
            "" => f.write_str(&self.what),
            path => write!(f, "{path}: {}", self.what),
        }
    }
}

impl std::error::Error for Error {}

impl serde::de::Error for Error {
    fn custom<T: fmt::Display>(what: T) -> Self {
        Error { path: String::new(), what: what.to_string() }
    }
}

impl serde::ser::Error for Error {
    fn custom<T: fmt::Display>(what: T) -> Self {
        Error { path: String::new(), what: what.to_string() }
    }
}

/// A value from its JSON; it may borrow from the text.
pub fn from_str<'de, T: Deserialize<'de>>(json: &'de str) -> Result<T, Error> {
    read::read(json)
}

/// As [`from_str`], for bytes.
pub fn from_slice<T: DeserializeOwned>(json: &[u8]) -> Result<T, Error> {
    from_str(utf8(json)?)
}

/// The JSON of a value.
pub fn to_vec<T: Serialize + ?Sized>(value: &T) -> Result<Vec<u8>, Error> {
    let mut out = Vec::with_capacity(128);
    write_value(value, &mut out)?;
    Ok(out)
}

/// As [`to_vec`], as a string.
pub fn to_string<T: Serialize + ?Sized>(value: &T) -> Result<String, Error> {
    let json = to_vec(value)?;
    Ok(String::from_utf8(json).expect("JSON is UTF-8"))
}

/// Appends the JSON of a value.
pub(crate) fn write_value<T: Serialize + ?Sized>(value: &T, out: &mut Vec<u8>) -> Result<(), Error> {
    value.serialize(write::Writer::new(out))?;
    Ok(())
}

/// As [`write_value`], with `None` as the host writes a field that is not there.
pub(crate) fn write_value_or_undefined<T: Serialize + ?Sized>(
    value: &T,
    out: &mut Vec<u8>,
) -> Result<(), Error> {
    let start = out.len();
    if value.serialize(write::Writer::new(out))? == write::Written::Nothing {
        out.truncate(start);
        out.extend_from_slice(b"{\"$undefined\":null}");
    }
    Ok(())
}

pub(crate) fn utf8(json: &[u8]) -> Result<&str, Error> {
    std::str::from_utf8(json).map_err(serde::de::Error::custom)
}

#[cfg(test)]
mod tests;
