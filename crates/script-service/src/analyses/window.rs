//! Which days an answer is about.
//!
//! Windows are calendar days, both ends included. "Today" is the latest sale date, or the day that the question gives
//! (`as_of`). The clock is asked for one thing: a sale after today that is far from all others is not the latest.

use crate::store::daily_sums::Coverage;
use jiff::ToSpan as _;
use jiff::civil::Date;
use script_api::DefaultWindow;
use serde::{Deserialize, Serialize};
use service_kit::validation::{Fault, Faults};
use utoipa::{IntoParams, ToSchema};

/// The part of a query string that says which days are meant.
#[derive(Debug, Clone, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct WindowQuery {
    /// First day, `YYYY-MM-DD`.
    pub from: Option<String>,
    /// Last day, `YYYY-MM-DD`.
    pub to: Option<String>,
    /// `last_30_days` (any number of days), `month`, `quarter`, `year`, `2023-11`, `2023-Q4`, `2023` or `all`.
    pub period: Option<String>,
    /// The day that counts as today; the latest sale date by default.
    pub as_of: Option<String>,
    /// What the window is compared with: `previous` (the window before it) or `year_before`.
    #[serde(default)]
    pub compare: Comparison,
}

/// What a window is compared with.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Comparison {
    /// The window before it, as long as it is.
    #[default]
    Previous,
    /// The same days a year before: whole months meet the same months, whole weeks the weeks 364 days before, so
    /// that weekdays meet their like. Other days have none where a 29 February is among them or theirs.
    YearBefore,
}

/// A window with what it is compared to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Span {
    pub from: Option<Date>,
    pub to: Option<Date>,
    pub previous_from: Option<Date>,
    pub previous_to: Option<Date>,
    /// The last day of the previous window that is as far into it as the data reaches into this one.
    pub previous_to_date: Option<Date>,
    /// Whether both windows lie wholly inside the data, and their days have each a like.
    pub comparable: bool,
    pub first: Option<Date>,
    pub last: Option<Date>,
}

/// A length of time with a natural predecessor.
enum Unit {
    Months(i32),
    Days,
    Unbounded,
}

/// The span that `query` asks for over data that reaches over `coverage`. `Err` says all that is wrong.
pub(crate) fn resolve(
    query: &WindowQuery,
    default: DefaultWindow,
    coverage: Option<Coverage>,
) -> Result<Span, Faults> {
    let mut faults = Faults::default();
    let mut day =
        |name: &str, text: &Option<String>| text.as_deref().and_then(|text| faults.take(day(name, text)));
    let as_of = day("as_of", &query.as_of);
    let from = day("from", &query.from);
    let to = day("to", &query.to);
    let bounds = coverage.map(|coverage| Coverage {
        first: coverage.first,
        last: as_of.map_or(coverage.last, |as_of| as_of.min(coverage.last)),
    });
    let today = as_of.or(bounds.map(|bounds| bounds.last));
    let (from, to, unit) = if query.from.is_some() || query.to.is_some() {
        if query.period.is_some() {
            faults.push(Fault::at(
                "/period",
                "give `period`, or `from` and `to`, not both",
            ));
        }
        let from = from.or(bounds.map(|bounds| bounds.first)).or(to);
        let to = to.or(today).or(from);
        if from > to {
            faults.push(Fault::at("/from", "it is later than `to`"));
        }
        (from, to, Unit::Days)
    } else {
        let period = query.period.as_deref().unwrap_or(match default {
            DefaultWindow::Last30Days => "last_30_days",
            DefaultWindow::Month => "month",
            DefaultWindow::All => "all",
        });
        let days = period_days(period, today, bounds);
        faults.take(days).unwrap_or((None, None, Unit::Unbounded))
    };
    faults.or(())?;
    let mut span = Span {
        from,
        to,
        first: bounds.map(|bounds| bounds.first),
        last: bounds.map(|bounds| bounds.last),
        ..Span::default()
    };
    if let (Some(from), Some(to)) = (from, to) {
        compare(&mut span, from, to, &unit, query.compare);
    }
    Ok(span)
}

fn compare(span: &mut Span, from: Date, to: Date, unit: &Unit, with: Comparison) {
    let mut have_likes = true;
    let previous = match (unit, with) {
        (Unit::Unbounded, _) => return,
        (_, Comparison::YearBefore) if from.day() == 1 && to == to.last_of_month() => {
            let previous_to = to.first_of_month().checked_sub(1.year());
            from.checked_sub(1.year())
                .ok()
                .zip(previous_to.ok().map(Date::last_of_month))
        }
        (_, Comparison::YearBefore) => {
            let days = |from: Date, to: Date| from.until(to).map_or(0, |span| span.get_days()) + 1;
            let back = if days(from, to) % 7 == 0 {
                364.days()
            } else {
                1.year()
            };
            let previous = from.checked_sub(back).ok().zip(to.checked_sub(back).ok());
            let leaps = |day: Date| (day.month(), day.day()) == (2, 29);
            if let (Some((previous_from, previous_to)), false) = (previous, days(from, to) % 7 == 0) {
                have_likes = !leaps(from) && !leaps(to) && days(previous_from, previous_to) == days(from, to);
            }
            previous
        }
        (Unit::Months(months), Comparison::Previous) => {
            from.checked_sub(months.months()).ok().zip(from.yesterday().ok())
        }
        (Unit::Days, Comparison::Previous) => {
            let days = from.until(to).map_or(0, |span| span.get_days());
            let previous_to = from.yesterday().ok();
            previous_to
                .and_then(|to| to.checked_sub(days.days()).ok())
                .zip(previous_to)
        }
    };
    let Some((previous_from, previous_to)) = previous else {
        return;
    };
    span.previous_from = Some(previous_from);
    span.previous_to = Some(previous_to);
    if let (Some(first), Some(last)) = (span.first, span.last) {
        let reached = to.min(last);
        let elapsed = from.until(reached).map_or(0, |span| span.get_days());
        span.previous_to_date = previous_from.checked_add(elapsed.days()).ok().map(|date| {
            if reached >= to {
                previous_to
            } else {
                date.min(previous_to)
            }
        });
        span.comparable = have_likes && previous_from >= first && to <= last;
    }
}

fn period_days(
    period: &str,
    today: Option<Date>,
    bounds: Option<Coverage>,
) -> Result<(Option<Date>, Option<Date>, Unit), Fault> {
    if period == "all" {
        return Ok((
            bounds.map(|bounds| bounds.first),
            bounds.map(|bounds| bounds.last),
            Unit::Unbounded,
        ));
    }
    if period == "month" {
        return Ok((
            today.map(Date::first_of_month),
            today.map(Date::last_of_month),
            Unit::Months(1),
        ));
    }
    if matches!(period, "quarter" | "year") {
        let months: i8 = if period == "quarter" { 3 } else { 12 };
        let from = today.and_then(|today| {
            let month = (today.month() - 1) / months * months + 1;
            Date::new(today.year(), month, 1).ok()
        });
        let months = i32::from(months);
        let to = from.and_then(|from| from.checked_add(months.months()).and_then(Date::yesterday).ok());
        return Ok((from, to, Unit::Months(months)));
    }
    let wrong = || {
        Fault::at(
            "/period",
            format!(
                "it is last_30_days (or another number), 2023-11, 2023-Q4, 2023, month, quarter, year or all, not \
                 `{period}`"
            ),
        )
    };
    if let Some(days) = period
        .strip_prefix("last_")
        .and_then(|rest| rest.strip_suffix("_days"))
    {
        let days: i32 = days
            .parse()
            .ok()
            .filter(|days| (1..=36_600).contains(days))
            .ok_or_else(wrong)?;
        let from = today.and_then(|today| today.checked_sub((days - 1).days()).ok());
        return Ok((from, today, Unit::Days));
    }
    let (year, rest) = period.split_at_checked(4).ok_or_else(wrong)?;
    let year: i16 = year.parse().map_err(|_| wrong())?;
    let (month, months) = match rest.strip_prefix('-') {
        None if rest.is_empty() => (1, 12),
        Some(quarter) if quarter.starts_with('Q') => {
            let quarter: i8 = quarter[1..]
                .parse()
                .ok()
                .filter(|quarter| (1..=4).contains(quarter))
                .ok_or_else(wrong)?;
            (quarter * 3 - 2, 3)
        }
        Some(month) if month.len() == 2 => (month.parse().map_err(|_| wrong())?, 1),
        None | Some(_) => return Err(wrong()),
    };
    let from = Date::new(year, month, 1).map_err(|_| wrong())?;
    let to = from
        .checked_add(months.months())
        .and_then(Date::yesterday)
        .map_err(|_| wrong())?;
    Ok((Some(from), Some(to), Unit::Months(months)))
}

fn day(name: &str, text: &str) -> Result<Date, Fault> {
    crate::day::parse(text).map_err(|reason| Fault::at(format!("/{name}"), reason))
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::civil::date;

    const SAMPLE: Coverage = Coverage {
        first: date(2023, 10, 1),
        last: date(2023, 11, 30),
    };

    fn span(period: &str, coverage: Coverage) -> Span {
        let query = WindowQuery {
            period: Some(period.to_owned()),
            ..WindowQuery::default()
        };
        resolve(&query, DefaultWindow::default(), Some(coverage)).unwrap()
    }

    #[test]
    fn the_default_window_is_thirty_days_up_to_the_latest_sale() {
        let span = resolve(&WindowQuery::default(), DefaultWindow::default(), Some(SAMPLE)).unwrap();

        assert_eq!(
            (span.from, span.to),
            (Some(date(2023, 11, 1)), Some(date(2023, 11, 30)))
        );
        assert_eq!(
            (span.previous_from, span.previous_to),
            (Some(date(2023, 10, 2)), Some(date(2023, 10, 31)))
        );
        assert!(span.comparable);
    }

    #[test]
    fn a_month_is_compared_with_the_month_before() {
        let span = span("2023-11", SAMPLE);

        assert_eq!(
            (span.previous_from, span.previous_to),
            (Some(date(2023, 10, 1)), Some(date(2023, 10, 31)))
        );
        assert!(span.comparable);
    }

    #[test]
    fn a_month_that_is_not_over_is_compared_to_date() {
        let coverage = Coverage {
            last: date(2023, 11, 15),
            ..SAMPLE
        };

        let span = span("2023-11", coverage);

        assert!(!span.comparable);
        assert_eq!(span.previous_to_date, Some(date(2023, 10, 15)));
    }

    #[test]
    fn quarters_and_years_have_their_own_predecessors() {
        let quarter = span("2023-Q4", SAMPLE);
        assert_eq!(
            (quarter.from, quarter.to, quarter.previous_from),
            (
                Some(date(2023, 10, 1)),
                Some(date(2023, 12, 31)),
                Some(date(2023, 7, 1))
            )
        );
        assert!(!quarter.comparable);
        assert_eq!(span("2023", SAMPLE).previous_from, Some(date(2022, 1, 1)));
        assert_eq!(span("all", SAMPLE).previous_from, None);
    }

    #[test]
    fn a_year_before_meets_the_same_months_and_the_same_weekdays() {
        let long = Coverage {
            first: date(2022, 1, 1),
            last: date(2024, 3, 10),
        };
        let before = |query: WindowQuery| {
            let query = WindowQuery {
                compare: Comparison::YearBefore,
                ..query
            };
            let span = resolve(&query, DefaultWindow::default(), Some(long)).unwrap();
            (
                span.previous_from.unwrap(),
                span.previous_to.unwrap(),
                span.comparable,
            )
        };
        let period = |period: &str| WindowQuery {
            period: Some(period.to_owned()),
            ..WindowQuery::default()
        };
        let days = |from: &str, to: &str| WindowQuery {
            from: Some(from.to_owned()),
            to: Some(to.to_owned()),
            ..WindowQuery::default()
        };

        assert_eq!(
            before(period("2024-02")),
            (date(2023, 2, 1), date(2023, 2, 28), true)
        );
        assert_eq!(
            before(period("quarter")),
            (date(2023, 1, 1), date(2023, 3, 31), false)
        );
        assert_eq!(
            before(period("year")),
            (date(2023, 1, 1), date(2023, 12, 31), false)
        );
        let week = before(days("2024-02-05", "2024-02-11"));
        assert_eq!(week, (date(2023, 2, 6), date(2023, 2, 12), true));
        let month = before(days("2024-02-01", "2024-02-29"));
        assert_eq!(month, (date(2023, 2, 1), date(2023, 2, 28), true));
        let ten = before(days("2024-02-01", "2024-02-10"));
        assert_eq!(ten, (date(2023, 2, 1), date(2023, 2, 10), true));
    }

    #[test]
    fn a_29_february_has_no_like_a_year_before_but_in_its_month() {
        let long = Coverage {
            first: date(2022, 1, 1),
            last: date(2026, 3, 10),
        };
        let comparable = |from: &str, to: &str| {
            let query = WindowQuery {
                from: Some(from.to_owned()),
                to: Some(to.to_owned()),
                compare: Comparison::YearBefore,
                ..WindowQuery::default()
            };
            resolve(&query, DefaultWindow::default(), Some(long))
                .unwrap()
                .comparable
        };

        assert!(!comparable("2024-02-29", "2024-02-29"));
        assert!(!comparable("2024-02-20", "2024-02-29"));
        assert!(!comparable("2024-02-29", "2024-03-05"));
        assert!(!comparable("2025-02-27", "2025-03-02"));
        assert!(comparable("2024-02-26", "2024-03-03"));
        assert!(comparable("2024-02-01", "2024-02-29"));
        assert!(comparable("2025-01-01", "2025-03-31"));
    }

    #[test]
    fn nonsense_is_refused_in_words() {
        for period in ["", "x", "2023-13", "2023-Q5", "last_0_days", "20231", "é023"] {
            let query = WindowQuery {
                period: Some(period.to_owned()),
                ..WindowQuery::default()
            };
            let error = resolve(&query, DefaultWindow::default(), Some(SAMPLE)).unwrap_err();
            assert!(error.to_string().starts_with("period: "), "{error}");
        }
    }
}
