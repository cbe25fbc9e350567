//! How a delimited text is cut into fields.
//!
//! csv-nose proposes a dialect from the beginning of the text; what the header makes of it decides. Of the
//! proposal and the delimiters in common use the one wins under which the header names most columns of the
//! table, and of equals the proposal. The survey then counts the fields of every record of the source, and
//! goes on to the next candidate when they contradict the one before.

use crate::columns::Spec;
use crate::delimited::DelimitedReader;
use crate::header;
use crate::options::ReadOptions;
use crate::record::Record;
use csv_nose::{DatePreference, Quote, SampleSize, Sniffer};

/// How many bytes of the text are looked at.
pub(crate) const HEAD_BYTES: usize = 256 * 1024;
/// Delimiters that are tried whatever csv-nose proposes, in the order of preference.
const DELIMITERS: [u8; 7] = *b",;\t|^~:";
/// How many records csv-nose looks at.
const SNIFFED_RECORDS: usize = 100;
/// Within how many records the header is looked for.
pub(crate) const HEADER_WITHIN: usize = 30;
/// How many columns a line must name to be the header although another comes first.
const NAMES_OF_A_HEADER: usize = 2;

/// How a delimited text is cut into fields.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Dialect {
    /// The character between fields.
    pub delimiter: char,
    /// The character around fields that hold delimiters or line breaks; null when there is none.
    pub quote: Option<char>,
    /// What ends a line: `lf`, `crlf` or `cr`.
    pub line_end: LineEnd,
    /// How many lines stand before the header.
    pub skip_lines: u64,
}

/// What ends a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LineEnd {
    /// `\n`.
    Lf,
    /// `\r\n`.
    Crlf,
    /// `\r` alone, as old Macs wrote it.
    Cr,
}

/// A dialect that a text may be written in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Candidate {
    pub(crate) dialect: Dialect,
    /// Why it may, in words.
    pub(crate) why: String,
    /// Whether its header was found below other lines.
    pub(crate) is_below_titles: bool,
}

impl Dialect {
    /// The last byte of a line end.
    #[must_use]
    pub fn terminator(&self) -> u8 {
        if self.line_end == LineEnd::Cr {
            b'\r'
        } else {
            b'\n'
        }
    }

    /// The delimiter as the byte it is.
    #[must_use]
    pub fn delimiter_byte(&self) -> u8 {
        u8::try_from(self.delimiter).unwrap_or(b',')
    }

    /// The quote as the byte it is.
    #[must_use]
    pub fn quote_byte(&self) -> Option<u8> {
        self.quote.and_then(|quote| u8::try_from(quote).ok())
    }

    /// The delimiter in a sentence.
    #[must_use]
    pub fn delimiter_name(&self) -> String {
        match self.delimiter {
            '\t' => "tab".to_owned(),
            other => format!("`{other}`"),
        }
    }
}

/// The dialects that `head`, the beginning of a text meant for the table `spec`, may be written in: the best
/// first, at least one. What `options` say is not guessed; `Err` holds what is wrong with them.
pub(crate) fn candidates(head: &[u8], spec: &Spec, options: &ReadOptions) -> Result<Vec<Candidate>, String> {
    let announced = announced_delimiter(head);
    let head = Head {
        bytes: head,
        spec,
        options,
        line_end: line_end(head),
        first_line: options.skip_lines.unwrap_or(u64::from(announced.is_some())),
        quote: options.quote()?,
    };
    let given = options.delimiter_byte()?;
    if let Some(delimiter) = given.or(announced) {
        let (_, quote) = head.sniff(Some(delimiter));
        let why = if given.is_some() {
            "the request says so"
        } else {
            "the line `sep=` says so"
        };
        return Ok(vec![head.candidate(head.look(delimiter, quote), why.to_owned())]);
    }

    let (proposed, quote) = head.sniff(None);
    let others = DELIMITERS.into_iter().filter(|other| Some(*other) != proposed);
    let mut looks: Vec<Look> = proposed
        .into_iter()
        .chain(others)
        .map(|delimiter| head.look(delimiter, quote))
        .collect();
    let of_proposed = proposed.and_then(|_| looks.first()).cloned();
    // Stable: of equals the proposal stays first, then the delimiter in more common use.
    looks.sort_by_key(|look| std::cmp::Reverse(look.named));
    let best = looks.first().map_or(0, |look| look.named);
    looks.retain(|look| look.named > 0 || best == 0);
    Ok(looks
        .into_iter()
        .map(|look| {
            let why = why(&look, of_proposed.as_ref());
            head.candidate(look, why)
        })
        .collect())
}

/// Why `look` may be right, in words; `proposed` is what csv-nose made of the text.
fn why(look: &Look, proposed: Option<&Look>) -> String {
    let names = match look.named {
        1 => "1 column".to_owned(),
        named => format!("{named} columns"),
    };
    match proposed {
        Some(proposed) if proposed.dialect == look.dialect => {
            format!("csv-nose proposes it and the header names {names}")
        }
        Some(proposed) => format!(
            "the header names {names}, and {} with {}, which csv-nose proposes",
            proposed.named,
            proposed.dialect.delimiter_name()
        ),
        None => format!("the header names {names}"),
    }
}

/// The beginning of a text, and what is known of it.
struct Head<'a> {
    bytes: &'a [u8],
    spec: &'a Spec,
    options: &'a ReadOptions,
    line_end: LineEnd,
    /// How many lines at least stand before the header.
    first_line: u64,
    /// The quote that the request names.
    quote: Option<Quote>,
}

/// What a delimiter makes of a head.
#[derive(Debug, Clone)]
struct Look {
    dialect: Dialect,
    /// How many columns the header names.
    named: usize,
}

impl Head<'_> {
    /// The delimiter and the quote that csv-nose proposes, or the quote alone for a `delimiter` that is known.
    fn sniff(&self, delimiter: Option<u8>) -> (Option<u8>, Quote) {
        let mut sniffer = Sniffer::new();
        sniffer
            .sample_size(SampleSize::Records(SNIFFED_RECORDS))
            .date_preference(DatePreference::DmyFormat);
        if let Some(delimiter) = delimiter {
            sniffer.delimiter(delimiter);
        }
        let proposed = sniffer.sniff_bytes(self.table()).ok().map(|found| found.dialect);
        let delimiter = delimiter.or(proposed
            .as_ref()
            .map(|dialect| dialect.delimiter)
            .filter(|delimiter| delimiter.is_ascii() && !delimiter.is_ascii_alphanumeric()));
        let quote = self.quote.unwrap_or_else(|| {
            let single = proposed.is_some_and(|dialect| dialect.quote == Quote::Some(b'\''))
                && delimiter.is_some_and(|delimiter| quotes_are_single(self.bytes, delimiter));
            Quote::Some(if single { b'\'' } else { b'"' })
        });
        (delimiter, quote)
    }

    /// The lines from the first that may be the header to the last whole one.
    fn table(&self) -> &[u8] {
        let terminator = if self.line_end == LineEnd::Cr {
            b'\r'
        } else {
            b'\n'
        };
        let mut rest = self.bytes;
        for _ in 0..self.first_line {
            let Some(end) = memchr::memchr(terminator, rest) else {
                break;
            };
            rest = &rest[end + 1..];
        }
        match memchr::memrchr(terminator, rest) {
            Some(end) if self.bytes.len() == HEAD_BYTES => &rest[..=end],
            _ => rest,
        }
    }

    fn candidate(&self, look: Look, why: String) -> Candidate {
        Candidate {
            is_below_titles: look.dialect.skip_lines > self.first_line,
            dialect: look.dialect,
            why,
        }
    }

    /// What `delimiter` and `quote` make of it. The header is its first line, unless a later one names more
    /// columns: exports have titles above it.
    fn look(&self, delimiter: u8, quote: Quote) -> Look {
        let mut look = Look {
            dialect: Dialect {
                delimiter: char::from(delimiter),
                quote: quote.char().map(char::from),
                line_end: self.line_end,
                skip_lines: self.first_line,
            },
            named: 0,
        };
        let terminator = look.dialect.terminator();
        let mut reader = DelimitedReader::new(self.bytes, delimiter, quote.char(), terminator);
        let mut record = Record::default();
        // A slice does not fail to be read.
        let _ = reader.skip_lines(self.first_line);
        let mut lines = std::iter::from_fn(|| {
            let is_there = reader.next(&mut record).unwrap_or(false);
            is_there.then(|| {
                let named = header::recognised(self.spec, &record.texts(), &self.options.mapping);
                (named, record.line - 1)
            })
        });
        if self.options.skip_lines.is_some() {
            look.named = lines.next().map_or(0, |(named, _)| named);
        } else {
            (look.named, look.dialect.skip_lines) = header_among(lines);
        }
        look
    }
}

/// Which of `lines`, as the number of columns it names and the number of lines before it, is the header: the
/// first, unless a later one names more columns.
pub(crate) fn header_among(lines: impl Iterator<Item = (usize, u64)>) -> (usize, u64) {
    let mut best = None;
    for (named, skip_lines) in lines.take(HEADER_WITHIN) {
        match best {
            Some((most, _)) if named <= most || named < NAMES_OF_A_HEADER => {}
            _ => best = Some((named, skip_lines)),
        }
    }
    best.unwrap_or_default()
}

fn line_end(head: &[u8]) -> LineEnd {
    match memchr::memchr(b'\n', head) {
        Some(at) if at > 0 && head[at - 1] == b'\r' => LineEnd::Crlf,
        None if memchr::memchr(b'\r', head).is_some() => LineEnd::Cr,
        _ => LineEnd::Lf,
    }
}

/// The delimiter that a first line `sep=;`, as Excel writes it, announces.
fn announced_delimiter(head: &[u8]) -> Option<u8> {
    match head {
        [
            b's' | b'S',
            b'e' | b'E',
            b'p' | b'P',
            b'=',
            delimiter,
            b'\r' | b'\n',
            ..,
        ] => Some(*delimiter),
        _ => None,
    }
}

/// Whether fields of `head` stand in single quotes: as many open as close, and no field begins with a double
/// quote. An apostrophe in a name opens or closes, but not both.
fn quotes_are_single(head: &[u8], delimiter: u8) -> bool {
    let ends = |byte: u8| byte == delimiter || byte == b'\n' || byte == b'\r';
    let mut opened = usize::from(head.first() == Some(&b'\''));
    let mut closed = usize::from(head.last() == Some(&b'\''));
    for pair in head.windows(2) {
        match *pair {
            [before, b'\''] if ends(before) => opened += 1,
            [b'\'', after] if ends(after) => closed += 1,
            [before, b'"'] if ends(before) => return false,
            _ => {}
        }
    }
    opened > 0 && opened == closed && head.first() != Some(&b'"')
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::specs::{SALES, STORES};
    use proptest::prelude::*;
    use std::fmt::Write as _;

    fn best(head: &str, spec: &Spec) -> Candidate {
        candidates(head.as_bytes(), spec, &ReadOptions::default())
            .unwrap()
            .remove(0)
    }

    fn delimiter_of(head: &str) -> char {
        best(head, &SALES).dialect.delimiter
    }

    #[test]
    fn delimiters_are_told_apart() {
        assert_eq!(delimiter_of("id,product_id,store_id\n1,2,3\n"), ',');
        assert_eq!(delimiter_of("N° ligne;Montant\r\n1;1 234,56\r\n2;3,50\r\n"), ';');
        assert_eq!(delimiter_of("id\tamount\n1\t2,5\n"), '\t');
        assert_eq!(delimiter_of("id|amount\n1|2,5\n"), '|');
        assert_eq!(delimiter_of("id:amount\n1:2,5\n"), ':');
    }

    #[test]
    fn what_csv_nose_proposes_is_taken_where_the_header_does_not_contradict() {
        let proposed = best("id#amount\n1#2.50\n2#3.50\n", &SALES);
        // Every line has one comma, and only the header knows better.
        let contradicted = best("id^amount\n1^2,50\n2^3,50\n", &SALES);

        assert_eq!(proposed.dialect.delimiter, '#');
        assert!(
            proposed.why.starts_with("csv-nose proposes it"),
            "{}",
            proposed.why
        );
        assert_eq!(contradicted.dialect.delimiter, '^');
        assert!(
            contradicted
                .why
                .ends_with("and 0 with `,`, which csv-nose proposes"),
            "{}",
            contradicted.why
        );
    }

    #[test]
    fn excels_own_announcement_is_taken() {
        let best = best("sep=;\r\nid;amount\r\n1;2\r\n", &SALES);

        assert_eq!(
            (
                best.dialect.delimiter,
                best.dialect.skip_lines,
                best.dialect.line_end
            ),
            (';', 1, LineEnd::Crlf)
        );
        assert_eq!(best.why, "the line `sep=` says so");
    }

    #[test]
    fn a_header_below_titles_and_blank_lines_is_found() {
        let text = "Export des ventes, novembre\r\nSociété \"Exemple;\r\n\r\nN° ligne;Date;Montant\r\n1;13/11/2023;1,5\r\n";

        let dialect = best(text, &SALES).dialect;

        assert_eq!((dialect.delimiter, dialect.skip_lines), (';', 3));
    }

    #[test]
    fn single_quotes_are_told_from_apostrophes() {
        let quoted = "'id';'city';'address'\n1;'Paris';'12; rue de l''Est'\n2;'Lyon';'3; quai'\n";
        let mut apostrophes = String::from("id,city,address\n");
        for id in 0..50 {
            let _ = writeln!(apostrophes, "{id},'s-Hertogenbosch,rue de l'été");
        }

        assert_eq!(best(quoted, &STORES).dialect.quote, Some('\''));
        assert_eq!(best(&apostrophes, &STORES).dialect.quote, Some('"'));
        assert_eq!(best("id,city\n1,\"L'Haÿ\"\n", &STORES).dialect.quote, Some('"'));
    }

    #[test]
    fn what_the_request_says_is_not_guessed() {
        let options = ReadOptions {
            delimiter: Some("|".into()),
            quote: Some("none".into()),
            skip_lines: Some(1),
            ..ReadOptions::default()
        };

        let found = candidates(b"id;city\n'id'|'city'\n1|'x'\n", &STORES, &options).unwrap();

        let dialect = &found[0].dialect;
        assert_eq!(found.len(), 1);
        assert_eq!(
            (dialect.delimiter, dialect.quote, dialect.skip_lines),
            ('|', None, 1)
        );
        let bad = ReadOptions {
            quote: Some("\"\"".into()),
            ..ReadOptions::default()
        };
        assert!(candidates(b"id\n", &STORES, &bad).unwrap_err().contains("quote"));
    }

    proptest! {
        #[test]
        fn no_text_is_too_odd_to_be_looked_at(
            bytes in prop::collection::vec(any::<u8>(), 0..400),
            lines in "([a-z0-9é,;|\t\"' .\r\n-]{0,12}[,;\t\n\r\"]){0,40}",
        ) {
            for text in [bytes.as_slice(), lines.as_bytes()] {
                let found = candidates(text, &SALES, &ReadOptions::default());
                prop_assert!(found.is_ok_and(|found| !found.is_empty()));
            }
        }
    }
}
