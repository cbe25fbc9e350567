//! Numbers as shops write them, to millionths: a unit price may have four decimals, and a tonne at a price per
//! gram still comes out right to the cent.

use tabular::cents::DecimalMark;

/// A number that was read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Number {
    /// Its value in millionths.
    pub micro: i64,
    /// Whether a percent sign stands behind it.
    pub percent: bool,
}

/// One whole, in millionths.
pub const ONE: i64 = 1_000_000;
/// The largest number that is read, in wholes: what is beyond it is no amount of a shop.
const MAX_WHOLE: i64 = 1_000_000_000;

/// What a value says about its column's decimal mark.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mark {
    /// Nothing.
    Silent,
    /// It reads two ways: `1,234`.
    Ambiguous,
    /// Only so.
    Says(DecimalMark),
}

/// The currencies that values are written with: sign or code, and the code.
const CURRENCIES: &[(&str, &str)] = &[
    ("€", "EUR"),
    ("EUR", "EUR"),
    ("US$", "USD"),
    ("USD", "USD"),
    ("CA$", "CAD"),
    ("CAD", "CAD"),
    ("AUD", "AUD"),
    ("$", "USD"),
    ("£", "GBP"),
    ("GBP", "GBP"),
    ("CHF", "CHF"),
    ("JPY", "JPY"),
    ("¥", "JPY"),
    ("INR", "INR"),
    ("₹", "INR"),
    ("MAD", "MAD"),
    ("XOF", "XOF"),
    ("PLN", "PLN"),
    ("SEK", "SEK"),
    ("NOK", "NOK"),
    ("DKK", "DKK"),
];

/// The code of the currency that `text` names in full: `EUR`, `€`, `usd`.
#[must_use]
pub fn currency(text: &str) -> Option<&'static str> {
    let text = text.trim().to_uppercase();
    let text = match text.as_str() {
        "EURO" | "EUROS" => "EUR",
        "DOLLAR" | "DOLLARS" => "USD",
        other => other,
    };
    CURRENCIES
        .iter()
        .find(|(sign, _)| *sign == text)
        .map(|(_, code)| *code)
}

/// The code of the currency whose sign or code stands at either end of `text`.
#[must_use]
pub fn currency_of(text: &str) -> Option<&'static str> {
    strip(text).and_then(|stripped| stripped.currency)
}

/// A number without all that stands around it.
struct Stripped {
    negative: bool,
    percent: bool,
    currency: Option<&'static str>,
    /// Digits, decimal marks and what groups them.
    digits: String,
}

fn strip(text: &str) -> Option<Stripped> {
    let mut rest: String = text
        .chars()
        .filter_map(|character| match character {
            '\u{a0}' | '\u{202f}' | '\u{2009}' | '\u{2007}' | '\t' => Some(' '),
            '−' | '–' | '‐' | '‑' => Some('-'),
            '’' | '\u{200e}' | '\u{200f}' | '\u{feff}' => (character == '’').then_some('\''),
            other => Some(other.to_digit(10).map_or_else(|| plain_digit(other), |_| other)),
        })
        .collect();
    // Excel is told so that it is text: `="45,90"`.
    if let Some(inner) = rest
        .trim()
        .strip_prefix("=\"")
        .and_then(|rest| rest.strip_suffix('"'))
    {
        let inner = inner.to_owned();
        rest = inner;
    }
    let mut negative = false;
    let mut percent = false;
    let mut currency = None;
    let mut signs = 0;
    loop {
        let trimmed = rest.trim();
        let before = trimmed.len();
        let mut next = trimmed;
        if let Some(inner) = next.strip_prefix('(').and_then(|inner| inner.strip_suffix(')')) {
            negative = true;
            signs += 1;
            next = inner;
        } else if let Some(inner) = next.strip_prefix('-') {
            negative = true;
            signs += 1;
            next = inner;
        } else if let Some(inner) = next.strip_suffix(",-").or_else(|| next.strip_suffix(".-")) {
            // `45,-` is 45 and no cents.
            next = inner;
        } else if let Some(inner) = next.strip_suffix('-') {
            negative = true;
            signs += 1;
            next = inner;
        } else if let Some(inner) = next.strip_prefix('+') {
            signs += 1;
            next = inner;
        } else if let Some(inner) = next.strip_suffix('%') {
            percent = true;
            next = inner;
        } else if let Some((found, inner)) = strip_currency(next) {
            if currency.is_some_and(|known| known != found) {
                return None;
            }
            currency = Some(found);
            next = inner;
        }
        let next = next.trim().to_owned();
        if next.len() == before {
            rest = next;
            break;
        }
        rest = next;
    }
    let is_plain = !rest.is_empty()
        && signs <= 1
        && rest
            .chars()
            .all(|character| character.is_ascii_digit() || matches!(character, ',' | '.' | ' ' | '\''))
        && rest.chars().any(|character| character.is_ascii_digit())
        && rest.ends_with(|character: char| character.is_ascii_digit() || matches!(character, ',' | '.'));
    is_plain.then_some(Stripped {
        negative,
        percent,
        currency,
        digits: rest,
    })
}

/// Digits of other scripts as ours.
fn plain_digit(character: char) -> char {
    let code = u32::from(character);
    for zero in [0x660, 0x6f0, 0x966, 0xff10] {
        if (zero..zero + 10).contains(&code) {
            return char::from_digit(code - zero, 10).unwrap_or(character);
        }
    }
    character
}

fn strip_currency(text: &str) -> Option<(&'static str, &str)> {
    for (sign, code) in CURRENCIES {
        let length = sign.len();
        if text.len() > length {
            if text.is_char_boundary(length) && text[..length].eq_ignore_ascii_case(sign) {
                return Some((code, &text[length..]));
            }
            let at = text.len() - length;
            if text.is_char_boundary(at) && text[at..].eq_ignore_ascii_case(sign) {
                return Some((code, &text[..at]));
            }
        }
    }
    None
}

/// What `text` says about the decimal mark of its column.
#[must_use]
pub fn mark(text: &str) -> Mark {
    let Some(Stripped { digits, .. }) = strip(text) else {
        return Mark::Silent;
    };
    let (commas, points) = (digits.matches(',').count(), digits.matches('.').count());
    match (commas, points) {
        (0, 0) => Mark::Silent,
        (1.., 1..) => {
            if digits.rfind(',') > digits.rfind('.') {
                Mark::Says(DecimalMark::Comma)
            } else {
                Mark::Says(DecimalMark::Point)
            }
        }
        (1, 0) => single(&digits, ',', DecimalMark::Comma),
        (0, 1) => single(&digits, '.', DecimalMark::Point),
        (_, 0) => Mark::Says(DecimalMark::Point),
        (0, _) => Mark::Says(DecimalMark::Comma),
    }
}

fn single(digits: &str, separator: char, mark: DecimalMark) -> Mark {
    let (whole, fraction) = digits.split_once(separator).unwrap_or((digits, ""));
    let plain: String = whole.chars().filter(char::is_ascii_digit).collect();
    if fraction.len() != 3
        || plain.is_empty()
        || plain == "0"
        || plain.len() > 3
        || whole.contains([' ', '\''])
    {
        Mark::Says(mark)
    } else {
        Mark::Ambiguous
    }
}

/// `text` as a number under `mark`. `None` for what is none: words, empty cells, groups that are not in threes.
#[must_use]
pub fn parse(text: &str, mark: DecimalMark) -> Option<Number> {
    if let Some(plain) = exponent(text) {
        return parse(&plain, DecimalMark::Point);
    }
    let Stripped {
        negative,
        percent,
        digits,
        ..
    } = strip(text)?;
    let (decimal, group) = match mark {
        DecimalMark::Comma => (',', '.'),
        DecimalMark::Point => ('.', ','),
    };
    let (whole, fraction) = match digits.split_once(decimal) {
        Some((whole, fraction)) => (whole, fraction),
        None => (digits.as_str(), ""),
    };
    if !fraction.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let whole = grouped(whole, group)?;
    if whole > MAX_WHOLE {
        return None;
    }
    let mut micro = whole;
    let mut digits = fraction.bytes().map(|byte| i64::from(byte - b'0'));
    for _ in 0..6 {
        micro = micro.checked_mul(10)?.checked_add(digits.next().unwrap_or(0))?;
    }
    if digits.next().is_some_and(|seventh| seventh >= 5) {
        micro += 1;
    }
    Some(Number {
        micro: if negative { -micro } else { micro },
        percent,
    })
}

/// A whole number whose digits may stand in groups of three, or of two before the last three as in India.
fn grouped(text: &str, group: char) -> Option<i64> {
    if text.is_empty() {
        return Some(0);
    }
    let mut separator = None;
    let mut groups: Vec<String> = vec![String::new()];
    for character in text.chars() {
        if character.is_ascii_digit() {
            groups.last_mut()?.push(character);
        } else if (character == group || character == ' ' || character == '\'')
            && separator.is_none_or(|seen| seen == character)
        {
            separator = Some(character);
            groups.push(String::new());
        } else {
            return None;
        }
    }
    if let [first, middle @ .., last] = groups.as_slice() {
        let threes = middle.iter().all(|group| group.len() == 3);
        let twos = !middle.is_empty() && middle.iter().all(|group| group.len() == 2);
        let first_fits = (1..=3).contains(&first.len()) && first != "0";
        if last.len() != 3 || !first_fits || !(threes || twos) {
            return None;
        }
    }
    let digits: String = groups.concat();
    if digits.len() > 12 {
        return None;
    }
    digits.parse().ok()
}

/// `1E3`, `1.5e-2` written out; `None` for what has no exponent.
fn exponent(text: &str) -> Option<String> {
    let text = text.trim();
    let (mantissa, power) = text.split_once(['e', 'E'])?;
    let power: i32 = power.parse().ok().filter(|power| (-9..=9).contains(power))?;
    let (sign, mantissa) = mantissa
        .strip_prefix('-')
        .map_or(("", mantissa), |rest| ("-", rest));
    let (whole, fraction) = mantissa.split_once(['.', ',']).unwrap_or((mantissa, ""));
    if whole.is_empty()
        || !whole
            .bytes()
            .chain(fraction.bytes())
            .all(|byte| byte.is_ascii_digit())
    {
        return None;
    }
    let digits = format!("{whole}{fraction}");
    let point = i32::try_from(whole.len()).ok()? + power;
    let zeros = |count: i32| "0".repeat(usize::try_from(count).unwrap_or_default());
    Some(match usize::try_from(point) {
        Err(_) | Ok(0) => format!("{sign}0.{}{digits}", zeros(-point)),
        Ok(at) if at >= digits.len() => {
            format!(
                "{sign}{digits}{}",
                zeros(point - i32::try_from(digits.len()).ok()?)
            )
        }
        Ok(at) => format!("{sign}{}.{}", &digits[..at], &digits[at..]),
    })
}

/// `micro` in hundredths, half up away from zero.
#[must_use]
pub fn to_cents(micro: i64) -> i64 {
    divide(i128::from(micro), 10_000)
}

/// `micro` in thousandths, half up away from zero; whether nothing was lost.
#[must_use]
pub fn to_milli(micro: i64) -> (i64, bool) {
    (divide(i128::from(micro), 1_000), micro % 1_000 == 0)
}

/// The product of two numbers in millionths, in hundredths.
#[must_use]
pub fn product_cents(first: i64, second: i64) -> i64 {
    divide(i128::from(first) * i128::from(second), 10_000_000_000)
}

/// The amount of `quantity` pieces at `price`, both in millionths, in cents. What is given back is written with a minus
/// before the one, the other, or both.
#[must_use]
pub fn of_pieces(price: i64, quantity: i64) -> i64 {
    let cents = product_cents(price, quantity);
    if price < 0 && quantity < 0 { -cents } else { cents }
}

/// A rate of one, as [`rate`] reads it.
pub const RATE_ONE: i128 = 1_000_000_000_000;

/// `text`, a decimal number above 0 with up to twelve decimals, in parts of [`RATE_ONE`].
#[must_use]
pub fn rate(text: &str) -> Option<i128> {
    let text = text.trim().replace(',', ".");
    let (whole, decimals) = text.split_once('.').unwrap_or((&text, ""));
    let is_number = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    if whole.len() > 7 || decimals.len() > 12 || whole.is_empty() || !is_number(whole) || !is_number(decimals)
    {
        return None;
    }
    let decimals: i128 = format!("{decimals:0<12}").parse().ok()?;
    let rate = whole.parse::<i128>().ok()? * RATE_ONE + decimals;
    (rate > 0).then_some(rate)
}

/// `cents` at a `rate` in parts of [`RATE_ONE`], half up away from zero.
#[must_use]
pub fn convert(cents: i64, rate: i128) -> i64 {
    divide(i128::from(cents) * rate, RATE_ONE)
}

/// `value` by `divisor`, half up away from zero.
#[must_use]
pub fn divide(value: i128, divisor: i128) -> i64 {
    let half = divisor / 2;
    let rounded = if value < 0 {
        -((-value + half) / divisor)
    } else {
        (value + half) / divisor
    };
    i64::try_from(rounded).unwrap_or(if value < 0 { i64::MIN } else { i64::MAX })
}

/// Spreads `total` over `weights` in proportion, right to the last unit: what rounding leaves goes to the
/// largest remainders, the first of equal ones. Without any weight all of it goes to the first.
#[must_use]
pub fn spread(total: i64, weights: &[i64]) -> Vec<i64> {
    let sum: i128 = weights
        .iter()
        .map(|weight| i128::from(weight.unsigned_abs()))
        .sum();
    let mut shares = vec![0_i64; weights.len()];
    if sum == 0 {
        if let Some(first) = shares.first_mut() {
            *first = total;
        }
        return shares;
    }
    let magnitude = i128::from(total.unsigned_abs());
    let sign = total.signum();
    let mut remainders: Vec<(i128, usize)> = Vec::with_capacity(weights.len());
    let mut given = 0_i128;
    for (index, weight) in weights.iter().enumerate() {
        let exact = magnitude * i128::from(weight.unsigned_abs());
        given += exact / sum;
        shares[index] = i64::try_from(exact / sum).unwrap_or(i64::MAX);
        remainders.push((exact % sum, index));
    }
    remainders.sort_by(|a, b| b.0.cmp(&a.0).then(a.1.cmp(&b.1)));
    let left = usize::try_from(magnitude - given).unwrap_or_default();
    for (_, index) in remainders.into_iter().take(left) {
        shares[index] += 1;
    }
    for share in &mut shares {
        *share *= sign;
    }
    shares
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn cents(text: &str, mark: DecimalMark) -> Option<i64> {
        parse(text, mark).map(|number| to_cents(number.micro))
    }

    #[test]
    fn numbers_are_read_as_shops_write_them() {
        for (text, mark, expected) in [
            ("1 234,56 €", DecimalMark::Comma, Some(123_456)),
            ("1\u{202f}234,5", DecimalMark::Comma, Some(123_450)),
            ("$1,234", DecimalMark::Point, Some(123_400)),
            ("-$12.50", DecimalMark::Point, Some(-1_250)),
            ("€(45,90)", DecimalMark::Comma, Some(-4_590)),
            ("(45,90 €)", DecimalMark::Comma, Some(-4_590)),
            ("45,90 EUR", DecimalMark::Comma, Some(4_590)),
            ("45,-", DecimalMark::Comma, Some(4_500)),
            ("=\"45,90\"", DecimalMark::Comma, Some(4_590)),
            ("1E3", DecimalMark::Comma, Some(100_000)),
            ("12,34,567.00", DecimalMark::Point, Some(123_456_700)),
            ("٤٥٫", DecimalMark::Point, None),
            ("１２", DecimalMark::Point, Some(1_200)),
            ("abc", DecimalMark::Point, None),
            ("", DecimalMark::Point, None),
            ("1,2,3", DecimalMark::Point, None),
            ("--5", DecimalMark::Point, None),
            ("99999999999999999", DecimalMark::Point, None),
        ] {
            assert_eq!(cents(text, mark), expected, "{text}");
        }
        assert_eq!(
            parse("0.0125", DecimalMark::Point).map(|number| number.micro),
            Some(12_500)
        );
        assert_eq!(product_cents(12_500, 1_000 * ONE), 1_250);
        assert!(parse("10 %", DecimalMark::Point).is_some_and(|number| number.percent));
    }

    #[test]
    fn rates_are_exact_and_rounded_once() {
        for (cents, by, expected) in [
            (10_000, "0.92", 9_200),
            (1, "0.5", 1),
            (-1, "0.5", -1),
            (10_000, "0.00152449", 15),
            (333, "1,1", 366),
        ] {
            assert_eq!(
                rate(by).map(|rate| convert(cents, rate)),
                Some(expected),
                "{cents} at {by}"
            );
        }
        for text in ["", "0", "-1", "abc", "1e3", "1.2.3"] {
            assert_eq!(rate(text), None, "{text}");
        }
    }

    #[test]
    fn only_values_that_read_one_way_are_evidence() {
        for (text, expected) in [
            ("12", Mark::Silent),
            ("$1,234", Mark::Ambiguous),
            ("1.250", Mark::Ambiguous),
            ("0,350", Mark::Says(DecimalMark::Comma)),
            ("1,23", Mark::Says(DecimalMark::Comma)),
            ("1.234,56", Mark::Says(DecimalMark::Comma)),
            ("1,234,567", Mark::Says(DecimalMark::Point)),
        ] {
            assert_eq!(mark(text), expected, "{text}");
        }
    }

    proptest! {
        #[test]
        fn what_is_spread_adds_up(total in -1_000_000_i64..1_000_000, weights in prop::collection::vec(-10_000_i64..10_000, 1..9)) {
            prop_assert_eq!(spread(total, &weights).iter().sum::<i64>(), total);
        }

        #[test]
        fn cents_written_are_cents_read(cents in -1_000_000_000_i64..1_000_000_000) {
            let text = tabular::cents::to_decimal(cents);
            prop_assert_eq!(parse(&text, DecimalMark::Point).map(|number| to_cents(number.micro)), Some(cents));
            let french = text.replace('.', ",");
            prop_assert_eq!(parse(&french, DecimalMark::Comma).map(|number| to_cents(number.micro)), Some(cents));
        }
    }
}
