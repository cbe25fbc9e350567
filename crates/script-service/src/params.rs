//! Parameters of statements.

use db_client::db_api::{Params, Value};

/// `values` bound to `?1`, `?2`, .. in this order.
pub(crate) fn positional<const N: usize>(values: [Value; N]) -> Params {
    Params::Positional(values.into())
}
