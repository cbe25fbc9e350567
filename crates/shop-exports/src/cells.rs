//! One cell of a record, and what can be read from it whatever its column.

use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::{Offset, TimeZone};
use tabular::dates::{self, DateOrder};
use tabular::{FieldKind, Record};

/// The text of a cell, blanks around it taken off.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Cell<'a> {
    pub text: &'a str,
    /// Whether it comes from a format that has numbers: a point is its decimal mark.
    pub is_number: bool,
}

impl Cell<'_> {
    pub(crate) const EMPTY: Cell<'static> = Cell {
        text: "",
        is_number: false,
    };
}

/// Cell `field` of `record`; empty where there is none.
pub(crate) fn cell(record: &Record, field: usize) -> Cell<'_> {
    if field >= record.width() {
        return Cell::EMPTY;
    }
    let (bytes, kind) = record.field(field);
    let text = std::str::from_utf8(bytes).unwrap_or_default();
    let text = text.trim_matches(|character: char| character.is_whitespace() || character == '\u{feff}');
    Cell {
        text: if kind == FieldKind::Absent { "" } else { text },
        is_number: matches!(kind, FieldKind::Number | FieldKind::Inexact),
    }
}

/// `text` as a whole number without a leading zero, also written `6.0`; `None` for anything else, `006` too.
pub(crate) fn plain_id(text: &str) -> Option<i64> {
    let digits = text
        .strip_suffix(".0")
        .or_else(|| text.strip_suffix(",0"))
        .unwrap_or(text);
    let is_plain = !digits.is_empty()
        && digits.len() <= 18
        && digits.bytes().all(|byte| byte.is_ascii_digit())
        && (digits == "0" || !digits.starts_with('0'));
    if is_plain { digits.parse().ok() } else { None }
}

/// The day in `text`, with or without a time behind it. Seconds since 1970 are days of UTC.
pub(crate) fn day(text: &str, order: DateOrder) -> Option<Date> {
    if let Some(date) = dates::parse(text, order) {
        return Some(date);
    }
    if text.len() == 10 && text.bytes().all(|byte| byte.is_ascii_digit()) {
        let seconds: i64 = text.parse().ok()?;
        let moment = jiff::Timestamp::from_second(seconds).ok()?;
        return (seconds >= 600_000_000).then(|| moment.to_zoned(jiff::tz::TimeZone::UTC).date());
    }
    let (date, rest) = text.split_once([' ', 'T', '\u{a0}'])?;
    rest.trim_start()
        .starts_with(|character: char| character.is_ascii_digit())
        .then(|| dates::parse(date, order))
        .flatten()
}

/// The day and the time in `text`; a moment of another zone is taken to `zone`. Without a zone of its own it is of
/// UTC where `is_utc` says so.
pub(crate) fn moment(
    text: &str,
    order: DateOrder,
    zone: Option<&TimeZone>,
    is_utc: bool,
) -> Option<(Date, Option<String>)> {
    let is_epoch = text.len() == 10 && text.bytes().all(|byte| byte.is_ascii_digit());
    if let Some(zone) = zone {
        let instant = if is_epoch {
            text.parse()
                .ok()
                .and_then(|seconds| Timestamp::from_second(seconds).ok())
        } else {
            dates::moment(text, order).and_then(|moment| {
                let offset = moment.offset.or(is_utc.then_some(Offset::UTC))?;
                offset.to_timestamp(moment.date.to_datetime(moment.time?)).ok()
            })
        };
        if let Some(instant) = instant
            && day(text, order).is_some()
        {
            let moment = instant.to_zoned(zone.clone());
            return Some((moment.date(), Some(moment.strftime("%H:%M:%S").to_string())));
        }
    }
    Some((day(text, order)?, time(text)))
}

/// The time of day in `text`, as `HH:MM:SS`: `14:05`, `2:05 PM`, `14h05`, alone or behind a day.
pub(crate) fn time(text: &str) -> Option<String> {
    let at = text.find([':', 'h', 'H'])?;
    let before: String = text[..at]
        .chars()
        .rev()
        .take_while(char::is_ascii_digit)
        .collect();
    let hour: u32 = before.chars().rev().collect::<String>().parse().ok()?;
    let rest = &text[at + 1..];
    let number = |text: &str| -> Option<u32> {
        let digits: String = text.chars().take_while(char::is_ascii_digit).collect();
        (digits.len() == 2).then(|| digits.parse().ok()).flatten()
    };
    let minute = match number(rest) {
        Some(minute) => minute,
        None if rest.is_empty() && text[at..].starts_with(['h', 'H']) => 0,
        None => return None,
    };
    let second = rest
        .get(2..)
        .and_then(|rest| rest.strip_prefix(':'))
        .and_then(number)
        .unwrap_or(0);
    // What stands behind the numbers: `AM`, `p.m. PST`.
    let behind = rest.trim_start_matches(|character: char| !character.is_alphabetic());
    let half: String = behind
        .chars()
        .filter(|character| *character != '.')
        .take(2)
        .collect();
    let half = half.to_lowercase();
    let hour = match hour {
        12 if half == "am" => 0,
        1..=11 if half == "pm" => hour + 12,
        _ => hour,
    };
    (hour < 24 && minute < 60 && second < 60).then(|| format!("{hour:02}:{minute:02}:{second:02}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_whole_numbers_without_leading_zeros() {
        assert_eq!(plain_id("6"), Some(6));
        assert_eq!(plain_id("6.0"), Some(6));
        for text in ["006", "", "6a", "-6", "6.5", "1234567890123456789"] {
            assert_eq!(plain_id(text), None, "{text}");
        }
    }

    #[test]
    fn moments_of_other_zones_are_taken_to_that_of_the_shop() {
        let paris = TimeZone::get("Europe/Paris").ok();
        let of = |text, is_utc| {
            moment(text, DateOrder::DayFirst, paris.as_ref(), is_utc)
                .map(|(day, time)| format!("{day} {}", time.unwrap_or_default()))
        };
        for (text, is_utc, expected) in [
            ("2024-03-04T23:15:00+00:00", false, "2024-03-05 00:15:00"),
            ("2024-07-04T23:15:00Z", false, "2024-07-05 01:15:00"),
            ("2024-03-04 23:15:00", true, "2024-03-05 00:15:00"),
            ("2024-03-04 23:15:00", false, "2024-03-04 23:15:00"),
            ("2024-03-04", true, "2024-03-04 "),
            ("1709594100", false, "2024-03-05 00:15:00"),
        ] {
            assert_eq!(of(text, is_utc).as_deref(), Some(expected), "{text}");
        }
    }

    #[test]
    fn times_of_day_are_found() {
        for (text, expected) in [
            ("14:05", Some("14:05:00")),
            ("2:05 PM", Some("14:05:00")),
            ("12:30 am", Some("00:30:00")),
            ("Mar 6, 2024 1:00:00 PM PST", Some("13:00:00")),
            ("1:05 p.m.", Some("13:05:00")),
            ("14h05", Some("14:05:00")),
            ("2023-11-13 10:15:09", Some("10:15:09")),
            ("2023-11-13T10:15:00Z", Some("10:15:00")),
            ("2023-11-13", None),
            ("25:00", None),
        ] {
            assert_eq!(time(text).as_deref(), expected, "{text}");
        }
    }

    #[test]
    fn days_are_found_before_times() {
        let day = |text| day(text, DateOrder::DayFirst).map(|day| day.to_string());
        assert_eq!(day("2023-11-13 10:15").as_deref(), Some("2023-11-13"));
        assert_eq!(day("2023-11-13 10:15:00 +0100").as_deref(), Some("2023-11-13"));
        assert_eq!(day("1699870000").as_deref(), Some("2023-11-13"));
        assert_eq!(day("hier"), None);
    }
}
