//! The paths of db-service, each said once.

/// One read-only statement.
pub const QUERY: &str = "/v1/query";
/// One statement that may write.
pub const EXECUTE: &str = "/v1/execute";
/// A list of statements in one transaction, or each by itself.
pub const BATCH: &str = "/v1/batch";
/// The query plan of a statement, as a tree.
pub const EXPLAIN: &str = "/v1/explain";
/// The list of tables and views.
pub const TABLES: &str = "/v1/tables";
/// One table's schema.
pub const TABLE: &str = "/v1/tables/{table}";
/// Bulk insert into one table.
pub const TABLE_ROWS: &str = "/v1/tables/{table}/rows";
/// The running statements.
pub const QUERIES: &str = "/v1/queries";
/// One running statement, to be stopped.
pub const RUNNING_QUERY: &str = "/v1/queries/{id}";
/// The limits in force.
pub const LIMITS: &str = "/v1/limits";
/// A consistent copy of the database.
pub const BACKUP: &str = "/v1/backup";
/// Hrana over HTTP, version 2, pipeline.
pub const HRANA_V2_PIPELINE: &str = "/v2/pipeline";
/// Hrana over HTTP, version 3, pipeline.
pub const HRANA_V3_PIPELINE: &str = "/v3/pipeline";
/// Hrana over HTTP, version 3, cursor.
pub const HRANA_V3_CURSOR: &str = "/v3/cursor";
/// Liveness.
pub const HEALTHZ: &str = "/healthz";
/// Readiness.
pub const READYZ: &str = "/readyz";
/// Metrics in Prometheus' text format.
pub const METRICS: &str = "/metrics";
/// The contract.
pub const OPENAPI: &str = "/openapi.json";
/// The explorer of the contract.
pub const DOCS: &str = "/docs";

/// The request header that makes a repeated write safe.
pub const IDEMPOTENCY_KEY: &str = "idempotency-key";
/// Set to `true` on an answer that was given before for the same key.
pub const IDEMPOTENT_REPLAYED: &str = "idempotent-replayed";
