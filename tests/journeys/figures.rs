//! The published figures, computed through HTTP from the files of the sample data.

use crate::program;
use journeys::Up;
use serde_json::{Value, json};

/// The rows of an analysis, each as the values of `columns`.
async fn rows(up: &Up, target: &str, columns: &[&str]) -> Vec<Vec<Value>> {
    let answer = up.script.get(target).await;
    answer["rows"]
        .as_array()
        .unwrap()
        .iter()
        .map(|row| columns.iter().map(|column| row[column].clone()).collect())
        .collect()
}

/// The rows of one SQL statement.
async fn sql(up: &Up, statement: &str) -> Vec<Vec<Value>> {
    let answer = up.db.post("/v1/query", &json!({ "sql": statement })).await;
    serde_json::from_value(answer["rows"].clone()).unwrap()
}

fn text(rows: &[Vec<Value>]) -> Vec<(String, f64)> {
    rows.iter()
        .map(|row| (row[0].as_str().unwrap().to_owned(), row[1].as_f64().unwrap()))
        .collect()
}

fn pairs(expected: &[(&str, f64)]) -> Vec<(String, f64)> {
    expected
        .iter()
        .map(|(name, value)| ((*name).to_owned(), *value))
        .collect()
}

const PRODUCTS: [(&str, f64); 5] = [
    ("Premium Package", 320_450.0),
    ("Business Suite", 285_670.0),
    ("Standard Package", 210_890.0),
    ("Basic Package", 185_430.0),
    ("Add-on Module A", 120_230.0),
];

const REGIONS: [(&str, f64, f64); 5] = [
    ("Île-de-France", 450_230.0, 36.1),
    ("Auvergne-Rhône-Alpes", 320_150.0, 25.7),
    ("Nouvelle-Aquitaine", 185_670.0, 14.9),
    ("Occitanie", 120_450.0, 9.7),
    ("Hauts-de-France", 89_450.0, 7.2),
];

#[tokio::test]
async fn the_sample_gives_the_published_figures() {
    let up = program().up();

    let total = up.script.get("/analysis/total").await;
    assert_eq!(total["rows"][0]["total_revenue"], json!(1_245_678.0));
    assert_eq!(total["window"], json!({"from": "2023-11-01", "to": "2023-11-30"}));

    let products = rows(&up, "/analysis/product?limit=5", &["name", "total_sales"]).await;
    assert_eq!(text(&products), pairs(&PRODUCTS));

    let regions = rows(
        &up,
        "/analysis/region?limit=5",
        &["region", "total_sales", "share"],
    )
    .await;
    let expected: Vec<Vec<Value>> = REGIONS
        .iter()
        .map(|(region, total, share)| vec![json!(region), json!(total), json!(share)])
        .collect();
    assert_eq!(regions, expected);

    let seasonality = up.script.get("/analysis/seasonality").await;
    assert_eq!(seasonality["weekend_uplift"], json!(18.0));

    let growth = rows(&up, "/analysis/growth", &["region", "growth"]).await;
    let highest = growth
        .iter()
        .max_by(|a, b| a[1].as_f64().unwrap().total_cmp(&b[1].as_f64().unwrap()))
        .unwrap();
    assert_eq!(*highest, vec![json!("Occitanie"), json!(22.0)]);

    let targets = rows(&up, "/analysis/targets", &["name", "below_target"]).await;
    let below: Vec<&Value> = targets
        .iter()
        .filter(|row| row[1] == json!(true))
        .map(|row| &row[0])
        .collect();
    assert_eq!(below, [&json!("Add-on Module A")]);

    // The SQL of the origin, which knows no window, over the same month.
    let plain = |columns: &str, joined: &str, group: &str| {
        format!(
            "SELECT {columns} FROM sales s {joined} WHERE s.sale_date BETWEEN '2023-11-01' AND '2023-11-30' {group}"
        )
    };
    let sum = sql(&up, &plain("SUM(amount)", "", "")).await;
    assert_eq!(sum, [[json!(1_245_678.0)]]);
    let by_product = plain(
        "p.name, SUM(s.amount) AS total_sales",
        "JOIN products p ON s.product_id = p.id",
        "GROUP BY p.name ORDER BY total_sales DESC LIMIT 5",
    );
    assert_eq!(text(&sql(&up, &by_product).await), pairs(&PRODUCTS));
    let by_region = plain(
        "st.region, SUM(s.amount) AS total_sales",
        "JOIN stores st ON s.store_id = st.id",
        "GROUP BY st.region ORDER BY total_sales DESC LIMIT 5",
    );
    let expected = REGIONS.map(|(region, total, _)| (region, total));
    assert_eq!(text(&sql(&up, &by_region).await), pairs(&expected));
}

#[tokio::test]
async fn november_alone_gives_the_published_total_without_a_where() {
    let up = program().up_empty();
    let sample = journeys::repository().join("data");
    for (table, file) in [
        ("products", "products.csv"),
        ("stores", "stores.csv"),
        ("sales", "sales.csv"),
    ] {
        let body = std::fs::read(sample.join(file)).unwrap();
        let answer = up
            .script
            .send(
                "POST",
                &format!("/jobs/import?table={table}"),
                &[("content-type", "text/csv"), ("prefer", "wait=60")],
                Some(body),
            )
            .await
            .ok();
        assert_eq!(answer.json()["state"], "succeeded");
    }

    let sum = sql(&up, "SELECT SUM(amount) FROM sales").await;

    assert_eq!(sum, [[json!(1_245_678.0)]]);
}

#[tokio::test]
async fn an_analysis_can_be_kept_as_a_result() {
    let up = program().up();

    let job = up
        .script
        .send("POST", "/jobs/analysis", &[("prefer", "wait=60")], None)
        .await
        .ok()
        .json();

    assert_eq!(job["state"], "succeeded");
    let kept = up.script.get("/analysis/results").await;
    assert!(!kept["results"].as_array().unwrap().is_empty(), "{kept}");
}

#[tokio::test]
async fn both_explorers_open_without_anything_from_outside() {
    let up = program().up_empty();

    for service in [&up.db, &up.script] {
        let page = service.send("GET", "/docs/", &[], None).await.ok();
        assert_eq!(page.content_type, "text/html");
        for quote in ["src=\"", "href=\""] {
            for link in page.text.split(quote).skip(1) {
                assert!(!link.starts_with("http") && !link.starts_with("//"), "{link:.60}");
            }
        }
        let contract = service.get("/openapi.json").await;
        assert!(contract["paths"].as_object().is_some_and(|paths| paths.len() > 5));
    }
}
