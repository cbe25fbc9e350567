//! What is drawn: values with the words that are shown when a pointer rests on them, and where a click leads.
//! Colours and sizes are the browser's business, since they follow theme and screen.

use crate::answer::{NamedAnswer, text};
use crate::labels;
use crate::language::Language;
use crate::table::shown;
use script_client::script_api::{ChartHint, ColumnType};
use serde::Serialize;
use serde_json::Value;

/// A drawing.
#[derive(Debug, Clone, Serialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub(crate) enum Figure {
    /// One bar an item.
    Bars(NamedValues),
    /// The regions of France, coloured.
    Map(NamedValues),
    /// Values along days.
    Lines(Lines),
}

/// Named values.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct NamedValues {
    /// What it shows, for those who do not see it.
    pub(crate) label: String,
    /// The values.
    pub(crate) items: Vec<Item>,
    /// What the values are, where others stand beside them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) name: Option<String>,
    /// Further values of the same items, in their order.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) others: Vec<Series>,
}

/// A named value.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Item {
    /// Its name.
    pub(crate) name: String,
    /// The name that the map knows.
    pub(crate) key: String,
    /// How much.
    pub(crate) value: Value,
    /// The same in words.
    pub(crate) text: String,
    /// Where a click leads.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) link: Option<String>,
    /// Whether it is chosen, or nothing is.
    pub(crate) chosen: bool,
    /// Whether it wants attention.
    pub(crate) marked: bool,
}

/// Values along days.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Lines {
    /// What it shows, for those who do not see it.
    pub(crate) label: String,
    /// The days, or what else stands along the axis.
    pub(crate) x: Vec<Value>,
    /// The lines.
    pub(crate) series: Vec<Series>,
    /// What may come.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) forecast: Option<Outlook>,
}

/// A line.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Series {
    /// What it is.
    pub(crate) name: String,
    /// Its values.
    pub(crate) values: Vec<Value>,
    /// The same in words.
    pub(crate) texts: Vec<String>,
}

/// A forecast with its interval.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Outlook {
    /// What it is.
    pub(crate) name: String,
    /// What the interval is.
    pub(crate) interval: String,
    /// The days.
    pub(crate) x: Vec<Value>,
    /// The values.
    pub(crate) values: Vec<Value>,
    /// Lower bounds.
    pub(crate) low: Vec<Value>,
    /// Upper bounds.
    pub(crate) high: Vec<Value>,
    /// In words.
    pub(crate) texts: Vec<String>,
}

/// `answer` as its hint says; nothing for `number`, or where the answer has no such column.
pub(crate) fn by_hint(answer: &NamedAnswer, hint: &ChartHint, language: Language) -> Option<Figure> {
    let x = hint.x.as_deref()?;
    let kind_of = |name: &str| {
        answer
            .columns
            .iter()
            .find(|column| column.name == name)
            .map(|column| column.kind)
    };
    kind_of(x)?;
    // Figures that are withheld leave an empty frame.
    let known = |name: &String| column(answer, name).iter().any(|value| !value.is_null());
    if !hint.y.iter().any(known) {
        return None;
    }
    let label = answer.title.in_language(language).to_owned();
    match hint.kind.as_str() {
        "bar" | "map" => {
            let y = hint.y.first()?;
            let kind = kind_of(y)?;
            let others: Vec<Series> = hint.y[1..]
                .iter()
                .filter_map(|name| Some(series(answer, name, kind_of(name)?, language)))
                .collect();
            let items = NamedValues {
                label,
                name: (!others.is_empty()).then(|| labels::column(y, language)),
                others,
                items: answer
                    .rows
                    .iter()
                    .map(|row| Item {
                        name: shown(
                            row.get(x).unwrap_or(&Value::Null),
                            kind_of(x).unwrap_or(ColumnType::Text),
                            language,
                        ),
                        key: text(row, x).to_owned(),
                        value: row.get(y).cloned().unwrap_or_default(),
                        text: shown(row.get(y).unwrap_or(&Value::Null), kind, language),
                        link: None,
                        chosen: true,
                        marked: row.get("below_target") == Some(&Value::Bool(true)),
                    })
                    .collect(),
            };
            Some(if hint.kind == "map" {
                Figure::Map(items)
            } else {
                Figure::Bars(items)
            })
        }
        "line" => Some(Figure::Lines(Lines {
            label,
            x: column(answer, x),
            series: hint
                .y
                .iter()
                .filter_map(|name| Some(series(answer, name, kind_of(name)?, language)))
                .collect(),
            forecast: None,
        })),
        _ => None,
    }
}

/// The column `name` of `answer` as a line.
pub(crate) fn series(answer: &NamedAnswer, name: &str, kind: ColumnType, language: Language) -> Series {
    let values = column(answer, name);
    Series {
        name: labels::column(name, language),
        texts: values.iter().map(|value| shown(value, kind, language)).collect(),
        values,
    }
}

/// The values of the column `name`.
pub(crate) fn column(answer: &NamedAnswer, name: &str) -> Vec<Value> {
    answer
        .rows
        .iter()
        .map(|row| row.get(name).cloned().unwrap_or_default())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn answer() -> NamedAnswer {
        let answer: script_client::script_api::Answer = serde_json::from_value(json!({
            "analysis": "region", "title": "Revenue by region", "titles": {"fr": "Ventes par région"},
            "window": {"from": "2023-11-01", "to": "2023-11-30"},
            "columns": [
                {"name": "region", "type": "text", "unit": null},
                {"name": "total_sales", "type": "money", "unit": "EUR"},
                {"name": "share", "type": "percent", "unit": "%"},
                {"name": "odd", "type": "text", "unit": null},
            ],
            "rows": [{"region": "Corse", "total_sales": 1890.0, "share": 0.2, "odd": "x"}],
            "notes": [], "dataset_version": 1, "computed_at": "2023-12-01T00:00:00Z",
        }))
        .unwrap();
        answer.into()
    }

    fn hint(text: &str) -> ChartHint {
        serde_json::from_str(text).unwrap()
    }

    #[test]
    fn a_hint_becomes_its_chart() {
        let map = by_hint(
            &answer(),
            &hint(r#"{"kind":"map","x":"region","y":["total_sales"]}"#),
            Language::Fr,
        );

        let drawn = serde_json::to_value(map).unwrap();
        assert_eq!(drawn["kind"], "map");
        assert_eq!(drawn["label"], "Ventes par région");
        assert_eq!(drawn["items"][0]["key"], "Corse");
        assert_eq!(drawn["items"][0]["text"], "1\u{202f}890\u{a0}€");
    }

    #[test]
    fn bars_stand_beside_each_other() {
        let bars = by_hint(
            &answer(),
            &hint(r#"{"kind":"bar","x":"region","y":["total_sales","share"]}"#),
            Language::En,
        );

        let drawn = serde_json::to_value(bars).unwrap();
        assert_eq!(drawn["name"], "Sales");
        assert_eq!(drawn["others"][0]["name"], "Share");
        assert_eq!(drawn["others"][0]["texts"][0], "0.2%");
    }

    #[test]
    fn figures_that_are_withheld_are_not_drawn() {
        let mut answer = answer();
        answer.rows[0].insert("total_sales".to_owned(), Value::Null);

        assert!(
            by_hint(
                &answer,
                &hint(r#"{"kind":"map","x":"region","y":["total_sales"]}"#),
                Language::En
            )
            .is_none()
        );
    }

    #[test]
    fn a_hint_that_fits_nothing_draws_nothing() {
        for text in [
            r#"{"kind":"number","x":null,"y":["total_sales"]}"#,
            r#"{"kind":"bar","x":"city","y":["total_sales"]}"#,
            r#"{"kind":"bar","x":"region","y":["margin"]}"#,
            r#"{"kind":"pie","x":"region","y":["total_sales"]}"#,
        ] {
            assert!(by_hint(&answer(), &hint(text), Language::En).is_none(), "{text}");
        }
    }
}
