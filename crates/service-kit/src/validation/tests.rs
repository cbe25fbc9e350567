//! Requests that are wrong in several places.

use super::*;
use serde::Deserialize;
use serde_json::json;

#[derive(Debug, Deserialize, PartialEq)]
struct Source {
    shelf: String,
    #[serde(flatten)]
    reading: Reading,
}

#[derive(Debug, Default, Deserialize, PartialEq)]
#[serde(default)]
struct Reading {
    strict: bool,
    skip: u32,
}

#[derive(Debug, Default, Deserialize, PartialEq)]
#[serde(default, deny_unknown_fields)]
struct Request {
    sources: Vec<Source>,
    limit: u32,
    page: Option<u32>,
}

fn places(faults: Faults) -> Vec<String> {
    faults
        .into_iter()
        .map(|fault| fault.place.name().into_owned())
        .collect()
}

#[test]
fn every_parameter_at_fault_is_named() {
    let uri = "/?limit=x&page=2&page=-1&pgae=2".parse().unwrap();

    let asked = query::<Request>(&uri).unwrap();

    assert_eq!((asked.value.limit, asked.value.page), (0, Some(2)));
    assert_eq!(places(asked.faults), ["limit", "page", "pgae"]);

    // Two faults in the same words.
    let asked = query::<Request>(&"/?limit=x&page=x".parse().unwrap()).unwrap();
    assert_eq!(places(asked.faults), ["limit", "page"]);
}

#[test]
fn a_parameter_that_must_be_given_is_named_when_it_is_not() {
    #[derive(Debug, Deserialize)]
    struct Needy {
        #[expect(dead_code, reason = "only whether it can be read matters")]
        shelf: String,
    }

    let faults = query::<Needy>(&"/?x=1".parse().unwrap()).unwrap_err();

    assert_eq!(
        faults.to_string(),
        "shelf: missing field `shelf`: it must be given"
    );
}

#[test]
fn every_member_at_fault_is_pointed_at() {
    let body = json!({
        "limit": "many",
        "lmit": 3,
        "sources": [
            { "shelf": "books", "strict": "yes", "skip": -1 },
            { "shelf": 7 },
        ],
    });

    let faults = json::<Request>(body.to_string().as_bytes()).unwrap_err();

    assert_eq!(
        places(faults),
        [
            "limit",
            "lmit",
            "sources.0.skip",
            "sources.0.strict",
            "sources.1.shelf"
        ]
    );
}

#[test]
fn what_percent_encoding_makes_no_text_of_is_refused() {
    #[derive(Debug, serde::Deserialize)]
    struct Text {
        text: String,
        #[serde(default)]
        other: String,
    }
    let read = |text: &str| query::<Text>(&text.parse().unwrap()).and_then(Asked::whole);

    for bad in [
        "/?text=%ff",
        "/?text=%zz",
        "/?text=%4",
        "/?text=5%",
        "/?text=%c3%28",
    ] {
        let faults: Vec<Fault> = read(bad).unwrap_err().into_iter().collect();
        assert_eq!(faults.len(), 1, "{bad}: {faults:?}");
        assert_eq!(faults[0].place, Place::Parameter("text".into()), "{bad}");
    }
    assert_eq!(
        places(read("/?text=%ff&other=%zz").unwrap_err()),
        ["text", "other"]
    );
    let text = read("/?text=%E2%82%AC+%25&other=caf%C3%A9").unwrap();
    assert_eq!((text.text.as_str(), text.other.as_str()), ("€ %", "café"));
}

#[test]
fn what_is_left_can_be_checked_further() {
    let asked = json::<Request>(br#"{"limit": 5, "page": true}"#).unwrap();

    assert_eq!((asked.value.limit, asked.value.page), (5, None));
    assert_eq!(
        Problem::from(asked.faults).to_json()["errors"],
        json!([{
            "pointer": "/page",
            "code": "invalid_value",
            "detail": "expected a whole number from 0 to 4294967295, not true",
        }])
    );
}

#[test]
fn every_element_of_an_array_keeps_its_place() {
    let body = json!({"sources": [
        {"shelf": 1}, {"shelf": "a"}, 5, {"skip": 2}, {"shelf": "b", "skip": "x", "strict": 1}
    ]});

    let faults = json::<Request>(body.to_string().as_bytes()).unwrap_err();

    assert_eq!(
        places(faults),
        [
            "sources.0.shelf",
            "sources.2",
            "sources.3.shelf",
            "sources.4.skip",
            "sources.4.strict"
        ]
    );
}

#[test]
fn of_a_long_body_the_first_fault_is_told() {
    let long = "x".repeat(1 << 20);
    let body = json!({"limit": "many", "sources": [{"shelf": long}, {"shelf": 5}]});

    let faults = json::<Request>(body.to_string().as_bytes()).unwrap_err();

    assert_eq!(places(faults), ["limit"]);
}

#[test]
fn a_missing_member_is_a_fault_of_its_own() {
    let faults = json::<Request>(br#"{"sources": [{"skip": 1}]}"#).unwrap_err();

    assert_eq!(
        faults.into_iter().collect::<Vec<_>>(),
        [Fault {
            place: Place::Pointer("/sources/0/shelf".into()),
            code: FaultCode::MissingField,
            detail: "missing field `shelf`: it must be given".into(),
        }]
    );
}

#[test]
fn only_an_object_is_taken() {
    for body in ["[]", r#" [[{"shelf": "books"}], 5]"#, "5", "\"limit\""] {
        let faults = json::<Request>(body.as_bytes()).unwrap_err();

        assert!(faults.to_string().contains("JSON object"), "{body}: {faults}");
    }
}

#[test]
fn what_is_no_json_is_refused_with_line_and_column() {
    let faults = json::<Request>(b"{\n\"limit\": }").unwrap_err();

    assert!(faults.to_string().contains("line 2 column"), "{faults}");
}

#[test]
fn a_code_is_said_by_who_refuses_and_not_by_its_words() {
    #[derive(Debug)]
    struct Picky;

    impl<'de> Deserialize<'de> for Picky {
        fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
            let text = String::deserialize(deserializer)?;
            Err(serde::de::Error::custom(text))
        }
    }

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Words {
        #[expect(dead_code, reason = "it cannot be read")]
        said: Picky,
    }

    for words in [
        "unknown field `said`",
        "missing field `said`",
        "missing field `other`",
    ] {
        let body = json!({"said": words}).to_string();
        let in_body: Vec<Fault> = json::<Words>(body.as_bytes()).unwrap_err().into_iter().collect();
        let uri = format!("/?said={}", words.replace(' ', "+")).parse().unwrap();
        let in_query: Vec<Fault> = query::<Words>(&uri).unwrap_err().into_iter().collect();

        for (faults, place) in [
            (in_body, Place::Pointer("/said".into())),
            (in_query, Place::Parameter("said".into())),
        ] {
            assert_eq!(
                faults,
                [Fault {
                    place,
                    code: FaultCode::InvalidValue,
                    detail: words.into(),
                }]
            );
        }
    }
}

#[test]
fn faults_are_told_without_the_names_of_the_code() {
    #[derive(Debug, Deserialize)]
    #[serde(rename_all = "snake_case")]
    enum Colour {
        Red,
        Blue,
    }

    #[derive(Debug, Default, Deserialize)]
    #[serde(default, deny_unknown_fields)]
    struct Many {
        count: u64,
        small: u8,
        signed: Option<i64>,
        share: f64,
        wanted: bool,
        name: String,
        colour: Option<Colour>,
        list: Vec<String>,
        inner: Request,
    }

    for (body, detail) in [
        (
            json!({"count": -1}),
            "count: expected a whole number, 0 or more, not -1",
        ),
        (
            json!({"small": 256}),
            "small: expected a whole number from 0 to 255, not 256",
        ),
        (json!({"signed": 1.5}), "signed: expected a whole number, not 1.5"),
        (
            json!({"share": "half"}),
            "share: expected a number, not the text \"half\"",
        ),
        (json!({"wanted": 1}), "wanted: expected true or false, not 1"),
        (json!({"name": null}), "name: expected a string, not null"),
        (
            json!({"colour": "green"}),
            "colour: `green` is not one of `red`, `blue`",
        ),
        (json!({"colour": 5}), "colour: expected a name, not 5"),
        (json!({"list": {}}), "list: expected a list, not an object"),
        (json!({"inner": 5}), "inner: expected an object, not 5"),
        (
            json!({"inner": {"limits": 5}}),
            "inner.limits: unknown field `limits`; the fields are `sources`, `limit`, `page`",
        ),
    ] {
        assert_eq!(
            told_first(json::<Many>(body.to_string().as_bytes())),
            detail,
            "{body}"
        );
    }
    for (query_string, detail) in [
        (
            "count=ten",
            "count: expected a whole number, 0 or more, not the text \"ten\"",
        ),
        ("share=half", "share: expected a number, not the text \"half\""),
        (
            "wanted=yes",
            "wanted: expected true or false, not the text \"yes\"",
        ),
        ("colour=green", "colour: `green` is not one of `red`, `blue`"),
    ] {
        let uri = format!("/?{query_string}").parse().unwrap();
        assert_eq!(told_first(query::<Many>(&uri)), detail, "{query_string}");
    }
    let long = format!("/?count={}", "9".repeat(1_000)).parse().unwrap();
    assert!(told_first(query::<Many>(&long)).len() < 200);
}

fn told_first<T>(read: Result<Asked<T>, Faults>) -> String {
    let faults = read.map_or_else(|faults| faults, |asked| asked.faults);
    faults.into_iter().next().unwrap().to_string()
}
