//! Numbers and dates as people write them, in whole digits: nothing passes through a float.

use crate::language::Language;
use jiff::civil::Date;
use serde_json::Value;

/// Between thousands in French: a narrow no-break space.
const NARROW: char = '\u{202f}';
/// Before the euro sign in French: a no-break space.
const NO_BREAK: char = '\u{a0}';
/// A minus sign as wide as a plus sign.
const MINUS: char = '\u{2212}';

/// `value` times ten to the power of `decimals`, rounded half away from zero. `None` when it is not a number
/// or too large.
pub(crate) fn scaled(value: &Value, decimals: usize) -> Option<i64> {
    let Value::Number(number) = value else {
        return None;
    };
    let text = number.to_string();
    let (negative, text) = match text.strip_prefix('-') {
        Some(text) => (true, text),
        None => (false, text.as_str()),
    };
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    let mut digits = whole.to_owned();
    digits.extend(
        (0..decimals).map(|place| char::from(fraction.as_bytes().get(place).copied().unwrap_or(b'0'))),
    );
    let mut amount: i64 = digits.parse().ok()?;
    if fraction
        .as_bytes()
        .get(decimals)
        .is_some_and(|digit| *digit >= b'5')
    {
        amount = amount.checked_add(1)?;
    }
    Some(if negative { -amount } else { amount })
}

/// `amount`, which counts units of ten to the power of minus `decimals`, with thousands set apart.
pub(crate) fn number(amount: i64, decimals: usize, language: Language) -> String {
    let (group, point) = match language {
        Language::Fr => (NARROW, ','),
        Language::En => (',', '.'),
    };
    let digits = format!("{:0>width$}", amount.unsigned_abs(), width = decimals + 1);
    let (whole, fraction) = digits.split_at(digits.len() - decimals);
    let mut text = String::new();
    if amount < 0 {
        text.push(MINUS);
    }
    for (place, digit) in whole.chars().enumerate() {
        if place > 0 && (whole.len() - place).is_multiple_of(3) {
            text.push(group);
        }
        text.push(digit);
    }
    if !fraction.is_empty() {
        text.push(point);
        text.push_str(fraction);
    }
    text
}

/// An amount in euros: `1 245 678 €`, `€1,245,678`. `amount` counts units of ten to the power of minus
/// `decimals`.
pub(crate) fn money(amount: i64, decimals: usize, language: Language) -> String {
    match language {
        Language::Fr => format!("{}{NO_BREAK}€", number(amount, decimals, language)),
        Language::En if amount < 0 => format!("{MINUS}€{}", number(-amount, decimals, language)),
        Language::En => format!("€{}", number(amount, decimals, language)),
    }
}

/// A percentage from tenths of a percent: `36,1 %`, `36.1%`.
pub(crate) fn percent(tenths: i64, language: Language) -> String {
    match language {
        Language::Fr => format!("{}{NARROW}%", number(tenths, 1, language)),
        Language::En => format!("{}%", number(tenths, 1, language)),
    }
}

/// As [`percent`], with a plus sign where it is one.
pub(crate) fn change(tenths: i64, language: Language) -> String {
    let sign = if tenths > 0 { "+" } else { "" };
    format!("{sign}{}", percent(tenths, language))
}

/// A day: `1 novembre 2023`, `1 November 2023`.
pub(crate) fn date(date: Date, language: Language) -> String {
    let day = if date.day() == 1 && language == Language::Fr {
        "1er".to_owned()
    } else {
        date.day().to_string()
    };
    format!("{day}{NO_BREAK}{} {}", month_name(date, language), date.year())
}

/// A day in a table: `01/11/2023` in both languages, day first.
pub(crate) fn short_date(date: Date) -> String {
    format!("{:02}/{:02}/{}", date.day(), date.month(), date.year())
}

/// A month: `novembre 2023`.
pub(crate) fn month(date: Date, language: Language) -> String {
    format!("{} {}", month_name(date, language), date.year())
}

/// Days from `from` to `to`, in words.
pub(crate) fn period(from: Date, to: Date, language: Language) -> String {
    match language {
        _ if from == to => date(from, language),
        Language::Fr => format!("du {} au {}", date(from, language), date(to, language)),
        Language::En => format!("{} to {}", date(from, language), date(to, language)),
    }
}

/// A time such as `2023-11-30T08:05:09.123Z`, as far as people care: `30/11/2023 08:05`. Anything else stays
/// as it is.
pub(crate) fn time(text: &str) -> String {
    match (
        text.get(..10).and_then(|day| day.parse::<Date>().ok()),
        text.get(11..16),
    ) {
        (Some(day), Some(clock)) => format!("{} {clock}", short_date(day)),
        _ => text.to_owned(),
    }
}

fn month_name(date: Date, language: Language) -> &'static str {
    const FR: [&str; 12] = [
        "janvier",
        "février",
        "mars",
        "avril",
        "mai",
        "juin",
        "juillet",
        "août",
        "septembre",
        "octobre",
        "novembre",
        "décembre",
    ];
    const EN: [&str; 12] = [
        "January",
        "February",
        "March",
        "April",
        "May",
        "June",
        "July",
        "August",
        "September",
        "October",
        "November",
        "December",
    ];
    let names = match language {
        Language::Fr => FR,
        Language::En => EN,
    };
    names[usize::from(date.month().unsigned_abs()) - 1]
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::civil::date as day;
    use serde_json::json;

    #[test]
    fn amounts_are_written_as_the_browser_would() {
        assert_eq!(
            money(1_245_678, 0, Language::Fr),
            "1\u{202f}245\u{202f}678\u{a0}€"
        );
        assert_eq!(money(1_245_678, 0, Language::En), "€1,245,678");
        assert_eq!(money(31_810, 2, Language::Fr), "318,10\u{a0}€");
        assert_eq!(money(-99_950, 2, Language::En), "\u{2212}€999.50");
        assert_eq!(money(5, 2, Language::Fr), "0,05\u{a0}€");
        assert_eq!(number(100_000, 0, Language::En), "100,000");
    }

    #[test]
    fn percentages_have_one_decimal() {
        assert_eq!(percent(361, Language::Fr), "36,1\u{202f}%");
        assert_eq!(change(180, Language::En), "+18.0%");
        assert_eq!(change(-5, Language::En), "\u{2212}0.5%");
        assert_eq!(change(0, Language::En), "0.0%");
    }

    #[test]
    fn numbers_are_rounded_in_their_digits() {
        assert_eq!(scaled(&json!(450_230.0), 0), Some(450_230));
        assert_eq!(scaled(&json!(450_230.005), 2), Some(45_023_001));
        assert_eq!(scaled(&json!(-0.5), 0), Some(-1));
        assert_eq!(scaled(&json!(36.1), 1), Some(361));
        assert_eq!(scaled(&json!(7), 2), Some(700));
        assert_eq!(scaled(&json!("7"), 2), None);
        assert_eq!(scaled(&json!(1e300), 2), None);
    }

    #[test]
    fn periods_are_said_in_words() {
        let (from, to) = (day(2023, 11, 1), day(2023, 11, 30));

        assert_eq!(
            period(from, to, Language::Fr),
            "du 1er\u{a0}novembre 2023 au 30\u{a0}novembre 2023"
        );
        assert_eq!(
            period(from, to, Language::En),
            "1\u{a0}November 2023 to 30\u{a0}November 2023"
        );
        assert_eq!(period(to, to, Language::En), "30\u{a0}November 2023");
        assert_eq!(time("2023-11-30T08:05:09.123Z"), "30/11/2023 08:05");
    }
}
