//! db-service
