//! What is taken for the same: names and codes however they are written.
//!
//! Matching folds case, accents, blanks and Unicode forms; what is shown keeps them. Leading zeros are part of
//! a code: `000123` and `123` are two.

use unicode_normalization::UnicodeNormalization as _;
use unicode_normalization::char::is_combining_mark;

/// `text` as it is compared: `  Café  CRÈME ` as `cafe creme`. Two names or codes are the same where this is.
pub fn key(text: &str) -> String {
    let mut folded = String::with_capacity(text.len());
    let mut blank = false;
    for character in text.nfkd().flat_map(char::to_lowercase) {
        if character.is_whitespace() || character == '\u{200b}' || character == '\u{feff}' {
            blank = !folded.is_empty();
            continue;
        }
        if is_combining_mark(character) || character == '\u{ad}' || character.is_control() {
            continue;
        }
        if std::mem::take(&mut blank) {
            folded.push(' ');
        }
        match character {
            'œ' => folded.push_str("oe"),
            'æ' => folded.push_str("ae"),
            'ß' => folded.push_str("ss"),
            'ø' => folded.push('o'),
            'đ' => folded.push('d'),
            'ł' => folded.push('l'),
            '’' | '‘' | '`' | '´' | 'ʼ' => folded.push('\''),
            '‐' | '‑' | '‒' | '–' | '—' | '−' => folded.push('-'),
            other => folded.push(other),
        }
    }
    folded
}

/// `text` as it is shown: as written, but for the blanks around it and runs of blanks within.
#[must_use]
pub fn shown(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// The letters and digits of `word`, folded.
pub fn letters(word: &str) -> String {
    key(word).chars().filter(char::is_ascii_alphanumeric).collect()
}

/// `text` with a blank before every capital that follows a small letter: `idProduit` as `id Produit`.
#[must_use]
pub fn camel(text: &str) -> String {
    let mut cut = String::with_capacity(text.len() + 8);
    let mut characters = text.chars().peekable();
    let mut before: Option<char> = None;
    while let Some(character) = characters.next() {
        let is_new_word = before.is_some_and(|before| {
            (before.is_lowercase() && character.is_uppercase())
                // `TVAMontant`: the last capital of a run begins the next word.
                || (before.is_uppercase()
                    && character.is_uppercase()
                    && characters.peek().is_some_and(|next| next.is_lowercase()))
        });
        if is_new_word {
            cut.push(' ');
        }
        cut.push(character);
        before = Some(character);
    }
    cut
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn case_accents_blanks_and_unicode_forms_do_not_matter() {
        for text in [
            "Café crème",
            "CAFÉ CRÈME",
            " cafe\u{a0} creme ",
            "Cafe\u{301} cre\u{300}me",
            "Cafe\u{202f}creme",
            "Ｃafé\tcrème",
        ] {
            assert_eq!(key(text), "cafe creme", "{text}");
        }
        assert_eq!(key("Œufs"), key("oeufs"));
        assert_eq!(key("Crème d’Isigny"), key("CREME D'ISIGNY"));
    }

    #[test]
    fn leading_zeros_and_punctuation_tell_codes_apart() {
        assert_ne!(key("000123"), key("123"));
        assert_ne!(key("TAS-BL"), key("TASBL"));
        assert_eq!(key("tas-bl"), key("TAS‑BL"));
    }

    proptest! {
        #[test]
        fn folding_twice_is_folding_once(text in "\\PC{0,24}") {
            let once = key(&text);
            prop_assert_eq!(key(&once), once);
        }

        #[test]
        fn blanks_around_and_capitals_change_nothing(text in "[a-zàéèêç0-9 -]{1,20}") {
            prop_assert_eq!(key(&format!("  {} ", text.to_uppercase())), key(&text));
        }
    }
}
