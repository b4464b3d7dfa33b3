//! Documents out of any place where values are: the result of a call, or an argument.
//!
//! The fields of the system are taken out on the way to the table's type, which knows nothing of them.
//! What the database sends goes a faster way, `read_document`.

use crate::table::{Doc, Id};
use serde::de::value::{BorrowedStrDeserializer, MapAccessDeserializer, StrDeserializer};
use serde::de::{Deserialize, DeserializeSeed, Deserializer, Error, MapAccess, Visitor};
use std::fmt;
use std::marker::PhantomData;

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Doc<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(DocVisitor(PhantomData))
    }
}

struct DocVisitor<T>(PhantomData<T>);

impl<'de, T: Deserialize<'de>> Visitor<'de> for DocVisitor<T> {
    type Value = Doc<T>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a document")
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Doc<T>, A::Error> {
        let (mut id, mut creation_time) = (None, None);
        let own = OwnFields { map, id: &mut id, creation_time: &mut creation_time };
        let fields = T::deserialize(own)?;
        let missing = A::Error::missing_field;
        Ok(Doc {
            id: Id::new(id.ok_or_else(|| missing("_id"))?),
            creation_time: creation_time.ok_or_else(|| missing("_creationTime"))?,
            fields,
        })
    }
}

/// The fields of a document without those of the system, which are kept apart.
struct OwnFields<'a, A> {
    map: A,
    id: &'a mut Option<String>,
    creation_time: &'a mut Option<f64>,
}

impl<'de, A: MapAccess<'de>> MapAccess<'de> for OwnFields<'_, A> {
    type Error = A::Error;

    fn next_key_seed<K: DeserializeSeed<'de>>(&mut self, seed: K) -> Result<Option<K::Value>, A::Error> {
        let mut seed = seed;
        loop {
            match self.map.next_key_seed(KeySeed(seed))? {
                None => return Ok(None),
                Some(Key::Own(key)) => return Ok(Some(key)),
                Some(Key::Id(unused)) => {
                    *self.id = Some(self.map.next_value()?);
                    seed = unused;
                }
                Some(Key::CreationTime(unused)) => {
                    *self.creation_time = Some(self.map.next_value()?);
                    seed = unused;
                }
            }
        }
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value, A::Error> {
        self.map.next_value_seed(seed)
    }
}

impl<'de, A: MapAccess<'de>> Deserializer<'de> for OwnFields<'_, A> {
    type Error = A::Error;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, A::Error> {
        visitor.visit_map(self)
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        visitor: V,
    ) -> Result<V::Value, A::Error> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        name: &'static str,
        variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, A::Error> {
        MapAccessDeserializer::new(self).deserialize_enum(name, variants, visitor)
    }

    serde::forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf option unit
        unit_struct seq tuple tuple_struct map struct identifier ignored_any
    }
}

/// A name of a field: one of the system's, with the seed of a field to come, or what the seed made of
/// it.
enum Key<K, V> {
    Id(K),
    CreationTime(K),
    Own(V),
}

struct KeySeed<K>(K);

impl<'de, K: DeserializeSeed<'de>> DeserializeSeed<'de> for KeySeed<K> {
    type Value = Key<K, K::Value>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl<'de, K: DeserializeSeed<'de>> Visitor<'de> for KeySeed<K> {
    type Value = Key<K, K::Value>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the name of a field")
    }

    fn visit_str<E: Error>(self, name: &str) -> Result<Self::Value, E> {
        match name {
            "_id" => Ok(Key::Id(self.0)),
            "_creationTime" => Ok(Key::CreationTime(self.0)),
            _ => self.0.deserialize(StrDeserializer::new(name)).map(Key::Own),
        }
    }

    fn visit_borrowed_str<E: Error>(self, name: &'de str) -> Result<Self::Value, E> {
        match name {
            "_id" => Ok(Key::Id(self.0)),
            "_creationTime" => Ok(Key::CreationTime(self.0)),
            _ => self.0.deserialize(BorrowedStrDeserializer::new(name)).map(Key::Own),
        }
    }
}
