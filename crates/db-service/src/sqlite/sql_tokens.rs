//! The words, names and signs of a statement, as SQLite's tokenizer tells them apart.
//!
//! What is read here decides only whether a statement is refused, so in doubt a token is taken for a name: SQLite reads
//! even a text in single quotes as one where a name is wanted.

use std::borrow::Cow;

/// A token that may matter. Comments, numbers and parameters are left out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Token<'a> {
    /// A keyword or a name without quotes.
    Word(&'a str),
    /// A name in double quotes, backticks or brackets, without them.
    Quoted(Cow<'a, str>),
    /// A text in single quotes, without them.
    Text(Cow<'a, str>),
    /// Any other character.
    Sign(char),
}

impl Token<'_> {
    /// Whether it is this keyword.
    pub(super) fn is(&self, keyword: &str) -> bool {
        matches!(self, Self::Word(word) if word.eq_ignore_ascii_case(keyword))
    }

    /// What it names, if it is a name.
    pub(super) fn name(&self) -> Option<&str> {
        match self {
            Self::Word(name) => Some(name),
            Self::Quoted(name) | Self::Text(name) => Some(name),
            Self::Sign(_) => None,
        }
    }
}

/// The tokens of `sql`.
pub(super) fn tokens(sql: &str) -> Vec<Token<'_>> {
    let mut found = Vec::new();
    let mut rest = sql;
    while let Some(first) = rest.chars().next() {
        let length = match first {
            '-' if rest.starts_with("--") => end_of(rest, 2, "\n"),
            '/' if rest.starts_with("/*") => end_of(rest, 2, "*/"),
            '\'' | '"' | '`' => {
                let (text, length) = unquoted(rest, first);
                found.push(match first {
                    '\'' => Token::Text(text),
                    _ => Token::Quoted(text),
                });
                length
            }
            '[' => {
                let length = end_of(rest, 1, "]");
                found.push(Token::Quoted(rest[1..length].trim_end_matches(']').into()));
                length
            }
            c if c.is_ascii_digit() || matches!(c, ':' | '@' | '#' | '?') => {
                1 + word_length(&rest[1..]).max(usize::from(c == '#'))
            }
            c if is_part_of_word(c) => {
                let length = word_length(rest);
                if c != '$' {
                    found.push(Token::Word(&rest[..length]));
                }
                length
            }
            c => {
                if !c.is_ascii_whitespace() {
                    found.push(Token::Sign(c));
                }
                c.len_utf8()
            }
        };
        rest = rest.get(length..).unwrap_or_default();
    }
    found
}

/// What stands between the parenthesis at `open` and the one that closes it.
pub(super) fn in_parentheses<'t, 's>(tokens: &'t [Token<'s>], open: usize) -> &'t [Token<'s>] {
    let mut depth = 0_usize;
    for (at, token) in tokens.iter().enumerate().skip(open) {
        match token {
            Token::Sign('(') => depth += 1,
            Token::Sign(')') => {
                depth = depth.saturating_sub(1);
                if depth == 0 {
                    return &tokens[open + 1..at];
                }
            }
            _ => {}
        }
    }
    tokens.get(open + 1..).unwrap_or_default()
}

/// The text in quotes that `sql` begins with, and its length with them. A doubled quote stands for one.
fn unquoted(sql: &str, quote: char) -> (Cow<'_, str>, usize) {
    let mut from = 1;
    let mut doubled = false;
    loop {
        match sql[from..].find(quote) {
            None => return (sql[1..].into(), sql.len()),
            Some(at) if sql[from + at + 1..].starts_with(quote) => {
                doubled = true;
                from += at + 2;
            }
            Some(at) => {
                let end = from + at;
                let text = &sql[1..end];
                let text = if doubled {
                    let mut two = [0; 4];
                    let one: &str = quote.encode_utf8(&mut two);
                    text.replace(&one.repeat(2), one).into()
                } else {
                    text.into()
                };
                return (text, end + 1);
            }
        }
    }
}

fn end_of(sql: &str, from: usize, end: &str) -> usize {
    sql.get(from..)
        .and_then(|rest| rest.find(end))
        .map_or(sql.len(), |at| from + at + end.len())
}

fn word_length(sql: &str) -> usize {
    sql.find(|c| !is_part_of_word(c)).unwrap_or(sql.len())
}

fn is_part_of_word(c: char) -> bool {
    c.is_ascii_alphanumeric() || c == '_' || c == '$' || !c.is_ascii()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_read_in_every_way_to_write_them() {
        let sql = "SELECT a, \"b\"\"c\", [d e], `f`, 'g''h' -- i\n/* j */ FROM k.l WHERE m = :n + ?1 + @o + $p + 1e5";

        let names: Vec<String> = tokens(sql)
            .iter()
            .filter_map(|token| token.name().map(str::to_owned))
            .collect();

        assert_eq!(
            names,
            [
                "SELECT", "a", "b\"c", "d e", "f", "g'h", "FROM", "k", "l", "WHERE", "m"
            ]
        );
    }

    #[test]
    fn what_is_never_closed_ends_with_the_text() {
        for sql in ["'a", "\"a", "[a", "/* a", "-- a", "(a"] {
            assert!(tokens(sql).len() <= 2, "{sql}");
        }
        let open = tokens("CHECK (a > (b) AND c");
        assert_eq!(in_parentheses(&open, 1).len(), 7);
        let closed = tokens("CHECK (a > (b)) c");
        assert_eq!(in_parentheses(&closed, 1).len(), 5);
    }
}
