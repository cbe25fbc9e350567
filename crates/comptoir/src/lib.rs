//! The command line of Comptoir, and the parts it puts together.

pub mod generate;
