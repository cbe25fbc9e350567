//! What a page says when there is nothing to show.

use crate::stage::Stage;
use dashboard_service::Config;
use std::net::SocketAddr;
use test_kit::Browser;
use tokio::net::TcpListener;

/// The faults of a page whose document was an error on purpose.
fn faults_beside_the_status(page: &Browser) -> Vec<String> {
    page.faults()
        .into_iter()
        .filter(|fault| !fault.contains("the server responded with a status of"))
        .collect()
}

pub(crate) async fn an_empty_database_invites_to_import() {
    let mut stage = Stage::empty().await;
    let page = &mut stage.browser;
    page.visit_drawn("/").await;
    assert_eq!(page.text("h1").await, "No sales yet");

    page.click("document.getElementById('import-sample')").await;
    page.until("document.getElementById('total')?.textContent === '€1,245,678'")
        .await;

    page.until("document.querySelectorAll('#regions .choroplethlayer path').length === 18")
        .await;
    page.assert_clean();
}

pub(crate) async fn a_service_that_is_down_is_named_and_tried_again() {
    let config = Config::for_script("http://127.0.0.1:9");
    let mut stage = Stage::on(config, None, "en").await;
    let page = &mut stage.browser;

    page.visit("/").await;

    assert_eq!(page.text("h1").await, "The figures cannot be reached");
    assert!(page.text(".state").await.contains("comptoir up"));
    assert_eq!(
        page.eval("document.querySelector('.state').dataset.retry").await,
        "5000"
    );
    assert_eq!(
        reqwest::get(format!("{}/readyz", stage.url))
            .await
            .unwrap()
            .status(),
        503
    );
    assert_eq!(
        reqwest::get(format!("{}/healthz", stage.url))
            .await
            .unwrap()
            .status(),
        200
    );
    assert_eq!(faults_beside_the_status(&stage.browser), [""; 0]);
}

pub(crate) async fn an_answer_that_tarries_is_not_waited_for() {
    // It takes connections and never answers.
    let silent = TcpListener::bind(SocketAddr::from(([127, 0, 0, 1], 0)))
        .await
        .unwrap();
    let mut config = Config::for_script(format!("http://{}", silent.local_addr().unwrap()));
    config.answer_timeout_ms = 300;
    let mut stage = Stage::on(config, None, "en").await;
    let page = &mut stage.browser;

    page.visit("/").await;

    assert_eq!(page.text("h1").await, "The answer takes too long");
    assert!(page.text(".state").await.contains("300 ms"));
    assert_eq!(faults_beside_the_status(&stage.browser), [""; 0]);
}

pub(crate) async fn a_bad_filter_is_named() {
    let mut stage = Stage::with_sample("en").await;
    let page = &mut stage.browser;

    for (path, what) in [
        ("/?from=yesterday", "from: yesterday"),
        ("/?region=Atlantis", "region: Atlantis"),
        ("/?from=2023-11-02&to=2023-11-01", "from > to"),
        ("/analyses/region?from=x", "from"),
    ] {
        page.visit(path).await;
        assert_eq!(page.text("h1").await, "This selection makes no sense");
        assert!(page.text(".state code").await.contains(what), "{path}");
    }
    page.click("document.querySelector('.state .button.quiet')").await;
    page.until(
        "document.querySelector('h1').textContent === 'Sales by region' || document.querySelector('#chart')",
    )
    .await;
    assert_eq!(faults_beside_the_status(&stage.browser), [""; 0]);
}

pub(crate) async fn a_selection_without_sales_is_not_an_error() {
    let mut stage = Stage::with_sample("en").await;
    let page = &mut stage.browser;

    page.visit_drawn("/?from=2020-01-01&to=2020-01-31").await;

    assert_eq!(page.text("#total").await, "€0");
    page.assert_clean();
}
