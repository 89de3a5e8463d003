//! Tests over HTTP, files and a real browser: one binary.
#![expect(clippy::unwrap_used, clippy::expect_used, reason = "tests")]

mod delivery;
mod config;
mod demo_portal;
mod events;
mod file_sink;
mod login;
mod store_damage;
mod file_sink;
mod tidy;
mod told;
mod webdriver;
