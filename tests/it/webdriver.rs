//! The WebDriver edge against a real headless browser and a small portal with faults.

pub mod fixture;
mod pages;
mod processes;
mod recovery;
mod remote;
mod server;
mod sign_in;
