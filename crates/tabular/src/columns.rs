//! What a table looks like to whoever wants it read: its columns, their meaning and the headers they go by.

/// What a column's text means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A whole number.
    Integer,
    /// The key of a row of another table, which this names. Whether there is such a row is for the caller to say.
    Reference(&'static str),
    /// A day.
    Date,
    /// A month.
    Month,
    /// An amount of money.
    Cents,
    /// Text.
    Text,
}

/// A column that is looked for in a source.
#[derive(Debug)]
pub struct Column {
    /// The name in files and in requests.
    pub name: &'static str,
    /// The name under which its values are stored; nothing here looks at it.
    pub stored_as: &'static str,
    /// What its text means.
    pub kind: Kind,
    /// Whether every row needs a value.
    pub required: bool,
    /// Other headers it is known by, folded as [`fold`](crate::header::fold) does.
    pub synonyms: &'static [&'static str],
}

/// A table that is looked for in a source.
#[derive(Debug)]
pub struct Spec {
    /// The name under which it is stored, and by which messages call it.
    pub stored_as: &'static str,
    /// Its columns, in the order of its rows.
    pub columns: &'static [Column],
    /// How many of the first columns are the key.
    pub key: usize,
    /// Whether a header is one that such a table has, where its columns' names and synonyms are not all that is
    /// known: it finds the header line and the delimiter, and says nothing of which column it is.
    pub knows_header: Option<fn(&str) -> bool>,
}
