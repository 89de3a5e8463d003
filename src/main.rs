//! tillwatch: parse, run, exit code. Signals are met here and nowhere else.

use std::process::ExitCode;

use clap::Parser;
use tillwatch::cli::{self, Cli};
use tokio::signal::unix::{SignalKind, signal};

fn main() -> ExitCode {
    let cli = Cli::parse();
    let runtime = match tokio::runtime::Runtime::new() {
        Ok(runtime) => runtime,
        Err(error) => {
            eprintln!("error: failed to start the runtime: {error}");
            return ExitCode::FAILURE;
        }
    };
    let exit = runtime.block_on(cli::run(cli, signalled));
    // A blocking read of a terminal or a stalled pipe must not hold the process back.
    runtime.shutdown_background();
    ExitCode::from(exit.code())
}

/// Completes at SIGINT or SIGTERM, which are listened for from now on; never when they cannot be, as they then end the
/// process.
fn signalled() -> impl Future<Output = ()> {
    let signals = (
        signal(SignalKind::interrupt()),
        signal(SignalKind::terminate()),
    );
    async move {
        let (Ok(mut interrupt), Ok(mut terminate)) = signals else {
            return std::future::pending().await;
        };
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
        }
    }
}
