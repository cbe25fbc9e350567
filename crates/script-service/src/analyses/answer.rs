//! An answer, put together from the rows of a statement.

use super::catalog::Analysis;
use super::compute::ComputeError;
use super::figures::Figure;
use super::header::{DeclaredColumn, Header, NoteCondition};
use super::question::Question;
use super::rounding::{self, Rounding};
use super::window::Span;
use crate::store::daily_sums::DataState;
use db_client::db_api::{QueryResult, Value};
use script_api::{Amounts, ColumnType, Translations, Window};
use std::collections::BTreeMap;

/// An answer, its values exact.
pub(crate) type Answer = script_api::Answer<Figure>;

/// An answer, and the number that stands for it where there is room for one.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Composed {
    pub answer: Answer,
    pub headline: Option<f64>,
}

/// The answer to `question` that `result` holds.
pub(super) fn compose(
    analysis: &Analysis,
    span: &Span,
    result: &QueryResult,
    state: &DataState,
    question: &Question,
) -> Result<Composed, ComputeError> {
    let header = &analysis.header;
    let columns = if header.columns.is_empty() {
        inferred_columns(result)
    } else {
        header.columns.clone()
    };
    let index: BTreeMap<&str, usize> = result
        .columns
        .iter()
        .enumerate()
        .map(|(index, column)| (column.name.as_str(), index))
        .collect();
    for column in columns.iter().chain(&header.figures) {
        let needed = match &column.quotient {
            Some((above, below)) => vec![above, below],
            None => vec![&column.name],
        };
        if let Some(missing) = needed.into_iter().find(|name| !index.contains_key(name.as_str())) {
            return Err(ComputeError::Analysis {
                name: analysis.name.clone(),
                detail: format!("the statement has no column `{missing}`"),
            });
        }
    }
    let take = |column: &DeclaredColumn, row: &[Value]| {
        Figure::of(column, |name| index.get(name).and_then(|&index| row.get(index)))
    };
    let mut rows: Vec<Vec<Figure>> = result
        .rows
        .iter()
        .map(|row| columns.iter().map(|column| take(column, row)).collect())
        .collect();
    if question.rounding == Rounding::LargestRemainder {
        rounding::round_shares(&columns, &mut rows, |row, column| {
            let (above, below) = column.quotient.as_ref()?;
            let number = |name: &str| result.rows[row][*index.get(name)?].as_i64();
            Some((number(above)?, number(below)?))
        });
        let limit = question.limit.and_then(|limit| usize::try_from(limit).ok());
        rows.truncate(limit.unwrap_or(usize::MAX));
    }
    let figures: Vec<(String, Figure)> = header
        .figures
        .iter()
        .map(|column| {
            let figure = result.rows.first().map_or(Figure::Null, |row| take(column, row));
            (column.name.clone(), figure)
        })
        .collect();
    let headline = header.headline.as_ref().and_then(|name| {
        let in_figures = figures
            .iter()
            .find(|(figure, _)| figure == name)
            .map(|(_, figure)| figure);
        let in_rows = || {
            let column = columns.iter().position(|column| column.name == *name)?;
            rows.first().and_then(|row| row.get(column))
        };
        in_figures.or_else(in_rows).and_then(Figure::to_f64)
    });
    let mut notes = notes(header, span, &figures);
    if result.truncated {
        notes.push(format!(
            "Only the first {} rows: the database's limit.",
            rows.len()
        ));
    }
    let amounts = amounts(state);
    notes.extend(
        amounts
            .iter()
            .filter_map(|amounts| amounts.warning.as_ref())
            .cloned(),
    );
    let (title, titles) = titles(header, state);
    let answer = Answer {
        analysis: analysis.name.clone(),
        title,
        titles,
        window: Window {
            from: span.from,
            to: span.to,
        },
        columns: columns.iter().map(DeclaredColumn::described).collect(),
        rows,
        figures,
        notes,
        dataset_version: state.version,
        amounts,
        computed_at: jiff::Timestamp::now().strftime("%Y-%m-%dT%H:%M:%SZ").to_string(),
    };
    Ok(Composed { answer, headline })
}

/// What an answer is called, in all languages: where amounts are without taxes, that is said.
fn titles(header: &Header, state: &DataState) -> (String, Translations) {
    let (mut title, mut titles) = (header.title.clone(), header.titles.clone());
    if state.taxes.as_deref() == Some("excluded") {
        title.push_str(" (excl. taxes)");
        for (language, title) in &mut titles {
            title.push_str(if language == "fr" {
                " (HT)"
            } else {
                " (excl. taxes)"
            });
        }
    }
    (title, titles)
}

/// What is known of the amounts of `state`; `None` where no import said anything.
fn amounts(state: &DataState) -> Option<Amounts> {
    let is_mixed = state.taxes.as_deref() == Some("mixed");
    let warning = "Some amounts are with taxes and some without: figures add up both.";
    let french = "Certains montants sont TTC, d'autres HT : les chiffres additionnent les deux.";
    let warnings = is_mixed.then(|| ("fr".to_owned(), french.to_owned()));
    (state.currency.is_some() || state.taxes.is_some()).then(|| Amounts {
        currency: state.currency.clone(),
        taxes: state.taxes.clone(),
        warning: is_mixed.then(|| warning.to_owned()),
        warnings: warnings.into_iter().collect(),
    })
}

fn inferred_columns(result: &QueryResult) -> Vec<DeclaredColumn> {
    result
        .columns
        .iter()
        .enumerate()
        .map(|(index, column)| {
            let first = result
                .rows
                .iter()
                .map(|row| &row[index])
                .find(|value| !value.is_null());
            DeclaredColumn {
                name: column.name.clone(),
                kind: match first {
                    Some(Value::Integer(_)) => ColumnType::Integer,
                    Some(Value::Real(_)) => ColumnType::Number,
                    _ => ColumnType::Text,
                },
                unit: None,
                quotient: None,
            }
        })
        .collect()
}

fn notes(header: &Header, span: &Span, figures: &[(String, Figure)]) -> Vec<String> {
    let is_set = |name: &str| {
        figures
            .iter()
            .any(|(figure, value)| figure == name && value.is_set())
    };
    let day = |day: Option<jiff::civil::Date>| day.map(|day| day.to_string()).unwrap_or_default();
    header
        .notes
        .iter()
        .filter(|note| match &note.condition {
            NoteCondition::Always => true,
            NoteCondition::If(figure) => is_set(figure),
            NoteCondition::Unless(figure) => !is_set(figure),
        })
        .map(|note| {
            let mut text = note
                .text
                .replace("{from}", &day(span.from))
                .replace("{to}", &day(span.to))
                .replace("{previous_from}", &day(span.previous_from))
                .replace("{previous_to}", &day(span.previous_to));
            for (name, figure) in figures {
                text = text.replace(&format!("{{{name}}}"), &figure.to_text('.'));
            }
            text
        })
        .collect()
}
