//! What a poll costs: CPU seconds and memory of the agent with its browser, by each way to read, beside two scripts.
//!
//! `cargo bench --bench cost [-- --polls 60 --known 10000 --python target/selenium/bin/python]`. The scripts need
//! `python3 -m venv target/selenium && target/selenium/bin/pip install -r benches/selenium/requirements.txt`. The portal
//! runs in this process and is not counted; polls follow each other without a pause, and what a browser costs while it
//! waits is measured by itself. To reach: `fetch` ≤ 0.15 and `http` ≤ 0.02 of `navigate`, 30 MiB without a browser.
#![expect(clippy::unwrap_used, reason = "a benchmark")]
#![expect(clippy::cast_precision_loss, reason = "figures for people")]

#[path = "measure/args.rs"]
mod args;
#[path = "measure/kilima.rs"]
mod kilima;
#[path = "measure/tree.rs"]
mod tree;

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{ChildStdin, ChildStdout, Command, ExitCode, Stdio};
use std::time::Duration;

use args::Args;
use chrono::{DateTime, TimeDelta, Utc};
use kilima::{Account, Killed, ROWS, open_portal};
use tillwatch::clock::Clock;
use tillwatch::control::{self, Answer, Request};
use tillwatch::demo::portal::DemoPortal;
use tillwatch::event::AccountRef;
use tillwatch::payment::{
    AccountName, Direction, OperatorAccount, Payment, PaymentId, Status, TransactionType,
};
use tillwatch::store::{GapsFound, Reading, Store};
use tree::Watch;

const ACCOUNT: &str = "bench";
/// Polls after which `http` is the way and the browser is gone, whatever the start was like.
const SETTLING: usize = 12;
/// How long a waiting browser is watched.
const IDLE: Duration = Duration::from_secs(20);
/// At this poll interval the hour is worked out.
const INTERVAL_S: f64 = 10.0;

/// One row of the table that is printed.
struct Cost {
    name: String,
    /// From nothing to the first poll that is measured.
    start_cpu_s: f64,
    poll_cpu_s: f64,
    idle_cpu_s_per_s: f64,
    peak_mib: f64,
    waiting_mib: f64,
    logins_per_hour: f64,
}

impl Cost {
    fn hour_cpu_s(&self) -> f64 {
        let polls = 3600.0 / INTERVAL_S;
        // A script that signs in for each poll has its start in the poll.
        self.start_cpu_s + polls * self.poll_cpu_s + 3600.0 * self.idle_cpu_s_per_s
    }
}

struct Options {
    polls: usize,
    known: u32,
    python: PathBuf,
}

fn main() -> ExitCode {
    let Some(args) = Args::of("cost") else {
        return ExitCode::SUCCESS;
    };
    let options = Options {
        polls: args.value("--polls", "60").parse().unwrap(),
        known: args.value("--known", "10000").parse().unwrap(),
        python: args.value("--python", "target/selenium/bin/python").into(),
    };
    tokio::runtime::Runtime::new()
        .unwrap()
        .block_on(run(&options));
    ExitCode::SUCCESS
}

async fn run(options: &Options) {
    let mut costs = Vec::new();
    for way in ["navigate", "fetch", "http"] {
        costs.push(agent(way, options).await);
    }
    if options.python.exists() {
        costs.push(script("kept", options.polls, &options.python).await);
        costs.push(script("fresh", 3, &options.python).await);
    } else {
        println!(
            "no {}: the scripts are left out, see benches/cost.rs",
            options.python.display()
        );
    }
    print(&costs, options);
}

fn print(costs: &[Cost], options: &Options) {
    let base = costs.first().map_or(1.0, |cost| cost.poll_cpu_s);
    let (polls, known) = (options.polls, options.known);
    println!(
        "{ROWS} rows a poll, {polls} polls, {known} payments known; the hour at a poll each {INTERVAL_S} s"
    );
    println!(
        "{:<22} {:>10} {:>9} {:>10} {:>10} {:>10} {:>11} {:>8}",
        "", "CPU ms", "of", "idle CPU", "CPU s", "peak PSS", "waiting PSS", "logins"
    );
    println!(
        "{:<22} {:>10} {:>9} {:>10} {:>10} {:>10} {:>11} {:>8}",
        "", "per poll", "navigate", "ms per s", "per hour", "MiB", "MiB", "per hour"
    );
    for cost in costs {
        println!(
            "{:<22} {:>10.1} {:>9.3} {:>10.1} {:>10.1} {:>10.1} {:>11.1} {:>8.0}",
            cost.name,
            cost.poll_cpu_s * 1e3,
            cost.poll_cpu_s / base,
            cost.idle_cpu_s_per_s * 1e3,
            cost.hour_cpu_s(),
            cost.peak_mib,
            cost.waiting_mib,
            cost.logins_per_hour,
        );
    }
}

async fn agent(way: &str, options: &Options) -> Cost {
    let portal = open_portal().await;
    let dir = tempfile::tempdir().unwrap();
    let account = Account {
        name: ACCOUNT.to_owned(),
        portal: &portal,
        keys: format!("poll = \"1h\"\nsweep = \"24h\"\nread = {way:?}\n"),
    };
    kilima::write_files(dir.path(), &[account]);
    let state = dir.path().join("state");
    fill(&state, options.known).await;
    let child = kilima::start_agent(dir.path());
    let watch = Watch::of(child.0.id());
    while portal.control().truth().session_since.is_none() {
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    polls(&state, SETTLING).await;
    let start_cpu_s = watch.cpu_s();
    watch.forget_peak();
    let before = watch.cpu_s();
    let from = portal.control().truth().loads.len();
    polls(&state, options.polls).await;
    let poll_cpu_s = (watch.cpu_s() - before) / options.polls as f64;
    let truth = portal.control().truth();
    assert!(truth.session_since.is_some(), "{way}: not signed in");
    let expected = match way {
        "navigate" => Some("navigate"),
        "fetch" => Some("cors"),
        _ => None,
    };
    let others = truth.loads.iter().skip(from);
    let others = others.filter(|load| load.mode.as_deref() != expected);
    assert_eq!(others.count(), 0, "{way}: loads by another way");
    let before = watch.cpu_s();
    tokio::time::sleep(IDLE).await;
    let idle_cpu_s_per_s = (watch.cpu_s() - before) / IDLE.as_secs_f64();
    let processes = watch.processes();
    let cost = Cost {
        name: format!("tillwatch {way} ({processes})"),
        start_cpu_s,
        poll_cpu_s,
        idle_cpu_s_per_s,
        peak_mib: watch.peak_mib(),
        waiting_mib: watch.pss_mib(),
        logins_per_hour: 1.0,
    };
    child.stop().await;
    portal.shutdown().await;
    cost
}

/// Has the account read `times`, one right after the other: an order is answered between two readings.
async fn polls(state: &Path, times: usize) {
    for _ in 0..=times {
        loop {
            let account = ACCOUNT.to_owned();
            match control::ask(state, &Request::Poll { account }).await {
                Ok(Some(Answer::Done(_))) => break,
                Ok(Some(other)) => panic!("{other:?}"),
                // Not yet listening.
                Ok(None) | Err(_) => tokio::time::sleep(Duration::from_millis(100)).await,
            }
        }
    }
}

/// Payments that the agent has seen before.
async fn fill(state: &Path, known: u32) {
    fs::create_dir_all(state).unwrap();
    let store = Store::open(state, Clock::System).await.unwrap();
    let now = Clock::System.now();
    let name = AccountName::new(ACCOUNT).unwrap();
    store.begin_account(&name, now).await.unwrap();
    let numbers: Vec<u32> = (0..known).collect();
    for part in numbers.chunks(2_000) {
        let payments = part
            .iter()
            .map(|number| seen_before(*number, now))
            .collect();
        store.commit(reading(&name, payments, now)).await.unwrap();
    }
}

fn reading(name: &AccountName, payments: Vec<Payment>, now: DateTime<Utc>) -> Reading {
    Reading {
        account: AccountRef {
            name: name.clone(),
            portal: "kilima".to_owned(),
            operator: OperatorAccount {
                operator: "kilima".to_owned(),
                number: "600123".to_owned(),
            },
            account_key: "organisationid".to_owned(),
            selector_format: "kilima@1".to_owned(),
        },
        read_at: now,
        payments,
        quarantined: Vec::new(),
        understood: Vec::new(),
        watermark: None,
        read_through: None,
        gaps: GapsFound::default(),
    }
}

fn seen_before(number: u32, now: DateTime<Utc>) -> Payment {
    // Spread like the hashes that ids are.
    let spread = u128::from(number).wrapping_mul(0x9E37_79B9_7F4A_7C15_F39C_C060_5CED_C835);
    let at = (now - TimeDelta::days(30) - TimeDelta::seconds(number.into())).fixed_offset();
    Payment {
        id: PaymentId(spread.to_be_bytes()),
        reference: Some(format!("UKK{number:07}")),
        kind: None,
        status: Status::Completed,
        status_text: "Completed".to_owned(),
        transaction_type: TransactionType::BillPay,
        sub_type: None,
        direction: Direction::Credit,
        amount: "1500.50".parse().unwrap(),
        fee: None,
        currency: "KES".to_owned(),
        counterparty: Vec::new(),
        payer_name: Some("JANE D.".to_owned()),
        customer_reference_raw: Some("acc 9900".to_owned()),
        completion_date: Some(at),
        creation_date: Some(at),
        balance_after: None,
        original_reference: None,
        original_id: None,
    }
}

/// A script of `benches/selenium`, told when to poll.
struct Script {
    child: Killed,
    ask: ChildStdin,
    answers: BufReader<ChildStdout>,
}

impl Script {
    fn start(name: &str, python: &Path, portal: &DemoPortal) -> Self {
        let knobs = portal.control().config();
        let day = Clock::System.now().with_timezone(&knobs.zone);
        let mut child = Command::new(python)
            .arg(format!("benches/selenium/{name}.py"))
            .arg(format!("http://{}", portal.address()))
            .args([&knobs.short_code, &knobs.user, &knobs.password])
            .arg(day.format("%d-%m-%Y").to_string())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let (ask, answers) = (child.stdin.take().unwrap(), child.stdout.take().unwrap());
        Self {
            child: Killed(child),
            ask,
            answers: BufReader::new(answers),
        }
    }

    fn answer(&mut self) -> String {
        let mut line = String::new();
        self.answers.read_line(&mut line).unwrap();
        line.trim().to_owned()
    }

    fn poll(&mut self) {
        writeln!(self.ask, "poll").unwrap();
        assert_eq!(self.answer(), ROWS.to_string(), "all rows are read");
    }
}

async fn script(name: &str, polls: usize, python: &Path) -> Cost {
    let portal = open_portal().await;
    let mut script = Script::start(name, python, &portal);
    let watch = Watch::of(script.child.0.id());
    let is_kept = name == "kept";
    let worked = tokio::task::spawn_blocking(move || {
        assert_eq!(script.answer(), "ready");
        if is_kept {
            script.poll();
        }
        let start_cpu_s = watch.cpu_s();
        for _ in 0..polls {
            script.poll();
        }
        (script, watch, start_cpu_s)
    });
    let (script, watch, start_cpu_s) = worked.await.unwrap();
    let poll_cpu_s = (watch.cpu_s() - start_cpu_s) / polls as f64;
    let before = watch.cpu_s();
    tokio::time::sleep(IDLE).await;
    let cost = Cost {
        name: format!("selenium {name}"),
        start_cpu_s,
        poll_cpu_s,
        idle_cpu_s_per_s: (watch.cpu_s() - before) / IDLE.as_secs_f64(),
        peak_mib: watch.peak_mib(),
        waiting_mib: watch.pss_mib(),
        logins_per_hour: if is_kept { 1.0 } else { 3600.0 / INTERVAL_S },
    };
    let Script { child, ask, .. } = script;
    // The end of its input ends it, with its browser.
    drop(ask);
    child.ended().await;
    portal.shutdown().await;
    cost
}
