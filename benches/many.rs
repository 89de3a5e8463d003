//! A hundred accounts, each at a portal of its own, read without a browser: how busy is the agent, and who waits too long?
//!
//! `cargo bench --bench many [-- --accounts 100 --poll 10s --for 120s --at-once 3]`. The portals run in this process and
//! are not counted. Accounts are let in a few at a time, so that only so many browsers sign in side by side. To reach: every
//! account polled each 10 s on 2 cores under half load.
#![expect(clippy::unwrap_used, reason = "a benchmark")]
#![expect(clippy::cast_precision_loss, reason = "figures for people")]

#[path = "measure/args.rs"]
mod args;
#[path = "measure/kilima.rs"]
mod kilima;
#[path = "measure/tree.rs"]
mod tree;

use std::fs;
use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use args::Args;
use chrono::{DateTime, Utc};
use kilima::{Account, open_portal};
use tillwatch::clock::Clock;
use tillwatch::control::{self, Request};
use tillwatch::demo::portal::DemoPortal;
use tillwatch::payment::AccountName;
use tillwatch::store::Store;
use tree::Watch;

/// A poll that comes later than this after its time is overdue.
const GRACE: Duration = Duration::from_secs(1);

struct Options {
    accounts: usize,
    poll: Duration,
    lasting: Duration,
    at_once: usize,
}

fn main() -> ExitCode {
    let Some(args) = Args::of("many") else {
        return ExitCode::SUCCESS;
    };
    let options = Options {
        accounts: args.value("--accounts", "100").parse().unwrap(),
        poll: humantime::parse_duration(&args.value("--poll", "10s")).unwrap(),
        lasting: humantime::parse_duration(&args.value("--for", "120s")).unwrap(),
        at_once: args.value("--at-once", "3").parse().unwrap(),
    };
    tokio::runtime::Runtime::new()
        .unwrap()
        .block_on(run(&options));
    ExitCode::SUCCESS
}

async fn run(options: &Options) {
    let mut portals = Vec::new();
    for _ in 0..options.accounts {
        portals.push(Arc::new(open_portal().await));
    }
    let dir = tempfile::tempdir().unwrap();
    write_files(dir.path(), &portals, options.poll);
    let state = dir.path().join("state");
    hold_all(&state, portals.len()).await;
    let agent = kilima::start_agent(dir.path());
    let watch = Watch::of(agent.0.id());
    let began = Clock::System.monotonic();
    for (number, wave) in portals.chunks(options.at_once).enumerate() {
        let first = number * options.at_once;
        let entering = wave
            .iter()
            .enumerate()
            .map(|(at, portal)| tokio::spawn(enter(state.clone(), first + at, Arc::clone(portal))));
        for entered in entering.collect::<Vec<_>>() {
            entered.await.unwrap();
        }
    }
    let entering = Clock::System.monotonic() - began;
    println!("{} accounts signed in within {entering:.0?}", portals.len());
    // The first round still has the rhythm of their entering.
    tokio::time::sleep(options.poll).await;
    let (from, cpu) = (Clock::System.now(), watch.cpu_s());
    watch.forget_peak();
    tokio::time::sleep(options.lasting).await;
    let cpu = watch.cpu_s() - cpu;
    tell(&portals, from, cpu, &watch, options);
    agent.stop().await;
}

fn tell(
    portals: &[Arc<DemoPortal>],
    from: DateTime<Utc>,
    cpu: f64,
    watch: &Watch,
    options: &Options,
) {
    let mut gaps = Vec::new();
    let mut browsers = 0;
    for portal in portals {
        let truth = portal.control().truth();
        let loads: Vec<_> = truth.loads.iter().filter(|load| load.at >= from).collect();
        browsers += loads.iter().filter(|load| load.mode.is_some()).count();
        // Whoever is not asked at all until the end has waited that long.
        let ends = [from].into_iter().chain(loads.iter().map(|load| load.at));
        let instants: Vec<_> = ends.chain([truth.now]).collect();
        gaps.extend(
            instants
                .windows(2)
                .map(|pair| (pair[1] - pair[0]).to_std().unwrap()),
        );
    }
    gaps.sort();
    let polls = gaps.len() - portals.len();
    let overdue = gaps
        .iter()
        .filter(|gap| **gap > options.poll + GRACE)
        .count();
    let at = |share: f64| gaps[((gaps.len() - 1) as f64 * share) as usize];
    let seconds = options.lasting.as_secs_f64();
    println!(
        "{polls} polls in {seconds} s, {browsers} of them by a browser; {overdue} came more than {GRACE:?} late; \
         pauses p50 {:.1?} p99 {:.1?} longest {:.1?}",
        at(0.5),
        at(0.99),
        at(1.0)
    );
    println!(
        "CPU {cpu:.1} s, {:.1} ms per poll, {:.1} % of 2 cores; {:.1} MiB PSS, at most {:.1}, {} processes",
        cpu * 1e3 / polls as f64,
        cpu * 100.0 / (2.0 * seconds),
        watch.pss_mib(),
        watch.peak_mib(),
        watch.processes()
    );
}

/// Lets the account in and has it read until no browser is needed for it.
async fn enter(state: std::path::PathBuf, number: usize, portal: Arc<DemoPortal>) {
    let account = name(number);
    loop {
        let resume = Request::Resume {
            account: account.clone(),
        };
        // Not yet listening, at first.
        match control::ask(&state, &resume).await {
            Ok(Some(_)) => break,
            Ok(None) | Err(_) => tokio::time::sleep(Duration::from_millis(100)).await,
        }
    }
    let is_free = || {
        let loads = portal.control().truth().loads;
        let last = loads.iter().rev().take(2);
        last.filter(|load| load.mode.is_none()).count() == 2
    };
    while !is_free() {
        let poll = Request::Poll {
            account: account.clone(),
        };
        control::ask(&state, &poll).await.unwrap();
    }
}

/// So that not all browsers start at once: each account waits for its `resume`.
async fn hold_all(state: &Path, accounts: usize) {
    fs::create_dir_all(state).unwrap();
    let store = Store::open(state, Clock::System).await.unwrap();
    for number in 0..accounts {
        let name = AccountName::new(&name(number)).unwrap();
        store
            .begin_account(&name, Clock::System.now())
            .await
            .unwrap();
        store.set_paused(&name, true).await.unwrap();
    }
}

fn name(number: usize) -> String {
    format!("account-{number}")
}

fn write_files(dir: &Path, portals: &[Arc<DemoPortal>], poll: Duration) {
    let poll = humantime::format_duration(poll);
    for (number, portal) in portals.iter().enumerate() {
        // A number of its own, so that each has a ledger and a session of its own at its own portal.
        let change = serde_json::json!({ "short_code": format!("6{number:05}") });
        let change = change.as_object().unwrap().clone();
        portal.control().set_config(change).unwrap();
    }
    let accounts: Vec<Account<'_>> = portals
        .iter()
        .enumerate()
        .map(|(number, portal)| Account {
            name: name(number),
            portal,
            keys: format!("poll = \"{poll}\"\nread = \"http\"\n"),
        })
        .collect();
    kilima::write_files(dir, &accounts);
}
