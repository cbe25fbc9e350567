//! From the records of a source to rows of our tables. Reading the source itself is the crate `tabular`.
//!
//! | file | what it does |
//! | --- | --- |
//! | `tables` | our tables: columns, keys, the headers they go by |
//! | `rows` | the second pass: records to rows, or faults |
//! | `fault` | why a record is not taken |
//! | `ids` | keys that were seen, keys that may be referred to |
//! | `corrections` | rejects that come back, as text that is read again |
//! | `preview` | both passes over the beginning of a source |

pub(crate) mod corrections;
pub(crate) mod fault;
pub(crate) mod ids;
pub(crate) mod preview;
pub(crate) mod rows;
pub(crate) mod tables;
