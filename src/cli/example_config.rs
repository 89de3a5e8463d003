//! `tillwatch example-config`: a commented tillwatch.toml that passes `check`.

use std::io::Write as _;

use crate::exit::Exit;

/// The text. Its commented defaults are compared with the real ones in `tests/it/config.rs`.
pub const EXAMPLE: &str = include_str!("example.toml");

/// Prints it.
#[must_use]
pub fn run() -> Exit {
    match std::io::stdout().lock().write_all(EXAMPLE.as_bytes()) {
        Ok(()) => Exit::Ok,
        Err(_) => Exit::StdoutClosed,
    }
}
