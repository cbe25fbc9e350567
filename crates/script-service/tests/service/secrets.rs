//! Addresses with credentials and signatures: used where files are fetched, shown and kept nowhere.

use super::support::{Stack, counters};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse as _, Redirect};
use reqwest::Method;
use serde_json::{Value, json};

const PASSWORD: &str = "s3cret-of-ann";
const SIGNATURE: &str = "c0ffee0signature";

/// Serves a file to those who know the password and the signature; `/moved` leads there, `/open` wants nothing.
async fn server() -> String {
    let file = async |headers: HeaderMap, axum::extract::RawQuery(query): axum::extract::RawQuery| {
        let is_ann = headers
            .get("authorization")
            .is_some_and(|value| value == "Basic YW5uOnMzY3JldC1vZi1hbm4=");
        let is_signed = query.is_some_and(|query| query.contains(SIGNATURE));
        if is_ann && is_signed {
            "id,city\n1,Brest\nx,Nantes\n".into_response()
        } else {
            StatusCode::UNAUTHORIZED.into_response()
        }
    };
    let router = axum::Router::new()
        .route("/file", axum::routing::get(file))
        .route(
            "/moved",
            axum::routing::get(async || Redirect::temporary(&format!("/file?X-Amz-Signature={SIGNATURE}"))),
        )
        .route(
            "/lost",
            axum::routing::get(async || Redirect::temporary(&format!("/nothing?sig={SIGNATURE}"))),
        );
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    tokio::spawn(async { axum::serve(listener, router).await });
    address
}

async fn stack() -> Stack {
    Stack::start_with(|config| {
        config.allow_private_addresses = vec!["127.0.0.1".parse().unwrap()];
    })
    .await
}

fn source(url: &str) -> Value {
    json!({"sources": [{"table": "stores", "url": url}]})
}

/// All texts in all tables.
async fn everything_kept(stack: &Stack) -> String {
    let names = stack
        .value("SELECT json_group_array(name) FROM sqlite_schema WHERE type = 'table'")
        .await;
    let names: Vec<String> = serde_json::from_str(names.as_str().unwrap()).unwrap();
    let mut kept = String::new();
    for table in names {
        let columns = format!("SELECT json_group_array(name) FROM pragma_table_info('{table}')");
        let columns: Vec<String> =
            serde_json::from_str(stack.value(&columns).await.as_str().unwrap()).unwrap();
        for column in columns {
            let texts =
                format!("SELECT COALESCE(group_concat(CAST(\"{column}\" AS TEXT)), '') FROM \"{table}\"");
            kept.push_str(stack.value(&texts).await.as_str().unwrap_or_default());
        }
    }
    kept
}

#[tokio::test(flavor = "multi_thread")]
async fn credentials_are_used_and_neither_shown_nor_kept() {
    let stack = stack().await;
    let server = server().await;
    let urls = [
        format!("http://ann:{PASSWORD}@{server}/file?X-Amz-Signature={SIGNATURE}"),
        format!("http://ann:{PASSWORD}@{server}/moved"),
        format!("http://ann:{PASSWORD}@{server}/lost"),
        format!("http://ann:{PASSWORD}@{server}/nothing?token={SIGNATURE}"),
        format!("http://ann:{PASSWORD}@127.0.0.2:1/file?sig={SIGNATURE}"),
    ];
    let mut shown = String::new();
    let mut states = Vec::new();

    for url in &urls {
        let job = stack.script.job("/jobs/import", source(url).to_string()).await;
        states.push(job["state"].as_str().unwrap().to_owned());
        shown.push_str(&job.to_string());
        for reject in stack.script.rejects(&job).await {
            shown.push_str(&reject.to_string());
        }
        let preview = stack.script.request(Method::POST, "/imports/preview");
        let preview = preview
            .json(&json!({"table": "stores", "url": url}))
            .send()
            .await
            .unwrap();
        shown.push_str(&preview.text().await.unwrap());
    }
    for url in ["ftp://ann:PASS@example.org/a", "http://ann:PA/SS@example.org/a"] {
        let url = url
            .replace("PASS", PASSWORD)
            .replace("PA/SS", &PASSWORD.replace('-', "/"));
        let refused = stack
            .script
            .request(Method::POST, "/jobs/import")
            .json(&source(&url))
            .send()
            .await
            .unwrap();
        assert_eq!(refused.status(), 400);
        shown.push_str(&refused.text().await.unwrap());
    }
    for path in ["/jobs", "/jobs?page_size=1", "/summary", "/schedules"] {
        shown.push_str(&stack.script.get(path).await.text().await.unwrap());
    }

    assert_eq!(
        states,
        [
            "succeeded_with_rejects",
            "succeeded_with_rejects",
            "failed",
            "failed",
            "failed"
        ]
    );
    let kept = everything_kept(&stack).await;
    for text in [shown, kept] {
        for secret in [PASSWORD, SIGNATURE, "s3cret", "YW5uOn"] {
            assert!(!text.contains(secret), "{secret} in {text}");
        }
        assert!(text.contains("http://***@"), "the rest of the address is there");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_schedule_keeps_its_address_sealed_and_takes_back_what_it_showed() {
    let stack = stack().await;
    let server = server().await;
    let url = format!("http://ann:{PASSWORD}@{server}/file?X-Amz-Signature={SIGNATURE}");
    let put = async |body: Value| {
        let request = stack.script.request(Method::PUT, "/schedules/nightly");
        let answer = request.json(&body).send().await.unwrap();
        assert!(answer.status().is_success());
        answer.text().await.unwrap()
    };
    let definition = |request: &Value| json!({"job": "import", "request": request, "cron": "0 6 * * *"});

    let shown = put(definition(&source(&url))).await;
    let request: Value = serde_json::from_str::<Value>(&shown).unwrap()["request"].clone();
    put(definition(&request)).await;
    let made = stack.script.job("/schedules/nightly/run", "").await;

    assert_eq!(counters(&made)[0], 2, "{made:#}");
    let kept = everything_kept(&stack).await;
    for text in [shown, kept, made.to_string()] {
        assert!(!text.contains(PASSWORD) && !text.contains(SIGNATURE), "{text}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_service_seals_no_caller_sends() {
    let stack = stack().await;
    let mut request = source("http://example.org/a.csv");
    request["sources"][0]["sealed_url"] = "abc".into();

    let refused = stack
        .script
        .request(Method::POST, "/jobs/import")
        .json(&request)
        .send()
        .await
        .unwrap();

    assert_eq!(refused.status(), 400);
    assert!(refused.text().await.unwrap().contains("/sources/0/sealed_url"));
}

#[tokio::test(flavor = "multi_thread")]
async fn buyers_are_kept_by_pseudonyms() {
    let stack = stack().await;
    let text = "date;produit;montant;client;e-mail client\n\
                13/11/2023;Thé;5,00;Ann Example;ann@example.org\n\
                14/11/2023;Thé;5,00;ANN EXAMPLE;Ann@Example.org\n\
                14/11/2023;Thé;6,00;Luc Example;luc@example.org\n";

    let job = stack.script.job("/jobs/import?table=sales", text).await;

    assert_eq!(job["counters"]["inserted"], 3, "{job:#}");
    assert_eq!(stack.value("SELECT COUNT(DISTINCT buyer) FROM sales").await, 2);
    assert_eq!(
        stack
            .value("SELECT COUNT(*) FROM sales WHERE length(buyer) = 20")
            .await,
        3
    );
    let kept = everything_kept(&stack).await.to_lowercase();
    assert!(
        !kept.contains("ann example") && !kept.contains("ann@example"),
        "{kept}"
    );
}
