//! Requests taken apart, with everything that is wrong with them, each fault with its place.

use crate::integers;
use axum::http::HeaderMap;
use db_api::{BatchRequest, ExecuteRequest, IDEMPOTENCY_KEY, Params, QueryRequest, ValueError};
use serde::de::DeserializeOwned;
use service_kit::validation::{self, Asked, Fault, Faults, Place};

/// The longest idempotency key, in bytes.
const LONGEST_KEY: usize = 255;

/// A body whose members can be at fault though each has its type.
pub(crate) trait Body: DeserializeOwned {
    /// What is wrong with it besides.
    fn faults(&self) -> Vec<Fault>;
}

impl Body for QueryRequest {
    fn faults(&self) -> Vec<Fault> {
        no_time(self.timeout_ms)
    }
}

impl Body for ExecuteRequest {
    fn faults(&self) -> Vec<Fault> {
        no_time(self.timeout_ms)
    }
}

impl Body for BatchRequest {
    fn faults(&self) -> Vec<Fault> {
        let mut faults = no_time(self.timeout_ms);
        if self.statements.is_empty() {
            faults.push(Fault::at(
                "/statements",
                "the list is empty; give at least one statement",
            ));
        }
        faults
    }
}

fn no_time(timeout_ms: Option<u64>) -> Vec<Fault> {
    let fault = (timeout_ms == Some(0)).then(|| {
        Fault::at(
            "/timeout_ms",
            "it must be at least 1; leave it out for the most the service allows",
        )
    });
    fault.into_iter().collect()
}

/// The JSON body of a request.
pub(crate) fn json<T: Body>(bytes: &[u8]) -> Result<T, Faults> {
    let (value, mut faults) = match validation::json::<T>(bytes) {
        Ok(Asked { value, faults }) => (Some(value), faults),
        Err(faults) => (None, faults),
    };
    let integers = too_large_integers(bytes, Fault::at);
    let integers = integers.into_iter().filter(|fault| match &fault.place {
        Place::Pointer(pointer) => !faults.has(pointer),
        _ => true,
    });
    let integers: Vec<Fault> = integers.collect();
    faults.extend(integers);
    faults.extend(value.iter().flat_map(Body::faults));
    match value {
        Some(value) => faults.or(value),
        None => Err(faults),
    }
}

/// Parameters as JSON in the query string.
pub(crate) fn params(json: &str) -> Result<Params, Faults> {
    let mut faults: Faults = too_large_integers(json.as_bytes(), |pointer, why| {
        Fault::parameter("params", format!("{}: {why}", pointer.trim_start_matches('/')))
    })
    .into_iter()
    .collect();
    let params = faults.take(
        serde_json::from_str::<Params>(json).map_err(|why| Fault::parameter("params", format!("{why}"))),
    );
    faults.or(params.unwrap_or_default())
}

fn too_large_integers(json: &[u8], fault: impl Fn(String, String) -> Fault) -> Vec<Fault> {
    let Ok(json) = std::str::from_utf8(json) else {
        return Vec::new();
    };
    integers::too_large(json)
        .into_iter()
        .map(|(pointer, digits)| fault(pointer, ValueError::Integer(digits).to_string()))
        .collect()
}

/// The key that makes a repeated write safe, when the request carries one.
pub(crate) fn idempotency_key(headers: &HeaderMap) -> Result<Option<String>, Fault> {
    let Some(key) = headers.get(IDEMPOTENCY_KEY) else {
        return Ok(None);
    };
    let key = key.to_str().unwrap_or_default().trim().trim_matches('"');
    // A blank ends the name of the token before the key, so there is none in the key.
    if key.is_empty() || key.len() > LONGEST_KEY || key.contains([' ', '\t']) {
        return Err(Fault::header(
            "Idempotency-Key",
            format!("it must be 1 to {LONGEST_KEY} visible ASCII characters, without blanks"),
        ));
    }
    Ok(Some(key.to_owned()))
}
