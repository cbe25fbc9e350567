//! db-service as its callers meet it: a real service, over HTTP.

mod bulk;
mod control;
mod hrana;
mod http;
mod operations;
mod rights;
mod schema;
mod statements;
mod streams;
mod values;
mod writes;
