//! script-service
