//! How long after the portal shows a payment its line is on standard output, on one login.
//!
//! `cargo bench --bench delay [-- --for 120s --poll 2s]` runs `tillwatch demo` and prints its percentiles beside
//! their bounds: p50 ≤ interval / 2 + 0.5 s, p99 ≤ interval + 1 s. A measurement, not a test: a busy machine is slower.
#![expect(clippy::unwrap_used, reason = "a benchmark")]

#[path = "measure/args.rs"]
mod args;

use std::process::{Command, ExitCode, Stdio};
use std::time::Duration;

use args::Args;
use serde_json::Value;

fn main() -> ExitCode {
    let Some(args) = Args::of("delay") else {
        return ExitCode::SUCCESS;
    };
    let (lasting, poll) = (args.value("--for", "120s"), args.value("--poll", "2s"));
    let interval = humantime::parse_duration(&poll).unwrap();
    let dir = tempfile::tempdir().unwrap();
    let summary = dir.path().join("summary.json");
    let ended = Command::new(env!("CARGO_BIN_EXE_tillwatch"))
        .args(["demo", "--for", &lasting, "--poll", &poll, "--summary"])
        .arg(&summary)
        .stdout(Stdio::null())
        .status()
        .unwrap();
    if !ended.success() {
        return ExitCode::FAILURE;
    }
    let text = std::fs::read_to_string(&summary).unwrap();
    let summary: Value = serde_json::from_str(&text).unwrap();
    println!("{text}");
    let bounds = [
        ("p50", interval / 2 + Duration::from_millis(500)),
        ("p99", interval + Duration::from_secs(1)),
    ];
    for (name, bound) in bounds {
        let (measured, bound) = (&summary["delay_ms"][name], bound.as_millis());
        println!("{name}: {measured} ms, bound {bound} ms at a poll interval of {poll}");
    }
    ExitCode::SUCCESS
}
