//! The other pages.

use crate::stage::Stage;

#[tokio::test]
async fn every_analysis_has_its_page_and_chart() {
    let Some(mut stage) = Stage::with_sample("en").await else {
        return;
    };
    let page = &mut stage.browser;
    page.visit("/analyses").await;
    let links = page
        .eval("[...document.querySelectorAll('.tiles a')].map((link) => link.getAttribute('href'))")
        .await;
    let links: Vec<String> = serde_json::from_value(links).unwrap();
    assert!(links.len() >= 12, "{links:?}");

    for link in links {
        page.visit_drawn(&link).await;
        let rows = page
            .eval("document.querySelectorAll('main tbody tr').length")
            .await;
        assert!(rows.as_u64().unwrap() > 0, "{link}");
        let number = link.ends_with("/total") || link.ends_with("/summary");
        let drawn = page
            .eval("Boolean(document.querySelector('#chart .main-svg'))")
            .await;
        assert_eq!(drawn, !number, "{link}");
    }
    page.assert_clean();
}

#[tokio::test]
async fn parameters_of_an_analysis_are_in_its_address() {
    let Some(mut stage) = Stage::with_sample("en").await else {
        return;
    };
    let page = &mut stage.browser;
    page.visit_drawn("/analyses/abc").await;
    assert_eq!(page.eval("document.getElementById('p-a').value").await, "80");

    page.eval("(() => { const field = document.getElementById('p-a'); field.value = '30'; field.dispatchEvent(new Event('change', {bubbles: true})); })()").await;
    page.until("new URLSearchParams(location.search).get('a') === '30'")
        .await;
    page.until("document.documentElement.dataset.drawn === document.documentElement.dataset.view")
        .await;

    assert_eq!(page.eval("document.getElementById('p-a').value").await, "30");
    page.assert_clean();
}

#[tokio::test]
async fn jobs_are_listed_with_their_counters() {
    let Some(mut stage) = Stage::with_sample("en").await else {
        return;
    };
    let page = &mut stage.browser;

    page.visit("/jobs").await;
    let line = page.text("tbody tr").await;
    assert!(line.contains("import") && line.contains("done"), "{line}");
    page.visit("/jobs/1").await;

    assert_eq!(page.text("h1").await, "Job 1");
    assert!(page.text("main").await.contains("sales.csv → sales"));
    page.visit("/forecasts").await;
    assert_eq!(page.text("h1").await, "Forecasts");
    page.assert_clean();
}
