//! What is wrong with a request: all of it, each fault with its place.
//!
//! serde stops at the first fault. [`query`] and [`json`] take the part at fault out and read the rest again, so the
//! caller learns of every fault at once, and a service can go on to check what is left.
//!
//! | module | what for |
//! | --- | --- |
//! | `body` | JSON documents, read again without what is at fault |
//! | `query_string` | the same for query strings |
//! | `refusal` | why serde does not take something: its kind, its field and words for people |

mod body;
mod query_string;
mod refusal;

pub use body::{is_nothing, json, value};
pub use query_string::query;

use crate::problem::Problem;
use axum::extract::FromRequestParts;
use axum::http::StatusCode;
use axum::http::request::Parts;
use serde::de::DeserializeOwned;
use serde::{Serialize, Serializer};
use std::borrow::Cow;
use std::fmt;

/// How many faults of one request are looked for by reading it again.
const MAX_FAULTS: usize = 20;

/// Where a fault is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Place {
    /// In the body: a JSON pointer (RFC 6901); empty for the body as a whole.
    Pointer(String),
    /// A parameter of the path or of the query string.
    Parameter(String),
    /// A header of the request.
    Header(String),
}

impl Place {
    /// The place as people write it: `params.order` for `/params/order`.
    fn name(&self) -> Cow<'_, str> {
        match self {
            Self::Pointer(pointer) => pointer.trim_start_matches('/').replace('/', ".").into(),
            Self::Parameter(name) | Self::Header(name) => name.into(),
        }
    }
}

/// What kind of fault.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum FaultCode {
    /// A value that cannot be taken.
    InvalidValue,
    /// A field that must be there and is not.
    MissingField,
    /// A field that there is not.
    UnknownField,
}

/// One thing that is wrong with a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// Where.
    pub place: Place,
    /// What kind of fault.
    pub code: FaultCode,
    /// What is wrong and what to do, in words; it does not repeat the place.
    pub detail: String,
}

impl Fault {
    /// A value at `pointer` in the body that cannot be taken.
    pub fn at(pointer: impl Into<String>, detail: impl Into<String>) -> Self {
        Self::new(Place::Pointer(pointer.into()), detail)
    }

    /// A parameter that cannot be taken.
    pub fn parameter(name: impl Into<String>, detail: impl Into<String>) -> Self {
        Self::new(Place::Parameter(name.into()), detail)
    }

    /// A header that cannot be taken.
    pub fn header(name: impl Into<String>, detail: impl Into<String>) -> Self {
        Self::new(Place::Header(name.into()), detail)
    }

    /// A field at `pointer` in the body that the request does not have.
    pub fn unknown_field(pointer: impl Into<String>, detail: impl Into<String>) -> Self {
        Self::at(pointer, detail).coded(FaultCode::UnknownField)
    }

    /// A field that is not at `pointer` in the body and must be.
    pub fn missing_field(pointer: impl Into<String>, detail: impl Into<String>) -> Self {
        Self::at(pointer, detail).coded(FaultCode::MissingField)
    }

    fn new(place: Place, detail: impl Into<String>) -> Self {
        Self {
            place,
            code: FaultCode::InvalidValue,
            detail: detail.into(),
        }
    }

    fn coded(self, code: FaultCode) -> Self {
        Self { code, ..self }
    }

    /// The same fault of a request whose fields came in the query string.
    #[must_use]
    pub fn in_query(self) -> Self {
        let place = match self.place {
            Place::Pointer(_) => Place::Parameter(self.place.name().into_owned()),
            other => other,
        };
        Self { place, ..self }
    }

    /// The same fault of a document that stands at `pointer` in the body.
    #[must_use]
    pub fn under(self, pointer: &str) -> Self {
        let place = match self.place {
            Place::Pointer(inner) => Place::Pointer(format!("{pointer}{inner}")),
            other => other,
        };
        Self { place, ..self }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = self.place.name();
        if name.is_empty() {
            f.write_str(&self.detail)
        } else {
            write!(f, "{name}: {}", self.detail)
        }
    }
}

impl Serialize for Fault {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        #[derive(Serialize)]
        struct Members<'a> {
            #[serde(flatten)]
            place: &'a Place,
            code: FaultCode,
            detail: &'a str,
        }
        Members {
            place: &self.place,
            code: self.code,
            detail: &self.detail,
        }
        .serialize(serializer)
    }
}

/// All that is wrong with a request.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Faults(Vec<Fault>);

impl Faults {
    /// Adds a fault.
    pub fn push(&mut self, fault: Fault) {
        self.0.push(fault);
    }

    /// Adds faults.
    pub fn extend(&mut self, faults: impl IntoIterator<Item = Fault>) {
        self.0.extend(faults);
    }

    /// What `outcome` holds, its faults added.
    pub fn take<T, F: Into<Self>>(&mut self, outcome: Result<T, F>) -> Option<T> {
        outcome.map_err(|faults| self.extend(faults.into())).ok()
    }

    /// Whether there is a fault at `pointer` in the body.
    #[must_use]
    pub fn has(&self, pointer: &str) -> bool {
        self.0
            .iter()
            .any(|fault| matches!(&fault.place, Place::Pointer(known) if known == pointer))
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// `value` if there is no fault.
    pub fn or<T>(self, value: T) -> Result<T, Self> {
        if self.0.is_empty() { Ok(value) } else { Err(self) }
    }
}

impl From<Fault> for Faults {
    fn from(fault: Fault) -> Self {
        Self(vec![fault])
    }
}

impl FromIterator<Fault> for Faults {
    fn from_iter<I: IntoIterator<Item = Fault>>(faults: I) -> Self {
        Self(faults.into_iter().collect())
    }
}

impl IntoIterator for Faults {
    type Item = Fault;
    type IntoIter = std::vec::IntoIter<Fault>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.into_iter()
    }
}

impl fmt::Display for Faults {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, fault) in self.0.iter().enumerate() {
            if index > 0 {
                f.write_str("; ")?;
            }
            write!(f, "{fault}")?;
        }
        Ok(())
    }
}

impl std::error::Error for Faults {}

impl From<Faults> for Problem {
    fn from(faults: Faults) -> Self {
        let detail = faults.to_string();
        Self::new(StatusCode::BAD_REQUEST, "invalid_request", detail)
            .with("errors", serde_json::to_value(faults.0).unwrap_or_default())
    }
}

/// What was asked for, the parts at fault left out, and these faults.
#[derive(Debug)]
pub struct Asked<T> {
    /// What is left of the request.
    pub value: T,
    /// What is wrong with it so far.
    pub faults: Faults,
}

impl<T> Asked<T> {
    /// The request, if nothing is wrong with it.
    pub fn whole(self) -> Result<T, Faults> {
        self.faults.or(self.value)
    }
}

impl<S: Send + Sync, T: DeserializeOwned> FromRequestParts<S> for Asked<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        query(&parts.uri).map_err(Problem::from)
    }
}

/// The query string of a request, refused with all that is wrong with it.
#[derive(Debug)]
pub struct Query<T>(pub T);

impl<S: Send + Sync, T: DeserializeOwned> FromRequestParts<S> for Query<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        query(&parts.uri)
            .and_then(Asked::whole)
            .map(Self)
            .map_err(Problem::from)
    }
}

#[cfg(test)]
mod tests;
