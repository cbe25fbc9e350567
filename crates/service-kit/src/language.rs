//! In which language a caller reads.

/// The one of `spoken` that an `Accept-Language` header wants most; the first of them where it wants none.
#[must_use]
pub fn preferred<'a>(header: &str, spoken: &[&'a str]) -> &'a str {
    let mut best = (spoken.first().copied().unwrap_or_default(), 0);
    for part in header.split(',') {
        let (tag, weight) = part.split_once(';').unwrap_or((part, ""));
        let primary = tag.trim().split('-').next().unwrap_or_default();
        let Some(language) = spoken.iter().find(|known| known.eq_ignore_ascii_case(primary)) else {
            continue;
        };
        let weight = match weight.trim().strip_prefix("q=") {
            None => 1000,
            Some(weight) => thousandths(weight),
        };
        if weight > best.1 {
            best = (language, weight);
        }
    }
    best.0
}

/// A weight such as `0.85` in thousandths.
fn thousandths(weight: &str) -> u32 {
    let (whole, fraction) = weight.split_once('.').unwrap_or((weight, ""));
    let digits: String = fraction.chars().chain("000".chars()).take(3).collect();
    let whole = whole.parse::<u32>().unwrap_or(0).min(1);
    whole * 1000 + digits.parse::<u32>().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_heaviest_language_that_is_spoken_wins() {
        for (header, expected) in [
            ("fr-FR,fr;q=0.9,en;q=0.8", "fr"),
            ("de-DE,en;q=0.7,fr;q=0.3", "en"),
            ("en;q=0.25,fr-CA;q=0.5", "fr"),
            ("FR", "fr"),
            ("ja", "en"),
            ("frx", "en"),
            ("fr;q=99999999999", "en"),
            ("e", "en"),
            ("", "en"),
        ] {
            assert_eq!(preferred(header, &["en", "fr"]), expected, "{header}");
        }
    }
}
