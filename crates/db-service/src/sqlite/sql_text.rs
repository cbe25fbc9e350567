//! What a statement's text begins with: enough to know what cannot run inside a shared transaction.

use crate::engine::EngineError;

/// What a statement needs of the transaction around it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Need {
    /// There is no statement.
    Empty,
    /// Nothing special.
    Ordinary,
    /// It begins, ends or marks a transaction.
    TransactionControl,
    /// It must run outside of any transaction: `VACUUM`, `ATTACH`, `DETACH`, `PRAGMA`.
    Outside,
}

/// What the statement that `sql` begins with needs.
pub(crate) fn need(sql: &str) -> Need {
    let word = first_word(sql);
    let is = |keyword: &str| word.eq_ignore_ascii_case(keyword);
    if word.is_empty() && without_blanks(sql).is_empty() {
        Need::Empty
    } else if ["BEGIN", "COMMIT", "END", "ROLLBACK", "SAVEPOINT", "RELEASE"]
        .into_iter()
        .any(is)
    {
        Need::TransactionControl
    } else if ["VACUUM", "ATTACH", "DETACH", "PRAGMA"].into_iter().any(is) {
        Need::Outside
    } else {
        Need::Ordinary
    }
}

/// Refuses a text with a NUL: SQLite reads no further, and would run what stands before it.
pub(crate) fn refuse_nul(sql: &str) -> Result<(), EngineError> {
    match sql.find('\0') {
        None => Ok(()),
        Some(at) => Err(EngineError::Sql {
            message: "the statement holds a NUL character; pass text that holds one as a parameter"
                .to_owned(),
            sqlite_code: "SQLITE_ERROR",
            offset: Some(at as u64),
        }),
    }
}

/// Whether all that the statement can change are rows, which SQLite counts.
pub(crate) fn changes_rows_only(sql: &str) -> bool {
    let word = first_word(sql);
    [
        "INSERT", "UPDATE", "DELETE", "REPLACE", "SELECT", "WITH", "VALUES", "EXPLAIN",
    ]
    .iter()
    .any(|keyword| word.eq_ignore_ascii_case(keyword))
}

/// How many words of `sql` begin a query; those in texts and comments may be counted too. A text that is too short for
/// more than `most` is not looked at.
pub(crate) fn selects(sql: &str, most: u64) -> u64 {
    const SHORTEST: usize = "SELECT".len();
    if (sql.len() / SHORTEST) as u64 <= most {
        return 0;
    }
    let words = sql.split(|c: char| !is_name(c));
    words
        .filter(|word| word.eq_ignore_ascii_case("SELECT") || word.eq_ignore_ascii_case("VALUES"))
        .count() as u64
}

/// Whether a statement that writes may give rows: false only when it cannot.
pub(crate) fn may_return_rows(sql: &str) -> bool {
    const CLAUSE: &[u8] = b"RETURNING";
    sql.as_bytes()
        .windows(CLAUSE.len())
        .any(|part| part.eq_ignore_ascii_case(CLAUSE))
}

/// The first keyword of `sql`, after blanks, comments and empty statements; empty when there is none.
pub(crate) fn first_word(sql: &str) -> &str {
    let rest = without_blanks(sql);
    let end = rest
        .find(|c: char| !c.is_ascii_alphabetic())
        .unwrap_or(rest.len());
    &rest[..end]
}

/// How a statement ends a transaction.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum TransactionEnd {
    /// `COMMIT` or `END`.
    Commit,
    /// `ROLLBACK`, but not to a savepoint.
    Rollback,
}

/// Whether `sql` ends a transaction, whatever savepoints it has.
pub(crate) fn transaction_end(sql: &str) -> Option<TransactionEnd> {
    let first = first_word(sql);
    let is = |keyword: &str| first.eq_ignore_ascii_case(keyword);
    if is("COMMIT") || is("END") {
        return Some(TransactionEnd::Commit);
    }
    let mut rest = without_blanks(sql);
    let mut to_savepoint = false;
    while !rest.is_empty() {
        let (_, length) = token(rest);
        to_savepoint |= rest[..length].eq_ignore_ascii_case("TO");
        rest = &rest[length..];
    }
    (is("ROLLBACK") && !to_savepoint).then_some(TransactionEnd::Rollback)
}

/// The statements of `sql`, split at the semicolons that end them: not those in strings, comments or the body of
/// a trigger. What is only blank or comment is left out.
pub(crate) fn statements(sql: &str) -> Vec<&str> {
    let mut found = Vec::new();
    let mut state = Position::Start;
    let mut begin = 0;
    let mut rest = sql;
    while !rest.is_empty() {
        let (token, length) = token(rest);
        rest = &rest[length..];
        state = state.after(token);
        if token == Token::Semicolon && state == Position::Start {
            let end = sql.len() - rest.len();
            found.push(&sql[begin..end]);
            begin = end;
        }
    }
    found.push(&sql[begin..]);
    found.retain(|statement| need(statement) != Need::Empty);
    found
}

/// Where in a statement a token stands, as far as it decides whether a semicolon ends the statement.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Position {
    Start,
    Ordinary,
    Explain,
    Create,
    Trigger,
    TriggerSemicolon,
    TriggerEnd,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Token {
    Semicolon,
    Blank,
    Explain,
    Create,
    Temp,
    Trigger,
    End,
    Other,
}

impl Position {
    fn after(self, token: Token) -> Self {
        match (self, token) {
            (_, Token::Blank) => self,
            (Self::Trigger | Self::TriggerSemicolon, Token::Semicolon) => Self::TriggerSemicolon,
            (_, Token::Semicolon) => Self::Start,
            (Self::Start, Token::Explain) | (Self::Explain, Token::Other) => Self::Explain,
            (Self::Start | Self::Explain, Token::Create) | (Self::Create, Token::Temp) => Self::Create,
            (Self::TriggerSemicolon, Token::End) => Self::TriggerEnd,
            (Self::Create, Token::Trigger)
            | (Self::Trigger | Self::TriggerSemicolon | Self::TriggerEnd, _) => Self::Trigger,
            _ => Self::Ordinary,
        }
    }
}

/// The first token of `sql`, which is not empty, and its length in bytes.
fn token(sql: &str) -> (Token, usize) {
    let upto = |from: usize, end: &str| {
        sql.get(from..)
            .and_then(|rest| rest.find(end))
            .map_or(sql.len(), |at| from + at + end.len())
    };
    let Some(first) = sql.chars().next() else {
        return (Token::Blank, 0);
    };
    match first {
        ';' => (Token::Semicolon, 1),
        '-' if sql.starts_with("--") => (Token::Blank, upto(2, "\n")),
        '/' if sql.starts_with("/*") => (Token::Blank, upto(2, "*/")),
        // A doubled quote ends one string and begins the next, which comes to the same.
        '\'' => (Token::Other, upto(1, "'")),
        '"' => (Token::Other, upto(1, "\"")),
        '`' => (Token::Other, upto(1, "`")),
        '[' => (Token::Other, upto(1, "]")),
        c if c.is_ascii_whitespace() => (Token::Blank, 1),
        c if is_name(c) => {
            let end = sql.find(|c| !is_name(c)).unwrap_or(sql.len());
            let word = &sql[..end];
            let keywords = [
                ("EXPLAIN", Token::Explain),
                ("CREATE", Token::Create),
                ("TEMP", Token::Temp),
                ("TEMPORARY", Token::Temp),
                ("TRIGGER", Token::Trigger),
                ("END", Token::End),
            ];
            let token = keywords
                .iter()
                .find(|(keyword, _)| word.eq_ignore_ascii_case(keyword))
                .map_or(Token::Other, |(_, token)| *token);
            (token, end)
        }
        c => (Token::Other, c.len_utf8()),
    }
}

fn is_name(c: char) -> bool {
    c.is_ascii_alphanumeric() || c == '_' || c == '$' || !c.is_ascii()
}

/// `sql` from its first character that is neither blank, comment nor `;`.
fn without_blanks(sql: &str) -> &str {
    let mut rest = sql;
    loop {
        rest = rest.trim_start_matches(|c: char| c.is_ascii_whitespace() || c == ';' || c == '\u{feff}');
        if let Some(comment) = rest.strip_prefix("--") {
            rest = comment.find('\n').map_or("", |end| &comment[end..]);
        } else if let Some(comment) = rest.strip_prefix("/*") {
            rest = comment.find("*/").map_or("", |end| &comment[end + 2..]);
        } else {
            return rest;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn comments_hide_nothing() {
        assert_eq!(need("/* a */ -- b\n ; begin immediate"), Need::TransactionControl);
        assert_eq!(need("\n\tVACUUM"), Need::Outside);
        assert_eq!(need("pragma(x)"), Need::Outside);
        assert_eq!(need("SELECT 1"), Need::Ordinary);
        assert_eq!(need("(SELECT 1)"), Need::Ordinary);
        assert_eq!(need("beginning"), Need::Ordinary);
    }

    #[test]
    fn statements_end_at_semicolons_outside_of_strings_comments_and_triggers() {
        let trigger = " CREATE TEMP TRIGGER a AFTER INSERT ON t BEGIN SELECT 'end;'; SELECT 2; END;";
        let sql = format!("SELECT ';', \"a;b\", [c;d] -- ;\n;/* ; */;{trigger} INSERT INTO é VALUES (1)");

        assert_eq!(
            statements(&sql),
            [
                "SELECT ';', \"a;b\", [c;d] -- ;\n;",
                trigger,
                " INSERT INTO é VALUES (1)"
            ]
        );
        assert!(statements(" ; -- nothing").is_empty());
        assert_eq!(
            statements("EXPLAIN QUERY PLAN SELECT 1; CREATE TABLE trigger_a (b)").len(),
            2
        );
    }

    #[test]
    fn only_comments_are_no_statement() {
        for sql in ["", " ; ;", "-- only", "/* never closed"] {
            assert_eq!(need(sql), Need::Empty, "{sql}");
        }
    }
}
