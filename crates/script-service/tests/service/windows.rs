//! The days that an answer is about when nobody says which: a sale that is hardly right does not move them.

use crate::support::Stack;
use serde_json::Value;

async fn windows(stack: &Stack) -> Vec<(String, Value)> {
    let list = stack.script.json("/analysis").await;
    let mut windows = Vec::new();
    for analysis in list["analyses"].as_array().unwrap() {
        let name = analysis["name"].as_str().unwrap();
        let answer = stack.script.json(&format!("/analysis/{name}")).await;
        assert!(answer["window"].is_object(), "{name}: {answer:#}");
        windows.push((name.to_owned(), answer["window"].clone()));
    }
    windows
}

async fn sale(stack: &Stack, day: &str) {
    let sql = format!(
        "INSERT INTO sales (product_id, store_id, sale_date, quantity_milli, amount_cents)
        SELECT (SELECT MIN(id) FROM products), (SELECT MIN(id) FROM stores), '{day}', 1000, 999"
    );
    stack.db.client.execute(&sql, Vec::new()).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn one_sale_of_2032_or_1900_moves_the_default_window_of_no_analysis() {
    let stack = Stack::with_sample().await;
    let before = windows(&stack).await;
    assert!(before.len() > 15);
    let forecast = async || stack.script.job("/jobs/forecast", r#"{"model":"naive"}"#).await;
    let history = forecast().await["result"]["history"].clone();

    for day in ["2032-06-01", "1900-01-01"] {
        sale(&stack, day).await;

        for ((name, window), (_, then)) in before.iter().zip(windows(&stack).await) {
            assert_eq!(*window, then, "{name} with a sale of {day}");
        }
        let later = forecast().await;
        assert_eq!(later["state"], "succeeded", "{later:#}");
        assert_eq!(later["result"]["history"], history);
    }
    // Who asks for all days means these too.
    let all = stack.script.json("/analysis/total?period=all").await;
    assert_eq!(all["window"]["from"], "1900-01-01", "{all:#}");
    assert_eq!(all["window"]["to"], "2032-06-01");
}

#[tokio::test(flavor = "multi_thread")]
async fn days_that_follow_each_other_count_whatever_the_clock_says() {
    let stack = Stack::start().await;
    stack.seed().await;
    for day in ["2051-01-01", "2051-01-20", "2051-02-10"] {
        sale(&stack, day).await;
    }

    let answer = stack.script.json("/analysis/total").await;

    assert_eq!(answer["window"]["to"], "2051-02-10", "{answer:#}");
}
