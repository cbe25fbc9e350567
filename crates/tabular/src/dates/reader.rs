//! Reads a date piece by piece: numbers, words, blanks and marks, in all the orders in which exports put them.

use super::{FIRST_SHORT_YEAR, Parts, number, plain};
use crate::header::fold;
use jiff::civil::Time;
use jiff::tz::Offset;

/// The days that spreadsheets count, of which five digits alone are taken for a date: from 1954 to the year 2100.
const SERIALS: std::ops::RangeInclusive<i64> = 20_000..=73_415;
/// Longer texts are no dates.
const MAX_BYTES: usize = 100;

/// A piece of a date's text.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Token {
    Number(String),
    /// Letters, folded.
    Word(String),
    Blank,
    Mark(char),
}

/// What was read of a text.
pub(super) struct Written {
    pub(super) parts: Parts,
    pub(super) short_year: bool,
    pub(super) time: Option<Time>,
    pub(super) offset: Option<Offset>,
}

/// Reads a date piece by piece.
pub(super) struct Reader {
    tokens: Vec<Token>,
    at: usize,
    short_year: bool,
}

impl Reader {
    /// Reads `text` as a whole.
    pub(super) fn read(text: &str) -> Option<Written> {
        let mut reader = Self {
            tokens: tokens(text)?,
            at: 0,
            short_year: false,
        };
        reader.skip_weekday();
        let (parts, mut time) = reader.date()?;
        let mut offset = None;
        if !reader.is_at_end() {
            if time.is_none() {
                reader.skip_to_time();
                time = Some(reader.time()?);
            }
            offset = reader.offset()?;
            reader.skip_remarks()?;
        }
        reader.is_at_end().then_some(Written {
            parts,
            short_year: reader.short_year,
            time,
            offset,
        })
    }

    fn peek(&self, ahead: usize) -> Option<&Token> {
        self.tokens.get(self.at + ahead)
    }

    fn is_at_end(&self) -> bool {
        self.tokens[self.at..].iter().all(|token| *token == Token::Blank)
    }

    fn skip(&mut self, wanted: impl Fn(&Token) -> bool) -> bool {
        let is_there = self.peek(0).is_some_and(wanted);
        self.at += usize::from(is_there);
        is_there
    }

    fn skip_mark(&mut self, marks: &[char]) -> bool {
        self.skip(|token| matches!(token, Token::Mark(mark) if marks.contains(mark)))
    }

    fn skip_blank(&mut self) -> bool {
        self.skip(|token| *token == Token::Blank)
    }

    fn skip_word(&mut self, words: &[&str]) -> bool {
        self.skip(|token| matches!(token, Token::Word(word) if words.contains(&word.as_str())))
    }

    /// Takes the next piece where it is a number.
    fn number(&mut self) -> Option<String> {
        let Some(Token::Number(digits)) = self.peek(0) else {
            return None;
        };
        let digits = digits.clone();
        self.at += 1;
        Some(digits)
    }

    /// Takes the next piece where it is the name of a month.
    fn month(&mut self) -> Option<u32> {
        let Some(Token::Word(word)) = self.peek(0) else {
            return None;
        };
        let month = month_of(word)?;
        self.at += 1;
        self.skip_mark(&['.']);
        Some(month)
    }

    /// Passes over `lundi`, `Mon,`, `le`.
    fn skip_weekday(&mut self) {
        self.skip_blank();
        if matches!(self.peek(0), Some(Token::Word(word)) if is_weekday(word)) {
            self.at += 1;
            self.skip_mark(&['.']);
            self.skip_mark(&[',']);
            self.skip_blank();
        }
        if self.skip_word(&["le", "the", "on"]) {
            self.skip_blank();
        }
    }

    /// A year of four digits, or of two.
    fn year(&mut self, digits: &str) -> Option<u32> {
        let year = number(digits)?;
        match digits.len() {
            4 => Some(year),
            2 => {
                self.short_year = true;
                let century = FIRST_SHORT_YEAR - FIRST_SHORT_YEAR % 100;
                Some(if year < FIRST_SHORT_YEAR % 100 {
                    century + 100 + year
                } else {
                    century + year
                })
            }
            _ => None,
        }
    }

    /// The date, and the time where both are one number.
    fn date(&mut self) -> Option<(Parts, Option<Time>)> {
        if let Some(month) = self.month() {
            self.skip_blank();
            self.skip_mark(&['-', '/']);
            let day = self.number()?;
            self.skip_word(ORDINALS);
            self.skip_mark(&[',', '-', '/']);
            self.skip_blank();
            let year = self.number()?;
            let year = self.year(&year)?;
            return Some((Parts::YearFirst(year, month, number(&day)?), None));
        }
        let first = self.number()?;
        match first.len() {
            8 => {
                let parts = plain(&first)?;
                return Some((parts, None));
            }
            12 | 14 => {
                let parts = plain(&first[..8])?;
                return Some((parts, Some(compact_time(&first[8..])?)));
            }
            5 => return Some((self.serial(&first)?, None)),
            _ => {}
        }
        self.skip_word(ORDINALS);
        let separator = match self.peek(0) {
            Some(Token::Mark(mark @ ('-' | '/' | '.'))) => {
                let mark = *mark;
                self.at += 1;
                self.skip_blank();
                Some(mark)
            }
            Some(Token::Blank) => {
                self.at += 1;
                None
            }
            _ => None,
        };
        if self.skip_word(&["de", "of"]) {
            self.skip_blank();
        }
        if let Some(month) = self.month() {
            if !self.skip_blank() {
                self.skip_mark(&['-', '/', ',']);
                self.skip_blank();
            }
            self.skip_word(&["de", "of"]);
            self.skip_blank();
            let last = self.number()?;
            return Some(if first.len() == 4 {
                (Parts::YearFirst(number(&first)?, month, number(&last)?), None)
            } else {
                let year = self.year(&last)?;
                (Parts::YearFirst(year, month, number(&first)?), None)
            });
        }
        let separator = separator?;
        let second = self.number()?;
        if !self.skip_mark(&[separator]) {
            return None;
        }
        self.skip_blank();
        let third = self.number()?;
        let parts = match (first.len(), second.len(), third.len()) {
            (4, 1..=2, 1..=2) => Parts::YearFirst(number(&first)?, number(&second)?, number(&third)?),
            (1..=2, 1..=2, 2 | 4) => Parts::YearLast(number(&first)?, number(&second)?, self.year(&third)?),
            _ => return None,
        };
        Some((parts, None))
    }

    /// Five digits, with or without a fraction, as a day.
    fn serial(&mut self, digits: &str) -> Option<Parts> {
        if self.skip_mark(&['.', ',']) {
            self.number()?;
        }
        let days = digits.parse().ok()?;
        (self.is_at_end() && SERIALS.contains(&days)).then_some(Parts::Serial(days))
    }

    /// Passes over what stands between date and time.
    fn skip_to_time(&mut self) {
        self.skip_mark(&[',']);
        self.skip_blank();
        if self.skip_word(&["t", "a", "at"]) || self.skip_mark(&['@', '-', '|']) {
            self.skip_blank();
        }
    }

    /// A time of day: `14:05`, `14:05:06.123`, `14h05`, `2:05 PM`.
    fn time(&mut self) -> Option<Time> {
        let hour = self.number()?;
        if matches!(hour.len(), 4 | 6) {
            return compact_time(&hour);
        }
        let mut hour = number(&hour)?;
        let (mut minute, mut second) = (0, 0);
        if self.skip_mark(&[':']) || self.skip_mark(&['.']) {
            minute = number(&self.number()?)?;
            if self.skip_mark(&[':']) || self.skip_mark(&['.']) {
                second = number(&self.number()?)?;
                if self.skip_mark(&['.', ',', ':']) {
                    self.number()?;
                }
            }
        } else if self.skip_hours() {
            self.skip_blank();
            if let Some(digits) = self.number() {
                minute = number(&digits)?;
                if self.skip_word(&["m", "min", "mn"]) {
                    self.skip_blank();
                    if let Some(digits) = self.number() {
                        second = number(&digits)?;
                        self.skip_word(&["s", "sec"]);
                    }
                }
            }
        } else if !matches!(self.peek(usize::from(self.peek(0) == Some(&Token::Blank))), Some(Token::Word(word)) if HALVES.contains(&word.as_str()))
        {
            return None;
        }
        let before = self.at;
        self.skip_blank();
        match self.half() {
            Some(is_afternoon) => {
                if !(1..=12).contains(&hour) {
                    return None;
                }
                hour = hour % 12 + if is_afternoon { 12 } else { 0 };
            }
            None => self.at = before,
        }
        // The end of a day is written as its 24th hour.
        if (hour, minute, second) == (24, 0, 0) {
            (hour, minute, second) = (23, 59, 59);
        }
        time_of(hour, minute, second)
    }

    /// Passes over the `h` of `14h05`, `14 h 05`.
    fn skip_hours(&mut self) -> bool {
        let before = self.at;
        self.skip_blank();
        let is_there = self.skip_word(&["h", "heures", "heure"]);
        if !is_there {
            self.at = before;
        }
        is_there
    }

    /// Whether `AM` or `PM` stands here; `None` where neither does.
    fn half(&mut self) -> Option<bool> {
        let is_afternoon = match self.peek(0) {
            Some(Token::Word(word)) if word == "am" || word == "a" => false,
            Some(Token::Word(word)) if word == "pm" || word == "p" => true,
            _ => return None,
        };
        let is_short = matches!(self.peek(0), Some(Token::Word(word)) if word.len() == 1);
        if is_short {
            if self.peek(1) != Some(&Token::Mark('.')) || self.peek(2) != Some(&Token::Word("m".to_owned())) {
                return None;
            }
            self.at += 2;
        }
        self.at += 1;
        self.skip_mark(&['.']);
        Some(is_afternoon)
    }

    /// How far the time is from UTC: `Z`, `UTC`, `+0100`, `GMT+1`, `[Europe/Paris]` behind it is left out. `None` where
    /// something else stands there.
    #[expect(clippy::option_option, reason = "nothing said is not nothing understood")]
    fn offset(&mut self) -> Option<Option<Offset>> {
        self.skip_blank();
        let mut known = None;
        if let Some(Token::Word(word)) = self.peek(0) {
            known = Some(zone_of(word)?);
            self.at += 1;
        }
        let sign = match self.peek(0) {
            Some(Token::Mark('+')) => 1,
            Some(Token::Mark('-')) => -1,
            _ => {
                return known
                    .map(|minutes| Offset::from_seconds(minutes * 60))
                    .transpose()
                    .ok();
            }
        };
        self.at += 1;
        let digits = self.number()?;
        let (hours, minutes) = match digits.len() {
            1 | 2 if self.skip_mark(&[':']) => (digits, self.number()?),
            1 | 2 => (digits, "0".to_owned()),
            4 => (digits[..2].to_owned(), digits[2..].to_owned()),
            _ => return None,
        };
        let minutes = i32::try_from(number(&hours)? * 60 + number(&minutes)?).ok()?;
        Offset::from_seconds(sign * minutes * 60).ok().map(Some)
    }

    /// What stands behind a zone in brackets says no more than it did; `None` where a bracket is not closed.
    fn skip_remarks(&mut self) -> Option<()> {
        self.skip_blank();
        for (open, close) in [('[', ']'), ('(', ')')] {
            if self.skip_mark(&[open]) {
                while !self.skip_mark(&[close]) {
                    self.peek(0)?;
                    self.at += 1;
                }
            }
        }
        Some(())
    }
}

/// What stands behind the number of a day: `1er`, `2nd`.
const ORDINALS: &[&str] = &["er", "re", "eme", "e", "st", "nd", "rd", "th"];
const HALVES: &[&str] = &["am", "pm", "a", "p"];

fn time_of(hour: u32, minute: u32, second: u32) -> Option<Time> {
    // A leap second is one of the minute before.
    let second = if second == 60 { 59 } else { second };
    Time::new(
        i8::try_from(hour).ok()?,
        i8::try_from(minute).ok()?,
        i8::try_from(second).ok()?,
        0,
    )
    .ok()
}

/// `hhmm` or `hhmmss`.
fn compact_time(digits: &str) -> Option<Time> {
    time_of(
        number(digits.get(..2)?)?,
        number(digits.get(2..4)?)?,
        digits.get(4..6).map_or(Some(0), number)?,
    )
}

/// The pieces of `text`; `None` when it is too long to be a date.
fn tokens(text: &str) -> Option<Vec<Token>> {
    let text = text.trim();
    if text.len() > MAX_BYTES {
        return None;
    }
    // Excel keeps a text a text so: `="13/11/2023"`, `'13/11/2023`.
    let text = text.strip_prefix('=').unwrap_or(text).trim_matches('"');
    let text = text.strip_prefix('\'').unwrap_or(text);
    let mut tokens = Vec::new();
    let mut word = String::new();
    let mut digits = String::new();
    for character in text.chars().chain(std::iter::once('\0')) {
        let digit = crate::cents::digit(character);
        if digit.is_none() && !digits.is_empty() {
            tokens.push(Token::Number(std::mem::take(&mut digits)));
        }
        if !character.is_alphabetic() && !is_accent(character) && !word.is_empty() {
            tokens.push(Token::Word(fold(&std::mem::take(&mut word))));
        }
        match character {
            _ if digit.is_some() => digits.extend(digit),
            _ if character.is_alphabetic() || is_accent(character) => word.push(character),
            '\0' => {}
            _ if character.is_whitespace() => {
                if tokens.last() != Some(&Token::Blank) {
                    tokens.push(Token::Blank);
                }
            }
            // Marks of the direction of writing.
            '\u{200b}' | '\u{200e}' | '\u{200f}' | '\u{feff}' => {}
            '\u{2010}'..='\u{2015}' | '\u{2212}' => tokens.push(Token::Mark('-')),
            other => tokens.push(Token::Mark(other)),
        }
    }
    Some(tokens)
}

/// Whether `character` is the accent of the letter before it.
fn is_accent(character: char) -> bool {
    matches!(character, '\u{300}'..='\u{36f}')
}

/// The month and year of `novembre 2023`, `nov-23`.
pub(super) fn named_month(text: &str) -> Option<(u32, u32)> {
    let mut reader = Reader {
        tokens: tokens(text)?,
        at: 0,
        short_year: false,
    };
    let year_first = reader.number();
    if year_first.is_some() && !reader.skip_blank() {
        reader.skip_mark(&['-', '/', '.']);
    }
    let month = reader.month()?;
    let year = if let Some(year) = year_first {
        year
    } else {
        if !reader.skip_blank() {
            reader.skip_mark(&['-', '/']);
        }
        reader.number()?
    };
    let year = reader.year(&year)?;
    reader.is_at_end().then_some((year, month))
}

/// The month of a folded French or English name, or of its usual short forms.
fn month_of(word: &str) -> Option<u32> {
    Some(match word {
        "janvier" | "january" | "janv" | "jan" => 1,
        "fevrier" | "february" | "fevr" | "fev" | "feb" => 2,
        "mars" | "march" | "mar" => 3,
        "avril" | "april" | "avr" | "apr" => 4,
        "mai" | "may" => 5,
        "juin" | "june" | "jun" => 6,
        "juillet" | "july" | "juil" | "jul" => 7,
        "aout" | "august" | "aou" | "aug" => 8,
        "septembre" | "september" | "sept" | "sep" => 9,
        "octobre" | "october" | "oct" => 10,
        "novembre" | "november" | "nov" => 11,
        "decembre" | "december" | "dec" => 12,
        _ => return None,
    })
}

fn is_weekday(word: &str) -> bool {
    const DAYS: [&str; 37] = [
        "lundi",
        "mardi",
        "mercredi",
        "jeudi",
        "vendredi",
        "samedi",
        "dimanche",
        "lun",
        "mer",
        "jeu",
        "ven",
        "sam",
        "dim",
        "monday",
        "tuesday",
        "wednesday",
        "thursday",
        "friday",
        "saturday",
        "sunday",
        "mon",
        "tue",
        "tues",
        "wed",
        "thu",
        "thur",
        "thurs",
        "fri",
        "sat",
        "sun",
        "lu",
        "ma",
        "me",
        "je",
        "ve",
        "sa",
        "di",
    ];
    DAYS.contains(&word)
}

/// How many minutes the time of a zone is from UTC.
fn zone_of(word: &str) -> Option<i32> {
    Some(match word {
        "z" | "utc" | "gmt" | "wet" => 0,
        "cet" | "bst" | "west" => 60,
        "cest" | "eet" => 120,
        "eest" => 180,
        "est" | "cdt" => -300,
        "edt" => -240,
        "cst" | "mdt" => -360,
        "mst" | "pdt" => -420,
        "pst" => -480,
        _ => return None,
    })
}
