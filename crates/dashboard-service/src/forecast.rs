//! Forecasts that were kept: what pages read of them.

use crate::answer::{Answer, Row, number, text};
use crate::figure::Outlook;
use crate::filter::Filters;
use crate::format;
use crate::labels;
use crate::language::Language;
use crate::table::{Table, shown};
use jiff::ToSpan as _;
use jiff::civil::Date;
use script_client::script_api::{ColumnType, paths};
use script_client::{ScriptClient, ScriptError};
use serde::Deserialize;
use serde_json::{Map, Value};

/// How many kept forecasts are looked through for one that continues the curve.
const LOOKED_THROUGH: &str = "50";

/// A forecast that was kept.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct Forecast {
    pub(crate) id: i64,
    pub(crate) requested: String,
    pub(crate) label: String,
    pub(crate) horizon: i64,
    pub(crate) window: MadeFrom,
    pub(crate) region: Option<String>,
    pub(crate) product: Option<i64>,
    pub(crate) category: Option<String>,
    #[serde(default)]
    pub(crate) metrics: Option<Map<String, Value>>,
    #[serde(default)]
    pub(crate) warnings: Vec<Warned>,
    pub(crate) created_at: String,
    /// Left out in lists.
    #[serde(default)]
    pub(crate) points: Vec<Row>,
}

/// The days that a forecast was made from.
#[derive(Debug, Clone, Copy, Deserialize)]
pub(crate) struct MadeFrom {
    /// The last one.
    pub(crate) to: Date,
}

#[derive(Debug, Clone, Deserialize)]
pub(crate) struct Warned {
    /// In words.
    pub(crate) detail: String,
}

/// A page of forecasts, newest first.
#[derive(Debug, Deserialize)]
pub(crate) struct History {
    /// The forecasts, their points left out.
    pub(crate) forecasts: Vec<Forecast>,
    /// Where the next page begins; none on the last one.
    pub(crate) next_page_token: Option<String>,
}

impl Forecast {
    /// The forecast `id`.
    pub(crate) async fn get(script: &ScriptClient, id: i64) -> Result<Self, ScriptError> {
        script
            .get(&paths::FORECAST.replace("{id}", &id.to_string()), &[])
            .await
    }

    /// The newest forecast of what `filters` choose that begins the day after `to`.
    pub(crate) async fn latest(
        script: &ScriptClient,
        filters: &Filters,
        to: Date,
    ) -> Result<Option<Self>, ScriptError> {
        let mut query = Vec::new();
        if let Some(region) = &filters.region {
            query.push(("region", region.clone()));
        }
        if let Some(product) = filters.product {
            query.push(("product", product.to_string()));
        }
        let fits = |forecast: &Self| {
            forecast.region == filters.region
                && forecast.product == filters.product
                && forecast.category.is_none()
                && forecast.window.to == to
        };
        let latest: Self = match script.get(paths::FORECASTS_LATEST, &query).await {
            Ok(forecast) => forecast,
            Err(error) if error.is_refusal() => return Ok(None),
            Err(error) => return Err(error),
        };
        let found = if fits(&latest) {
            latest
        } else {
            query.push(("page_size", LOOKED_THROUGH.to_owned()));
            let history: History = script.get(paths::FORECASTS, &query).await?;
            let Some(kept) = history.forecasts.iter().find(|forecast| fits(forecast)) else {
                return Ok(None);
            };
            Self::get(script, kept.id).await?
        };
        Ok(Some(found).filter(|forecast| forecast.first_day().is_some_and(|first| follows(first, to))))
    }

    fn first_day(&self) -> Option<Date> {
        text(self.points.first()?, "date").parse().ok()
    }

    /// The days that were forecast, in words.
    pub(crate) fn days(&self, language: Language) -> String {
        let first = self.window.to.saturating_add(1.day());
        format::period(
            first,
            self.window.to.saturating_add(self.horizon.days()),
            language,
        )
    }

    /// The same in a table.
    pub(crate) fn short_days(&self) -> String {
        let first = format::short_date(self.window.to.saturating_add(1.day()));
        let last = format::short_date(self.window.to.saturating_add(self.horizon.days()));
        if first == last {
            first
        } else {
            format!("{first} – {last}")
        }
    }

    /// Which model made it, why that one, and how far it was off before.
    pub(crate) fn note(&self, language: Language) -> String {
        let w = language.words();
        let mut note = w.note_model.replace("{name}", &self.label);
        if self.requested == "auto" {
            note.push_str(w.note_chosen);
        }
        note.push('.');
        let Some(metrics) = &self.metrics else {
            return note;
        };
        let of =
            |name: &str, kind: ColumnType| shown(metrics.get(name).unwrap_or(&Value::Null), kind, language);
        let sentence = if metrics.get("windows") == Some(&Value::from(1)) {
            w.note_error_once
        } else {
            w.note_error
        };
        note.push(' ');
        note.push_str(
            &sentence
                .replace("{windows}", &of("windows", ColumnType::Integer))
                .replace("{days}", &format::number(self.horizon, 0, language))
                .replace("{share}", &of("smape", ColumnType::Percent))
                .replace("{}", &of("mae", ColumnType::Money)),
        );
        note
    }

    /// Its values as a table.
    pub(crate) fn table(&self, language: Language) -> Table {
        let w = language.words();
        let bound = |side: &str, level: &str| format!("{side} {level}\u{202f}%");
        let (low, high) = (bound(w.lower, "80"), bound(w.upper, "80"));
        let (lowest, highest) = (bound(w.lower, "95"), bound(w.upper, "95"));
        let columns = [
            ("date", w.day, ColumnType::Date),
            ("value", w.forecast, ColumnType::Money),
            ("lower_80", low.as_str(), ColumnType::Money),
            ("upper_80", high.as_str(), ColumnType::Money),
            ("lower_95", lowest.as_str(), ColumnType::Money),
            ("upper_95", highest.as_str(), ColumnType::Money),
        ];
        let there = |name: &str| self.points.iter().any(|point| point.contains_key(name));
        let columns: Vec<_> = columns.into_iter().filter(|(name, ..)| there(name)).collect();
        Table::from_rows(w.forecast, &columns, &self.points, language)
    }

    /// Its values as a drawing.
    pub(crate) fn outlook(&self, language: Language) -> Outlook {
        let w = language.words();
        let column = |name: &str| -> Vec<Value> {
            self.points
                .iter()
                .map(|point| point.get(name).cloned().unwrap_or_default())
                .collect()
        };
        let values = column("value");
        Outlook {
            name: format!("{} {}", w.forecast, self.label),
            interval: w.interval.to_owned(),
            x: column("date"),
            texts: values
                .iter()
                .map(|value| shown(value, ColumnType::Money, language))
                .collect(),
            low: column("lower_80"),
            high: column("upper_80"),
            values,
        }
    }

    /// Which sales it is of, in words.
    pub(crate) fn scope(&self, products: &Answer, language: Language) -> String {
        let w = language.words();
        let product = self.product.map(|id| {
            let row = products
                .rows
                .iter()
                .find(|row| number(row, "product_id", 0) == Some(id));
            row.map_or_else(
                || format!("{} {id}", w.product),
                |row| text(row, "name").to_owned(),
            )
        });
        let region = self
            .region
            .as_deref()
            .map(|name| labels::value(name, language).to_owned());
        let parts: Vec<String> = [region, product, self.category.clone()]
            .into_iter()
            .flatten()
            .collect();
        if parts.is_empty() {
            w.all_sales.to_owned()
        } else {
            parts.join(" · ")
        }
    }
}

/// Whether a forecast whose first day is `first` begins where the window ends.
fn follows(first: Date, to: Date) -> bool {
    to.checked_add(1.day()).is_ok_and(|next| next == first)
}
