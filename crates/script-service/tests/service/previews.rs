//! What a preview asks and refuses is what an import asks and refuses, and it says so in the language of its reader.

use super::support::{Stack, sample};
use futures_util::{StreamExt as _, stream};
use reqwest::Method;
use serde_json::Value;
use std::fmt::Write as _;

/// The exports that `shop-exports` holds the figures of.
fn exports() -> Vec<(String, Vec<u8>)> {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../shop-exports/tests/exports");
    let mut exports: Vec<(String, Vec<u8>)> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| {
            let entry = entry.unwrap();
            let content = std::fs::read(entry.path()).unwrap();
            (entry.file_name().into_string().unwrap(), content)
        })
        .collect();
    exports.sort();
    assert!(exports.len() > 15);
    exports
}

/// The table `text` without its column number `column`; `None` where it has no such column.
fn without_column(text: &str, column: usize) -> Option<String> {
    let head = text.lines().next()?;
    let delimiter = [';', '\t', ',']
        .into_iter()
        .find(|delimiter| head.contains(*delimiter))?;
    let mut out = String::new();
    for line in text.lines() {
        let mut in_quotes = false;
        let fields: Vec<&str> = line
            .split(|character| {
                in_quotes ^= character == '"';
                character == delimiter && !in_quotes
            })
            .collect();
        let kept: Vec<&str> = fields
            .iter()
            .enumerate()
            .filter(|(index, _)| *index != column)
            .map(|(_, field)| *field)
            .collect();
        if line == head && kept.len() == fields.len() {
            return None;
        }
        out.push_str(&kept.join(&delimiter.to_string()));
        out.push('\n');
    }
    Some(out)
}

/// Up to how many bytes an export has whose columns are taken away one by one: the larger ones have columns alike.
const COLUMNS_ARE_TAKEN_FROM: usize = 130;

/// How many comparisons run at once.
const AT_ONCE: usize = 6;

/// Files that are refused or ask something, each for a reason of its own.
const ODD: [(&str, &str); 14] = [
    ("empty", ""),
    ("blank", "\n\n"),
    ("headers alone", "date;produit;montant\n"),
    ("words", "un deux trois\nquatre cinq\n"),
    (
        "page",
        "<!doctype html><html><body><table><tr><td>1</td></tr></table></body></html>",
    ),
    ("settings", "{\"theme\": \"dark\"}"),
    ("people", "nom;prénom;téléphone\nDupont;Anne;0102030405\n"),
    (
        "two marks",
        "id,product_id,store_id,sale_date,quantity,amount\n1,1,10,2023-11-01,1,\"1,50\"\n2,1,10,2023-11-01,1,1.50\n",
    ),
    (
        "two marks in an export",
        "date;produit;magasin;montant\n13/11/2023;Thé;Lyon;1,50\n14/11/2023;Thé;Lyon;1.50\n",
    ),
    (
        "two orders",
        "id,product_id,store_id,sale_date,quantity,amount\n1,1,10,13/11/2023,1,1.50\n2,1,10,11/13/2023,1,1.50\n",
    ),
    (
        "fuel",
        "id;product_id;store_id;sale_date;quantity;amount\n1;1;10;2023-11-01;1;1,859\n2;1;10;2023-11-01;1;1,799\n",
    ),
    ("no store", "date;produit;montant\n13/11/2023;Thé;2,00\n"),
    (
        "no key",
        "product_id,store_id,sale_date,quantity,amount\n1,10,2023-11-13,1,5.00\n",
    ),
    (
        "net and gross",
        "date;produit;magasin;total ht;total ttc\n13/11/2023;Thé;Lyon;10,00;12,00\n",
    ),
];

async fn preview(stack: &Stack, path: &str, body: &[u8], language: &str) -> (u16, Value) {
    let request = stack.script.request(Method::POST, path);
    let answer = request
        .header("accept-language", language)
        .body(body.to_vec())
        .send()
        .await
        .unwrap();
    (answer.status().as_u16(), answer.json().await.unwrap())
}

fn is_open(question: &Value) -> bool {
    question["assumed"].is_null()
}

/// Compares the preview of `body` with its dry run, both with `query`; answers what is open, and compares again.
async fn compare(stack: &Stack, what: &str, query: &str, body: &[u8]) {
    let mut answers = serde_json::Map::new();
    for _ in 0..5 {
        let given = Value::Object(answers.clone()).to_string();
        let given: String = form_urlencoded(&given);
        let query = format!("{query}&answers={given}");
        let (status, seen) = preview(stack, &format!("/imports/preview?{query}"), body, "fr").await;
        let job = stack
            .script
            .job(&format!("/jobs/import?dry_run=true&{query}"), body.to_vec())
            .await;
        let state = job["state"].as_str().unwrap();
        let questions = seen["questions"].as_array().cloned().unwrap_or_default();
        let open: Vec<&Value> = questions.iter().filter(|question| is_open(question)).collect();
        if status != 200 {
            assert_eq!(state, "failed", "{what} {query}: {seen:#} {job:#}");
            assert_eq!(seen["code"], job["error"]["code"], "{what}: {seen:#} {job:#}");
            return;
        }
        if open.is_empty() {
            assert!(state.starts_with("succeeded"), "{what} {query}: {seen:#} {job:#}");
            return;
        }
        assert_eq!(state, "failed", "{what} {query}: {seen:#} {job:#}");
        let detail = job["error"]["detail"].as_str().unwrap();
        for question in open {
            let id = question["id"].as_str().unwrap();
            assert!(detail.contains(&format!("`{id}`")), "{what}: {detail}");
            assert_eq!(question["option"], format!("answers.{id}"), "{question:#}");
            answers.insert(id.to_owned(), question["choices"][0]["value"].clone());
        }
    }
    panic!("{what}: five answers were not enough");
}

fn form_urlencoded(text: &str) -> String {
    let mut encoded = String::new();
    for byte in text.bytes() {
        let _ = write!(encoded, "%{byte:02X}"); // a String takes every write
    }
    encoded
}

/// An empty database, and one with two stores and products.
async fn stacks() -> [Stack; 2] {
    let (empty, seeded) = (Stack::start().await, Stack::start().await);
    seeded.seed().await;
    [empty, seeded]
}

#[tokio::test(flavor = "multi_thread")]
async fn a_preview_refuses_and_asks_what_an_import_refuses_and_asks() {
    let odd = ODD.map(|(name, text)| (name.to_owned(), text.as_bytes().to_vec()));
    let [empty, seeded] = stacks().await;
    let of_sales = exports().into_iter().chain(odd.clone());
    let mut cases: Vec<(&Stack, &str, String, Vec<u8>)> = Vec::new();
    for (name, body) in of_sales {
        for stack in [&empty, &seeded] {
            cases.push((stack, "table=sales", name.clone(), body.clone()));
        }
    }
    for (name, body) in odd {
        for query in ["table=sales&mode=append", "table=products"] {
            cases.push((&seeded, query, name.clone(), body.clone()));
        }
    }
    each(cases, |(stack, query, name, body)| async move {
        compare(stack, &name, query, &body).await;
    })
    .await;
}

/// Does all of `cases`, some at a time.
async fn each<T, F: Future<Output = ()>>(cases: Vec<T>, one: impl Fn(T) -> F) {
    stream::iter(cases).for_each_concurrent(AT_ONCE, one).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_preview_of_a_file_that_lacks_a_column_says_what_its_import_says() {
    let [_, stack] = stacks().await;
    let mut cases = Vec::new();
    for (name, body) in exports() {
        let text = String::from_utf8(body).unwrap();
        if text.len() > COLUMNS_ARE_TAKEN_FROM {
            continue;
        }
        let mut column = 0;
        while let Some(less) = without_column(&text, column) {
            cases.push((format!("{name} without column {column}"), less));
            column += 1;
        }
    }
    let stack = &stack;
    each(cases, |(name, text)| async move {
        compare(stack, &name, "table=sales", text.as_bytes()).await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn questions_and_decisions_are_in_the_language_of_the_reader() {
    let stack = Stack::start().await;
    stack.seed().await;
    let file = "date;produit;montant\n13/11/2023;Thé;2,00\n".as_bytes();
    let path = "/imports/preview?table=sales";

    let (_, english) = preview(&stack, path, file, "de, en;q=0.5").await;
    let (_, french) = preview(&stack, path, file, "fr-FR, en;q=0.5").await;
    let (_, asked) = preview(&stack, &format!("{path}&lang=fr"), file, "en").await;
    let (status, refused) = preview(&stack, &format!("{path}&lang=de"), file, "en").await;

    assert_eq!(english["questions"][0]["text"], "Which store are these sales of?");
    assert_eq!(
        french["questions"][0]["text"],
        "De quel magasin sont ces ventes ?"
    );
    assert_eq!(asked["questions"], french["questions"]);
    assert_eq!(status, 400, "{refused:#}");
    let keys = |preview: &Value| {
        let decisions = preview["decisions"]["sales"].as_array().unwrap().clone();
        decisions
            .into_iter()
            .find(|decision| decision["about"] == "keys")
            .unwrap()
    };
    assert!(
        keys(&english)["text"]
            .as_str()
            .unwrap()
            .starts_with("lines have no ids")
    );
    assert!(keys(&french)["text"].as_str().unwrap().starts_with("les lignes"));
}

#[tokio::test(flavor = "multi_thread")]
async fn every_question_has_a_text_of_its_own_in_each_language() {
    let [_, stack] = stacks().await;
    let mut seen = 0;
    let odd = ODD.map(|(name, text)| (name.to_owned(), text.as_bytes().to_vec()));
    for (name, body) in exports().into_iter().chain(odd) {
        let path = "/imports/preview?table=sales";
        let (_, english) = preview(&stack, path, &body, "en").await;
        let (_, french) = preview(&stack, path, &body, "fr").await;
        let texts = |preview: &Value| -> Vec<String> {
            let asked = preview["questions"].as_array().cloned().unwrap_or_default();
            let asked = asked
                .into_iter()
                .map(|question| question["text"].as_str().unwrap().to_owned());
            let decided = preview["decisions"]["sales"]
                .as_array()
                .cloned()
                .unwrap_or_default();
            let decided = decided
                .into_iter()
                .map(|decision| decision["text"].as_str().unwrap().to_owned());
            // A rule that is the name of a column alone is the same in both.
            asked
                .chain(decided)
                .filter(|text| text.trim_matches('`').contains(' '))
                .collect()
        };
        let (english, french) = (texts(&english), texts(&french));
        assert_eq!(english.len(), french.len(), "{name}");
        for (english, french) in english.iter().zip(&french) {
            let is_header =
                english.starts_with('`') && english.matches('`').count() == 2 && english.ends_with('`');
            assert!(english != french || is_header, "{name}: {english}");
            seen += 1;
        }
    }
    assert!(seen > 40, "{seen}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_settles_how_a_file_is_written() {
    let stack = Stack::start().await;
    stack.seed().await;
    let fuel = ODD.iter().find(|(name, _)| *name == "fuel").unwrap().1;
    let sum = "SELECT SUM(amount_cents) FROM sales";

    for (answer, cents) in [("point", 365_800), ("comma", 366)] {
        let answers = form_urlencoded(&format!("{{\"decimal.amount\":\"{answer}\"}}"));
        let path = format!("/jobs/import?table=sales&answers={answers}");
        let job = stack.script.job(&path, fuel).await;

        assert_eq!(job["state"], "succeeded", "{job:#}");
        assert_eq!(stack.value(sum).await, cents);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_without_a_table_is_taken_for_what_it_is() {
    let stack = Stack::start().await;
    let without_table = |body: Vec<u8>| {
        let request = stack.script.request(Method::POST, "/imports/preview");
        request
            .header("content-type", "application/octet-stream")
            .body(body)
            .send()
    };

    for table in ["products", "stores", "targets", "sales"] {
        let body = std::fs::read(sample().join(format!("{table}.csv"))).unwrap();
        let seen: Value = without_table(body).await.unwrap().json().await.unwrap();
        assert_eq!(seen["table"], table, "{seen:#}");
    }
    for (name, body) in exports() {
        let seen: Value = without_table(body).await.unwrap().json().await.unwrap();
        assert_eq!(seen["table"], "sales", "{name}: {seen:#}");
    }
    let customers =
        "id;nom;prénom;téléphone;ville;code postal;carte\n1;Dupont;Anne;0102030405;Lyon;69001;x\n";
    for (name, text) in [("people", customers), ("people without ids", ODD[6].1)] {
        let refused: Value = without_table(text.into()).await.unwrap().json().await.unwrap();
        assert_eq!(refused["code"], "unknown_columns", "{name}: {refused:#}");
    }
}

/// A form in the manner of a browser, of parts with name, file name and content.
fn form(parts: &[(&str, Option<&str>, &str)]) -> String {
    let mut body = String::new();
    for (name, file, content) in parts {
        let file = file
            .map(|file| format!("; filename=\"{file}\""))
            .unwrap_or_default();
        // A String takes every write.
        let _ = write!(
            body,
            "--limit\r\ncontent-disposition: form-data; name=\"{name}\"{file}\r\n\r\n{content}\r\n"
        );
    }
    body.push_str("--limit--\r\n");
    body
}

#[tokio::test(flavor = "multi_thread")]
async fn each_file_of_a_form_is_read_as_its_options_say() {
    let stack = Stack::start().await;
    stack.seed().await;
    let (tea, bread) = (
        "date;produit;montant\n13/11/2023;Thé;2,00\n",
        "date;produit;montant\n14/11/2023;Pain;1,20\n",
    );
    let send = |parts: &[(&str, Option<&str>, &str)]| {
        stack
            .script
            .request(Method::POST, "/jobs/import")
            .header("content-type", "multipart/form-data; boundary=limit")
            .header("prefer", "wait=30")
            .body(form(parts))
            .send()
    };

    let options = r#"{"files": [{"answers": {"store": "Lyon"}}, {"answers": {"store": "Paris"}}]}"#;
    let job: Value = send(&[
        ("options", None, options),
        ("sales", Some("tea.csv"), tea),
        ("sales", Some("bread.csv"), bread),
    ])
    .await
    .unwrap()
    .json()
    .await
    .unwrap();
    assert_eq!(job["state"], "succeeded", "{job:#}");
    let stores = "SELECT group_concat(store_id, ', ' ORDER BY sale_date) FROM sales";
    assert_eq!(stack.value(stores).await, "20, 10");

    for (options, word) in [
        (r#"{"files": [{}, {}]}"#, "more files"),
        (r#"{"files": [{"answer": {}}]}"#, "answer"),
        (r#"{"files": [{"delimiter": "xx"}]}"#, "delimiter"),
        ("[{}]", "object"),
    ] {
        let refused = send(&[("options", None, options), ("sales", Some("tea.csv"), tea)])
            .await
            .unwrap();
        assert_eq!(refused.status(), 400, "{options}");
        assert!(refused.text().await.unwrap().contains(word), "{options}");
    }
    let late = send(&[("sales", Some("tea.csv"), tea), ("options", None, options)])
        .await
        .unwrap();
    assert_eq!(late.status(), 400);
    assert_eq!(stack.value("SELECT COUNT(*) FROM job_uploads").await, 0);
}
