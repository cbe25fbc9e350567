//! Decimal text to integer cents, never through a float.
//!
//! Which of `,` and `.` is the decimal mark is decided once for a column from [`evidence`] over all its
//! values, never cell by cell: `1.234` alone may be a thousand or one and a bit.

/// The character between whole euros and cents.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DecimalMark {
    /// `1234.56`; a comma groups thousands.
    Point,
    /// `1234,56`; a point groups thousands.
    Comma,
}

impl DecimalMark {
    fn decimal(self) -> u8 {
        match self {
            Self::Point => b'.',
            Self::Comma => b',',
        }
    }

    fn group(self) -> u8 {
        match self {
            Self::Point => b',',
            Self::Comma => b'.',
        }
    }
}

/// What one value says about its column's decimal mark.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MarkEvidence {
    /// No mark in it, or no number at all.
    Silent,
    /// It reads both ways.
    Ambiguous,
    /// Only this mark makes it a number.
    Says(DecimalMark),
}

/// An amount read from text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Amount {
    /// The amount in cents.
    pub cents: i64,
    /// Whether a third decimal was rounded away, half up.
    pub rounded: bool,
}

/// What `text` says about the decimal mark of its column.
#[must_use]
pub fn evidence(text: &str) -> MarkEvidence {
    if let Some(evidence) = plain_evidence(text.as_bytes()) {
        return evidence;
    }
    let Some((_, digits)) = strip(text) else {
        return MarkEvidence::Silent;
    };
    let bytes = digits.as_bytes();
    let last = bytes.iter().rposition(|byte| matches!(byte, b',' | b'.'));
    let Some(last) = last else {
        return MarkEvidence::Silent;
    };
    let mark = if bytes[last] == b',' {
        DecimalMark::Comma
    } else {
        DecimalMark::Point
    };
    let other = match mark {
        DecimalMark::Comma => DecimalMark::Point,
        DecimalMark::Point => DecimalMark::Comma,
    };
    match (parse_plain(digits, mark), parse_plain(digits, other)) {
        (Some(_), Some(_)) => MarkEvidence::Ambiguous,
        (Some(_), None) => MarkEvidence::Says(mark),
        (None, Some(_)) => MarkEvidence::Says(other),
        (None, None) => MarkEvidence::Silent,
    }
}

/// The common case, `-?[0-9]+([.,][0-9]{1,2})?` of up to 15 digits: a fraction that is no thousand settles it.
fn plain_evidence(bytes: &[u8]) -> Option<MarkEvidence> {
    let bytes = bytes.strip_prefix(b"-").unwrap_or(bytes);
    let whole = bytes.iter().take_while(|byte| byte.is_ascii_digit()).count();
    if !(1..=15).contains(&whole) {
        return None;
    }
    match &bytes[whole..] {
        [] => Some(MarkEvidence::Silent),
        [mark @ (b'.' | b','), decimals @ ..]
            if matches!(decimals.len(), 1 | 2) && decimals.iter().all(u8::is_ascii_digit) =>
        {
            Some(MarkEvidence::Says(if *mark == b',' {
                DecimalMark::Comma
            } else {
                DecimalMark::Point
            }))
        }
        _ => None,
    }
}

/// `text` as cents under `mark`; `None` when it is no amount. Blanks and apostrophes group thousands in
/// threes; a currency sign at either end is left out; parentheses or a trailing minus mean negative; more
/// than two decimals are rounded half up (away from zero).
#[must_use]
pub fn parse(text: &str, mark: DecimalMark) -> Option<Amount> {
    if let Some(amount) = parse_simple(text.as_bytes(), mark.decimal()) {
        return Some(amount);
    }
    let (negative, digits) = strip(text)?;
    let amount = parse_plain(digits, mark)?;
    Some(if negative {
        Amount {
            cents: -amount.cents,
            ..amount
        }
    } else {
        amount
    })
}

/// The common case without any dressing: `-?[0-9]{1,15}(mark[0-9]{0,2})?`.
fn parse_simple(bytes: &[u8], decimal: u8) -> Option<Amount> {
    let (negative, bytes) = match bytes {
        [b'-', rest @ ..] => (true, rest),
        _ => (false, bytes),
    };
    let mut cents = 0_i64;
    let mut decimals = None::<u8>;
    if bytes.is_empty() || bytes.len() > 18 || !bytes[0].is_ascii_digit() {
        return None;
    }
    for &byte in bytes {
        if byte.is_ascii_digit() {
            if let Some(seen) = decimals.as_mut() {
                *seen += 1;
                if *seen > 2 {
                    return None;
                }
            }
            cents = cents.checked_mul(10)?.checked_add(i64::from(byte - b'0'))?;
        } else if byte == decimal && decimals.is_none() {
            decimals = Some(0);
        } else {
            return None;
        }
    }
    for _ in decimals.unwrap_or(0)..2 {
        cents = cents.checked_mul(10)?;
    }
    Some(Amount {
        cents: if negative { -cents } else { cents },
        rounded: false,
    })
}

/// `cents` as decimal text with two digits.
#[must_use]
pub fn to_decimal(cents: i64) -> String {
    let sign = if cents < 0 { "-" } else { "" };
    let magnitude = cents.unsigned_abs();
    format!("{sign}{}.{:02}", magnitude / 100, magnitude % 100)
}

/// Sign, parentheses and currency taken off: whether it is negative, and what is left.
fn strip(text: &str) -> Option<(bool, &str)> {
    let mut rest = text.trim_matches(is_blank);
    let mut negative = false;
    if let Some(inner) = rest.strip_prefix('(').and_then(|rest| rest.strip_suffix(')')) {
        negative = true;
        rest = inner.trim_matches(is_blank);
    }
    rest = strip_currency(rest);
    let mut signs = 0;
    for minus in ['-', '\u{2212}'] {
        if let Some(inner) = rest.strip_prefix(minus).or_else(|| rest.strip_suffix(minus)) {
            signs += 1;
            rest = inner;
        }
    }
    if let Some(inner) = rest.strip_prefix('+') {
        signs += 1;
        rest = inner;
        if rest.starts_with(['-', '\u{2212}']) {
            return None;
        }
    } else if signs > 0 {
        negative = !negative;
    }
    if signs > 1 {
        return None;
    }
    rest = strip_currency(rest.trim_matches(is_blank));
    let first = rest.chars().next()?;
    let last = rest.chars().next_back()?;
    (first.is_ascii_digit() || matches!(first, ',' | '.'))
        .then_some(())
        .filter(|()| last.is_ascii_digit() || matches!(last, ',' | '.'))
        .map(|()| (negative, rest))
}

fn strip_currency(text: &str) -> &str {
    const SIGNS: [&str; 8] = ["€", "EUR", "eur", "Eur", "$", "£", "CHF", "\u{a4}"];
    for sign in SIGNS {
        if let Some(rest) = text.strip_prefix(sign).or_else(|| text.strip_suffix(sign)) {
            return rest.trim_matches(is_blank);
        }
    }
    text
}

/// The digits of `text` under `mark`; grouping must be in threes.
fn parse_plain(text: &str, mark: DecimalMark) -> Option<Amount> {
    let decimal = char::from(mark.decimal());
    let (whole, decimals) = match text.split_once(decimal) {
        Some((whole, decimals)) => (whole, decimals),
        None => (text, ""),
    };
    if !decimals.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let mut cents = parse_grouped(whole, mark.group())?;
    let mut digits = decimals.bytes().map(|byte| i64::from(byte - b'0'));
    for _ in 0..2 {
        cents = cents.checked_mul(10)?.checked_add(digits.next().unwrap_or(0))?;
    }
    let third = digits.next();
    let rounded = third.is_some_and(|third| third != 0) || digits.any(|digit| digit != 0);
    if third.is_some_and(|third| third >= 5) {
        cents = cents.checked_add(1)?;
    }
    if whole.is_empty() && decimals.is_empty() {
        return None;
    }
    Some(Amount { cents, rounded })
}

/// A whole number whose thousands may be grouped by one kind of separator: `group`, a blank or an
/// apostrophe.
fn parse_grouped(text: &str, group: u8) -> Option<i64> {
    let mut value = 0_i64;
    let mut separator = None;
    let mut run = 0_u32;
    for character in text.chars() {
        if let Some(digit) = character.to_digit(10) {
            value = value.checked_mul(10)?.checked_add(i64::from(digit))?;
            run += 1;
            continue;
        }
        let grouping =
            character == char::from(group) || is_blank(character) || matches!(character, '\'' | '’');
        let fits = match separator {
            None => (1..=3).contains(&run),
            Some(seen) => seen == character && run == 3,
        };
        if !grouping || !fits {
            return None;
        }
        // A group that starts with a lone zero is a decimal fraction, not a thousand.
        if separator.is_none() && value == 0 {
            return None;
        }
        separator = Some(character);
        run = 0;
    }
    (separator.is_none() || run == 3).then_some(value)
}

/// Whether `character` is one of the blanks that French numbers are grouped with.
#[must_use]
pub fn is_blank(character: char) -> bool {
    matches!(character, ' ' | '\t' | '\u{a0}' | '\u{202f}' | '\u{2009}')
}

/// `text` as a whole number: grouped thousands and a fraction of zeros are taken.
#[must_use]
pub fn parse_integer(text: &str, mark: DecimalMark) -> Option<i64> {
    if let Ok(value) = text.parse::<i64>() {
        return Some(value);
    }
    let (negative, digits) = strip(text)?;
    let (whole, fraction) = digits
        .split_once(char::from(mark.decimal()))
        .unwrap_or((digits, ""));
    if whole.is_empty() || !fraction.bytes().all(|byte| byte == b'0') {
        return None;
    }
    let value = parse_grouped(whole, mark.group())?;
    Some(if negative { -value } else { value })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn cents(text: &str, mark: DecimalMark) -> Option<i64> {
        parse(text, mark).map(|amount| amount.cents)
    }

    #[test]
    fn french_amounts_become_cents() {
        for (text, expected) in [
            ("1\u{a0}234,56", 123_456),
            ("1\u{202f}234,56 €", 123_456),
            ("1 234 567,8", 123_456_780),
            ("12", 1_200),
            ("-12,5", -1_250),
            ("12,50-", -1_250),
            ("(12,50)", -1_250),
            ("− 3,00", -300),
            ("€ 99,90", 9_990),
            ("1.234,56", 123_456),
            (",5", 50),
            ("5,", 500),
            ("1'234,00", 123_400),
            ("450230,00 EUR", 45_023_000),
        ] {
            assert_eq!(cents(text, DecimalMark::Comma), Some(expected), "{text}");
        }
    }

    #[test]
    fn what_is_no_amount_is_refused() {
        for text in [
            "",
            "abc",
            "12 34,00",
            "1,2,3",
            "1 2345",
            "--5",
            "12,5x",
            "1..2",
            ",",
            "+-3",
            "0 500",
            "9999999999999999999",
        ] {
            assert_eq!(cents(text, DecimalMark::Comma), None, "{text}");
        }
    }

    #[test]
    fn a_third_decimal_is_rounded_half_up_and_said() {
        assert_eq!(
            parse("2.345", DecimalMark::Point),
            Some(Amount {
                cents: 235,
                rounded: true
            })
        );
        assert_eq!(
            parse("-2.345", DecimalMark::Point),
            Some(Amount {
                cents: -235,
                rounded: true
            })
        );
        assert_eq!(
            parse("2.3400", DecimalMark::Point),
            Some(Amount {
                cents: 234,
                rounded: false
            })
        );
    }

    #[test]
    fn only_values_that_read_one_way_are_evidence() {
        use MarkEvidence::{Ambiguous, Says, Silent};

        for (text, expected) in [
            ("12", Silent),
            ("n/a", Silent),
            ("1,234", Ambiguous),
            ("1.234", Ambiguous),
            ("1,23", Says(DecimalMark::Comma)),
            ("1.5", Says(DecimalMark::Point)),
            ("1 234,567", Says(DecimalMark::Comma)),
            ("1.234,56", Says(DecimalMark::Comma)),
            ("1,234,567", Says(DecimalMark::Point)),
            ("0,500", Says(DecimalMark::Comma)),
            ("1234,567", Says(DecimalMark::Comma)),
        ] {
            assert_eq!(evidence(text), expected, "{text}");
        }
    }

    #[test]
    fn whole_numbers_may_be_grouped_and_end_in_zeros() {
        assert_eq!(parse_integer("1 000", DecimalMark::Comma), Some(1_000));
        assert_eq!(parse_integer("3,00", DecimalMark::Comma), Some(3));
        assert_eq!(parse_integer("-2", DecimalMark::Point), Some(-2));
        assert_eq!(parse_integer("2,5", DecimalMark::Comma), None);
        assert_eq!(parse_integer("", DecimalMark::Comma), None);
    }

    proptest! {
        #[test]
        fn cents_written_are_cents_read(cents in -1_000_000_000_000_i64..1_000_000_000_000) {
            let text = to_decimal(cents);
            prop_assert_eq!(parse(&text, DecimalMark::Point).map(|amount| amount.cents), Some(cents));
            let french = text.replace('.', ",");
            prop_assert_eq!(parse(&french, DecimalMark::Comma).map(|amount| amount.cents), Some(cents));
        }
    }
}
