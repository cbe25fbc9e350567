//! What services do alike. It knows no word of what they are about.
//!
//! A service hands over its routes, the codes of its errors and its limits as a [`Service`], which serves them; its
//! `main` is [`program`](program()).
//!
//! | module | what for |
//! | --- | --- |
//! | [`service`] | listener, edge, health, documentation and problem page, put together |
//! | [`program`](program()) | the `main` of a service: log, settings, listener, probe |
//! | [`logging`] | one line per event on standard error, filtered by `RUST_LOG` |
//! | [`problem`] | error answers as `application/problem+json` (RFC 9457) |
//! | [`problem_types`] | what their codes mean, and the page that says it |
//! | [`contract`] | what the contracts of all services say alike |
//! | [`extract`] | bodies and `Path` whose refusals are such answers |
//! | [`validation`] | all that is wrong with a request, each fault with its place |
//! | [`negotiation`] | which form of an answer a client wants, and whether it has it already |
//! | [`origin`] | refuses what a foreign web page sends to a service on this machine |
//! | `serve` | accepts, answers, drains; limits for slow clients and for many |
//! | `edge` | what every request passes, as one layer: origin, panics, metrics, headers, compression |
//! | [`language`] | in which language a caller reads |
//! | `codings` | in which codings a client takes an answer |
//! | [`metrics`] | requests by route, counted and timed, in Prometheus' text format |
//! | `health` | `/healthz`, `/readyz`, `/metrics` |
//! | [`probe`](probe()) | asks a service on this machine whether it is ready |
//! | `docs` | `/openapi.json` and its explorer, nothing fetched from outside |

mod codings;
pub mod contract;
mod docs;
mod edge;
pub mod extract;
mod health;
pub mod language;
pub mod logging;
pub mod metrics;
pub mod negotiation;
pub mod origin;
mod probe;
pub mod problem;
pub mod problem_types;
mod program;
mod serve;
pub mod service;
pub mod validation;

pub use probe::probe;
pub use program::{Settings, Stop, program, take_handles};
pub use serve::{ClientAddress, stop_signal};
pub use service::{Limits, Service};

use serve::serve;
