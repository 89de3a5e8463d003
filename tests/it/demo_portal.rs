//! The demo portal as a reader of its pages meets it, against what it says really happened.

mod access;
mod breakage;
mod fixtures;
mod statement;
pub mod visitor;
