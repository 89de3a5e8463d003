//! Where log lines go: standard error, plain or JSON, our own targets only unless asked otherwise.

use std::io::{self, IsTerminal, Write};

use tracing::level_filters::LevelFilter;
use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt::writer::BoxMakeWriter;

/// How log lines are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum LogFormat {
    /// For people.
    Text,
    /// One JSON object per line, for collectors.
    Json,
}

/// One event, written in place of the status line.
struct OverStatusLine {
    begun: bool,
}

impl Write for OverStatusLine {
    fn write(&mut self, event: &[u8]) -> io::Result<usize> {
        let mut stderr = io::stderr().lock();
        if !std::mem::replace(&mut self.begun, true) {
            stderr.write_all(b"\r\x1b[2K")?;
        }
        stderr.write(event)
    }

    fn flush(&mut self) -> io::Result<()> {
        io::stderr().flush()
    }
}

/// Starts logging to standard error, our own targets at `level`.
///
/// Other crates stay at `warn` whatever `level` says: at `trace` an HTTP client prints what it sends to the
/// WebDriver, and that is where secrets are typed.
pub fn start(level: LevelFilter, format: LogFormat) {
    let directives = format!("warn,tillwatch={level}");
    let filter =
        EnvFilter::try_new(&directives).unwrap_or_else(|_| EnvFilter::new("warn,tillwatch=info"));
    let is_terminal = io::stderr().is_terminal();
    let builder = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_target(false)
        .with_writer(if is_terminal {
            BoxMakeWriter::new(|| OverStatusLine { begun: false })
        } else {
            BoxMakeWriter::new(io::stderr)
        });
    // A second start keeps the first subscriber: tests share one process.
    let _already_started = match format {
        LogFormat::Text => builder.with_ansi(is_terminal).try_init(),
        LogFormat::Json => builder.json().try_init(),
    };
}
