//! Why a record is not taken: a stable code for programs, words for people.

use serde::{Deserialize, Serialize};
use std::fmt;
use tabular::Unreadable;
use utoipa::ToSchema;

/// Why a record is not taken. The names are stable.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum FaultCode {
    /// More or fewer fields than the header has.
    WrongFieldCount,
    /// No whole number, or one out of range.
    BadInteger,
    /// No amount of money.
    BadAmount,
    /// No date, or one that the calendar lacks.
    BadDate,
    /// A required field is empty.
    MissingValue,
    /// The product is not known.
    UnknownProduct,
    /// The store is not known.
    UnknownStore,
    /// An earlier record of the source has the same key.
    DuplicateKeyInFile,
    /// The key is in the database already, and the mode only appends.
    DuplicateKey,
    /// Bytes that are not characters in the source's encoding.
    BadEncoding,
    /// A quote that no other closes.
    UnterminatedQuote,
    /// Not a JSON object.
    BadJson,
    /// Longer than a record may be.
    RecordTooLong,
    /// No quantity.
    BadQuantity,
    /// Several products have the name.
    AmbiguousProduct,
    /// Several stores have the name.
    AmbiguousStore,
    /// Another currency than that of the sales.
    OtherCurrency,
}

impl FaultCode {
    /// The name on the wire.
    #[must_use]
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::WrongFieldCount => "wrong_field_count",
            Self::BadInteger => "bad_integer",
            Self::BadAmount => "bad_amount",
            Self::BadDate => "bad_date",
            Self::MissingValue => "missing_value",
            Self::UnknownProduct => "unknown_product",
            Self::UnknownStore => "unknown_store",
            Self::DuplicateKeyInFile => "duplicate_key_in_file",
            Self::DuplicateKey => "duplicate_key",
            Self::BadEncoding => "bad_encoding",
            Self::UnterminatedQuote => "unterminated_quote",
            Self::BadJson => "bad_json",
            Self::RecordTooLong => "record_too_long",
            Self::BadQuantity => "bad_quantity",
            Self::AmbiguousProduct => "ambiguous_product",
            Self::AmbiguousStore => "ambiguous_store",
            Self::OtherCurrency => "other_currency",
        }
    }
}

impl From<Unreadable> for FaultCode {
    fn from(why: Unreadable) -> Self {
        match why {
            Unreadable::UnterminatedQuote => Self::UnterminatedQuote,
            Unreadable::RecordTooLong => Self::RecordTooLong,
            Unreadable::BadEncoding => Self::BadEncoding,
            Unreadable::BadJson => Self::BadJson,
        }
    }
}

impl fmt::Display for FaultCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A fault of one record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct RecordFault {
    /// The column of the table at fault, when one is.
    pub column: Option<&'static str>,
    /// The text found there.
    pub value: Option<String>,
    /// What is wrong.
    pub code: FaultCode,
    /// The same in words.
    pub message: String,
}

impl RecordFault {
    /// A fault of the record as a whole.
    pub(crate) fn of_record(code: FaultCode, message: impl Into<String>) -> Self {
        Self {
            column: None,
            value: None,
            code,
            message: message.into(),
        }
    }

    /// A fault of one field.
    pub(crate) fn of_field(
        column: &'static str,
        value: &str,
        code: FaultCode,
        message: impl Into<String>,
    ) -> Self {
        Self {
            column: Some(column),
            value: Some(value.to_owned()),
            code,
            message: message.into(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_name_of_a_code_is_its_json() {
        for code in [
            FaultCode::WrongFieldCount,
            FaultCode::DuplicateKeyInFile,
            FaultCode::BadJson,
        ] {
            assert_eq!(serde_json::to_value(code).unwrap(), code.as_str());
        }
    }
}
