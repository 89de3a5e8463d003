//! One line on a terminal's standard error, drawn over itself.

use std::io::{IsTerminal, Write};

/// Draws the line, or says nothing where standard error is no terminal.
#[derive(Debug)]
pub struct StatusLine {
    on_terminal: bool,
}

impl StatusLine {
    /// Looks what standard error is.
    #[must_use]
    pub fn new() -> Self {
        Self {
            on_terminal: std::io::stderr().is_terminal(),
        }
    }

    /// Is there a line?
    #[must_use]
    pub fn is_on(&self) -> bool {
        self.on_terminal
    }

    /// Draws it anew.
    pub fn draw(&self, line: &str) {
        if self.on_terminal {
            // A terminal that is gone ends the program by its signal, not by this line.
            // The cursor goes back to the first column, so that a log line or a payment takes this line's place.
            let _gone = write!(std::io::stderr(), "\r\x1b[2K{line}\r");
            let _gone = std::io::stderr().flush();
        }
    }

    /// Leaves the line, so that what follows begins below it.
    pub fn end(&self) {
        if self.on_terminal {
            let _gone = writeln!(std::io::stderr(), "\r\x1b[2K");
        }
    }
}

impl Default for StatusLine {
    fn default() -> Self {
        Self::new()
    }
}
