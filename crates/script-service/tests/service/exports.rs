//! Exports of shops, imported as they come. Their figures are held in the crate `shop-exports`; here is what a
//! database makes of them: products and stores that are made, files that come twice, questions, reports.

use super::support::{Stack, counters};
use reqwest::Method;
use serde_json::{Value, json};

const NAMES: &str = include_str!("../../../shop-exports/tests/exports/names.csv");
const SHOPIFY: &str = include_str!("../../../shop-exports/tests/exports/shopify.csv");
const SKU: &str = include_str!("../../../shop-exports/tests/exports/sku.csv");
const WOOCOMMERCE: &str = include_str!("../../../shop-exports/tests/exports/woocommerce-report.csv");

async fn import(stack: &Stack, text: &str) -> Value {
    stack
        .script
        .job("/jobs/import?table=sales", text.to_owned())
        .await
}

async fn cents(stack: &Stack) -> Value {
    stack
        .value("SELECT COALESCE(SUM(amount_cents), 0) FROM sales")
        .await
}

async fn preview(stack: &Stack, text: &str) -> Value {
    let request = stack.script.request(Method::POST, "/imports/preview?table=sales");
    request
        .body(text.to_owned())
        .send()
        .await
        .unwrap()
        .json()
        .await
        .unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn an_export_into_an_empty_database_makes_what_it_names() {
    let stack = Stack::start().await;

    let job = import(&stack, NAMES).await;

    assert_eq!(job["state"], "succeeded", "{job:#}");
    assert_eq!(counters(&job), [2, 2, 0, 0, 0]);
    assert_eq!(job["created"], json!({"products": 2, "stores": 2}));
    assert_eq!(cents(&stack).await, 1_630);
    let names = "SELECT group_concat(name, ', ' ORDER BY id) FROM products";
    assert_eq!(stack.value(names).await, "Café moulu 250 g, Thé vert");
    assert_eq!(
        stack
            .value("SELECT COUNT(*) FROM products WHERE price_cents IS NULL")
            .await,
        2
    );
    let report = &job["sources"][0]["report"];
    assert_eq!(report["revenue_cents"], 1_630, "{report:#}");
    assert_eq!(report["new_stores"], json!(["Paris", "Lyon"]));
    assert_eq!(stack.value("SELECT currency FROM dataset").await, "EUR");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_export_that_comes_twice_adds_nothing() {
    for text in [NAMES, SHOPIFY, WOOCOMMERCE] {
        let stack = Stack::start().await;
        import(&stack, text).await;
        let lines = stack.value("SELECT COUNT(*) FROM sales").await;
        let before = cents(&stack).await;

        let again = import(&stack, text).await;

        assert_eq!(again["counters"]["inserted"], 0, "{again:#}");
        assert_eq!(again["counters"]["unchanged"], lines, "{again:#}");
        assert_eq!(again["created"], json!({"products": 0, "stores": 0}));
        assert_eq!(cents(&stack).await, before);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn exports_of_several_systems_add_up_in_one_database() {
    let stack = Stack::start().await;
    for (text, cents_of_it) in [
        (
            include_str!("../../../shop-exports/tests/systems/shopify-orders.csv"),
            9_937,
        ),
        (
            include_str!("../../../shop-exports/tests/systems/lightspeed-x.csv"),
            3_800,
        ),
        (
            include_str!("../../../shop-exports/tests/systems/excel-invoicing.csv"),
            96_000,
        ),
        (
            include_str!("../../../shop-exports/tests/systems/shopify-orders.json"),
            6_687,
        ),
    ] {
        let before = cents(&stack).await.as_i64().unwrap();

        // The store of lines that name none is a question once there are several.
        let path = "/jobs/import?table=sales&constants=%7B%22store%22%3A%22Atelier%22%7D";
        let job = stack.script.job(path, text.to_owned()).await;
        let again = stack.script.job(path, text.to_owned()).await;

        assert_eq!(job["state"], "succeeded", "{job:#}");
        assert_eq!(cents(&stack).await, before + cents_of_it, "{job:#}");
        assert_eq!(again["counters"]["inserted"], 0, "{again:#}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_moment_of_another_zone_is_of_the_day_that_the_shop_has() {
    let stack = Stack::start().await;
    let text =
        "id,Description,Created (UTC),Amount,Currency,Status\nch_1,Tea,2024-03-04 23:30:00,5.00,eur,Paid\n";

    import(&stack, text).await;

    assert_eq!(
        stack
            .value("SELECT sale_date || ' ' || sale_time FROM sales")
            .await,
        "2024-03-05 00:30:00"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn equal_lines_of_one_file_are_all_sales_and_a_longer_file_adds_the_rest() {
    let stack = Stack::start().await;
    stack.seed().await;
    let line = "1;10;13/11/2023;2;30,00\n";
    let file = |lines: usize| {
        format!(
            "product_id;store_id;date;quantité;montant\n{}",
            line.repeat(lines)
        )
    };

    import(&stack, &file(2)).await;
    let longer = import(&stack, &file(3)).await;

    assert_eq!(counters(&longer), [3, 1, 0, 2, 0], "{longer:#}");
    assert_eq!(cents(&stack).await, 9_000);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_question_without_an_answer_keeps_a_file_out_and_an_answer_lets_it_in() {
    let stack = Stack::start().await;
    stack.seed().await;
    let file = "date;produit;montant\n13/11/2023;Thé;2,00\n";

    let asked = preview(&stack, file).await;
    assert_eq!(asked["questions"][0]["id"], "store", "{asked:#}");
    assert_eq!(asked["questions"][0]["option"], "answers.store");
    let refused = import(&stack, file).await;
    assert_eq!(refused["error"]["code"], "question_open", "{refused:#}");

    let path = "/jobs/import?table=sales&answers={%22store%22:%22Lyon%22}";
    let job = stack.script.job(path, file).await;

    assert_eq!(job["state"], "succeeded", "{job:#}");
    assert_eq!(stack.value("SELECT store_id FROM sales").await, 20);
    assert_eq!(stack.value("SELECT product_id FROM sales").await, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn numbers_without_a_list_make_nothing_until_asked_to() {
    let stack = Stack::start().await;
    let silent = import(&stack, SKU).await;
    assert_eq!(silent["counters"]["rejected"], 2, "{silent:#}");

    let path = "/jobs/import?table=sales&answers={%22new_stores%22:%22create%22}";
    let job = stack.script.job(path, SKU).await;

    assert_eq!(job["state"], "succeeded", "{job:#}");
    let codes = "SELECT group_concat(code, ', ' ORDER BY id) FROM products";
    assert_eq!(stack.value(codes).await, "TAS-BL, 000123");
    assert_eq!(cents(&stack).await, 4_500);
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_made_where_the_request_says_so() {
    let stack = Stack::start().await;

    let job = stack
        .script
        .job("/jobs/import?table=sales&create_missing=none", NAMES)
        .await;

    assert_eq!(job["counters"]["rejected"], 2, "{job:#}");
    assert_eq!(stack.value("SELECT COUNT(*) FROM products").await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_left_out_is_counted_by_its_word() {
    let stack = Stack::start().await;

    let job = import(&stack, SHOPIFY).await;

    assert_eq!(job["counters"]["skipped"], 2, "{job:#}");
    let skipped = &job["sources"][0]["report"]["skipped"];
    assert_eq!(*skipped, json!({"cancelled": 1, "voided": 1}));
    assert_eq!(cents(&stack).await, 5_100);
}

#[tokio::test(flavor = "multi_thread")]
async fn weights_are_kept_and_summed_to_the_gram() {
    let stack = Stack::start().await;
    stack.seed().await;
    let file = "id;product_id;store_id;sale_date;quantity;amount\n1;1;10;2023-11-13;0,350;10,50\n2;1;10;2023-11-13;2;4,00\n";

    let job = import(&stack, file).await;

    assert_eq!(counters(&job), [2, 2, 0, 0, 0], "{job:#}");
    assert_eq!(stack.value("SELECT quantity FROM sales WHERE id = 1").await, 0.35);
    assert_eq!(stack.value("SELECT quantity FROM sales WHERE id = 2").await, 2);
    let answer = stack.script.json("/analysis/product?period=all").await;
    assert_eq!(answer["rows"][0]["units"], 2.35, "{answer:#}");
    assert_eq!(answer["rows"][0]["total_sales"], 14.5);
}

#[tokio::test(flavor = "multi_thread")]
async fn line_numbers_that_begin_anew_overwrite_nothing() {
    let stack = Stack::start().await;
    stack.seed().await;
    let month = |month: u8| {
        format!(
            "N° ligne;Réf. produit;Magasin;Date de vente;Quantité;Montant TTC\n1;1;10;13/{month}/2023;1;10,00\n2;2;20;14/{month}/2023;1;20,00\n"
        )
    };

    import(&stack, &month(11)).await;
    import(&stack, &month(12)).await;

    assert_eq!(cents(&stack).await, 6_000);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_preview_shows_rows_as_they_would_be_stored() {
    let stack = Stack::start().await;

    let shown = preview(&stack, WOOCOMMERCE).await;

    let row = &shown["rows"][1]["values"];
    assert_eq!(row["amount"], "-15.00", "{shown:#}");
    assert_eq!(row["store"], "Lyon");
    assert_eq!(row["sale_date"], "2023-11-14");
    assert_eq!(shown["report"]["created"], json!({"products": 2, "stores": 2}));
    assert_eq!(stack.value("SELECT COUNT(*) FROM products").await, 0);
}
