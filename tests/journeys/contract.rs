//! `openapi.yaml`: equal to the code, each path under its own server, its examples real answers.

use crate::program;
use comptoir::contract::{self, Content, Example, Service};
use journeys::{Http, read, repository};
use serde_yaml_ng::Value;
use std::collections::HashSet;

/// Set by who wants the examples taken anew: they are written instead of compared.
const RECORD: &str = "COMPTOIR_RECORD_EXAMPLES";
const EXAMPLES: &str = "crates/comptoir/src/contract/examples.json";

fn document() -> Value {
    serde_yaml_ng::from_str(&read("openapi.yaml")).unwrap()
}

#[test]
fn the_file_is_what_the_code_says() {
    let ours = contract::to_yaml().unwrap();

    assert!(
        read("openapi.yaml") == ours,
        "openapi.yaml is out of date; make it again: cargo run -- openapi > openapi.yaml"
    );
}

#[tokio::test]
async fn each_path_is_under_the_server_that_has_it() {
    let document = document();
    let up = program().up_empty();
    let mut described = HashSet::new();

    for (service, port) in [(&up.db, "8080"), (&up.script, "5000")] {
        for (path, item) in service.get("/openapi.json").await["paths"].as_object().unwrap() {
            let ours = &document["paths"][path.as_str()];
            let server = format!("http://localhost:{port}");
            let servers = ours["servers"].as_sequence().unwrap();
            assert!(
                servers.iter().any(|known| known["url"] == server.as_str()),
                "{path} is not under {server}"
            );
            for method in item.as_object().unwrap().keys() {
                assert!(ours[method.as_str()].is_mapping(), "{method} {path} is missing");
            }
            described.insert(path.clone());
        }
    }
    for path in document["paths"].as_mapping().unwrap().keys() {
        assert!(described.contains(path.as_str().unwrap()), "nobody has {path:?}");
    }
}

#[test]
fn operations_have_names_of_their_own_and_references_lead_somewhere() {
    let document = document();
    let mut names = HashSet::new();
    let mut references = Vec::new();
    collect(&document, &mut names, &mut references);

    assert!(names.len() > 20);
    assert!(references.len() > 50);
    for reference in references {
        let place = reference
            .trim_start_matches("#/")
            .split('/')
            .fold(&document, |place, key| &place[key]);
        assert!(!place.is_null(), "{reference} leads nowhere");
    }
}

fn collect(value: &Value, names: &mut HashSet<String>, references: &mut Vec<String>) {
    match value {
        Value::Mapping(mapping) => {
            for (key, value) in mapping {
                match (key.as_str(), value.as_str()) {
                    (Some("operationId"), Some(name)) => {
                        assert!(names.insert(name.to_owned()), "two operations are called {name}");
                    }
                    (Some("$ref"), Some(reference)) => references.push(reference.to_owned()),
                    _ => collect(value, names, references),
                }
            }
        }
        Value::Sequence(values) => values.iter().for_each(|value| collect(value, names, references)),
        _ => {}
    }
}

#[tokio::test]
async fn the_examples_are_real_answers() {
    let up = program().up();
    let mut taken = Vec::new();

    for example in contract::examples().unwrap() {
        let service = match example.service {
            Service::Db => &up.db,
            Service::Script => &up.script,
        };
        taken.push((ask(service, &example).await, example));
    }

    if std::env::var_os(RECORD).is_some() {
        let taken: Vec<Example> = taken.into_iter().map(|(taken, _)| taken).collect();
        let mut text = serde_json::to_string_pretty(&taken).unwrap();
        text.push('\n');
        std::fs::write(repository().join(EXAMPLES), text).unwrap();
        return;
    }
    for (taken, example) in taken {
        assert!(
            alike(&taken, &example),
            "{} {} answers otherwise; take the examples anew with {RECORD}=1. It answers now:\n{}",
            example.method,
            example.target,
            serde_json::to_string(&taken.answer).unwrap()
        );
    }
}

/// The example with what the service answers now.
async fn ask(service: &Http, example: &Example) -> Example {
    let mut headers: Vec<(&str, &str)> = example
        .headers
        .iter()
        .map(|(name, value)| (name.as_str(), value.as_str()))
        .collect();
    let body = example.request.as_ref().map(|request| {
        headers.push(("content-type", &request.content_type));
        match &request.body {
            Value::String(text) => text.clone().into_bytes(),
            other => serde_json::to_vec(other).unwrap(),
        }
    });
    let answer = service
        .send(&example.method, &example.target, &headers, body)
        .await;
    let mut body = if answer.content_type.ends_with("json") {
        serde_yaml_ng::from_str(&answer.text).unwrap()
    } else {
        Value::String(answer.text)
    };
    make_equal(&mut body);
    if is_of_forecasts(example) {
        round(&mut body);
    }
    Example {
        status: answer.status.as_u16(),
        answer: Content {
            content_type: answer.content_type,
            body,
        },
        ..example.clone()
    }
}

/// Gives what differs from one run to the next a value of its own.
fn make_equal(value: &mut Value) {
    match value {
        Value::Mapping(mapping) => {
            for (key, value) in mapping.iter_mut() {
                let fixed: Option<Value> = match key.as_str().unwrap_or_default() {
                    "elapsed_ms" => Some(0.25.into()),
                    "created_at" | "started_at" | "finished_at" | "computed_at" => {
                        Some("2023-12-01T08:00:00Z".into())
                    }
                    "until" => Some("2023-12-31T08:00:00Z".into()),
                    "rows_per_s" => Some(50_000.into()),
                    "revision" => Some(5.into()),
                    "dataset_version" => Some(56.into()),
                    // How far a finished job was seen depends on who looked when.
                    "progress" => serde_yaml_ng::from_str("{phase: null, bytes: 0, rows: 0}").ok(),
                    "id" if value.as_str().is_some_and(|id| id.len() == 32) => {
                        Some("3f2a9c1e5b7d4860a1c2e3f405162738".into())
                    }
                    _ => None,
                };
                match fixed {
                    Some(fixed) if !value.is_null() => *value = fixed,
                    _ => make_equal(value),
                }
            }
        }
        Value::Sequence(values) => values.iter_mut().for_each(make_equal),
        _ => {}
    }
}

/// Shows what an optimizer found in as many digits as mean something.
fn round(value: &mut Value) {
    match value {
        Value::Number(number) if number.is_f64() => {
            let number = number.as_f64().unwrap();
            *value = ((number * 1e4).round() / 1e4).into();
        }
        Value::Sequence(values) => values.iter_mut().for_each(round),
        Value::Mapping(mapping) => mapping.values_mut().for_each(round),
        _ => {}
    }
}

fn is_of_forecasts(example: &Example) -> bool {
    example.path.contains("forecast")
}

/// Whether both say the same. An optimizer ends in other last digits on another processor.
fn alike(one: &Example, other: &Example) -> bool {
    fn same(one: &Value, other: &Value) -> bool {
        match (one, other) {
            (Value::Number(one), Value::Number(other)) if one.is_f64() && other.is_f64() => {
                let (one, other) = (one.as_f64().unwrap(), other.as_f64().unwrap());
                (one - other).abs() <= 1e-3 * other.abs().max(1.0)
            }
            (Value::Sequence(one), Value::Sequence(other)) => {
                one.len() == other.len() && one.iter().zip(other).all(|(one, other)| same(one, other))
            }
            (Value::Mapping(one), Value::Mapping(other)) => {
                one.len() == other.len()
                    && one
                        .iter()
                        .zip(other)
                        .all(|((key, one), (name, other))| key == name && same(one, other))
            }
            _ => one == other,
        }
    }
    let body = |example: &Example| example.answer.body.clone();
    let without_body = |example: &Example| {
        let mut example = example.clone();
        example.answer.body = Value::Null;
        example
    };
    if is_of_forecasts(one) {
        same(&body(one), &body(other)) && without_body(one) == without_body(other)
    } else {
        one == other
    }
}
