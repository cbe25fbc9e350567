//! What must not be read in clear: credentials and signatures in addresses, and who buys.
//!
//! | file | what it does |
//! | --- | --- |
//! | `key` | the key of the service, in a file of its own |
//! | `addresses` | what of an address may be shown, and the rest of it sealed |
//! | `requests` | the addresses in a request for a job |
//! | `buyers` | pseudonyms |

pub(crate) mod addresses;
pub(crate) mod buyers;
pub(crate) mod key;
pub(crate) mod requests;

pub(crate) use key::{Key, KeyError};
