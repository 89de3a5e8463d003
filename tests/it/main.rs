//! Tests over HTTP, files and a real browser: one binary.
#![expect(clippy::unwrap_used, clippy::expect_used, reason = "tests")]

mod delivery;
mod demo_portal;
mod events;
mod tidy;

mod login;
mod file_sink;
mod store_damage;
mod file_sink;
mod http;
mod tidy;
mod told;

mod config;
mod webdriver;
