//! Tests over HTTP, files and a real browser: one binary.
#![expect(clippy::unwrap_used, clippy::expect_used, reason = "tests")]

mod config;
mod delivery;
mod demo_portal;
mod events;
mod file_sink;
mod http;
mod login;
mod store_damage;
mod tidy;
mod told;
mod webdriver;
