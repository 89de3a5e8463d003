//! Where log lines go: standard error, plain or JSON, our own targets only unless asked otherwise.

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

/// Starts logging to standard error, our own targets at `level`.
///
/// Other crates stay at `warn` whatever `level` says: at `trace` an HTTP client prints what it sends to the
/// WebDriver, and that is where secrets are typed.
pub fn start(level: LevelFilter, format: LogFormat) {
    let directives = format!("warn,tillwatch={level}");
    let filter =
        EnvFilter::try_new(&directives).unwrap_or_else(|_| EnvFilter::new("warn,tillwatch=info"));
    let builder = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_target(false)
        .with_writer(BoxMakeWriter::new(std::io::stderr));
    // A second start keeps the first subscriber: tests share one process.
    let _already_started = match format {
        LogFormat::Text => builder
            .with_ansi(std::io::IsTerminal::is_terminal(&std::io::stderr()))
            .try_init(),
        LogFormat::Json => builder.json().try_init(),
    };
}
