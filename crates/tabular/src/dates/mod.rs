//! Dates as exports write them, to `YYYY-MM-DD`.
//!
//! Dates with the year first, or with the month's name, say what they are. Whether `03/11/2023` is a day in November
//! or in March is decided once for a column, from [`evidence`] over all its values. Years of two digits are those from
//! [`FIRST_SHORT_YEAR`] on. A time behind the date is left out, unless it has a zone and the shop another one: then
//! the day is the shop's. Spans of time are no dates.

mod reader;

use jiff::civil::{Date, Time};
use jiff::tz::{Offset, TimeZone};
use reader::{Reader, named_month};

/// The year that `70` stands for; `69` is a hundred years later, less one.
pub const FIRST_SHORT_YEAR: u32 = 1970;

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
    /// Year first, month by name, or no date at all.
    Silent,
    /// It reads both ways.
    Ambiguous,
    /// A number above 12 settles it.
    Says(DateOrder),
}

/// What one value says about how its column's dates are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sighting {
    /// The order of day and month.
    pub order: OrderEvidence,
    /// Whether the year has two digits.
    pub short_year: bool,
    /// Whether it is the number of a day, as spreadsheets count them.
    pub serial: bool,
}

/// A date with what stands behind it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Moment {
    /// The day as it is written.
    pub date: Date,
    /// The time of day as it is written.
    pub time: Option<Time>,
    /// How far that time is from UTC, where it is said.
    pub offset: Option<Offset>,
}

impl Moment {
    /// The day in `zone`: another than is written where the time is that of another zone.
    #[must_use]
    pub fn date_in(&self, zone: &TimeZone) -> Date {
        let (Some(time), Some(offset)) = (self.time, self.offset) else {
            return self.date;
        };
        offset
            .to_timestamp(self.date.to_datetime(time))
            .map_or(self.date, |moment| moment.to_zoned(zone.clone()).date())
    }
}

/// What `text` says about the order of its column.
#[must_use]
pub fn evidence(text: &str) -> OrderEvidence {
    sighting(text).order
}

/// What `text` says about the dates of its column.
#[must_use]
pub fn sighting(text: &str) -> Sighting {
    let silent = Sighting {
        order: OrderEvidence::Silent,
        short_year: false,
        serial: false,
    };
    let (parts, short_year) = match plain(text.trim()) {
        Some(parts) => (parts, false),
        None => match Reader::read(text) {
            Some(written) => (written.parts, written.short_year),
            None => return silent,
        },
    };
    let order = match parts {
        Parts::YearLast(first, second, year) => {
            let day_first = date(year, second, first).is_some();
            let month_first = date(year, first, second).is_some();
            match (day_first, month_first) {
                (true, true) if first != second => OrderEvidence::Ambiguous,
                (true, false) => OrderEvidence::Says(DateOrder::DayFirst),
                (false, true) => OrderEvidence::Says(DateOrder::MonthFirst),
                _ => OrderEvidence::Silent,
            }
        }
        Parts::YearFirst(..) | Parts::Serial(_) => OrderEvidence::Silent,
    };
    Sighting {
        order,
        short_year,
        serial: matches!(parts, Parts::Serial(_)),
    }
}

/// `text` as a date under `order`, as it is written: `2023-11-03`, `20231103`, `03/11/2023`, `3-11-23`, `03.11.2023`,
/// `3-nov.-23`, `3 novembre 2023`, `November 3, 2023`, `45233` as spreadsheets count days, with or without a time
/// behind, which is left out.
#[must_use]
pub fn parse(text: &str, order: DateOrder) -> Option<Date> {
    if let Some(parts) = plain(text.trim()) {
        return parts.date(order);
    }
    moment(text, order).map(|moment| moment.date)
}

/// `text` as a date under `order`, with the time and its zone.
#[must_use]
pub fn moment(text: &str, order: DateOrder) -> Option<Moment> {
    let written = Reader::read(text)?;
    Some(Moment {
        date: written.parts.date(order)?,
        time: written.time,
        offset: written.offset,
    })
}

/// `text` as the first day of a month: `2023-11`, `11/2023`, `202311`, `nov. 2023`, or any date in the month.
#[must_use]
pub fn parse_month(text: &str, order: DateOrder) -> Option<Date> {
    let text = text.trim();
    if let Some(date) = parse(text, order) {
        return Some(date.first_of_month());
    }
    if let Some((year, month)) = named_month(text) {
        return date(year, month, 1);
    }
    let (year, month) = match text.as_bytes() {
        [_, _, _, _, b'-' | b'/', _, _] => (text.get(..4)?, text.get(5..)?),
        [_, _, b'-' | b'/', _, _, _, _] => (text.get(3..)?, text.get(..2)?),
        [_, _, _, _, _, _] => (text.get(..4)?, text.get(4..)?),
        _ => return None,
    };
    date(number(year)?, number(month)?, 1)
}

/// The numbers of a date, in the order in which they stand.
#[derive(Debug, Clone, Copy)]
enum Parts {
    YearFirst(u32, u32, u32),
    YearLast(u32, u32, u32),
    /// Days as spreadsheets count them.
    Serial(i64),
}

impl Parts {
    fn date(self, order: DateOrder) -> Option<Date> {
        match self {
            Self::YearFirst(year, month, day) => date(year, month, day),
            Self::YearLast(first, second, year) => match order {
                DateOrder::DayFirst => date(year, second, first),
                DateOrder::MonthFirst => date(year, first, second),
            },
            Self::Serial(days) => jiff::civil::date(1899, 12, 30)
                .checked_add(jiff::Span::new().try_days(days).ok()?)
                .ok(),
        }
    }
}

/// The common case: numbers alone, the year in four digits, no time behind.
fn plain(text: &str) -> Option<Parts> {
    if text.len() == 8 && text.bytes().all(|byte| byte.is_ascii_digit()) {
        return Some(Parts::YearFirst(
            number(&text[..4])?,
            number(&text[4..6])?,
            number(&text[6..])?,
        ));
    }
    let separator = text.bytes().find(|byte| !byte.is_ascii_digit())?;
    if !matches!(separator, b'-' | b'/' | b'.') {
        return None;
    }
    let mut parts = text.split(char::from(separator));
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

fn number(text: &str) -> Option<u32> {
    if !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit()) {
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
    use proptest::prelude::*;

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
            "2023-11-03 10:15:00 +0100",
            "2023-11-03 10:15:00 UTC",
            "2023-11-03T10:15:00.123456+01:00",
            "2023-11-03T10:15:00+01:00[Europe/Paris]",
            "20231103T101500Z",
            "20231103101500",
            "03/11/2023 2:05 PM",
            "03/11/2023 2:05:07 p.m.",
            "03/11/2023 14h05",
            "03/11/2023 à 14h05",
            "03/11/2023\u{a0}14:05",
            "03/11/2023, 14:05",
            "03/11/2023 - 14:05",
            "3-nov.-23",
            "03-nov-23",
            "3 nov. 2023",
            "3 novembre 2023",
            "vendredi 3 novembre 2023",
            "ven. 3 nov. 2023 à 14 h 05",
            "Nov 3, 2023",
            "November 3rd, 2023 at 2:05 PM",
            "Fri, 03 Nov 2023 14:05:06 +0100",
            "Fri Nov 03 2023 14:05:06 GMT+0100 (CET)"
                .trim_end_matches("(CET)")
                .trim(),
            "2023-Nov-03",
            "03/11/23",
            "3.11.23 14:05",
            "45233",
            "45233.5",
            "=\"03/11/2023\"",
            "'03/11/2023",
            "\u{661}\u{661}/\u{661}\u{661}/2023",
        ] {
            let date = parse(text, DateOrder::DayFirst).map(|date| date.to_string());
            let expected = if text.contains('\u{661}') {
                "2023-11-11"
            } else {
                "2023-11-03"
            };
            assert_eq!(date.as_deref(), Some(expected), "{text}");
        }
        assert_eq!(
            parse("1er août 2023", DateOrder::DayFirst),
            Some(jiff::civil::date(2023, 8, 1))
        );
    }

    #[test]
    fn what_is_no_date_is_refused() {
        for text in [
            "",
            "hier",
            "31/02/2023",
            "2023-13-01",
            "11/2023",
            "2023-11-03 x",
            "03/11-2023",
            "0001-01-01",
            "36:30:00",
            "14:05",
            "PT3H",
            "1:02:03",
            "2023-11-03 25:00",
            "2023-11-03 14:05 PM",
            "13 brumaire 2023",
            "nov. 2023",
            "12345",
            "99999",
            "1234567",
            "2023-11",
            "3 11 2023",
        ] {
            assert_eq!(parse(text, DateOrder::DayFirst), None, "{text}");
        }
    }

    #[test]
    fn years_of_two_digits_turn_at_a_stated_one() {
        let year = |text| parse(text, DateOrder::DayFirst).map(Date::year);

        assert_eq!(year("13/11/69"), Some(2069));
        assert_eq!(year("13/11/70"), Some(1970));
        assert!(sighting("13/11/23").short_year && sighting("13-nov.-23").short_year);
        assert!(!sighting("13/11/2023").short_year);
    }

    #[test]
    fn a_time_of_another_zone_is_taken_to_that_of_the_shop() {
        let paris = TimeZone::get("Europe/Paris").unwrap();
        let date = |text| {
            moment(text, DateOrder::DayFirst)
                .unwrap()
                .date_in(&paris)
                .to_string()
        };

        assert_eq!(date("2023-11-13T23:30:00Z"), "2023-11-14");
        assert_eq!(date("2023-11-13 23:30:00 +0100"), "2023-11-13");
        assert_eq!(date("2023-11-14 00:30:00 +0900"), "2023-11-13");
        assert_eq!(date("2023-11-13 23:30:00"), "2023-11-13");
        assert_eq!(date("2023-11-13"), "2023-11-13");
    }

    #[test]
    fn a_number_above_twelve_settles_the_order() {
        let order = evidence;

        assert_eq!(order("13/11/2023"), OrderEvidence::Says(DateOrder::DayFirst));
        assert_eq!(order("11/13/2023"), OrderEvidence::Says(DateOrder::MonthFirst));
        assert_eq!(
            order("11/13/23 2:05 PM"),
            OrderEvidence::Says(DateOrder::MonthFirst)
        );
        assert_eq!(order("03/11/2023"), OrderEvidence::Ambiguous);
        assert_eq!(order("11/11/2023"), OrderEvidence::Silent);
        assert_eq!(order("2023-11-13"), OrderEvidence::Silent);
        assert_eq!(order("13-nov.-23"), OrderEvidence::Silent);
        assert!(sighting("45243").serial);
    }

    #[test]
    fn months_are_read_in_either_order_and_by_name() {
        for text in [
            "2023-11",
            "11/2023",
            "202311",
            "2023-11-01",
            "01/11/2023",
            "nov. 2023",
            "novembre 2023",
            "Nov-23",
            "2023 nov",
        ] {
            let month = parse_month(text, DateOrder::DayFirst).map(|date| date.to_string());
            assert_eq!(month.as_deref(), Some("2023-11-01"), "{text}");
        }
        assert_eq!(parse_month("2023-13", DateOrder::DayFirst), None);
        assert_eq!(parse_month("é23-1", DateOrder::DayFirst), None);
    }

    proptest! {
        /// A date written in any of the ways that exports write is the date read.
        #[test]
        fn dates_written_are_dates_read(
            year in 1971_i16..2069, month in 1_i8..=12, day in 1_i8..=28,
            hour in 0_u32..24, minute in 0_u32..60, form in 0..9_usize, behind in 0..6_usize,
        ) {
            const FRENCH: [&str; 12] = ["janv.", "févr.", "mars", "avr.", "mai", "juin", "juil.", "août", "sept.", "oct.", "nov.", "déc."];
            const ENGLISH: [&str; 12] = ["January", "February", "March", "April", "May", "June", "July", "August", "September", "October", "November", "December"];
            let at = usize::try_from(month).unwrap() - 1;
            let text = match form {
                0 => format!("{year:04}-{month:02}-{day:02}"),
                1 => format!("{day:02}/{month:02}/{year:04}"),
                2 => format!("{day}/{month}/{:02}", year % 100),
                3 => format!("{day}.{month}.{year}"),
                4 => format!("{day}-{}-{:02}", FRENCH[at], year % 100),
                5 => format!("{day} {} {year}", FRENCH[at]),
                6 => format!("{} {day}, {year}", ENGLISH[at]),
                7 => format!("{day} {} {year}", ENGLISH[at].to_uppercase()),
                _ => format!("{year:04}{month:02}{day:02}"),
            };
            let text = match behind {
                0 => text,
                1 => format!("{text} {hour:02}:{minute:02}"),
                2 => format!("{text} {hour:02}h{minute:02}"),
                3 => format!("{text} {}:{minute:02} {}", (hour + 11) % 12 + 1, if hour < 12 { "AM" } else { "PM" }),
                4 => format!("{text} à {hour:02}:{minute:02}:00"),
                _ => format!("{text} {hour:02}:{minute:02}:00 +0200"),
            };
            prop_assert_eq!(parse(&text, DateOrder::DayFirst), Some(jiff::civil::date(year, month, day)), "{}", text);
            if behind > 0 {
                let time = moment(&text, DateOrder::DayFirst).unwrap().time.unwrap();
                prop_assert_eq!((time.hour(), time.minute()), (i8::try_from(hour).unwrap(), i8::try_from(minute).unwrap()), "{}", text);
            }
        }

        #[test]
        fn no_text_is_too_odd_to_be_refused(text in "\\PC{0,30}", digits in "[0-9/:.,\\- àhTZ+apm]{0,24}") {
            for text in [text, digits] {
                let _ = parse(&text, DateOrder::DayFirst);
                let _ = parse_month(&text, DateOrder::MonthFirst);
                let _ = evidence(&text);
            }
        }
    }
}
