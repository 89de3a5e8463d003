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
mod portal_diff;
mod portal_lint;
mod portal_new;
mod portal_record;
mod portal_test;
mod portal_try;
mod portals;
mod selector_keys;
mod store_damage;
mod store_recovery;
mod store_world;
mod tidy;
mod told;
mod traps;
mod tutorial;
mod webdriver;
