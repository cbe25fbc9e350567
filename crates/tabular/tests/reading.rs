//! Files as people have them, read from their first byte to their values.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

#[path = "reading/manners.rs"]
mod manners;
#[path = "reading/support.rs"]
mod support;
#[path = "reading/workbooks.rs"]
mod workbooks;
