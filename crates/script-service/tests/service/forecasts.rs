//! Forecasts over HTTP.

use crate::support::Stack;
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

const ARIMA: &str = r#"{"model":"arima","params":{"order":[5,1,0]},"from":"2023-11-01","to":"2023-11-30"}"#;

/// What the sample was built to give for the first three days of December, in EUR.
const PUBLISHED: [(&str, f64); 3] = [
    ("2023-12-01", 28_450.0),
    ("2023-12-02", 29_120.0),
    ("2023-12-03", 27_890.0),
];

fn is_published(index: usize, date: &str, value: f64) {
    let (day, published) = PUBLISHED[index];
    assert_eq!(date, day);
    assert!(
        (value / published - 1.0).abs() < 0.01,
        "{date}: {value} and not {published}"
    );
}

/// One sale a day, `amounts[i]` cents on the day `i` days after 2024-01-01; no sale where there is none.
async fn sell(stack: &Stack, amounts: &[Option<i64>]) {
    for (day, amount) in amounts.iter().enumerate() {
        let Some(amount) = amount else { continue };
        stack
            .db
            .client
            .execute(
                "INSERT INTO sales (product_id, store_id, sale_date, quantity_milli, amount_cents)
                VALUES (1, 10, date('2024-01-01', ?1 || ' days'), 1000, ?2)",
                vec![i64::try_from(day).unwrap().into(), (*amount).into()],
            )
            .await
            .unwrap();
    }
}

/// `days` days of revenue with a weekly pattern, in cents.
fn weeks(days: i64) -> Vec<Option<i64>> {
    let pattern = [80, 82, 81, 90, 120, 150, 60];
    (0..days)
        .map(|day| Some(pattern[usize::try_from(day % 7).unwrap()] * 1_000 + day * 7 % 13 * 100))
        .collect()
}

/// The forecast that a job made.
async fn forecast(stack: &Stack, body: &str) -> Value {
    let job = stack.script.job("/jobs/forecast", body.to_owned()).await;
    assert_eq!(job["state"], "succeeded", "{job:#}");
    job["result"].clone()
}

async fn refusal(stack: &Stack, method: Method, path: &str, body: &str) -> (StatusCode, Value) {
    let request = stack.script.request(method, path).body(body.to_owned());
    let response = request.send().await.unwrap();
    (response.status(), response.json().await.unwrap())
}

#[tokio::test(flavor = "multi_thread")]
async fn arima_over_november_gives_the_published_days_of_december() {
    let stack = Stack::with_sample().await;

    let made = forecast(&stack, ARIMA).await;

    assert_eq!(
        (&made["model"], &made["label"]),
        (&json!("arima"), &json!("ARIMA(5,1,0)"))
    );
    assert_eq!(made["window"], json!({"from": "2023-11-01", "to": "2023-11-30"}));
    let points = made["points"].as_array().unwrap();
    assert_eq!(points.len(), 7);
    for (index, point) in points.iter().take(3).enumerate() {
        is_published(
            index,
            point["date"].as_str().unwrap(),
            point["value"].as_f64().unwrap(),
        );
    }

    let path = format!("/forecasts/{}", made["id"]);
    assert_eq!(stack.script.json(&path).await, made);
    assert_eq!(stack.script.json("/forecasts/latest").await, made);
    let asked = stack
        .script
        .request(Method::GET, &path)
        .header("accept", "text/csv");
    let by_accept = asked.send().await.unwrap().text().await.unwrap();
    let csv = stack
        .script
        .get(&format!("{path}?format=csv"))
        .await
        .text()
        .await
        .unwrap();
    assert_eq!(csv, by_accept);
    let mut lines = csv.lines();
    assert_eq!(
        lines.next(),
        Some("date,value,lower_80,upper_80,lower_95,upper_95")
    );
    for (index, line) in lines.clone().take(3).enumerate() {
        let cells: Vec<&str> = line.split(',').collect();
        is_published(index, cells[0], cells[1].parse().unwrap());
        let bounds: Vec<f64> = cells[2..].iter().map(|cell| cell.parse().unwrap()).collect();
        assert!(
            bounds[2] < bounds[0] && bounds[0] < bounds[1] && bounds[1] < bounds[3],
            "{line}"
        );
    }
    assert_eq!(lines.count(), 7);
    let plain = stack
        .value("SELECT COUNT(*) FROM forecast_points WHERE lower_95 < lower_80 AND lower_80 < value AND value < upper_80")
        .await;
    assert_eq!(plain, 7);
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_body_it_is_a_week_of_total_revenue_by_the_best_model() {
    let stack = Stack::with_sample().await;
    let none = stack.script.get("/forecasts/latest").await;
    assert_eq!(none.status(), StatusCode::NOT_FOUND);

    let made = forecast(&stack, "").await;

    assert_eq!(made["requested"], "auto");
    assert_ne!(made["model"], "auto");
    assert!(
        made["explanation"].as_str().unwrap().contains("chosen"),
        "{made:#}"
    );
    assert_eq!(made["points"].as_array().unwrap().len(), 7);
    assert_eq!(made["points"][0]["date"], "2023-12-01");
    assert_eq!(
        (&made["gaps"], &made["days_without_sales"]),
        (&json!("zero"), &json!(0))
    );
    assert!(made["metrics"]["mase"].is_number(), "{made:#}");
    let total = stack.script.json("/analysis/total?period=all").await;
    assert_eq!(made["dataset_version"], total["dataset_version"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn regions_products_and_categories_have_forecasts_of_their_own() {
    let stack = Stack::with_sample().await;
    for scope in [
        r#""region":"Occitanie""#,
        r#""product":1"#,
        r#""region":"Occitanie","product":1"#,
    ] {
        let made = forecast(&stack, &format!(r#"{{"model":"ets",{scope}}}"#)).await;
        assert_eq!(made["points"].as_array().unwrap().len(), 7, "{made:#}");
    }

    let latest = stack.script.json("/forecasts/latest?region=Occitanie").await;
    assert_eq!(
        (&latest["region"], &latest["product"]),
        (&json!("Occitanie"), &Value::Null)
    );
    let total = stack.script.get("/forecasts/latest").await;
    assert_eq!(
        total.status(),
        StatusCode::NOT_FOUND,
        "nobody asked for the total"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_day_without_sales_is_a_zero_or_a_gap_and_the_answer_says_which() {
    let stack = Stack::start().await;
    stack.seed().await;
    let mut days = vec![Some(10_000); 28];
    days[10] = None;
    days[27] = None;
    days.push(Some(10_000));
    sell(&stack, &days).await;
    let ask = async |gaps: &str| {
        let body = format!(r#"{{"model":"naive","windows":0,"gaps":"{gaps}","to":"2024-01-28"}}"#);
        forecast(&stack, &body).await
    };

    let (zero, missing) = (ask("zero").await, ask("missing").await);

    assert_eq!(
        (&zero["gaps"], &missing["gaps"]),
        (&json!("zero"), &json!("missing"))
    );
    assert_eq!(
        (&zero["days_without_sales"], &missing["days_without_sales"]),
        (&json!(2), &json!(2))
    );
    assert_eq!(
        (&zero["fit"]["gaps"], &missing["fit"]["gaps"]),
        (&json!(0), &json!(2))
    );
    assert_eq!(
        (&zero["points"][0]["value"], &missing["points"][0]["value"]),
        (&json!(0.0), &json!(100.0))
    );
    assert_eq!(zero["points"][0]["date"], "2024-01-29");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_history_that_reaches_beyond_the_data_is_cut_and_says_so() {
    let stack = Stack::start().await;
    stack.seed().await;
    sell(&stack, &weeks(28)).await;

    let made = forecast(
        &stack,
        r#"{"model":"naive","from":"2023-12-01","to":"2024-12-31"}"#,
    )
    .await;

    assert_eq!(made["window"], json!({"from": "2024-01-01", "to": "2024-01-28"}));
    assert_eq!(made["notes"].as_array().unwrap().len(), 2, "{made:#}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refusal_names_the_field() {
    let stack = Stack::start().await;
    stack.seed().await;
    sell(&stack, &weeks(10)).await;
    for (body, field) in [
        (r#"{"model":"theta"}"#, "/model"),
        (r#"{"horizon":0}"#, "/horizon"),
        (r#"{"params":{"order":[5,1]}}"#, "/params/order"),
        (r#"{"horizont":7}"#, "/horizont"),
    ] {
        let (status, problem) = refusal(&stack, Method::POST, "/jobs/forecast", body).await;
        assert_eq!(
            (status, &problem["errors"][0]["pointer"]),
            (StatusCode::BAD_REQUEST, &json!(field)),
            "{problem:#}"
        );
    }
    for (query, field) in [
        ("models=theta", "models"),
        ("models=auto", "models"),
        ("horizon=x", "horizon"),
        ("windows=0", "windows"),
        ("gaps=none", "gaps"),
        ("region=Atlantide", "region"),
    ] {
        let path = format!("/forecasts/compare?{query}");
        let (status, problem) = refusal(&stack, Method::GET, &path, "").await;
        assert_eq!(
            (status, &problem["errors"][0]["parameter"]),
            (StatusCode::BAD_REQUEST, &json!(field)),
            "{problem:#}"
        );
    }

    let unknown = stack
        .script
        .job("/jobs/forecast", r#"{"region":"Atlantide"}"#)
        .await;
    assert_eq!(
        (&unknown["state"], &unknown["error"]["errors"][0]["pointer"]),
        (&json!("failed"), &json!("/region"))
    );
    let short = stack.script.job("/jobs/forecast", r#"{"model":"arima"}"#).await;
    assert_eq!(short["error"]["code"], "no_forecast", "{short:#}");
    assert!(
        short["error"]["detail"]
            .as_str()
            .unwrap()
            .contains("20 known points"),
        "{short:#}"
    );
    let nowhere = stack.script.get("/forecasts/7/accuracy").await;
    assert_eq!(nowhere.status(), StatusCode::NOT_FOUND);
}

#[tokio::test(flavor = "multi_thread")]
async fn accuracy_comes_with_the_days() {
    let stack = Stack::start().await;
    stack.seed().await;
    sell(&stack, &weeks(28)).await;
    let made = forecast(&stack, r#"{"model":"seasonal_naive","horizon":3}"#).await;
    let path = format!("/forecasts/{}/accuracy", made["id"]);

    let before = stack.script.json(&path).await;
    assert_eq!(
        (&before["days_come"], &before["metrics"]),
        (&json!(0), &Value::Null)
    );
    assert!(
        before["note"].as_str().unwrap().contains("2024-01-28"),
        "{before:#}"
    );

    let value = |index: usize| made["points"][index]["value"].as_f64().unwrap();
    let cents = |euros: f64| serde_json::from_str::<i64>(&format!("{:.0}", euros * 100.0)).unwrap();
    let mut days = vec![None; 28];
    days.extend([Some(cents(value(0) + 10.0)), None, Some(cents(value(2) - 20.0))]);
    sell(&stack, &days).await;
    let after = stack.script.json(&path).await;

    assert_eq!(after["days_come"], 3);
    assert_eq!(after["note"], "All of the days have come.");
    let errors: Vec<&Value> = after["points"]
        .as_array()
        .unwrap()
        .iter()
        .map(|day| &day["error"])
        .collect();
    assert_eq!(errors, [&json!(10.0), &json!(-value(1)), &json!(-20.0)]);
    assert_eq!(
        after["points"][1]["actual"], 0.0,
        "a day without sales is a zero here"
    );
    let error = after["metrics"]["mae"].as_f64().unwrap();
    assert!((error - (30.0 + value(1)) / 3.0).abs() < 1e-9, "{after:#}");
    assert!(after["metrics"]["mape"].is_number() && after["metrics"]["coverage"][0]["level"] == 80.0);
}

#[tokio::test(flavor = "multi_thread")]
async fn models_are_compared_on_one_window() {
    let stack = Stack::start().await;
    stack.seed().await;
    sell(&stack, &weeks(70)).await;

    let answer = stack
        .script
        .json("/forecasts/compare?models=naive,ets&to=2024-02-29&horizon=7")
        .await;

    assert_eq!(
        answer["window"],
        json!({"from": "2024-01-01", "to": "2024-02-29"})
    );
    let candidates = answer["candidates"].as_array().unwrap();
    let names: Vec<&Value> = candidates.iter().map(|candidate| &candidate["model"]).collect();
    assert_eq!(names[0], "seasonal_naive", "the baseline takes part: {answer:#}");
    assert_eq!(names.len(), 3);
    assert_eq!(candidates[0]["metrics"]["windows"], 4);
    assert_eq!(answer["chosen"], "seasonal_naive");
    let kept = stack.value("SELECT COUNT(*) FROM forecast_runs").await;
    assert_eq!(kept, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_history_of_forecasts_comes_in_pages_newest_first() {
    let stack = Stack::start().await;
    stack.seed().await;
    sell(&stack, &weeks(28)).await;
    for model in ["naive", "seasonal_naive", "naive"] {
        forecast(&stack, &format!(r#"{{"model":"{model}","windows":0}}"#)).await;
    }

    let first = stack.script.json("/forecasts?page_size=2").await;
    let token = first["next_page_token"].as_str().unwrap();
    let second = stack
        .script
        .json(&format!("/forecasts?page_size=2&page_token={token}"))
        .await;

    let ids = |page: &Value| -> Vec<i64> {
        let runs = page["forecasts"].as_array().unwrap();
        assert!(runs.iter().all(|run| run.get("points").is_none()));
        runs.iter().map(|run| run["id"].as_i64().unwrap()).collect()
    };
    assert_eq!((ids(&first), ids(&second)), (vec![3, 2], vec![1]));
    assert_eq!(second["next_page_token"], Value::Null);
    assert_eq!(ids(&stack.script.json("/forecasts?model=naive").await), [3, 1]);
    let csv = stack
        .script
        .get("/forecasts?format=csv")
        .await
        .text()
        .await
        .unwrap();
    assert_eq!(csv.lines().count(), 4);
    assert!(csv.starts_with("id,created_at,model,"), "{csv}");
    let wrong = stack.script.get("/forecasts?page_token=x").await;
    assert_eq!(wrong.status(), StatusCode::BAD_REQUEST);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_makes_one_forecast() {
    let stack = Stack::start().await;
    stack.seed().await;
    sell(&stack, &weeks(28)).await;
    let ask = async |body: &'static str| {
        let request = stack.script.request(Method::POST, "/jobs/forecast");
        let request = request
            .header("idempotency-key", "week-5")
            .header("prefer", "wait=60");
        request.body(body).send().await.unwrap()
    };

    let (first, again) = (
        ask(r#"{"model":"naive"}"#).await,
        ask(r#"{"model":"naive"}"#).await,
    );
    let other = ask(r#"{"model":"ets"}"#).await;

    assert_eq!(first.headers()["location"], again.headers()["location"]);
    assert_eq!(other.status(), StatusCode::UNPROCESSABLE_ENTITY);
    assert_eq!(stack.value("SELECT COUNT(*) FROM forecast_runs").await, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_fit_ends_at_its_deadline() {
    let stack = Stack::start_with(|config| config.forecast_timeout_ms = 1).await;
    stack.seed().await;
    sell(&stack, &weeks(120)).await;

    let job = stack.script.job("/jobs/forecast", "").await;
    let (status, problem) = refusal(&stack, Method::GET, "/forecasts/compare", "").await;

    assert_eq!(
        (&job["state"], &job["error"]["code"]),
        (&json!("failed"), &json!("forecast_timeout"))
    );
    assert_eq!(
        (status, &problem["code"]),
        (StatusCode::REQUEST_TIMEOUT, &json!("forecast_timeout"))
    );
    assert_eq!(stack.value("SELECT COUNT(*) FROM forecast_runs").await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_job_that_compares_models_says_which_one_it_is_at() {
    let stack = Stack::start().await;
    stack.seed().await;
    sell(&stack, &weeks(150)).await;
    // Hours of work, unless somebody stops it.
    let body = r#"{"windows":52,"horizon":2,"params":{"prophet":{"samples":100000,"changepoints":100}}}"#;
    let request = stack.script.request(Method::POST, "/jobs/forecast").body(body);
    let job: Value = request.send().await.unwrap().json().await.unwrap();
    let path = format!("/jobs/{}", job["id"]);

    stack
        .script
        .until(&path, |_, job| {
            let phase = job["progress"]["phase"].as_str().unwrap_or_default();
            phase.starts_with("comparing ") && phase.ends_with(" of 6)")
        })
        .await;

    let cancel = stack.script.request(Method::POST, &format!("{path}/cancel"));
    assert_eq!(cancel.send().await.unwrap().status(), StatusCode::ACCEPTED);
    stack
        .script
        .until(&path, |_, job| job["finished_at"].is_string())
        .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_fit_ends_when_its_job_is_cancelled() {
    let stack = Stack::start().await;
    stack.seed().await;
    sell(&stack, &weeks(150)).await;
    // Hours of work, unless somebody stops it.
    let body = r#"{"model":"prophet","windows":52,"horizon":2,"params":{"prophet":{"samples":100000,"changepoints":100}},"levels":[50]}"#;
    let request = stack.script.request(Method::POST, "/jobs/forecast").body(body);
    let job: Value = request.send().await.unwrap().json().await.unwrap();
    let path = format!("/jobs/{}", job["id"]);
    stack
        .script
        .until(&path, |_, job| job["progress"]["phase"] == "fitting")
        .await;

    let cancel = stack.script.request(Method::POST, &format!("{path}/cancel"));
    assert_eq!(cancel.send().await.unwrap().status(), StatusCode::ACCEPTED);

    let ended = stack
        .script
        .until(&path, |_, job| job["finished_at"].is_string())
        .await;
    assert_eq!(ended["state"], "cancelled");
    assert_eq!(stack.value("SELECT COUNT(*) FROM forecast_runs").await, 0);
}
