//! db-client
