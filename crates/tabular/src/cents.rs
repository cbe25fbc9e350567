//! Decimal text to integer cents, never through a float.
//!
//! Which of `,` and `.` is the decimal mark is decided once for a column from [`evidence`] over all its
//! values, never cell by cell: `1.234` alone may be a thousand or one and a bit.
//!
//! Numbers come dressed: with currencies, signs on either side, blanks of every width, digits of other scripts, as
//! formulas that keep a text a text. [`parse`] takes that off.

use crate::json::expand_exponent;
use std::borrow::Cow;

/// The character between whole euros and cents.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DecimalMark {
    /// `1234.56`; a comma groups thousands.
    Point,
    /// `1234,56`; a point groups thousands.
    Comma,
}

impl DecimalMark {
    /// The other one.
    #[must_use]
    pub fn other(self) -> Self {
        match self {
            Self::Point => Self::Comma,
            Self::Comma => Self::Point,
        }
    }

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
    /// No number at all.
    Silent,
    /// A whole number without any mark, and whether it is less than a thousand; zero says nothing.
    Whole(bool),
    /// It reads both ways: three digits stand behind the one mark it has, which is the decimal mark or the other.
    Ambiguous(DecimalMark),
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

/// The largest amount that is taken, either way: a hundred million. Sums of any number of them stay exact.
pub const MAX_CENTS: i64 = 10_000_000_000;

/// What `text` says about the decimal mark of its column.
#[must_use]
pub fn evidence(text: &str) -> MarkEvidence {
    if let Some(evidence) = plain_evidence(text.as_bytes()) {
        return evidence;
    }
    if let Some((_, digits)) = lightly_dressed(text)
        && let evidence = evidence_of_digits(digits)
        && evidence != MarkEvidence::Silent
    {
        return evidence;
    }
    undress(text).map_or(MarkEvidence::Silent, |bare| evidence_of_digits(&bare.digits))
}

/// What a number says that has nothing around it.
fn evidence_of_digits(digits: &str) -> MarkEvidence {
    let bytes = digits.as_bytes();
    let last = bytes.iter().rposition(|byte| matches!(byte, b',' | b'.'));
    let Some(last) = last else {
        return match parse_plain(digits, DecimalMark::Point) {
            Some(amount) if amount.cents != 0 => MarkEvidence::Whole(amount.cents < 100_000),
            _ => MarkEvidence::Silent,
        };
    };
    let mark = if bytes[last] == b',' {
        DecimalMark::Comma
    } else {
        DecimalMark::Point
    };
    let reads = |mark| parse_plain(digits, mark).is_some();
    match (reads(mark), reads(mark.other())) {
        (true, true) => MarkEvidence::Ambiguous(mark),
        (true, false) => MarkEvidence::Says(mark),
        (false, true) => MarkEvidence::Says(mark.other()),
        (false, false) => MarkEvidence::Silent,
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
        [] if bytes.iter().all(|byte| *byte == b'0') => Some(MarkEvidence::Silent),
        [] => Some(MarkEvidence::Whole(whole <= 3)),
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
/// threes, a comma in the manner of India too; a currency at either end is left out; parentheses or a minus on either
/// side mean negative; `45,-` has no cents; `1,5E3` is written out; more than two decimals are rounded half up (away
/// from zero). Whether it is at most [`MAX_CENTS`] is for the caller to ask.
#[must_use]
pub fn parse(text: &str, mark: DecimalMark) -> Option<Amount> {
    if let Some(amount) = parse_simple(text.as_bytes(), mark.decimal()) {
        return Some(amount);
    }
    if let Some((negative, digits)) = lightly_dressed(text)
        && let Some(amount) = parse_plain(digits, mark)
    {
        return Some(signed(amount, negative));
    }
    let bare = undress(text)?;
    Some(signed(parse_plain(&bare.digits, mark)?, bare.negative))
}

fn signed(amount: Amount, negative: bool) -> Amount {
    if negative {
        Amount {
            cents: -amount.cents,
            ..amount
        }
    } else {
        amount
    }
}

/// The usual case of a number with groups: a digit at either end, at most a minus before it. Whether it is negative, and
/// what is behind the minus.
fn lightly_dressed(text: &str) -> Option<(bool, &str)> {
    let digits = text.strip_prefix('-').unwrap_or(text);
    match digits.as_bytes() {
        [first, .., last] if first.is_ascii_digit() && last.is_ascii_digit() => {
            Some((digits.len() < text.len(), digits))
        }
        _ => None,
    }
}

impl Amount {
    /// Whether it is no larger than amounts may be.
    #[must_use]
    pub fn is_in_range(&self) -> bool {
        (-MAX_CENTS..=MAX_CENTS).contains(&self.cents)
    }
}

/// A quantity in thousandths.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Quantity {
    /// The quantity in thousandths.
    pub milli: i64,
    /// Whether a fourth decimal was rounded away, half up.
    pub rounded: bool,
}

/// `text` as a quantity under `mark`, in thousandths: `2`, `0,350`, `1.5 kg`, `x3`. `None` when it is none.
#[must_use]
pub fn quantity_milli(text: &str, mark: DecimalMark) -> Option<Quantity> {
    const UNITS: [&str; 15] = [
        "kg", "l", "m", "m2", "m²", "m3", "h", "u", "x", "pc", "pcs", "pce", "un", "unités", "unites",
    ];
    let text = text.trim_matches(is_blank);
    let lower = text.to_lowercase();
    let unit = UNITS
        .iter()
        .filter(|unit| lower.strip_suffix(**unit).is_some_and(ends_in_digit))
        .map(|unit| unit.len())
        .max();
    let text = match unit {
        // Lower case may be longer than what it stands for.
        Some(length) if lower.len() == text.len() => &text[..text.len() - length],
        _ => text.strip_prefix(['x', 'X', '×']).unwrap_or(text),
    };
    let bare = undress(text)?;
    if bare.currency.is_some() {
        return None;
    }
    let (value, rounded) = parse_decimals(&bare.digits, mark, 3)?;
    Some(Quantity {
        milli: if bare.negative { -value } else { value },
        rounded,
    })
}

fn ends_in_digit(text: &str) -> bool {
    text.trim_end_matches(is_blank)
        .ends_with(|last: char| last.is_ascii_digit())
}

/// The currency that stands beside the number in `text`, by its code in ISO 4217; `$` where no country is said.
#[must_use]
pub fn currency(text: &str) -> Option<&'static str> {
    undress(text)?.currency
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

/// A number without what stands around it.
struct Bare<'a> {
    negative: bool,
    currency: Option<&'static str>,
    /// Digits, marks and what groups them.
    digits: Cow<'a, str>,
}

/// Signs, parentheses, currencies and quotes taken off; `None` where what is left is no number.
fn undress(text: &str) -> Option<Bare<'_>> {
    /// More than a number with all that stands around it takes.
    const MAX_BYTES: usize = 100;
    if text.len() > MAX_BYTES {
        return None;
    }
    match normalised(text) {
        Cow::Borrowed(text) => take_off(text),
        Cow::Owned(text) => take_off(&text).map(|bare| Bare {
            negative: bare.negative,
            currency: bare.currency,
            digits: Cow::Owned(bare.digits.into_owned()),
        }),
    }
}

fn take_off(text: &str) -> Option<Bare<'_>> {
    let mut rest = text.trim_matches(is_blank);
    // `="45,90"` and `'45,90` are how Excel keeps a number a text.
    rest = rest.strip_prefix('=').unwrap_or(rest).trim_matches(is_blank);
    if let Some(inner) = rest.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')) {
        rest = inner.trim_matches(is_blank);
    }
    rest = rest.strip_prefix('\'').unwrap_or(rest);
    let (mut minuses, mut pluses, mut parentheses) = (0, 0, 0);
    let mut currency = None;
    loop {
        let before = rest;
        if let Some(inner) = rest.strip_prefix('(').and_then(|rest| rest.strip_suffix(')')) {
            parentheses += 1;
            rest = inner;
        }
        if let Some((found, inner)) = strip_currency(rest) {
            // `US$`, `EUR €`: the same twice is once, two are none.
            if currency.is_some_and(|seen| seen != found && seen != "$" && found != "$") {
                return None;
            }
            currency = Some(found);
            rest = inner;
        }
        if let Some(inner) = strip_no_cents(rest) {
            rest = inner;
        }
        if let Some(inner) = rest.strip_prefix('-').or_else(|| rest.strip_suffix('-')) {
            minuses += 1;
            rest = inner;
        }
        if let Some(inner) = rest.strip_prefix('+').or_else(|| rest.strip_suffix('+')) {
            pluses += 1;
            rest = inner;
        }
        rest = rest.trim_matches(is_blank);
        if rest == before {
            break;
        }
    }
    if minuses + pluses > 1 || parentheses > 1 {
        return None;
    }
    let is_end = |end: Option<char>| end.is_some_and(|end| end.is_ascii_digit() || matches!(end, ',' | '.'));
    (is_end(rest.chars().next()) && is_end(rest.chars().next_back())).then_some(Bare {
        negative: (minuses == 1) != (parentheses == 1),
        currency,
        digits: Cow::Borrowed(rest),
    })
}

/// `45,-`, `45.--`: no cents.
fn strip_no_cents(text: &str) -> Option<&str> {
    let whole = text.trim_end_matches('-');
    let dashes = text.len() - whole.len();
    (1..=2).contains(&dashes).then_some(())?;
    let whole = whole.strip_suffix([',', '.'])?;
    whole
        .ends_with(|last: char| last.is_ascii_digit())
        .then_some(whole)
}

/// `text` with the digits, marks and dashes that all numbers have, where it has others.
fn normalised(text: &str) -> Cow<'_, str> {
    let is_usual =
        |character: char| character.is_ascii() || is_blank(character) || matches!(character, '€' | '£' | '’');
    if text.chars().all(is_usual) {
        return Cow::Borrowed(text);
    }
    let mut normalised = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            _ if digit(character).is_some() => normalised.extend(digit(character)),
            '\u{2010}'..='\u{2015}' | '\u{2212}' | '\u{fe63}' | '\u{ff0d}' => normalised.push('-'),
            '\u{ff0b}' => normalised.push('+'),
            // The marks of Arabic: the first before decimals, the second between thousands.
            '\u{66b}' | '\u{ff0c}' => normalised.push(','),
            '\u{66c}' | '\u{2018}' | '\u{2bc}' | '\u{b4}' | '\u{ff07}' => normalised.push('\''),
            '\u{ff0e}' => normalised.push('.'),
            // Marks of the direction of writing, and of nothing.
            '\u{200b}'..='\u{200f}'
            | '\u{202a}'..='\u{202e}'
            | '\u{2060}'
            | '\u{2066}'..='\u{2069}'
            | '\u{feff}' => {}
            other => normalised.push(other),
        }
    }
    Cow::Owned(normalised)
}

/// `character` as a digit of ASCII, where it is a digit of any usual script.
pub(crate) fn digit(character: char) -> Option<char> {
    /// The zeros of scripts whose digits follow them.
    const ZEROS: [u32; 12] = [
        0x30, 0x660, 0x6f0, 0x966, 0x9e6, 0xa66, 0xae6, 0xb66, 0xbe6, 0xe50, 0xed0, 0xff10,
    ];
    let code = u32::from(character);
    let digit = ZEROS
        .iter()
        .find_map(|zero| code.checked_sub(*zero).filter(|digit| *digit < 10))?;
    char::from_digit(digit, 10)
}

/// The currency at either end of `text`, and `text` without it. What says whether tax is in it goes too.
fn strip_currency(text: &str) -> Option<(&'static str, &str)> {
    /// How currencies are written, longer before shorter, and their codes.
    const CURRENCIES: [(&str, &str); 47] = [
        ("euros", "EUR"),
        ("euro", "EUR"),
        ("eur", "EUR"),
        ("€", "EUR"),
        ("us$", "USD"),
        ("usd", "USD"),
        ("ca$", "CAD"),
        ("c$", "CAD"),
        ("cad", "CAD"),
        ("au$", "AUD"),
        ("a$", "AUD"),
        ("aud", "AUD"),
        ("nz$", "NZD"),
        ("nzd", "NZD"),
        ("hk$", "HKD"),
        ("hkd", "HKD"),
        ("mx$", "MXN"),
        ("mxn", "MXN"),
        ("r$", "BRL"),
        ("brl", "BRL"),
        ("$", "$"),
        ("gbp", "GBP"),
        ("£", "GBP"),
        ("chf", "CHF"),
        ("sfr.", "CHF"),
        ("fr.", "CHF"),
        ("jpy", "JPY"),
        ("¥", "JPY"),
        ("cny", "CNY"),
        ("sek", "SEK"),
        ("nok", "NOK"),
        ("dkk", "DKK"),
        ("kr.", "SEK"),
        ("pln", "PLN"),
        ("zł", "PLN"),
        ("czk", "CZK"),
        ("kč", "CZK"),
        ("huf", "HUF"),
        ("ron", "RON"),
        ("mad", "MAD"),
        ("dzd", "DZD"),
        ("tnd", "TND"),
        ("xof", "XOF"),
        ("fcfa", "XOF"),
        ("inr", "INR"),
        ("₹", "INR"),
        ("\u{a4}", "EUR"),
    ];
    // Mostly there is none: the number's own characters stand at both ends.
    let is_own = |end: Option<&u8>| end.is_some_and(|end| end.is_ascii_digit() || b"-+(),. ".contains(end));
    if is_own(text.as_bytes().first()) && is_own(text.as_bytes().last()) {
        return None;
    }
    let text = ["ttc", "ht"]
        .iter()
        .find_map(|tax| strip_end(text, tax))
        .map_or(text, |text| text.trim_matches(is_blank));
    CURRENCIES.iter().find_map(|(written, code)| {
        let rest = strip_end(text, written).or_else(|| strip_start(text, written))?;
        Some((*code, rest.trim_matches(is_blank)))
    })
}

/// `text` without `end`, whatever its case.
fn strip_end<'a>(text: &'a str, end: &str) -> Option<&'a str> {
    let at = text.len().checked_sub(end.len())?;
    text.get(at..)?.eq_ignore_ascii_case(end).then(|| &text[..at])
}

fn strip_start<'a>(text: &'a str, start: &str) -> Option<&'a str> {
    text.get(..start.len())?
        .eq_ignore_ascii_case(start)
        .then(|| &text[start.len()..])
}

/// The digits of `text` under `mark` as cents.
fn parse_plain(text: &str, mark: DecimalMark) -> Option<Amount> {
    let (cents, rounded) = parse_decimals(text, mark, 2)?;
    Some(Amount { cents, rounded })
}

/// The digits of `text` under `mark`, in units of the last of so many `places`, and whether more were rounded away;
/// grouping must be in threes, or in the manner of India.
fn parse_decimals(text: &str, mark: DecimalMark, places: u32) -> Option<(i64, bool)> {
    let decimal = char::from(mark.decimal());
    if text.contains(['e', 'E']) {
        // Digits with an exponent are not grouped, and come with a sign of their own at most.
        let written = text.replace(decimal, ".");
        let is_number = written.parse::<f64>().is_ok() && !text.contains(char::from(mark.group()));
        let written = expand_exponent(&written).filter(|_| is_number)?;
        return parse_decimals(&written, DecimalMark::Point, places);
    }
    let (whole, decimals) = match text.split_once(decimal) {
        Some((whole, decimals)) => (whole, decimals),
        None => (text, ""),
    };
    if !decimals.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let mut value = parse_grouped(whole, mark.group())?;
    let mut digits = decimals.bytes().map(|byte| i64::from(byte - b'0'));
    for _ in 0..places {
        value = value.checked_mul(10)?.checked_add(digits.next().unwrap_or(0))?;
    }
    let next = digits.next();
    let rounded = next.is_some_and(|next| next != 0) || digits.any(|digit| digit != 0);
    if next.is_some_and(|next| next >= 5) {
        value = value.checked_add(1)?;
    }
    if whole.is_empty() && decimals.is_empty() {
        return None;
    }
    Some((value, rounded))
}

/// A whole number whose thousands may be grouped by one kind of separator: `group`, a blank or an
/// apostrophe. A comma may group in the manner of India too: `12,34,567`.
fn parse_grouped(text: &str, group: u8) -> Option<i64> {
    let mut value = 0_i64;
    let mut separator = None;
    let mut runs = [0_u32; 12];
    let mut run = 0;
    for character in text.chars() {
        if let Some(digit) = character.to_digit(10) {
            value = value.checked_mul(10)?.checked_add(i64::from(digit))?;
            runs[run] += 1;
            continue;
        }
        let grouping =
            character == char::from(group) || is_blank(character) || matches!(character, '\'' | '’');
        // A group that starts with a lone zero is a decimal fraction, not a thousand.
        if !grouping || separator.is_some_and(|seen| seen != character) || (run == 0 && value == 0) {
            return None;
        }
        separator = Some(character);
        run += 1;
        if run == runs.len() {
            return None;
        }
    }
    let (&last, others) = runs[..=run].split_last()?;
    let Some((&first, middle)) = others.split_first() else {
        return Some(value);
    };
    let in_threes = (1..=3).contains(&first) && middle.iter().all(|&run| run == 3);
    let in_twos = separator == Some(',')
        && !middle.is_empty()
        && (1..=2).contains(&first)
        && middle.iter().all(|&run| run == 2);
    (last == 3 && (in_threes || in_twos)).then_some(value)
}

/// Whether `character` is one of the blanks that French numbers are grouped with.
#[must_use]
pub fn is_blank(character: char) -> bool {
    matches!(
        character,
        ' ' | '\t' | '\u{a0}' | '\u{202f}' | '\u{2000}'..='\u{200a}' | '\u{205f}' | '\u{3000}'
    )
}

/// `text` as a whole number: grouped thousands and a fraction of zeros are taken.
#[must_use]
pub fn parse_integer(text: &str, mark: DecimalMark) -> Option<i64> {
    if let Ok(value) = text.parse::<i64>() {
        return Some(value);
    }
    let bare = undress(text)?;
    if bare.currency.is_some() {
        return None;
    }
    let (value, rounded) = match bare.digits.split_once(char::from(mark.decimal())) {
        // A whole number may be larger than one with decimals can be.
        Some((whole, zeros)) if !zeros.is_empty() && zeros.bytes().all(|byte| byte == b'0') => (
            parse_grouped(whole, mark.group()).filter(|_| !whole.is_empty())?,
            false,
        ),
        Some(_) => return None,
        None => parse_decimals(&bare.digits, mark, 0)?,
    };
    (!rounded).then_some(if bare.negative { -value } else { value })
}

/// `text` as the number of a row: digits, behind which a spreadsheet or a program may have put `.0`.
#[must_use]
pub fn parse_id(text: &str) -> Option<i64> {
    let whole = [".0", ",0", ".00", ",00"]
        .iter()
        .find_map(|zeros| text.strip_suffix(zeros))
        .unwrap_or(text);
    whole.parse().ok()
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
            ("45,-", 4_500),
            ("45,--", 4_500),
            ("45,–", 4_500),
            ("1E3", 100_000),
            ("1,5e+2", 15_000),
            ("45,90 euros", 4_590),
            ("45,90 € TTC", 4_590),
            ("€(45,90)", -4_590),
            ("(45,90 €)", -4_590),
            ("-€45,90", -4_590),
            ("€-45,90", -4_590),
            ("45,90 €-", -4_590),
            ("=\"45,90\"", 4_590),
            ("'45,90", 4_590),
            ("CHF 1’234,50", 123_450),
            ("٤٥٫٩٠", 4_590),
            ("４５，９０", 4_590),
            ("\u{200e}45,90", 4_590),
            ("1\u{2007}234,56", 123_456),
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
            "45,90 EUR USD",
            "12,34,56",
            "1,23,4567",
            "1E999",
            "1.2E3.4",
            "E3",
            "((5))",
            "-5-",
            "45 kg",
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
        use MarkEvidence::{Ambiguous, Says, Silent, Whole};

        for (text, expected) in [
            ("12", Whole(true)),
            ("n/a", Silent),
            ("1,234", Ambiguous(DecimalMark::Comma)),
            ("1.234", Ambiguous(DecimalMark::Point)),
            ("$1,234", Ambiguous(DecimalMark::Comma)),
            ("1234", Whole(false)),
            ("45,-", Whole(true)),
            ("1,23,456", Says(DecimalMark::Point)),
            ("1,5E3", Says(DecimalMark::Comma)),
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

    #[test]
    fn amounts_of_other_countries_become_cents() {
        for (text, expected) in [
            ("$1,234", 123_400),
            ("US$1,234.50", 123_450),
            ("12,34,567.89", 123_456_789),
            ("1,23,456", 12_345_600),
            ("45.--", 4_500),
            ("1.5E3", 150_000),
        ] {
            assert_eq!(cents(text, DecimalMark::Point), Some(expected), "{text}");
        }
        assert_eq!(currency("$1,234"), Some("$"));
        assert_eq!(currency("12,50 eur"), Some("EUR"));
        assert_eq!(currency("12,50"), None);
        assert!(!parse("12345678901234567", DecimalMark::Point).is_some_and(|amount| amount.is_in_range()));
        assert!(parse("100000000.00", DecimalMark::Point).unwrap().is_in_range());
        assert!(!parse("100000000.01", DecimalMark::Point).unwrap().is_in_range());
    }

    #[test]
    fn quantities_are_thousandths() {
        let milli = |text| quantity_milli(text, DecimalMark::Comma).map(|quantity| quantity.milli);

        assert_eq!(milli("0,350"), Some(350));
        assert_eq!(milli("2"), Some(2_000));
        assert_eq!(milli("-1,5 kg"), Some(-1_500));
        assert_eq!(milli("1.250"), Some(1_250_000));
        assert_eq!(milli("x3"), Some(3_000));
        assert_eq!(milli("3 x"), Some(3_000));
        assert_eq!(milli("annulation"), None);
        assert_eq!(milli("3 €"), None);
        assert_eq!(
            quantity_milli("0.12345", DecimalMark::Point),
            Some(Quantity {
                milli: 123,
                rounded: true
            })
        );
    }

    #[test]
    fn ids_may_have_been_numbers_of_a_spreadsheet() {
        assert_eq!(parse_id("12"), Some(12));
        assert_eq!(parse_id("1.0"), Some(1));
        assert_eq!(parse_id("1,00"), Some(1));
        assert_eq!(parse_id("1.5"), None);
        assert_eq!(parse_id("1.000"), None);
    }

    proptest! {
        /// However an amount is dressed, it is the amount.
        #[test]
        fn dressed_amounts_are_amounts(
            cents in 1_i64..10_000_000_000, comma in any::<bool>(), grouped in 0..5_usize, dress in 0..8_usize, minus in 0..5_usize,
        ) {
            let mark = if comma { DecimalMark::Comma } else { DecimalMark::Point };
            let (decimal, group) = if comma { (",", ".") } else { (".", ",") };
            let whole = (cents / 100).to_string();
            let separator = ["", " ", "\u{202f}", "’", group][grouped];
            let mut digits = String::new();
            for (index, digit) in whole.chars().enumerate() {
                if index > 0 && (whole.len() - index) % 3 == 0 {
                    digits.push_str(separator);
                }
                digits.push(digit);
            }
            let number = format!("{digits}{decimal}{:02}", cents % 100);
            let signed = match minus {
                0 => number,
                1 => format!("-{number}"),
                2 => format!("{number}-"),
                3 => format!("({number})"),
                _ => format!("\u{2212} {number}"),
            };
            let text = match dress {
                0 => signed,
                1 => format!("{signed} €"),
                2 => format!("€{signed}"),
                3 => format!("{signed}\u{a0}EUR"),
                4 => format!("$ {signed}"),
                5 => format!("=\"{signed}\""),
                6 => format!("  {signed} CHF "),
                _ => format!("\u{feff}{signed}"),
            };
            let expected = if minus == 0 { cents } else { -cents };
            prop_assert_eq!(parse(&text, mark).map(|amount| amount.cents), Some(expected), "{}", text);
        }

        #[test]
        fn no_text_is_too_odd_to_be_refused(text in "\\PC{0,20}", digits in "[0-9.,' e€$()=\"+-]{0,16}") {
            for text in [text, digits] {
                for mark in [DecimalMark::Point, DecimalMark::Comma] {
                    let _ = (parse(&text, mark), parse_integer(&text, mark), quantity_milli(&text, mark), parse_id(&text));
                }
                let _ = (evidence(&text), currency(&text));
            }
        }

        #[test]
        fn cents_written_are_cents_read(cents in -1_000_000_000_000_i64..1_000_000_000_000) {
            let text = to_decimal(cents);
            prop_assert_eq!(parse(&text, DecimalMark::Point).map(|amount| amount.cents), Some(cents));
            let french = text.replace('.', ",");
            prop_assert_eq!(parse(&french, DecimalMark::Comma).map(|amount| amount.cents), Some(cents));
        }
    }
}
