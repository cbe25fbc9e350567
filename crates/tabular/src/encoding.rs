//! Which characters a source's bytes stand for, decided from all of them.
//!
//! A byte order mark decides; otherwise the source is UTF-8 when it is valid UTF-8 throughout, or when only
//! a few of its lines are not; otherwise a detector names a legacy encoding, and the words that come out of that and
//! of the code pages of DOS and of old Macs say which of them it is. UTF-8 passes through unchanged
//! and its broken lines are rejected one by one; everything else is decoded on the way. Lines of UTF-8 in a file of a
//! legacy encoding stay what they are.

use crate::code_pages::{self, Charset};
use encoding_rs::{CoderResult, Decoder, Encoding, UTF_8, UTF_16BE, UTF_16LE};
use std::io::{self, BufReader, Read};

const CHUNK_BYTES: usize = 64 * 1024;

/// The encoding of a source and why it was chosen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EncodingChoice {
    /// The encoding.
    pub encoding: Charset,
    /// Whether single lines are UTF-8 all the same.
    pub is_mixed: bool,
    /// How many bytes of a byte order mark come first.
    pub mark_bytes: usize,
    /// Why, in words.
    pub why: &'static str,
}

/// UTF-8, as far as nobody has looked further than its beginning. `None` when the first bytes of `source` say
/// something else.
pub fn assume_utf8(mut source: impl Read) -> io::Result<Option<EncodingChoice>> {
    let mut head = [0_u8; 4];
    let filled = fill(&mut source, &mut head)?;
    let zeros = head[..filled].contains(&0);
    let marked = Encoding::for_bom(&head[..filled]).is_some();
    Ok((!zeros && !marked).then(|| plain(UTF_8, "valid UTF-8 throughout")))
}

fn fill(source: &mut impl Read, head: &mut [u8]) -> io::Result<usize> {
    let mut filled = 0;
    while filled < head.len() {
        match source.read(&mut head[filled..])? {
            0 => break,
            count => filled += count,
        }
    }
    Ok(filled)
}

/// Decides the encoding of `source`, reading it to its end unless a mark decides. `language` is the hint of
/// the detector for legacy encodings, a top-level domain such as `fr`. Unless `source` is `whole`, it may end
/// inside a character.
pub fn detect(mut source: impl Read, language: &str, whole: bool) -> io::Result<EncodingChoice> {
    let mut head = [0_u8; 4];
    let filled = fill(&mut source, &mut head)?;
    let head = &head[..filled];
    if let Some((encoding, mark_bytes)) = Encoding::for_bom(head) {
        return Ok(EncodingChoice {
            encoding: Charset::Standard(encoding),
            is_mixed: false,
            mark_bytes,
            why: "byte order mark",
        });
    }
    if let [first, 0, second, 0] = head
        && *first != 0
        && *second != 0
    {
        return Ok(plain(UTF_16LE, "every second byte is zero"));
    }
    if let [0, first, 0, second] = head
        && *first != 0
        && *second != 0
    {
        return Ok(plain(UTF_16BE, "every second byte is zero"));
    }
    let mut detector = chardetng::EncodingDetector::new(chardetng::Iso2022JpDetection::Deny);
    let mut census = Utf8Census::default();
    let mut sample = Vec::new();
    let mut reader = BufReader::with_capacity(CHUNK_BYTES, io::Cursor::new(head.to_vec()).chain(source));
    loop {
        let chunk = io::BufRead::fill_buf(&mut reader)?;
        if chunk.is_empty() {
            break;
        }
        census.feed(chunk);
        if !chunk.is_ascii() {
            detector.feed(chunk, false);
            code_pages::sample(chunk, &mut sample);
        }
        let read = chunk.len();
        io::BufRead::consume(&mut reader, read);
    }
    if whole {
        census.finish();
    }
    if census.broken == 0 {
        return Ok(plain(UTF_8, "valid UTF-8 throughout"));
    }
    // Valid sequences of several bytes hardly come about by chance, so a majority of them is UTF-8 with
    // some broken places, such as a file that ends inside a character.
    if census.valid > census.broken {
        return Ok(plain(UTF_8, "UTF-8 but for a few places"));
    }
    detector.feed(b"", true);
    let guess = detector.guess(Some(language.as_bytes()), chardetng::Utf8Detection::Deny);
    let encoding = code_pages::by_words(&sample, guess);
    let is_mixed = census.valid > 0 && encoding.is_single_byte();
    let why = match (encoding == Charset::Standard(guess), is_mixed) {
        (true, false) => "not UTF-8; guessed from its bytes",
        (true, true) => "not UTF-8 but for a few lines; guessed from its bytes",
        (false, _) => "not UTF-8; guessed from the words that come out",
    };
    Ok(EncodingChoice {
        encoding,
        is_mixed,
        mark_bytes: 0,
        why,
    })
}

fn plain(encoding: &'static Encoding, why: &'static str) -> EncodingChoice {
    EncodingChoice {
        encoding: Charset::Standard(encoding),
        is_mixed: false,
        mark_bytes: 0,
        why,
    }
}

/// Counts sequences of several bytes that are UTF-8, and places that are not.
#[derive(Debug, Default)]
pub struct Utf8Census {
    valid: u64,
    broken: u64,
    /// A sequence cut by the end of a chunk.
    pending: Vec<u8>,
}

impl Utf8Census {
    /// Looks at the next bytes.
    pub fn feed(&mut self, chunk: &[u8]) {
        if self.pending.is_empty() && chunk.is_ascii() {
            return;
        }
        let joined;
        let mut rest = if self.pending.is_empty() {
            chunk
        } else {
            joined = [self.pending.as_slice(), chunk].concat();
            self.pending.clear();
            &joined[..]
        };
        loop {
            match std::str::from_utf8(rest) {
                Ok(valid) => {
                    self.count(valid);
                    return;
                }
                Err(error) => {
                    let (valid, after) = rest.split_at(error.valid_up_to());
                    if let Ok(valid) = std::str::from_utf8(valid) {
                        self.count(valid);
                    }
                    let Some(length) = error.error_len() else {
                        self.pending = after.to_vec();
                        return;
                    };
                    self.broken += 1;
                    rest = &after[length..];
                }
            }
        }
    }

    fn count(&mut self, valid: &str) {
        if !valid.is_ascii() {
            self.valid += valid.bytes().filter(|byte| *byte >= 0xc0).count() as u64;
        }
    }

    /// Whether all of it, up to its end here, is UTF-8.
    #[must_use]
    pub fn is_clean(&self) -> bool {
        self.broken == 0 && self.pending.is_empty()
    }

    fn finish(&mut self) {
        if !self.pending.is_empty() {
            self.broken += 1;
        }
    }
}

/// A source as UTF-8: bytes that are no characters become U+FFFD, except in UTF-8 itself, which passes
/// through as it is. The byte order mark is left out.
pub struct Decoding<R> {
    source: R,
    way: Way,
    mark_bytes: usize,
    input: Vec<u8>,
    input_start: usize,
    input_end: usize,
    at_end: bool,
    finished: bool,
    /// Decoded text that the caller has not taken yet, from `spill_start` on.
    spill: Vec<u8>,
    spill_start: usize,
}

/// How bytes become text.
enum Way {
    /// They are.
    Through,
    /// As they come.
    Stream(Box<Decoder>),
    /// Line by line; those that are UTF-8 stay what they are where `is_mixed`.
    Lines { charset: Charset, is_mixed: bool },
}

impl<R: Read> Decoding<R> {
    /// `source` from its beginning, under `choice`.
    pub fn new(source: R, choice: &EncodingChoice) -> Self {
        let way = match choice.encoding {
            Charset::Standard(encoding) if encoding == UTF_8 => Way::Through,
            Charset::Standard(encoding) if !choice.is_mixed => {
                Way::Stream(Box::new(encoding.new_decoder_without_bom_handling()))
            }
            charset => Way::Lines {
                charset,
                is_mixed: choice.is_mixed,
            },
        };
        let input = if matches!(way, Way::Stream(_)) {
            vec![0; CHUNK_BYTES]
        } else {
            Vec::new()
        };
        Self {
            source,
            way,
            mark_bytes: choice.mark_bytes,
            input,
            input_start: 0,
            input_end: 0,
            at_end: false,
            finished: false,
            spill: Vec::new(),
            spill_start: 0,
        }
    }

    /// Decodes whole lines into `spill`, from what is read of the source; nothing at its end.
    fn fill_lines(&mut self, charset: Charset, is_mixed: bool) -> io::Result<()> {
        /// A line that is longer is decoded in parts.
        const MAX_LINE_BYTES: usize = 1 << 20;
        self.spill.clear();
        self.spill_start = 0;
        while self.spill.is_empty() && !(self.at_end && self.input.is_empty()) {
            let before = self.input.len();
            self.input.resize(before + CHUNK_BYTES, 0);
            let count = self.source.read(&mut self.input[before..])?;
            self.input.truncate(before + count);
            self.at_end = count == 0;
            let whole = match memchr::memrchr(b'\n', &self.input) {
                Some(end) if !self.at_end => end + 1,
                None if !self.at_end && self.input.len() < MAX_LINE_BYTES => continue,
                _ => self.input.len(),
            };
            for line in self.input[..whole].split_inclusive(|&byte| byte == b'\n') {
                if line.is_ascii() || (is_mixed && std::str::from_utf8(line).is_ok()) {
                    self.spill.extend_from_slice(line);
                } else {
                    self.spill.extend_from_slice(charset.decode(line).as_bytes());
                }
            }
            self.input.drain(..whole);
        }
        Ok(())
    }

    /// Hands out what was decoded and not taken.
    fn take_spill(&mut self, output: &mut [u8]) -> usize {
        let left = &self.spill[self.spill_start..];
        let count = left.len().min(output.len());
        output[..count].copy_from_slice(&left[..count]);
        self.spill_start += count;
        count
    }
}

/// The smallest buffer that a decoder is given: room for a character, several times over.
const LEAST_OUTPUT_BYTES: usize = 32;

impl<R: Read> Read for Decoding<R> {
    fn read(&mut self, output: &mut [u8]) -> io::Result<usize> {
        if self.mark_bytes > 0 {
            let mut mark = [0_u8; 3];
            self.source.read_exact(&mut mark[..self.mark_bytes])?;
            self.mark_bytes = 0;
        }
        if self.spill_start < self.spill.len() {
            return Ok(self.take_spill(output));
        }
        let decoder = match &mut self.way {
            Way::Through => return self.source.read(output),
            &mut Way::Lines { charset, is_mixed } => {
                self.fill_lines(charset, is_mixed)?;
                return Ok(self.take_spill(output));
            }
            Way::Stream(decoder) => decoder,
        };
        if output.len() < LEAST_OUTPUT_BYTES && !output.is_empty() {
            let mut room = [0_u8; LEAST_OUTPUT_BYTES];
            let written = self.read(&mut room)?;
            self.spill.clear();
            self.spill.extend_from_slice(&room[..written]);
            self.spill_start = 0;
            return Ok(self.take_spill(output));
        }
        loop {
            if self.finished {
                return Ok(0);
            }
            if self.input_start == self.input_end && !self.at_end {
                self.input_start = 0;
                self.input_end = self.source.read(&mut self.input)?;
                self.at_end = self.input_end == 0;
            }
            let (result, read, written, _) =
                decoder.decode_to_utf8(&self.input[self.input_start..self.input_end], output, self.at_end);
            self.input_start += read;
            self.finished = self.at_end && result == CoderResult::InputEmpty;
            if written > 0 {
                return Ok(written);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decoded(bytes: &[u8]) -> (String, &'static str) {
        let choice = detect(bytes, "fr", true).unwrap();
        let mut text = String::new();
        Decoding::new(bytes, &choice).read_to_string(&mut text).unwrap();
        (text, choice.encoding.name())
    }

    #[test]
    fn encodings_of_french_exports_are_recognised() {
        let text = "Région;Réf. produit;Montant\r\nÎle-de-France;Café équitable;1\u{a0}234,56\r\n".repeat(4);
        let (latin, _, _) = encoding_rs::WINDOWS_1252.encode(&text);
        let utf16: Vec<u8> = text.encode_utf16().flat_map(u16::to_le_bytes).collect();
        let big: Vec<u8> = text.encode_utf16().flat_map(u16::to_be_bytes).collect();

        assert_eq!(decoded(text.as_bytes()), (text.clone(), "UTF-8"));
        assert_eq!(
            decoded(&[b"\xef\xbb\xbf", text.as_bytes()].concat()),
            (text.clone(), "UTF-8")
        );
        assert_eq!(decoded(&latin), (text.clone(), "windows-1252"));
        assert_eq!(
            decoded(&[b"\xff\xfe", &utf16[..]].concat()),
            (text.clone(), "UTF-16LE")
        );
        assert_eq!(decoded(&utf16), (text.clone(), "UTF-16LE"));
        assert_eq!(decoded(&[b"\xfe\xff", &big[..]].concat()), (text, "UTF-16BE"));
    }

    #[test]
    fn lines_of_utf8_among_others_stay_what_they_are() {
        let latin = b"id;libell\xe9\r\n1;caf\xe9\r\n2;cr\xe8me br\xfbl\xe9e\r\n";
        let mixed = [&latin[..], "3;thé\r\n".as_bytes(), b"4;p\xeache"].concat();

        assert_eq!(
            decoded(&mixed),
            (
                "id;libellé\r\n1;café\r\n2;crème brûlée\r\n3;thé\r\n4;pêche".to_owned(),
                "windows-1252"
            )
        );
    }

    #[test]
    fn code_pages_of_dos_and_macs_are_told_by_the_words_that_come_out() {
        let text = "id;libelle\r\n1;Café crème\r\n2;Thé glacé à la pêche\r\n";
        for (charset, name) in [
            (Charset::Ibm850, "IBM850"),
            (Charset::Standard(encoding_rs::MACINTOSH), "macintosh"),
        ] {
            let bytes: Vec<u8> = text
                .chars()
                .map(|character| charset.byte_of(character).unwrap())
                .collect();

            assert_eq!(decoded(&bytes), (text.to_owned(), name));
        }
    }

    #[test]
    fn utf8_cut_inside_a_character_stays_utf8() {
        let text = "Île-de-France;é\nÎle-de-France;é";

        let choice = detect(&text.as_bytes()[..text.len() - 1], "fr", true).unwrap();

        assert_eq!(choice.encoding, Charset::Standard(UTF_8));
    }

    #[test]
    fn a_character_across_two_chunks_is_one() {
        let text = format!("{}é\n", "x".repeat(CHUNK_BYTES - 1));

        assert_eq!(decoded(text.as_bytes()), (text.clone(), "UTF-8"));
    }
}
