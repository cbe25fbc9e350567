//! Jobs: work that was asked for, kept as rows in db-service.
//!
//! | file | what it does |
//! | --- | --- |
//! | `store` | the rows: submit, claim, look up, finish |
//! | `import` | a source into a table, batch by batch |
//! | `batch` | one batch of rows as one transaction |
//! | `undo` | taking back what a cancelled import wrote |
//! | `receiving` | idempotency keys of uploads that are coming in |
//! | `replay` | rejects that come back corrected |
//! | `replace` | rows that take the place of others, all at once |
//! | `fetch` | a source from a URL |
//! | `source` | where the bytes of a source come from |
//!
//! The invariant: nothing about a job is only in memory. A process that dies leaves a row from which
//! another one goes on.

pub(crate) mod batch;
pub(crate) mod fetch;
pub(crate) mod import;
pub(crate) mod receiving;
pub(crate) mod replace;
pub(crate) mod replay;
pub(crate) mod source;
pub(crate) mod store;
pub(crate) mod undo;
