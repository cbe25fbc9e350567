//! Answers compared with what the contract of a service says of them: the status is described, the media type too, a
//! document fits its schema, and the code of an error is one that the route lists.
#![expect(clippy::missing_panics_doc, reason = "a test that cannot go on has failed")]

use jsonschema::Validator;
use serde_json::{Value, json};
use std::collections::{BTreeSet, HashMap};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

/// The contract of a service, as it is served at `/openapi.json`, or of several in one document.
#[derive(Debug)]
pub struct Contract {
    document: Value,
    operations: Vec<Operation>,
    validators: Mutex<HashMap<String, Arc<Validator>>>,
}

/// An operation of the contract.
#[derive(Debug)]
struct Operation {
    method: String,
    path: String,
    segments: Vec<Option<String>>,
}

/// An answer as the contract sees it.
#[derive(Debug, Clone, Copy)]
pub struct Answered<'a> {
    /// The method that was asked for.
    pub method: &'a str,
    /// The path that was asked for, without the query string.
    pub path: &'a str,
    /// The status of the answer.
    pub status: u16,
    /// Its content type, parameters included; empty when it has none.
    pub content_type: &'a str,
    /// Its body.
    pub body: &'a str,
}

/// Something that a contract describes: method, path with its parameters in braces, and status.
pub type Described = (String, String, u16);

impl Contract {
    /// That of db-service.
    pub fn of_db_service() -> &'static Self {
        static CONTRACT: OnceLock<Contract> = OnceLock::new();
        CONTRACT.get_or_init(|| Self::new(serde_json::to_value(db_service::openapi()).unwrap_or_default()))
    }

    /// That of script-service.
    #[cfg(feature = "stack")]
    pub fn of_script_service() -> &'static Self {
        static CONTRACT: OnceLock<Contract> = OnceLock::new();
        CONTRACT
            .get_or_init(|| Self::new(serde_json::to_value(script_service::openapi()).unwrap_or_default()))
    }

    /// The one in `document`.
    #[must_use]
    pub fn new(document: Value) -> Self {
        let mut operations = Vec::new();
        for (path, item) in document["paths"].as_object().into_iter().flatten() {
            let operations_of = item.as_object().into_iter().flatten();
            for (method, _) in operations_of.filter(|(_, operation)| operation["responses"].is_object()) {
                operations.push(Operation {
                    method: method.to_uppercase(),
                    path: path.clone(),
                    segments: path
                        .split('/')
                        .map(|part| (!part.starts_with('{')).then(|| part.to_owned()))
                        .collect(),
                });
            }
        }
        assert!(!operations.is_empty(), "a contract describes something");
        Self {
            document,
            operations,
            validators: Mutex::default(),
        }
    }

    /// Every success, and every 304, that the contract describes.
    pub fn successes(&self) -> BTreeSet<Described> {
        let mut described = BTreeSet::new();
        for operation in &self.operations {
            let responses = self.responses(operation).as_object().into_iter().flatten();
            for status in responses.filter_map(|(status, _)| status.parse::<u16>().ok()) {
                if status < 400 {
                    described.insert((operation.method.clone(), operation.path.clone(), status));
                }
            }
        }
        described
    }

    /// What the contract describes that was `answered`; `None` where no route was met.
    ///
    /// # Errors
    ///
    /// In what way the answer is not as the contract says.
    pub fn check(&self, answered: Answered<'_>) -> Result<Option<Described>, String> {
        let Some(operation) = self.operation(answered.method, answered.path) else {
            // The documents about the service, and what is answered where there is no route.
            let is_about = answered.path.starts_with("/docs") || answered.path == "/openapi.json";
            return if is_about || matches!(answered.status, 403..=406) {
                Ok(None)
            } else {
                Err("the contract has no such route".to_owned())
            };
        };
        let status = answered.status.to_string();
        let response = &self.responses(operation)[&status];
        if response.is_null() {
            return Err(format!(
                "{} {} does not describe {status}",
                operation.method, operation.path
            ));
        }
        self.check_body(operation, response, answered)
            .map_err(|why| format!("{} {} {status}: {why}", operation.method, operation.path))?;
        Ok(Some((
            operation.method.clone(),
            operation.path.clone(),
            answered.status,
        )))
    }

    fn check_body(
        &self,
        operation: &Operation,
        response: &Value,
        answered: Answered<'_>,
    ) -> Result<(), String> {
        let media_type = answered.content_type.split(';').next().unwrap_or_default().trim();
        let Some(content) = response["content"].as_object() else {
            return if answered.body.is_empty() {
                Ok(())
            } else {
                Err(format!("it has a body, of {media_type}"))
            };
        };
        if !content.contains_key(media_type) {
            return Err(format!("`{media_type}` is not described"));
        }
        if !media_type.ends_with("json") || media_type.ends_with("ndjson") {
            return Ok(());
        }
        let document: Value =
            serde_json::from_str(answered.body).map_err(|why| format!("it is not JSON: {why}"))?;
        let place = format!(
            "{} {} {} {media_type}",
            operation.method, operation.path, answered.status
        );
        let validator = self.validator(&place, &content[media_type]["schema"]);
        let faults: Vec<String> = validator
            .iter_errors(&document)
            .map(|fault| format!("{}: {fault}", fault.instance_path()))
            .collect();
        if !faults.is_empty() {
            return Err(format!("{} in {document}", faults.join("; ")));
        }
        match (response["x-codes"].as_array(), document["code"].as_str()) {
            (Some(codes), Some(code)) if !codes.iter().any(|known| known == code) => {
                Err(format!("the code {code} is not described"))
            }
            _ => Ok(()),
        }
    }

    /// What is asked at `path`: of several, the route with most words of its own.
    fn operation(&self, method: &str, path: &str) -> Option<&Operation> {
        let parts: Vec<&str> = path.split('/').collect();
        self.operations
            .iter()
            .filter(|operation| operation.method == method && operation.segments.len() == parts.len())
            .filter(|operation| {
                let mut pairs = operation.segments.iter().zip(&parts);
                pairs.all(|(segment, part)| segment.as_deref().is_none_or(|segment| segment == *part))
            })
            .max_by_key(|operation| operation.segments.iter().flatten().count())
    }

    fn responses(&self, operation: &Operation) -> &Value {
        &self.document["paths"][&operation.path][operation.method.to_lowercase()]["responses"]
    }

    fn validator(&self, place: &str, schema: &Value) -> Arc<Validator> {
        let mut validators = self.validators.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = validators.get(place) {
            return Arc::clone(known);
        }
        // References of the schema begin at the root of the document.
        let root = json!({ "allOf": [schema], "components": self.document["components"] });
        let validator = jsonschema::draft202012::new(&root)
            .unwrap_or_else(|why| panic!("the schema of {place} cannot be read: {why}"));
        let validator = Arc::new(validator);
        validators.insert(place.to_owned(), Arc::clone(&validator));
        validator
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answered<'a>(path: &'a str, status: u16, content_type: &'a str, body: &'a str) -> Answered<'a> {
        Answered {
            method: "GET",
            path,
            status,
            content_type,
            body,
        }
    }

    #[test]
    fn an_answer_that_is_not_as_the_contract_says_is_found() {
        let contract = Contract::of_db_service();
        let check =
            |path, status, content_type, body| contract.check(answered(path, status, content_type, body));
        let problem = |code: &str| {
            format!(
                r#"{{"type":"t","title":"t","status":404,"code":"{code}","detail":"d","retryable":false}}"#
            )
        };
        let problem_json = "application/problem+json";
        let (not_found, disk_full) = (problem("not_found"), problem("disk_full"));

        for (met, described) in [
            (check("/v1/tables", 304, "", ""), "/v1/tables"),
            (
                check("/v1/tables/t", 404, problem_json, &not_found),
                "/v1/tables/{table}",
            ),
            (
                check("/v1/query", 200, "text/csv; header=present", "a"),
                "/v1/query",
            ),
        ] {
            assert_eq!(met.unwrap().unwrap().1, described);
        }
        assert_eq!(check("/docs/problems", 200, "text/html", "").unwrap(), None);
        for (refused, why) in [
            (check("/v1/other", 200, "", ""), "no such route"),
            (check("/v1/tables", 418, "", ""), "does not describe 418"),
            (check("/v1/tables", 304, "text/plain", "x"), "it has a body"),
            (
                check("/v1/tables", 200, "text/plain", "x"),
                "`text/plain` is not described",
            ),
            (check("/v1/tables", 200, "application/json", "{}"), "tables"),
            (
                check("/v1/tables/t", 404, problem_json, &disk_full),
                "disk_full is not described",
            ),
        ] {
            let told = refused.unwrap_err();
            assert!(told.contains(why), "{told}");
        }
    }
}
