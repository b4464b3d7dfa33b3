//! Who has signed in.

use crate::value::Value;
use serde::de::{Deserialize, Deserializer, Error as _};
use std::collections::BTreeMap;

/// Who has signed in, as a token said it that the host has verified: Convex's `UserIdentity`.
#[derive(Debug, Clone, PartialEq)]
pub struct Identity {
    /// One text for each user, also across providers: what documents keep of whose they are.
    pub token_identifier: String,
    /// Who says so.
    pub issuer: String,
    /// Who it is, by the issuer's own name.
    pub subject: String,
    fields: BTreeMap<String, Value>,
}

impl Identity {
    /// What else the token said, by Convex's names: `email`, `emailVerified`, `givenName`; claims of
    /// one's own by theirs, members of objects with dots, such as `properties.role`.
    pub fn get(&self, name: &str) -> Option<&Value> {
        self.fields.get(name)
    }

    /// The same, if it is a string.
    pub fn text(&self, name: &str) -> Option<&str> {
        match self.get(name) {
            Some(Value::String(text)) => Some(text),
            _ => None,
        }
    }
}

/// All fields, as an object.
impl From<Identity> for Value {
    fn from(identity: Identity) -> Self {
        Value::Object(identity.fields)
    }
}

impl<'de> Deserialize<'de> for Identity {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let fields = BTreeMap::<String, Value>::deserialize(deserializer)?;
        let text = |name| match fields.get(name) {
            Some(Value::String(text)) => Ok(text.clone()),
            _ => Err(D::Error::custom(format_args!("an identity without `{name}`"))),
        };
        Ok(Identity {
            token_identifier: text("tokenIdentifier")?,
            issuer: text("issuer")?,
            subject: text("subject")?,
            fields,
        })
    }
}
