//! Runs seeds, each on a runtime of its own with paused time, as many at once as there are cores.

use std::ops::Range;
use std::path::Path;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::oracle::{Verdict, judge};
use crate::profile::Profile;
use crate::totals::Totals;
use crate::world::{Outcome, live};

fn number(variable: &str) -> Option<u64> {
    let text = std::env::var(variable).ok()?;
    Some(
        text.parse()
            .unwrap_or_else(|_| panic!("{variable} is no number: {text}")),
    )
}

/// What the environment asks for instead of the default seeds.
pub fn seeds() -> Option<Range<u64>> {
    if let Some(seed) = number("TILLWATCH_SIM_SEED") {
        show_the_log();
        return Some(seed..seed + 1);
    }
    let text = std::env::var("TILLWATCH_SIM_SEEDS").ok()?;
    let range = text
        .split_once("..")
        .and_then(|(first, end)| Some(first.parse().ok()?..end.parse().ok()?));
    Some(range.unwrap_or_else(|| panic!("TILLWATCH_SIM_SEEDS is no range: {text}")))
}

fn days() -> Option<u32> {
    number("TILLWATCH_SIM_DAYS").map(|days| u32::try_from(days).expect("days"))
}

/// Writes past the test harness, which keeps the output of tests that pass.
pub fn say(text: &str) {
    use std::io::Write;
    std::io::stderr()
        .write_all(text.as_bytes())
        .expect("standard error");
}

struct TrueTime;

impl tracing_subscriber::fmt::time::FormatTime for TrueTime {
    fn format_time(&self, w: &mut tracing_subscriber::fmt::format::Writer<'_>) -> std::fmt::Result {
        static BEGAN: std::sync::OnceLock<tokio::time::Instant> = std::sync::OnceLock::new();
        let now = tokio::time::Instant::now();
        write!(
            w,
            "{:?}",
            now.saturating_duration_since(*BEGAN.get_or_init(|| now))
        )
    }
}

fn show_the_log() {
    let filter = std::env::var("RUST_LOG").unwrap_or_else(|_| "tillwatch=debug".to_owned());
    let log = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_timer(TrueTime)
        .with_writer(std::io::stderr);
    log.try_init().ok();
}

/// Lives through one profile and judges it.
pub fn one(profile: Profile) -> (Outcome, Verdict) {
    let memory = Path::new("/dev/shm");
    // The store is synced thousands of times: in memory where there is such a place.
    let root = if memory.is_dir() {
        tempfile::tempdir_in(memory)
    } else {
        tempfile::tempdir()
    };
    let root = root.expect("a directory");
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .start_paused(true)
        // One after the other: the same seed gives the same run.
        .max_blocking_threads(1)
        .build()
        .expect("a runtime");
    let outcome = runtime.block_on(live(profile, root.path()));
    let verdict = judge(&outcome);
    (outcome, verdict)
}

/// Every seed of `range`; what failed says how to see it again.
pub fn all(range: Range<u64>) -> (Totals, Vec<String>) {
    let (totals, failures) = (Mutex::new(Totals::default()), Mutex::new(Vec::new()));
    let next = AtomicU64::new(range.start);
    let days = days();
    let worker = || {
        loop {
            let seed = next.fetch_add(1, Ordering::Relaxed);
            if seed >= range.end {
                return;
            }
            let broken = match std::panic::catch_unwind(|| one(Profile::draw(seed, days))) {
                Ok((outcome, verdict)) => {
                    totals.lock().expect("totals").add(&outcome, &verdict);
                    verdict.broken
                }
                Err(panic) => vec![said(panic.as_ref())],
            };
            if !broken.is_empty() {
                let broken = broken
                    .iter()
                    .take(5)
                    .map(String::as_str)
                    .collect::<Vec<_>>()
                    .join("\n  ");
                let failure = format!(
                    "seed {seed} (replay: TILLWATCH_SIM_SEED={seed} cargo test --test simulation whatever):\n  {broken}"
                );
                say(&format!("{failure}\n"));
                failures.lock().expect("failures").push(failure);
            }
        }
    };
    let workers = std::thread::available_parallelism().map_or(1, usize::from);
    std::thread::scope(|scope| {
        for _ in 0..workers {
            scope.spawn(worker);
        }
    });
    (
        totals.into_inner().expect("totals"),
        failures.into_inner().expect("failures"),
    )
}

fn said(panic: &(dyn std::any::Any + Send)) -> String {
    let text = panic.downcast_ref::<String>().cloned();
    let text = text.or_else(|| panic.downcast_ref::<&str>().map(|text| (*text).to_owned()));
    format!("panic: {}", text.unwrap_or_default())
}
