//! Where events go.

pub mod file;
pub mod stdout;
