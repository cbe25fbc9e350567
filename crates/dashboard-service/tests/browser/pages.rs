//! The other pages.

use crate::stage::Stage;
use dashboard_service::Config;
use test_kit::TestStack;

async fn json_of(address: &str) -> serde_json::Value {
    let answer = reqwest::get(address).await.unwrap();
    serde_json::from_slice(&answer.bytes().await.unwrap()).unwrap()
}

pub(crate) async fn every_analysis_has_its_page_and_chart() {
    let mut stage = Stage::with_sample("en").await;
    let page = &mut stage.browser;
    page.visit("/analyses").await;
    let links = page
        .eval("[...document.querySelectorAll('.tiles a')].map((link) => link.getAttribute('href'))")
        .await;
    let links: Vec<String> = serde_json::from_value(links).unwrap();
    assert!(links.len() >= 12, "{links:?}");

    let script_url = stage.stack.as_ref().unwrap().script.url.clone();
    let catalogue = json_of(&format!("{script_url}/analysis")).await;
    let described = catalogue["analyses"].as_array().unwrap();
    assert_eq!(described.len(), links.len());
    let page = &mut stage.browser;
    for (link, described) in links.iter().zip(described) {
        let name = described["name"].as_str().unwrap();
        assert_eq!(*link, format!("/analyses/{name}"));
        let answer = json_of(&format!("{script_url}/analysis/{name}")).await;
        let rows = answer["rows"].as_array().unwrap().len();

        page.visit_drawn(link).await;

        let shown = page
            .eval("document.querySelectorAll('main tbody tr').length")
            .await;
        assert_eq!(shown, rows, "{link}");
        let drawn = page
            .eval("Boolean(document.querySelector('#chart .main-svg'))")
            .await;
        let columns = described["chart"]["y"].as_array().unwrap();
        let known = answer["rows"].as_array().unwrap().iter().any(|row| {
            columns
                .iter()
                .any(|column| !row[column.as_str().unwrap()].is_null())
        });
        assert_eq!(drawn, described["chart"]["kind"] != "number" && known, "{link}");
    }
    page.assert_clean();
}

pub(crate) async fn an_analysis_of_ones_own_is_drawn_and_a_broken_one_named() {
    let folder = tempfile::TempDir::new().unwrap();
    std::fs::write(
        folder.path().join("cities.sql"),
        "-- title: Revenue by city\n-- description: Where the money comes from.\n-- column: city text\n\
         -- column: total_sales money\n-- chart: bar city total_sales\n\
         SELECT city, SUM(amount_cents) AS total_sales FROM sales JOIN stores ON stores.id = sales.store_id\n\
         WHERE sale_date BETWEEN :from AND :to GROUP BY city ORDER BY total_sales DESC LIMIT 3\n",
    )
    .unwrap();
    std::fs::write(folder.path().join("broken.sql"), "SELECT 1\n").unwrap();
    let stack = TestStack::start_with(|config| {
        config.data = TestStack::sample_data();
        config.analyses = Some(folder.path().to_owned());
    })
    .await;
    stack.script.import_configured().await;
    let config = Config::for_script(stack.script.url.clone());
    let mut stage = Stage::on(config, Some(stack), "fr").await;
    let page = &mut stage.browser;

    page.visit("/analyses").await;
    let own = page.text(".tiles li:has(.own)").await;
    assert!(
        own.contains("Revenue by city") && own.contains("personnelle"),
        "{own}"
    );
    assert!(page.text("main").await.contains("broken.sql"));
    page.visit_drawn("/analyses/cities").await;

    let bars = page
        .eval("document.querySelectorAll('#chart .bars .point').length")
        .await;
    assert_eq!(bars, 3);
    assert_eq!(page.text("thead th").await, "Ville");
    page.assert_clean();
}

pub(crate) async fn an_analysis_has_presets_and_words_of_the_reader() {
    let mut stage = Stage::with_sample("fr").await;
    let page = &mut stage.browser;
    page.visit_drawn("/analyses/abc?a=50").await;
    assert!(
        page.text("main").await.contains("classe A jusqu’à 50\u{202f}%"),
        "{}",
        page.text("main").await
    );

    page.click("document.querySelector('.presets a:last-child')")
        .await;
    page.until("location.search === '?period=all&a=50'").await;

    page.until("document.querySelector('.period').textContent.includes('octobre')")
        .await;
    page.assert_clean();
}

pub(crate) async fn parameters_of_an_analysis_are_in_its_address() {
    let mut stage = Stage::with_sample("en").await;
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

pub(crate) async fn jobs_are_listed_with_their_counters() {
    let mut stage = Stage::with_sample("en").await;
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
