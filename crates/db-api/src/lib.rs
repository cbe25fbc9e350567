//! db-api
