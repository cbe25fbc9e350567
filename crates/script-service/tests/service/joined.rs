//! Lines of orders and the orders, in two files or on two sheets: one import joins them.

use super::support::Stack;
use reqwest::Method;
use serde_json::{Value, json};

const ORDERS: &str = include_str!("../../../shop-exports/tests/systems/orders-headers.csv");
const LINES: &str = include_str!("../../../shop-exports/tests/systems/orders-lines.csv");

async fn lines(stack: &Stack) -> Value {
    stack
        .value(
            "SELECT json_group_array(sale_date || ' ' || products.name || ' ' || stores.name || ' ' || amount_cents
                ORDER BY sales.id)
            FROM sales JOIN products ON products.id = product_id JOIN stores ON stores.id = store_id",
        )
        .await
}

const EXPECTED: &str =
    r#"["2024-03-04 Mug Lyon 2400","2024-03-04 Carnet Lyon 850","2024-03-05 Carnet Lyon 2550"]"#;

#[tokio::test(flavor = "multi_thread")]
async fn two_files_of_one_import_are_joined_in_either_order() {
    for files in [["orders.csv", "lines.csv"], ["lines.csv", "orders.csv"]] {
        let stack = Stack::start().await;
        stack.write("orders.csv", ORDERS);
        stack.write("lines.csv", LINES);
        let sources: Vec<Value> = files
            .iter()
            .map(|path| json!({"table": "sales", "path": path}))
            .collect();
        let request = json!({"sources": sources}).to_string();

        let job = stack.script.job("/jobs/import", request.clone()).await;
        let again = stack.script.job("/jobs/import", request).await;

        assert_eq!(job["state"], "succeeded", "{job:#}");
        assert_eq!(lines(&stack).await, EXPECTED, "{job:#}");
        assert_eq!(job["counters"]["skipped"], 1, "the second order was cancelled");
        let notes = job["notes"].to_string();
        assert!(
            notes.contains("orders.csv: its orders are joined to the lines of lines.csv"),
            "{notes}"
        );
        assert_eq!(again["counters"]["inserted"], 0, "{again:#}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_files_of_a_form_are_joined() {
    let stack = Stack::start().await;
    let part = |name: &str, text: &str| {
        format!(
            "--limit\r\ncontent-disposition: form-data; name=\"sales\"; filename=\"{name}\"\r\n\r\n{text}\r\n"
        )
    };
    let body = format!("{}{}--limit--\r\n", part("o.csv", ORDERS), part("l.csv", LINES));
    let request = stack.script.request(Method::POST, "/jobs/import");
    let sent = request
        .header("content-type", "multipart/form-data; boundary=limit")
        .header("prefer", "wait=30")
        .body(body);

    let job: Value = sent.send().await.unwrap().json().await.unwrap();

    assert_eq!(job["state"], "succeeded", "{job:#}");
    assert_eq!(lines(&stack).await, EXPECTED, "{job:#}");
}

#[tokio::test(flavor = "multi_thread")]
async fn two_files_that_have_nothing_in_common_are_two() {
    let stack = Stack::start().await;
    stack.write("a.csv", "order;date;total\nA-1;13/11/2023;5,00\n");
    stack.write("b.csv", "order;date;produit;montant\nB-1;14/11/2023;Mug;7,00\n");
    let sources = json!({"sources": [{"table": "sales", "path": "a.csv"}, {"table": "sales", "path": "b.csv",
        "constants": {"store": "Main shop"}}]});

    let job = stack.script.job("/jobs/import", sources.to_string()).await;

    assert_eq!(job["counters"]["inserted"], 2, "{job:#}");
    assert_eq!(stack.value("SELECT SUM(amount_cents) FROM sales").await, 1_200);
}

#[tokio::test(flavor = "multi_thread")]
async fn amounts_with_taxes_beside_amounts_without_are_warned_of_on_every_figure() {
    let stack = Stack::start().await;
    let gross = "date;produit;montant ttc\n13/11/2023;Mug;12,00\n";
    let net = "date;produit;montant ht\n14/11/2023;Mug;10,00\n";

    stack.script.job("/jobs/import?table=sales", net).await;
    let of_net = stack.script.json("/analysis/total").await;
    stack.script.job("/jobs/import?table=sales", gross).await;
    let of_both = stack.script.json("/analysis/total").await;

    assert_eq!(
        of_net["amounts"],
        json!({"currency": "EUR", "taxes": "excluded", "warning": null})
    );
    assert!(
        of_net["title"].as_str().unwrap().ends_with("(excl. taxes)"),
        "{of_net:#}"
    );
    assert!(of_net["titles"]["fr"].as_str().unwrap().ends_with("(HT)"));
    assert_eq!(of_both["amounts"]["taxes"], "mixed");
    assert!(
        of_both["amounts"]["warnings"]["fr"]
            .as_str()
            .unwrap()
            .contains("HT")
    );
    assert!(
        of_both["notes"].to_string().contains("some without"),
        "{of_both:#}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rate_converts_and_is_checked() {
    let stack = Stack::start().await;
    stack
        .script
        .job(
            "/jobs/import?table=sales",
            "date;produit;montant\n13/11/2023;Mug;12,00\n",
        )
        .await;
    let dollars = "date,product,amount,currency\n2023-11-14,Mug,10.00,USD\n";

    let asked = stack.script.job("/jobs/import?table=sales", dollars).await;
    let path = "/jobs/import?table=sales&rates=%7B%22USD%22%3A0.92%7D";
    let converted = stack.script.job(path, dollars).await;
    let refused = stack.script.request(Method::POST, &path.replace("0.92", "-1"));
    let refused = refused.body(dollars).send().await.unwrap();

    assert_eq!(asked["error"]["code"], "question_open", "{asked:#}");
    assert_eq!(converted["counters"]["inserted"], 1, "{converted:#}");
    assert_eq!(
        stack.value("SELECT SUM(amount_cents) FROM sales").await,
        1_200 + 920
    );
    assert_eq!(refused.status(), 400);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_region_of_a_store_is_found_and_said() {
    let stack = Stack::start().await;
    let text = "date;produit;montant;magasin;code postal\n13/11/2023;Mug;12,00;Centre;69003\n";

    let job = stack.script.job("/jobs/import?table=sales", text).await;

    assert_eq!(
        stack.value("SELECT region FROM stores").await,
        "Auvergne-Rhône-Alpes"
    );
    let decisions = job["sources"][0]["decisions"]["sales"].to_string();
    assert!(decisions.contains("data/regions"), "{decisions}");
}
