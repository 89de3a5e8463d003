//! The command line.

pub mod check;
pub mod example_config;
pub mod healthcheck;
