//! Forecasts from the command line: from the services, and without them from a file.

use crate::program;
use journeys::read;
use serde_json::Value;
use std::fs;

/// What the sample was built to give for the first three days of December, in EUR.
const PUBLISHED: [(&str, f64); 3] = [
    ("2023-12-01", 28_450.0),
    ("2023-12-02", 29_120.0),
    ("2023-12-03", 27_890.0),
];

const HEAD: &str = "date,value,lower_80,upper_80,lower_95,upper_95";

/// The first days of a forecast in CSV are the published ones.
fn is_published(csv: &str) {
    let mut lines = csv.lines();
    assert_eq!(lines.next(), Some(HEAD));
    for (line, (day, published)) in lines.zip(PUBLISHED) {
        let (date, rest) = line.split_once(',').unwrap();
        let value: f64 = rest.split(',').next().unwrap().parse().unwrap();
        assert_eq!(date, day);
        assert!(
            (value / published - 1.0).abs() < 0.01,
            "{line} and not {published}"
        );
    }
}

#[test]
fn the_command_line_forecasts_what_the_services_have() {
    let up = program().up();
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("december.csv");
    let ask = |more: &[&str]| {
        let november = [
            "--from",
            "2023-11-01",
            "--to",
            "2023-11-30",
            "--script-url",
            up.script.base(),
        ];
        let args = [&["forecast", "--order", "5,1,0"][..], &november, more].concat();
        let ended = program().run(&args);
        assert_eq!(ended.code, Some(0), "{ended:?}");
        ended.stdout
    };

    is_published(&ask(&[]));
    assert_eq!(ask(&["--out", file.to_str().unwrap()]), "");
    is_published(&fs::read_to_string(&file).unwrap());
    let table = ask(&["--format", "table"]);
    assert!(
        table.starts_with("ARIMA(5,1,0), from the history of 2023-11-01 to 2023-11-30"),
        "{table}"
    );
    assert!(
        table.contains('│') && table.contains('▁') && table.contains('█'),
        "{table}"
    );

    let unknown = program().run(&[
        "forecast",
        "--region",
        "Atlantide",
        "--script-url",
        up.script.base(),
    ]);
    assert_eq!(unknown.code, Some(1));
    assert!(unknown.stderr.contains("region"), "{}", unknown.stderr);
}

#[test]
fn a_file_is_forecast_without_any_service() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("series.csv");
    let days: Vec<String> = (1..=28)
        .map(|day| format!("2024-02-{day:02},{}\n", 100 + day % 7 * 10))
        .collect();
    let days = days.concat();
    fs::write(&file, format!("date,value\n{days}")).unwrap();
    let path = file.to_str().unwrap();
    let ask = |more: &[&str]| program().run(&[&["forecast", "--input", path][..], more].concat());

    let csv = ask(&["--model", "seasonal_naive", "--horizon", "2"]);
    assert_eq!(csv.code, Some(0), "{csv:?}");
    let lines: Vec<&str> = csv.stdout.lines().collect();
    assert_eq!((lines.len(), lines[0]), (3, HEAD));
    assert!(lines[1].starts_with("2024-02-29,110,"), "{csv:?}");

    let json = ask(&["--model", "arima", "--diffuse", "statsmodels", "--format", "json"]);
    let json: Value = serde_json::from_str(&json.stdout).unwrap();
    assert_eq!(
        (&json["model"], &json["diffuse"]),
        (&"arima".into(), &"statsmodels".into())
    );
    let point = json["points"][0].as_object().unwrap();
    assert_eq!(point.len(), 6, "{point:?}");
    for name in HEAD.split(',') {
        assert!(point.contains_key(name), "{point:?}");
    }

    let holidays = ask(&["--model", "prophet", "--holidays", "fr", "--format", "json"]);
    let holidays: Value = serde_json::from_str(&holidays.stdout).unwrap();
    assert!(
        holidays["label"].as_str().unwrap().contains("holidays"),
        "{holidays:#}"
    );
    assert_eq!(ask(&["--holidays", "atlantis"]).code, Some(2));

    let auto = ask(&["--format", "table"]);
    assert!(auto.stdout.contains("was chosen"), "{auto:?}");
}

#[test]
fn warnings_are_told_beside_plain_csv() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("three.csv");
    fs::write(&file, "date,value\n2024-02-01,1\n2024-02-02,2\n2024-02-03,3\n").unwrap();

    let ended = program().run(&["forecast", "--input", file.to_str().unwrap(), "--horizon", "1"]);

    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert_eq!(ended.stdout.lines().nth(1), Some("2024-02-04,3,3,3,3,3"));
    assert!(ended.stderr.contains("Warning: "), "{ended:?}");
}

#[test]
fn faults_of_a_forecast_are_told_in_one_line() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("series.csv");
    fs::write(&file, "day,amount\n2024-02-01,1\n").unwrap();
    let ask = |args: &[&str]| program().run(&[&["forecast"][..], args].concat());

    for (args, code, words) in [
        (&["--input", "no-such-file.csv"][..], 1, "no-such-file.csv"),
        (&["--input", file.to_str().unwrap()], 1, "no column `date`"),
        (&["--script-url", "http://127.0.0.1:9"], 4, "comptoir up"),
    ] {
        let ended = ask(args);
        assert_eq!(ended.code, Some(code), "{ended:?}");
        assert_eq!(ended.stderr.lines().count(), 1, "{}", ended.stderr);
        assert!(ended.stderr.contains(words), "{}", ended.stderr);
    }
    assert_eq!(ask(&["--order", "5,1"]).code, Some(2));
    assert_eq!(ask(&["--model", "theta"]).code, Some(2));
}

#[test]
fn the_document_has_the_models_that_the_quality_command_measures() {
    let help = program().run(&["forecast", "quality", "--help"]);
    assert_eq!(help.code, Some(0));

    let document = read("docs/forecasts.md");
    assert!(
        document.contains("comptoir forecast quality"),
        "docs/forecasts.md does not name the command"
    );
    for model in [
        "seasonal_naive",
        "ets",
        "mstl",
        "arima",
        "sarima",
        "auto_arima",
        "prophet",
    ] {
        assert!(
            document.contains(model),
            "docs/forecasts.md says nothing of {model}"
        );
    }
}
