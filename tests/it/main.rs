//! Tests over HTTP, files and a real browser: one binary.
#![expect(clippy::unwrap_used, clippy::expect_used, reason = "tests")]

mod agent;
mod cli;
mod config;
mod credentials;
mod delivery;
mod demo_portal;
mod docs;
mod events;
mod file_sink;
mod http;
mod login;
mod person;
mod phpliteadmin;
mod portal_try;
mod portals;
mod store_damage;
mod store_recovery;
mod store_world;
mod tidy;
mod told;
mod webdriver;
