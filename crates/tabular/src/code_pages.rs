//! Encodings of one byte a character that browsers do not know, and which of all of them a text is in, told by the words
//! that come out.

use encoding_rs::{Encoding, MACINTOSH, WINDOWS_1252};
use std::borrow::Cow;

/// An encoding of texts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Charset {
    /// One that browsers know.
    Standard(&'static Encoding),
    /// Code page 850, of DOS in western Europe.
    Ibm850,
    /// Code page 437, of DOS in the United States.
    Ibm437,
}

/// The characters from 0x80 on.
const IBM850: &str = "\
    ÇüéâäàåçêëèïîìÄÅÉæÆôöòûùÿÖÜø£Ø×ƒ\
    áíóúñÑªº¿®¬½¼¡«»░▒▓│┤ÁÂÀ©╣║╗╝¢¥┐\
    └┴┬├─┼ãÃ╚╔╩╦╠═╬¤ðÐÊËÈıÍÎÏ┘┌█▄¦Ì▀\
    ÓßÔÒõÕµþÞÚÛÙýÝ¯´\u{ad}±‗¾¶§÷¸°¨·¹³²■\u{a0}\
";
const IBM437: &str = "\
    ÇüéâäàåçêëèïîìÄÅÉæÆôöòûùÿÖÜ¢£¥₧ƒ\
    áíóúñÑªº¿⌐¬½¼¡«»░▒▓│┤╡╢╖╕╣║╗╝╜╛┐\
    └┴┬├─┼╞╟╚╔╩╦╠═╬╧╨╤╥╙╘╒╓╫╪┘┌█▄▌▐▀\
    αßΓπΣσµτΦΘΩδ∞φε∩≡±≥≤⌠⌡÷≈°∙·√ⁿ²■\u{a0}\
";
/// How much of a text is looked at, in bytes.
const SAMPLE_BYTES: usize = 64 * 1024;

impl Charset {
    /// The name by which it is told.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Standard(encoding) => encoding.name(),
            Self::Ibm850 => "IBM850",
            Self::Ibm437 => "IBM437",
        }
    }

    /// The encoding that is called `label`: a name that browsers know, or that of a code page.
    #[must_use]
    pub fn for_label(label: &str) -> Option<Self> {
        match label.trim().to_ascii_lowercase().as_str() {
            "ibm850" | "cp850" | "850" | "ibm-850" => Some(Self::Ibm850),
            "ibm437" | "cp437" | "437" | "ibm-437" => Some(Self::Ibm437),
            "macroman" | "mac-roman" | "x-macroman" => Some(Self::Standard(MACINTOSH)),
            _ => Encoding::for_label(label.as_bytes()).map(Self::Standard),
        }
    }

    /// Whether each character is one byte.
    #[must_use]
    pub fn is_single_byte(self) -> bool {
        match self {
            Self::Standard(encoding) => encoding.is_single_byte(),
            Self::Ibm850 | Self::Ibm437 => true,
        }
    }

    fn upper_half(self) -> Option<&'static str> {
        match self {
            Self::Standard(_) => None,
            Self::Ibm850 => Some(IBM850),
            Self::Ibm437 => Some(IBM437),
        }
    }

    /// `bytes` as text.
    pub(crate) fn decode(self, bytes: &[u8]) -> Cow<'_, str> {
        match (self, self.upper_half()) {
            (Self::Standard(encoding), _) => encoding.decode_without_bom_handling(bytes).0,
            (_, upper) => {
                let upper: Vec<char> = upper.unwrap_or_default().chars().collect();
                let text = bytes.iter().map(|&byte| match byte.checked_sub(0x80) {
                    Some(index) => upper.get(usize::from(index)).copied().unwrap_or('\u{fffd}'),
                    None => char::from(byte),
                });
                Cow::Owned(text.collect())
            }
        }
    }

    /// The byte that stands for `character`.
    #[cfg(test)]
    pub(crate) fn byte_of(self, character: char) -> Option<u8> {
        (0..=255).find(|&byte| self.decode(&[byte]).chars().eq([character]))
    }
}

/// Adds the lines of `chunk` that are not ASCII to `sample`, as long as there is room.
pub(crate) fn sample(chunk: &[u8], sample: &mut Vec<u8>) {
    for line in chunk.split_inclusive(|&byte| byte == b'\n') {
        if sample.len() >= SAMPLE_BYTES {
            return;
        }
        if !line.is_ascii() {
            sample.extend_from_slice(&line[..line.len().min(4_096)]);
        }
    }
}

/// The encoding under which `sample` is most like a text in our languages; `guess` where none is more so.
pub(crate) fn by_words(sample: &[u8], guess: &'static Encoding) -> Charset {
    let mut best = Charset::Standard(guess);
    let mut most = likeness(&best.decode(sample));
    for other in [
        Charset::Standard(WINDOWS_1252),
        Charset::Ibm850,
        Charset::Standard(MACINTOSH),
        Charset::Ibm437,
    ] {
        let likeness = likeness(&other.decode(sample));
        if likeness > most {
            (best, most) = (other, likeness);
        }
    }
    best
}

/// How much `text` is like one in our languages, as far as its characters beyond ASCII go.
fn likeness(text: &str) -> i64 {
    let mut sum = 0;
    let mut before = ' ';
    let mut characters = text.chars().peekable();
    while let Some(character) = characters.next() {
        let behind = characters.peek().copied().unwrap_or(' ');
        if !character.is_ascii() {
            sum += weight(before, character, behind);
        }
        before = character;
    }
    sum
}

/// How likely `character` stands between `before` and `behind`.
fn weight(before: char, character: char, behind: char) -> i64 {
    let in_word = before.is_alphabetic() || behind.is_alphabetic();
    let by_number = before.is_ascii_digit() || behind.is_ascii_digit();
    match character {
        'é' | 'è' | 'ê' | 'à' | 'ç' | 'ô' | 'î' | 'û' | 'ù' | 'â' | 'ï' | 'ë' | 'œ' => {
            if before.is_uppercase() && behind.is_uppercase() {
                -1
            } else {
                3
            }
        }
        'É' | 'È' | 'Ê' | 'À' | 'Ç' | 'Ô' | 'Î' | 'Û' | 'Â' | 'Œ' => {
            match (before.is_lowercase(), in_word) {
                (true, _) => -3,
                (false, true) => 2,
                (false, false) => 0,
            }
        }
        '\u{a0}' | '\u{202f}' | '€' | '°' | '£' => {
            i64::from(by_number) * 2 - i64::from(before.is_alphabetic() && behind.is_alphabetic()) * 3
        }
        '’' => {
            if before.is_alphabetic() && behind.is_alphabetic() {
                2
            } else {
                0
            }
        }
        '«' | '»' | '“' | '”' | '–' | '—' | '…' | '²' | '½' | '®' | '™' | '•' => {
            if before.is_alphabetic() && behind.is_alphabetic() {
                -2
            } else {
                1
            }
        }
        'š' | 'Š' | 'ž' | 'Ž' | 'Ÿ' | 'ƒ' => -1,
        '\u{80}'..='\u{9f}' | '\u{fffd}' => -5,
        '\u{2500}'..='\u{259f}' => -3,
        // Letters of other languages: among their like, and in the case of those beside them.
        _ if character.is_alphabetic() => {
            let is_latin = u32::from(character) < 0x250;
            let beside_latin = before.is_ascii_alphabetic() || behind.is_ascii_alphabetic();
            if (character.is_uppercase() && before.is_lowercase()) || (!is_latin && beside_latin) {
                -2
            } else if is_latin {
                i64::from(in_word)
            } else {
                i64::from(in_word) * 4
            }
        }
        _ => -2,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_tables_are_whole() {
        for charset in [Charset::Ibm850, Charset::Ibm437] {
            assert_eq!(charset.upper_half().unwrap().chars().count(), 128);
            assert_eq!(charset.decode(b"Caf\x82 cr\x8ame \x85"), "Café crème à");
        }
        assert_eq!(Charset::for_label("cp850"), Some(Charset::Ibm850));
        assert_eq!(
            Charset::for_label("latin1"),
            Some(Charset::Standard(WINDOWS_1252))
        );
        assert_eq!(Charset::for_label("klingon"), None);
    }

    #[test]
    fn words_tell_encodings_apart() {
        for text in [
            "Café",
            "Thé vert;Île-de-France;1\u{a0}234,50",
            "L’été à la forêt",
            "Crème brûlée;Noël",
            "ÉPICERIE;Œufs",
        ] {
            let (latin, ..) = WINDOWS_1252.encode(text);
            assert_eq!(
                by_words(&latin, WINDOWS_1252),
                Charset::Standard(WINDOWS_1252),
                "{text}"
            );
        }
        let (russian, ..) = encoding_rs::WINDOWS_1251.encode("Чай чёрный;Кофе");
        assert_eq!(
            by_words(&russian, encoding_rs::WINDOWS_1251),
            Charset::Standard(encoding_rs::WINDOWS_1251)
        );
    }
}
