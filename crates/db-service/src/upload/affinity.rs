//! What the declared type of a column makes of values.

use db_api::Table;
use std::collections::HashMap;

/// The affinity of a column (<https://www.sqlite.org/datatype3.html>).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Affinity {
    Text,
    Integer,
    Real,
    Numeric,
    /// No affinity, in a column that is declared for blobs.
    Blob,
    /// No affinity.
    None,
}

/// The affinities of a table's columns, by name in lower case.
#[derive(Debug)]
pub(super) struct Affinities(HashMap<String, Affinity>);

impl Affinities {
    /// Those of `table`.
    pub(super) fn of(table: &Table) -> Self {
        let affinities = table.columns.iter().map(|column| {
            (
                column.name.to_ascii_lowercase(),
                Affinity::of(&column.declared_type, table.strict),
            )
        });
        Self(affinities.collect())
    }

    /// That of `column`; none when there is no such column.
    pub(super) fn get(&self, column: &str) -> Option<Affinity> {
        self.0.get(&column.to_ascii_lowercase()).copied()
    }
}

impl Affinity {
    /// By SQLite's rules; `ANY` is a type of its own in a `STRICT` table only.
    pub(super) fn of(declared: &str, strict: bool) -> Self {
        let declared = declared.to_ascii_uppercase();
        let has = |part: &str| declared.contains(part);
        if has("INT") {
            Self::Integer
        } else if has("CHAR") || has("CLOB") || has("TEXT") {
            Self::Text
        } else if has("BLOB") {
            Self::Blob
        } else if declared.is_empty() || strict && declared == "ANY" {
            Self::None
        } else if has("REAL") || has("FLOA") || has("DOUB") {
            Self::Real
        } else {
            Self::Numeric
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_rules_are_those_of_sqlite() {
        let of = |declared| Affinity::of(declared, false);

        assert_eq!(of("BIGINT"), Affinity::Integer);
        assert_eq!(of("varchar(10)"), Affinity::Text);
        assert_eq!(of("CHARINT"), Affinity::Integer);
        assert_eq!(of("blob"), Affinity::Blob);
        assert_eq!(of(""), Affinity::None);
        assert_eq!(of("DOUBLE PRECISION"), Affinity::Real);
        assert_eq!(of("DECIMAL(10,2)"), Affinity::Numeric);
        assert_eq!(of("ANY"), Affinity::Numeric);
        assert_eq!(Affinity::of("ANY", true), Affinity::None);
    }
}
