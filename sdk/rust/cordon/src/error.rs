//! How a function fails.

use crate::json;
use serde::de::{Deserialize, DeserializeOwned, Deserializer};
use serde::Serialize;
use std::fmt;

/// What a function returns; [`Error`] takes any error by `?`.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Why a function failed: a message for the developer and, for a [`ConvexError`], data for clients.
///
/// Every error type of the standard kind becomes one by `?`, with the messages of its sources behind
/// its own. In production, clients are not shown the message.
pub struct Error {
    message: String,
    data: Option<String>,
    code: Option<String>,
}

impl Error {
    /// An error with that message.
    pub fn new(message: impl fmt::Display) -> Self {
        Error { message: message.to_string(), data: None, code: None }
    }

    /// The code of a refusal by the host, such as `NonexistentDocument`, or of a call that failed, such
    /// as `Failed` or `FunctionNotFound`; `None` for another error.
    ///
    /// What the host refused has not been done, and the run may go on.
    pub fn code(&self) -> Option<&str> {
        self.code.as_deref()
    }

    /// The data of a [`ConvexError`], if it is one and its data are a `T`; [`Value`](crate::Value) is
    /// any. So a caller tells the failures apart that a function it called has on purpose.
    ///
    /// ```
    /// # use cordon::prelude::*;
    /// #[cordon::data]
    /// struct Refusal {
    ///     code: String,
    /// }
    ///
    /// fn is_full(error: &cordon::Error) -> bool {
    ///     error.data().is_some_and(|refusal: Refusal| refusal.code == "full")
    /// }
    ///
    /// let full = ConvexError::new(Refusal { code: "full".into() });
    /// assert!(is_full(&full.into()));
    /// assert!(!is_full(&ConvexError::new("full").into()));
    /// assert!(!is_full(&cordon::Error::new("full")));
    /// ```
    pub fn data<T: DeserializeOwned>(&self) -> Option<T> {
        json::from_str(self.data.as_deref()?).ok()
    }

    /// The argument of the host call `fail`.
    pub(crate) fn to_json(&self) -> Vec<u8> {
        let mut out = b"{\"message\":".to_vec();
        json::write_string(&self.message, &mut out);
        if let Some(data) = &self.data {
            out.extend_from_slice(b",\"data\":");
            out.extend_from_slice(data.as_bytes());
        }
        out.push(b'}');
        out
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl<E: std::error::Error> From<E> for Error {
    fn from(error: E) -> Self {
        let mut message = error.to_string();
        let mut source = error.source();
        while let Some(cause) = source {
            message += &format!(": {cause}");
            source = cause.source();
        }
        Error { message, data: None, code: None }
    }
}

impl From<ConvexError> for Error {
    fn from(error: ConvexError) -> Self {
        match error.data {
            Ok(data) => Error { message: error.message, data: Some(data), code: None },
            Err(why) => Error::new(format!("the data of a ConvexError cannot be encoded: {why}")),
        }
    }
}

/// A failure that clients are told about: its data, any value, reaches them as it is.
///
/// ```
/// # use cordon::prelude::*;
/// #[cordon::data]
/// struct Refusal {
///     code: &'static str,
/// }
///
/// fn check(body: &str) -> Result<()> {
///     if body.is_empty() {
///         return Err(ConvexError::new(Refusal { code: "empty" }).into());
///     }
///     Ok(())
/// }
/// # assert!(check("").is_err());
/// ```
#[derive(Debug)]
pub struct ConvexError {
    message: String,
    data: std::result::Result<String, json::Error>,
}

impl ConvexError {
    /// An error with that data. Its message is the data: a string as it is, all else as JSON.
    pub fn new(data: impl Serialize) -> Self {
        let data = json::to_string(&data);
        let message = match &data {
            Ok(text) => json::from_str(text).unwrap_or_else(|_| text.clone()),
            Err(_) => String::new(),
        };
        ConvexError { message, data }
    }
}

/// A refusal by the host: it could not do what was asked for, and the run may go on.
#[derive(serde::Deserialize)]
pub(crate) struct Refusal {
    pub(crate) code: String,
    pub(crate) message: String,
    /// Of a function that was called: what it failed with, in JSON.
    #[serde(default, deserialize_with = "text_of")]
    pub(crate) data: Option<String>,
}

/// The JSON of a field that is there, null too.
fn text_of<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<String>, D::Error> {
    json::Raw::deserialize(deserializer).map(|raw| Some(raw.0.to_owned()))
}

impl From<Refusal> for Error {
    fn from(refusal: Refusal) -> Self {
        Error { message: refusal.message, data: refusal.data, code: Some(refusal.code) }
    }
}
