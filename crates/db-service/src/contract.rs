//! The errors that each kind of route can give, for the contract. A route names one of these among its responses.
//!
//! The tests compare every answer that they get with the contract, so a code that is missing here is found.

use crate::error::{hrana_types, problem_type};
use db_api::ErrorCode::{
    self, AnswerNotKept, Cancelled, ConstraintViolation, DatabaseDamaged, DatabaseLost, DiskFull, Forbidden,
    IdempotencyConflict, IdempotencyMismatch, Internal, InvalidParameters, InvalidRequest, InvalidRows,
    InvalidSql, NotAcceptable, NotFound, Overloaded, PreconditionFailed, ReadOnly, ResultTooLarge,
    ShuttingDown, SnapshotTooOld, StatementTimeout, TooLarge, Unauthorized, UnsupportedMediaType,
    UploadTimeout,
};
use service_kit::contract::{errors, errors_in};
use std::collections::BTreeMap;
use utoipa::IntoResponses;
use utoipa::openapi::{RefOr, Response};

/// Of a service that may be closed to the caller, busy or about to stop.
const ANY: &[ErrorCode] = &[Unauthorized, Overloaded, ShuttingDown, DatabaseDamaged, Internal];
/// Of parameters.
const ASKED: &[ErrorCode] = &[InvalidRequest];
/// Of a body.
const BODY: &[ErrorCode] = &[InvalidRequest, TooLarge, UploadTimeout];
/// Of a statement, whatever it does.
const STATEMENT: &[ErrorCode] = &[
    InvalidSql,
    InvalidParameters,
    Forbidden,
    ReadOnly,
    StatementTimeout,
    Cancelled,
    TooLarge,
    ResultTooLarge,
    SnapshotTooOld,
    DiskFull,
];
/// Of a write.
const WRITE: &[ErrorCode] = &[
    ConstraintViolation,
    IdempotencyConflict,
    AnswerNotKept,
    IdempotencyMismatch,
    DatabaseLost,
    DiskFull,
];

/// Makes the types that routes name, from lists of codes.
macro_rules! errors {
    ($($(#[$doc:meta])* $name:ident: $($codes:expr),+;)*) => {$(
        $(#[$doc])*
        pub(crate) struct $name;

        impl IntoResponses for $name {
            fn responses() -> BTreeMap<String, RefOr<Response>> {
                let lists: &[&[ErrorCode]] = &[$($codes),+];
                errors(lists.concat().into_iter().map(problem_type))
            }
        }
    )*};
}

errors! {
    /// A route that shows what the service knows by itself.
    OfService: ANY;
    /// A route for administrators.
    OfAdministration: ANY, ASKED, &[Forbidden, NotFound];
    /// The list of tables.
    OfTables: ANY, &[StatementTimeout];
    /// One table.
    OfTable: ANY, ASKED, &[Forbidden, NotFound, StatementTimeout];
    /// A statement in the query string.
    OfQuery: ANY, ASKED, STATEMENT, &[NotAcceptable];
    /// A statement in a body.
    OfStatement: ANY, BODY, STATEMENT, &[NotAcceptable];
    /// Statements that write.
    OfWrite: ANY, BODY, STATEMENT, WRITE, &[PreconditionFailed];
    /// Rows in bulk.
    OfRows: ANY, BODY, WRITE, &[
        InvalidSql, Forbidden, NotFound, UnsupportedMediaType, InvalidRows, StatementTimeout, Cancelled
    ];
    /// A copy of the database.
    OfBackup: ANY, ASKED, &[Forbidden, Cancelled, StatementTimeout, SnapshotTooOld, DatabaseLost, DiskFull];
}

/// A request of the Hrana protocol that is refused as a whole.
pub(crate) struct OfHrana;

impl IntoResponses for OfHrana {
    fn responses() -> BTreeMap<String, RefOr<Response>> {
        let of_engine = [ANY, BODY, STATEMENT, WRITE].concat();
        errors_in("application/json", "HranaError", hrana_types(&of_engine))
    }
}
