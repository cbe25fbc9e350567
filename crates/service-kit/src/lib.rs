//! What the services do alike. It knows no word of sales or of SQL.
//!
//! | module | what for |
//! | --- | --- |
//! | [`logging`] | one line per event on standard error, filtered by `RUST_LOG` |
//! | [`serve`](serve()) | accept, answer, drain within a stated time |
//! | [`problem`] | error answers as `application/problem+json` (RFC 9457) |
//! | [`problem_types`] | what their codes mean, and the page that says it |
//! | [`extract`] | `Json`, `Path` and `Query` whose refusals are such answers |
//! | [`faults`] | all that is wrong with a request, each fault with its place |
//! | [`origin`] | refuses what a foreign web page sends to a service on this machine |
//! | [`edge`] | origin, panics, metrics and compression as one layer |
//! | [`metrics`] | requests by route, counted and timed, in Prometheus' text format |
//! | [`probe`](probe()) | asks a service on this machine whether it is ready |
//! | [`docs`] | `/openapi.json` and its explorer, nothing fetched from outside |

pub mod docs;
pub mod edge;
pub mod extract;
pub mod faults;
pub mod logging;
pub mod metrics;
pub mod origin;
mod probe;
pub mod problem;
pub mod problem_types;
mod serve;

pub use probe::probe;
pub use serve::{STALL, serve, stop_signal};
