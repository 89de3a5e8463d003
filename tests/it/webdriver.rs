//! The WebDriver edge against a real headless browser and a small portal with faults.

pub mod fixture;
mod kept;
mod pages;
mod processes;
mod recovery;
pub mod remote;
mod server;
mod sign_in;
