//! Tests over HTTP, files and a real browser: one binary.

mod events;
mod file_sink;
mod told;
