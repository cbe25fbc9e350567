//! What the contracts of all services say alike: names of operations, who may call them, and the errors.
//!
//! A route lists the codes of its errors ([`errors`]); the statuses, and what every request may be answered, are added
//! here. So a status that the contract does not name is a mistake, and tests can find it.

use crate::health::READYZ;
use crate::problem::PROBLEM_JSON;
use crate::problem_types::ProblemType;
use axum::http::StatusCode;
use serde_json::Value;
use std::collections::BTreeMap;
use utoipa::ToSchema;
use utoipa::openapi::extensions::ExtensionsBuilder;
use utoipa::openapi::header::HeaderBuilder;
use utoipa::openapi::path::{Operation, PathItem};
use utoipa::openapi::schema::{ObjectBuilder, Type};
use utoipa::openapi::security::SecurityRequirement;
use utoipa::openapi::{ComponentsBuilder, ContentBuilder, OpenApi, Ref, RefOr, Response, ResponseBuilder};

/// Under which name the contract lists the codes of problem documents that come with a status.
const CODES: &str = "x-codes";
/// The statuses of a service that is not ready.
const WHEN_NOT_READY: [StatusCode; 2] = [StatusCode::SERVICE_UNAVAILABLE, StatusCode::INSUFFICIENT_STORAGE];
/// Codes that every request may be answered with.
const ALWAYS: [&str; 5] = [
    "forbidden",
    "internal",
    "not_acceptable",
    "overloaded",
    "upload_timeout",
];

/// A body of any size that is not read as one JSON document.
#[derive(ToSchema)]
#[schema(value_type = String, format = Binary)]
pub struct Bytes(#[expect(dead_code, reason = "only its schema matters")] Vec<u8>);

/// `components` with the schema of `T` and those that it names.
#[must_use]
pub fn with_schema<T: ToSchema>(components: ComponentsBuilder) -> ComponentsBuilder {
    let mut nested = Vec::new();
    T::schemas(&mut nested);
    components.schema_from::<T>().schemas_from_iter(nested)
}

/// The errors of a route for its contract: by status, problem documents with the codes of `types`.
pub fn errors(types: impl IntoIterator<Item = ProblemType>) -> BTreeMap<String, RefOr<Response>> {
    let codes = types.into_iter().map(|one| (one.code.to_owned(), one.status));
    errors_in(PROBLEM_JSON, "Problem", codes)
}

/// The errors of a route that are documents of another form, given by their codes: of `media_type`, by the schema called
/// `schema`.
pub fn errors_in(
    media_type: &str,
    schema: &str,
    codes: impl IntoIterator<Item = (String, StatusCode)>,
) -> BTreeMap<String, RefOr<Response>> {
    let mut responses = BTreeMap::new();
    for (code, status) in codes {
        add(&mut responses, status, code, media_type, schema);
    }
    responses
}

/// Adds that an answer with `status` may have `code`.
fn add(
    responses: &mut BTreeMap<String, RefOr<Response>>,
    status: StatusCode,
    code: String,
    media_type: &str,
    schema: &str,
) {
    let response = match responses.remove(status.as_str()) {
        Some(RefOr::T(response)) => response,
        _ => Response::new(""),
    };
    let response = with(response, status, code, media_type, schema);
    responses.insert(status.as_str().to_owned(), RefOr::T(response));
}

/// `response`, which may have `code` as well.
fn with(response: Response, status: StatusCode, code: String, media_type: &str, schema: &str) -> Response {
    let mut codes = codes_of(&response);
    codes.push(code);
    codes.sort();
    codes.dedup();
    let listed: Vec<String> = codes.iter().map(|code| format!("`{code}`")).collect();
    let description = format!("{}: {}", crate::problem::title(status), listed.join(", "));
    let mut builder = ResponseBuilder::from(response)
        .description(description)
        .content(
            media_type,
            ContentBuilder::new()
                .schema(Some(Ref::from_schema_name(schema)))
                .build(),
        )
        .extensions(Some(ExtensionsBuilder::new().add(CODES, codes).build()));
    if status == StatusCode::SERVICE_UNAVAILABLE || status == StatusCode::TOO_MANY_REQUESTS {
        builder = builder.header(
            "Retry-After",
            HeaderBuilder::new()
                .description(Some("when to try again, in seconds"))
                .schema(Some(ObjectBuilder::new().schema_type(Type::Integer).build()))
                .build(),
        );
    }
    builder.build()
}

fn codes_of(response: &Response) -> Vec<String> {
    let codes = response
        .extensions
        .as_ref()
        .and_then(|extensions| extensions.get(CODES));
    let codes = codes
        .and_then(Value::as_array)
        .map(Vec::as_slice)
        .unwrap_or_default();
    codes
        .iter()
        .filter_map(|code| code.as_str().map(str::to_owned))
        .collect()
}

/// Gives every operation a name of its own, the security scheme of the contract where it says nothing else, and the
/// errors that every request may be answered with. A service that is not ready says so by one of its `problems`.
pub(crate) fn complete(contract: &mut OpenApi, problems: &[ProblemType]) {
    let schemes: Vec<String> = contract
        .components
        .iter()
        .flat_map(|components| components.security_schemes.keys().cloned())
        .collect();
    for (path, item) in &mut contract.paths.paths {
        for (method, operation) in operations(item) {
            operation.operation_id = Some(operation_id(method, path));
            if operation.security.is_none() {
                let schemes = schemes.iter();
                operation.security = Some(
                    schemes
                        .map(|scheme| SecurityRequirement::new(scheme, [""; 0]))
                        .collect(),
                );
            }
            let may_come = |one: &&ProblemType| {
                ALWAYS.contains(&one.code) || path == READYZ && WHEN_NOT_READY.contains(&one.status)
            };
            for one in problems.iter().filter(may_come).copied() {
                let responses = &mut operation.responses.responses;
                add(
                    responses,
                    one.status,
                    one.code.to_owned(),
                    PROBLEM_JSON,
                    "Problem",
                );
            }
        }
    }
}

fn operations(item: &mut PathItem) -> impl Iterator<Item = (&'static str, &mut Operation)> {
    [
        ("get", &mut item.get),
        ("put", &mut item.put),
        ("post", &mut item.post),
        ("delete", &mut item.delete),
        ("patch", &mut item.patch),
        ("head", &mut item.head),
        ("options", &mut item.options),
    ]
    .into_iter()
    .filter_map(|(method, operation)| Some((method, operation.as_mut()?)))
}

/// A name for an operation that no other has: `get_soups_id_taste`.
fn operation_id(method: &str, path: &str) -> String {
    let words = path
        .split(|letter: char| !letter.is_ascii_alphanumeric())
        .filter(|word| !word.is_empty());
    std::iter::once(method).chain(words).collect::<Vec<_>>().join("_")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::problem_types::GENERAL;

    const CROWDED: ProblemType = ProblemType {
        code: "crowded",
        status: StatusCode::SERVICE_UNAVAILABLE,
        meaning: "There are too many guests.",
    };
    const SALTY: ProblemType = ProblemType {
        code: "too_salty",
        status: StatusCode::UNPROCESSABLE_ENTITY,
        meaning: "There is too much salt.",
    };

    #[test]
    fn codes_stand_by_their_status_beside_those_of_every_request() {
        let mut operation = Operation::new();
        operation.responses.responses = errors([SALTY, CROWDED]);
        let mut contract = OpenApi::default();
        let item = PathItem::new(utoipa::openapi::HttpMethod::Post, operation);
        contract.paths.paths.insert("/soups/{id}/taste".into(), item);

        complete(&mut contract, &GENERAL);

        let contract = serde_json::to_value(contract).unwrap();
        let operation = &contract["paths"]["/soups/{id}/taste"]["post"];
        assert_eq!(operation["operationId"], "post_soups_id_taste");
        assert_eq!(operation["security"], serde_json::json!([]));
        let responses = &operation["responses"];
        assert_eq!(responses["422"][CODES], serde_json::json!(["too_salty"]));
        assert_eq!(
            responses["503"][CODES],
            serde_json::json!(["crowded", "overloaded"])
        );
        assert_eq!(
            responses["503"]["description"],
            "Service Unavailable: `crowded`, `overloaded`"
        );
        assert!(responses["503"]["headers"]["Retry-After"].is_object());
        for status in ["403", "406", "408", "500"] {
            assert!(responses[status]["content"][PROBLEM_JSON].is_object(), "{status}");
        }
    }
}
