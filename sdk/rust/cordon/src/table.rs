//! Tables, ids and documents.

use crate::error::Result;
use crate::json::{self, INLINE};
use crate::validator::{HasValidator, Validator};
use serde::de::{Deserialize, DeserializeOwned, Deserializer};
use serde::ser::{Serialize, SerializeStruct, Serializer};
use std::cmp::Ordering;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::marker::PhantomData;
use std::ops::{Deref, DerefMut};

/// A type whose values are the documents of a table. [`table`](crate::table) implements it.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is no table",
    note = "put `#[cordon::table(\"name\")]` before the struct of its documents"
)]
pub trait Table: Serialize + DeserializeOwned + HasValidator {
    /// The table's name.
    const NAME: &'static str;
    /// Its own indexes, for the schema.
    #[doc(hidden)]
    const INDEXES: &'static [IndexRow];
}

/// An index as the schema has it.
#[doc(hidden)]
#[derive(Clone, Copy)]
pub struct IndexRow {
    pub name: &'static str,
    pub fields: &'static [&'static str],
    pub staged: bool,
}

/// The id of a document of the table `T`. In values it is a string.
pub struct Id<T> {
    text: String,
    table: PhantomData<fn() -> T>,
}

impl<T> Id<T> {
    /// An id from its text, which is not checked before the id is used.
    pub fn new(text: impl Into<String>) -> Self {
        Id { text: text.into(), table: PhantomData }
    }

    /// The text of the id.
    pub fn as_str(&self) -> &str {
        &self.text
    }
}

impl<T> From<&Id<T>> for Id<T> {
    fn from(id: &Id<T>) -> Self {
        id.clone()
    }
}

impl<T> Clone for Id<T> {
    fn clone(&self) -> Self {
        Id::new(self.text.clone())
    }
}

impl<T> PartialEq for Id<T> {
    fn eq(&self, other: &Self) -> bool {
        self.text == other.text
    }
}

impl<T> Eq for Id<T> {}

impl<T> PartialOrd for Id<T> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl<T> Ord for Id<T> {
    fn cmp(&self, other: &Self) -> Ordering {
        self.text.cmp(&other.text)
    }
}

impl<T> Hash for Id<T> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.text.hash(state);
    }
}

impl<T> fmt::Debug for Id<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", self.text)
    }
}

impl<T> fmt::Display for Id<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl<T> Serialize for Id<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.text)
    }
}

impl<'de, T> Deserialize<'de> for Id<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer).map(Id::new)
    }
}

impl<T: Table> HasValidator for Id<T> {
    const VALIDATOR: Validator = Validator::Id(T::NAME);
}

/// A document: its own fields, which it dereferences to, and those of the system.
#[derive(Debug, Clone, PartialEq)]
pub struct Doc<T> {
    /// `_id`.
    pub id: Id<T>,
    /// `_creationTime`, in milliseconds since 1970.
    pub creation_time: f64,
    /// The document's own fields.
    pub fields: T,
}

impl<T> Doc<T> {
    /// The document's own fields alone.
    pub fn into_inner(self) -> T {
        self.fields
    }
}

impl<T> Deref for Doc<T> {
    type Target = T;
    fn deref(&self) -> &T {
        &self.fields
    }
}

impl<T> DerefMut for Doc<T> {
    fn deref_mut(&mut self) -> &mut T {
        &mut self.fields
    }
}

impl<T: Serialize> Serialize for Doc<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut object = serializer.serialize_struct("Doc", 3)?;
        object.serialize_field("_id", &self.id)?;
        object.serialize_field("_creationTime", &self.creation_time)?;
        object.serialize_field(INLINE, &self.fields)?;
        object.end()
    }
}

impl<T: Table> HasValidator for Doc<T> {
    const VALIDATOR: Validator = Validator::Document { table: T::NAME, of: &T::VALIDATOR };
}

/// In two passes, so that a table's type needs no place for the fields of the system.
pub(crate) fn read_document<T: Table>(json: impl AsRef<[u8]>) -> Result<Doc<T>> {
    #[derive(serde::Deserialize)]
    struct System<T> {
        _id: Id<T>,
        #[serde(rename = "_creationTime")]
        creation_time: f64,
    }
    let text = json::utf8(json.as_ref())?;
    let system: System<T> = json::from_str(text)?;
    Ok(Doc {
        id: system._id,
        creation_time: system.creation_time,
        fields: json::from_document(text)?,
    })
}
