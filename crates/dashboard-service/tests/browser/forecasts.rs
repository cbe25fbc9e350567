//! Forecasts of the real service on the pages.

use crate::stage::Stage;
use serde_json::{Value, json};

/// Has script-service make a forecast, and waits for it.
async fn make(stage: &Stage, request: Value) {
    let script_url = &stage.stack.as_ref().unwrap().script.url;
    let answer = reqwest::Client::new()
        .post(format!("{script_url}/jobs/forecast"))
        .header("prefer", "wait=60")
        .body(request.to_string())
        .send()
        .await
        .unwrap();
    let job: Value = serde_json::from_slice(&answer.bytes().await.unwrap()).unwrap();
    assert_eq!(job["state"], "succeeded", "{job:#}");
}

/// The names of what is drawn in the curve.
const DRAWN: &str =
    "document.getElementById('trend').data.map((trace) => trace.name).filter(Boolean).join('; ')";

pub(crate) async fn the_curve_goes_on_as_a_forecast_with_its_model_and_interval() {
    let mut stage = Stage::with_sample("en").await;
    let page = &mut stage.browser;
    page.visit_drawn("/").await;
    assert_eq!(page.eval(DRAWN).await, "Sales; 7-day average");

    page.click("document.querySelector('[data-post=\"/api/jobs/forecast\"]')")
        .await;
    page.until("document.getElementById('d-forecast')").await;
    page.until("document.documentElement.dataset.drawn === document.documentElement.dataset.view")
        .await;
    let drawn = page.eval(DRAWN).await;
    assert!(
        drawn.as_str().unwrap().contains("80% interval; Forecast "),
        "{drawn}"
    );
    assert!(
        page.text("[aria-labelledby=t-trend] .hint")
            .await
            .contains("chosen because it did best"),
        "{}",
        page.text("[aria-labelledby=t-trend] .hint").await
    );
    let days = page
        .eval("[...document.querySelectorAll('#d-forecast tbody th')].map((day) => day.textContent).join()")
        .await;
    assert_eq!(
        days,
        "01/12/2023,02/12/2023,03/12/2023,04/12/2023,05/12/2023,06/12/2023,07/12/2023"
    );

    // Neither a forecast from another day nor one of a region takes its place.
    make(&stage, json!({"model": "naive", "to": "2023-11-20"})).await;
    make(&stage, json!({"model": "naive", "region": "Occitanie"})).await;
    let page = &mut stage.browser;
    page.visit_drawn("/").await;
    assert_eq!(page.eval(DRAWN).await, drawn);
    page.visit_drawn("/?region=Occitanie").await;
    let region = page.eval(DRAWN).await;
    assert!(region.as_str().unwrap().contains("Forecast naive"), "{region}");
    page.visit_drawn("/?from=2023-11-01&to=2023-11-20").await;
    let before = page.eval(DRAWN).await;
    assert!(before.as_str().unwrap().contains("Forecast naive"), "{before}");
    page.assert_clean();
}

pub(crate) async fn a_forecast_is_asked_for_and_stands_in_the_history() {
    let mut stage = Stage::with_sample("en").await;
    let page = &mut stage.browser;
    page.visit("/forecasts").await;
    assert!(page.text("main").await.contains("No forecast yet"));

    page.eval(
        "(() => {
            const form = document.querySelector('[data-forecast]');
            form.elements.model.value = 'arima';
            form.elements.region.value = 'Bretagne';
            form.elements.horizon.value = '3';
            form.requestSubmit();
        })()",
    )
    .await;
    page.until("document.querySelector('[aria-labelledby=t-history] tbody tr')")
        .await;

    let line = page.text("[aria-labelledby=t-history] tbody tr").await;
    for part in ["ARIMA(5,1,0)", "01/12/2023 – 03/12/2023", "Bretagne"] {
        assert!(line.contains(part), "{line}");
    }
    page.assert_clean();
}

pub(crate) async fn models_are_compared_and_the_one_to_use_is_marked() {
    let mut stage = Stage::with_sample("en").await;
    let page = &mut stage.browser;
    page.visit("/forecasts").await;

    page.click("document.querySelector('[aria-labelledby=t-compare] a.button')")
        .await;
    page.until("document.querySelectorAll('[aria-labelledby=t-compare] tbody tr').length === 8")
        .await;

    assert_eq!(page.eval("location.search").await, "?compare=yes");
    let chosen = page.text("[aria-labelledby=t-compare] tr.chosen th").await;
    assert!(
        page.text("[aria-labelledby=t-compare]")
            .await
            .contains(&format!("To use: {chosen}.")),
        "{chosen}"
    );
    page.assert_clean();
}

pub(crate) async fn a_past_forecast_stands_beside_what_came() {
    let mut stage = Stage::with_sample("en").await;
    make(&stage, json!({"model": "naive", "to": "2023-11-26"})).await;
    let page = &mut stage.browser;

    page.visit_drawn("/forecasts/1").await;

    assert_eq!(page.text("h1").await, "Forecast 1: naive");
    let rows = page
        .eval("document.querySelectorAll('[aria-labelledby=t-accuracy] tbody tr').length")
        .await;
    assert_eq!(rows, 4, "the latest sale is of 30 November");
    assert!(
        page.text("[aria-labelledby=t-accuracy] dl")
            .await
            .contains("4 / 7")
    );
    let before = page
        .eval("document.getElementById('forecast').data.find((trace) => trace.name === 'Actual').x.length")
        .await;
    assert_eq!(before, 34, "30 days before it, and 4 of its own");
    let saved = stage.get("/forecasts/1/export?format=csv").await;
    assert!(
        saved.starts_with("date,value,lower_80,upper_80,lower_95,upper_95\r\n2023-11-27,"),
        "{saved}"
    );
    assert_eq!(saved.lines().count(), 8);
    stage.browser.assert_clean();
}
