//! Dates as exports write them, to `YYYY-MM-DD`.
//!
//! Year-first dates say what they are. Whether `03/11/2023` is a day in November or in March is decided
//! once for a column, from [`evidence`] over all its values.

use jiff::civil::Date;

/// Which of the first two numbers of `03/11/2023` is the day.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DateOrder {
    /// Day, month, year.
    DayFirst,
    /// Month, day, year.
    MonthFirst,
}

/// What one value says about its column's order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OrderEvidence {
    /// Year first, or no date at all.
    Silent,
    /// It reads both ways.
    Ambiguous,
    /// A number above 12 settles it.
    Says(DateOrder),
}

/// What `text` says about the order of its column.
#[must_use]
pub fn evidence(text: &str) -> OrderEvidence {
    let Some(Parts::YearLast(first, second, year)) = split(text) else {
        return OrderEvidence::Silent;
    };
    let day_first = date(year, second, first).is_some();
    let month_first = date(year, first, second).is_some();
    match (day_first, month_first) {
        (true, true) if first != second => OrderEvidence::Ambiguous,
        (true, false) => OrderEvidence::Says(DateOrder::DayFirst),
        (false, true) => OrderEvidence::Says(DateOrder::MonthFirst),
        _ => OrderEvidence::Silent,
    }
}

/// `text` as a date under `order`: `2023-11-03`, `20231103`, `03/11/2023`, `3-11-2023`, `03.11.2023`, with or
/// without a time behind, which is left out.
#[must_use]
pub fn parse(text: &str, order: DateOrder) -> Option<Date> {
    match split(text)? {
        Parts::YearFirst(year, month, day) => date(year, month, day),
        Parts::YearLast(first, second, year) => match order {
            DateOrder::DayFirst => date(year, second, first),
            DateOrder::MonthFirst => date(year, first, second),
        },
    }
}

/// `text` as the first day of a month: `2023-11`, `11/2023`, `202311`, or any date in the month.
#[must_use]
pub fn parse_month(text: &str, order: DateOrder) -> Option<Date> {
    let text = text.trim();
    if let Some(date) = parse(text, order) {
        return Some(date.first_of_month());
    }
    let (year, month) = match text.as_bytes() {
        [_, _, _, _, b'-' | b'/', _, _] => (&text[..4], &text[5..]),
        [_, _, b'-' | b'/', _, _, _, _] => (&text[3..], &text[..2]),
        [_, _, _, _, _, _] => (text.get(..4)?, text.get(4..)?),
        _ => return None,
    };
    date(number(year)?, number(month)?, 1)
}

/// The three numbers of a date, in the order in which they stand.
enum Parts {
    YearFirst(u32, u32, u32),
    YearLast(u32, u32, u32),
}

fn split(text: &str) -> Option<Parts> {
    let text = text.trim();
    let text = match text.find(['T', ' ']) {
        Some(end) if is_time(&text[end + 1..]) => &text[..end],
        Some(_) => return None,
        None => text,
    };
    if text.len() == 8 && text.bytes().all(|byte| byte.is_ascii_digit()) {
        return Some(Parts::YearFirst(
            number(&text[..4])?,
            number(&text[4..6])?,
            number(&text[6..])?,
        ));
    }
    let separator = text.chars().find(|character| !character.is_ascii_digit())?;
    if !matches!(separator, '-' | '/' | '.') {
        return None;
    }
    let mut parts = text.split(separator);
    let (first, second, third) = (parts.next()?, parts.next()?, parts.next()?);
    if parts.next().is_some() {
        return None;
    }
    match (first.len(), second.len(), third.len()) {
        (4, 1..=2, 1..=2) => Some(Parts::YearFirst(number(first)?, number(second)?, number(third)?)),
        (1..=2, 1..=2, 4) => Some(Parts::YearLast(number(first)?, number(second)?, number(third)?)),
        _ => None,
    }
}

/// Whether `text` is a time of day such as `14:05`, `14:05:06.123`, with or without a zone.
fn is_time(text: &str) -> bool {
    let bytes = text.as_bytes();
    bytes.len() >= 4
        && bytes[0].is_ascii_digit()
        && bytes.contains(&b':')
        && bytes
            .iter()
            .all(|byte| byte.is_ascii_digit() || matches!(byte, b':' | b'.' | b'+' | b'-' | b'Z'))
}

fn number(text: &str) -> Option<u32> {
    if text.bytes().all(|byte| byte.is_ascii_digit()) {
        text.parse().ok()
    } else {
        None
    }
}

fn date(year: u32, month: u32, day: u32) -> Option<Date> {
    if !(1900..=2200).contains(&year) {
        return None;
    }
    Date::new(
        i16::try_from(year).ok()?,
        i8::try_from(month).ok()?,
        i8::try_from(day).ok()?,
    )
    .ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_are_read_as_exports_write_them() {
        for text in [
            "2023-11-03",
            "20231103",
            "03/11/2023",
            "3/11/2023",
            "03-11-2023",
            "03.11.2023",
            "2023/11/03",
            "2023-11-03T14:05:06Z",
            "2023-11-03 14:05",
            "03/11/2023 14:05:06",
            " 2023-11-03 ",
        ] {
            let date = parse(text, DateOrder::DayFirst).map(|date| date.to_string());
            assert_eq!(date.as_deref(), Some("2023-11-03"), "{text}");
        }
    }

    #[test]
    fn what_is_no_date_is_refused() {
        for text in [
            "",
            "hier",
            "31/02/2023",
            "2023-13-01",
            "11/2023",
            "1/1/23",
            "2023-11-03 x",
            "03/11-2023",
            "0001-01-01",
        ] {
            assert_eq!(parse(text, DateOrder::DayFirst), None, "{text}");
        }
    }

    #[test]
    fn a_number_above_twelve_settles_the_order() {
        assert_eq!(evidence("13/11/2023"), OrderEvidence::Says(DateOrder::DayFirst));
        assert_eq!(evidence("11/13/2023"), OrderEvidence::Says(DateOrder::MonthFirst));
        assert_eq!(evidence("03/11/2023"), OrderEvidence::Ambiguous);
        assert_eq!(evidence("11/11/2023"), OrderEvidence::Silent);
        assert_eq!(evidence("2023-11-13"), OrderEvidence::Silent);
    }

    #[test]
    fn months_are_read_in_either_order() {
        for text in ["2023-11", "11/2023", "202311", "2023-11-01", "01/11/2023"] {
            let month = parse_month(text, DateOrder::DayFirst).map(|date| date.to_string());
            assert_eq!(month.as_deref(), Some("2023-11-01"), "{text}");
        }
        assert_eq!(parse_month("2023-13", DateOrder::DayFirst), None);
    }
}
