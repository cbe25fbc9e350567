//! The parameters of statements: which a statement names, what they are for an answer.

use super::header::{Header, Reach};
use super::question::Question;
use super::rounding::Rounding;
use super::window::Span;
use db_client::db_api::{Params, Value};
use jiff::ToSpan as _;
use jiff::civil::Date;
use script_api::{AnalysisParameter, ColumnType};
use service_kit::validation::{Fault, Faults};
use std::collections::BTreeMap;
use tabular::cents;

/// The parameters that `sql` names.
pub(crate) fn named_in(sql: &str) -> Vec<String> {
    let mut names = Vec::new();
    let mut rest = sql;
    let mut quote = None;
    while let Some(character) = rest.chars().next() {
        rest = &rest[character.len_utf8()..];
        match (quote, character) {
            (Some(open), _) if character == open => quote = None,
            (None, '\'' | '"') => quote = Some(character),
            (None, '-') if rest.starts_with('-') => {
                rest = rest.split_once('\n').map_or("", |(_, rest)| rest);
            }
            (None, ':') => {
                let length = rest
                    .find(|next: char| !next.is_ascii_alphanumeric() && next != '_')
                    .unwrap_or(rest.len());
                if length > 0 && !names.iter().any(|name| name == &rest[..length]) {
                    names.push(rest[..length].to_owned());
                }
            }
            _ => {}
        }
    }
    names
}

/// The parameters that every analysis has.
pub(crate) const COMMON: [&str; 15] = [
    "from",
    "to",
    "previous_from",
    "previous_to",
    "previous_to_date",
    "comparable",
    "first",
    "last",
    "span_from",
    "span_to",
    "limit",
    "region",
    "store",
    "product",
    "category",
];

/// The last day of the window that counts: what is sold after the day that counts as today has not happened yet.
fn last_day(span: &Span) -> Option<Date> {
    span.to.map(|to| span.last.map_or(to, |last| to.min(last)))
}

/// The first and the last day that a statement looks at.
pub(super) fn reach(span: &Span, reads: Reach) -> (Option<String>, Option<String>) {
    let week = span.from.and_then(|from| from.checked_sub(6.days()).ok());
    let (from, to) = match reads {
        Reach::Window => (
            [span.previous_from, week].into_iter().flatten().min(),
            last_day(span),
        ),
        Reach::All => (span.first, span.last),
    };
    (from.map(|day| day.to_string()), to.map(|day| day.to_string()))
}

/// The values of the parameters that `sql` names; `own` are those of the analysis itself.
pub(super) fn bind(
    sql: &str,
    span: &Span,
    question: &Question,
    own: &BTreeMap<String, Value>,
    reads: Reach,
) -> Params {
    let day = |day: Option<Date>| Value::from(day.map(|day| day.to_string()));
    let (span_from, span_to) = reach(span, reads);
    let values = named_in(sql)
        .into_iter()
        .filter_map(|name| {
            let value = match name.as_str() {
                "from" => day(span.from),
                "to" => day(last_day(span)),
                "span_to" => span_to.clone().into(),
                "previous_from" => day(span.previous_from),
                "previous_to" => day(span.previous_to),
                "previous_to_date" => day(span.previous_to_date),
                "comparable" => Value::Integer(i64::from(span.comparable)),
                "first" => day(span.first),
                "last" => day(span.last),
                "span_from" => span_from.clone().into(),
                // Shares that sum to 100.0 are rounded together, so none is left out before.
                "limit" if question.rounding == Rounding::LargestRemainder => Value::Integer(-1),
                "limit" => Value::Integer(
                    question
                        .limit
                        .and_then(|limit| i64::try_from(limit).ok())
                        .unwrap_or(-1),
                ),
                "region" => question.filters.region.clone().into(),
                "store" => question.filters.store.into(),
                "product" => question.filters.product.into(),
                "category" => question.filters.category.clone().into(),
                other => own.get(other)?.clone(),
            };
            Some((name, value))
        })
        .collect();
    Params::Named(values)
}

/// The values of the analysis's own parameters, defaults filled in.
pub(super) fn own(
    header: &Header,
    given: &BTreeMap<String, String>,
) -> Result<BTreeMap<String, Value>, Faults> {
    let is_known = |name: &String| header.parameters.iter().any(|parameter| parameter.name == *name);
    let mut faults: Faults = given
        .keys()
        .filter(|name| !is_known(name))
        .map(|name| {
            Fault::unknown_field(
                format!("/{name}"),
                format!("unknown field `{name}`: the analysis has no such parameter"),
            )
        })
        .collect();
    let mut values = BTreeMap::new();
    for parameter in &header.parameters {
        let pointer = format!("/{}", parameter.name);
        match given.get(&parameter.name).or(parameter.default.as_ref()) {
            None => faults.push(Fault::missing_field(
                pointer,
                format!("missing field `{}`: it must be given", parameter.name),
            )),
            Some(text) => {
                let value = typed(parameter, text).map_err(|reason| Fault::at(pointer, reason));
                if let Some(value) = faults.take(value) {
                    values.insert(parameter.name.clone(), value);
                }
            }
        }
    }
    faults.or(values)
}

/// `text` as a value of `parameter`; `Err` holds what it must be.
fn typed(parameter: &AnalysisParameter, text: &str) -> Result<Value, String> {
    let wrong = |what: &str| format!("it must be {what}, not `{text}`");
    Ok(match parameter.kind {
        ColumnType::Integer => Value::Integer(text.parse().map_err(|_| wrong("a whole number"))?),
        ColumnType::Number | ColumnType::Percent | ColumnType::Index => {
            let number: f64 = text.parse().map_err(|_| wrong("a number"))?;
            Value::Real(number)
        }
        ColumnType::Money => {
            let amount = cents::parse(text, cents::DecimalMark::Point).ok_or_else(|| wrong("an amount"))?;
            Value::Integer(amount.cents)
        }
        ColumnType::Date => {
            let day: Date = text.parse().map_err(|_| wrong("a day such as 2023-11-30"))?;
            Value::Text(day.to_string())
        }
        ColumnType::Boolean => match text {
            "true" | "1" => Value::Integer(1),
            "false" | "0" => Value::Integer(0),
            _ => return Err(wrong("true or false")),
        },
        ColumnType::Text | ColumnType::Month => Value::Text(text.to_owned()),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parameters_are_found_outside_quotes_and_remarks() {
        let names = named_in("SELECT :from, ':no', x -- :neither\n WHERE a = :a AND b = :from");

        assert_eq!(names, ["from", "a"]);
    }

    #[test]
    fn filters_are_values_and_no_text_of_a_statement() {
        let mut question = Question::default();
        question.filters.region = Some("x' OR 1=1 --".into());

        let params = bind(
            "SELECT :region",
            &Span::default(),
            &question,
            &BTreeMap::new(),
            Reach::Window,
        );

        let Params::Named(values) = params else {
            panic!("they have names");
        };
        assert_eq!(values["region"], Value::from("x' OR 1=1 --"));
    }
}
