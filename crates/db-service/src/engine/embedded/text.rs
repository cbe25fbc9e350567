//! What a statement's text begins with: enough to know what cannot run inside a shared transaction.

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

/// The first keyword of `sql`, after blanks, comments and empty statements; empty when there is none.
pub(crate) fn first_word(sql: &str) -> &str {
    let rest = without_blanks(sql);
    let end = rest
        .find(|c: char| !c.is_ascii_alphabetic())
        .unwrap_or(rest.len());
    &rest[..end]
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
    fn only_comments_are_no_statement() {
        for sql in ["", " ; ;", "-- only", "/* never closed"] {
            assert_eq!(need(sql), Need::Empty, "{sql}");
        }
    }
}
