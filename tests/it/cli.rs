//! The program as a shell sees it: exit codes, what is on standard output, and what is left when it has ended.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use rustix::process::Signal;
use serde_json::Value;
use tempfile::TempDir;
use tillwatch::exit::Exit;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, BufReader};
use tokio::process::{Child, Command};
use tokio::sync::SemaphorePermit;
use tokio::time::{interval, timeout};

use crate::agent::stage::{Cast, Stage, walk, write_secret};
use crate::store_world::{Damage, Dice};
use crate::webdriver::fixture::{BROWSERS, processes, signal};

/// An agent without a WebDriver: what does not need a browser.
struct Desk(TempDir);

impl Desk {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        write_secret(&dir.path().join("secret"), "not-used");
        // Nobody listens on port 1.
        let config = format!(
            "state_dir = \"state\"\nselectors_dir = {:?}\n[webdriver]\nurl = \"http://127.0.0.1:1\"\n\
             [[account]]\nname = \"kilima\"\nportal = \"kilima\"\nnumber = \"600123\"\nuser = \"reader\"\n\
             secret_file = \"secret\"\norigin = \"http://127.0.0.1:1\"\n[[sink]]\ntype = \"stdout\"\n",
            Path::new(env!("CARGO_MANIFEST_DIR")).join("selectors")
        );
        fs::write(dir.path().join("tillwatch.toml"), config).unwrap();
        Self(dir)
    }

    fn state(&self) -> PathBuf {
        self.0.path().join("state")
    }

    fn command(&self, args: &[&str]) -> Command {
        let mut command = tillwatch(args);
        command
            .arg("--config")
            .arg(self.0.path().join("tillwatch.toml"));
        command
    }

    async fn exit(&self, args: &[&str]) -> (i32, String) {
        let output = self.command(args).output().await.unwrap();
        let said = [output.stdout, output.stderr].concat();
        (
            output.status.code().unwrap(),
            String::from_utf8(said).unwrap(),
        )
    }
}

fn tillwatch(args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_tillwatch"));
    command.args(args).stdin(Stdio::null()).kill_on_drop(true);
    command
}

fn code(exit: Exit) -> i32 {
    i32::from(exit.code())
}

async fn until(what: &str, mut is_so: impl FnMut() -> bool) {
    let mut tick = interval(Duration::from_millis(50));
    let looked = timeout(Duration::from_secs(120), async {
        while !is_so() {
            tick.tick().await;
        }
    });
    assert!(looked.await.is_ok(), "never: {what}");
}

#[tokio::test]
async fn a_wrong_config_ends_with_its_code_and_changes_nothing() {
    let desk = Desk::new();
    let config = desk.0.path().join("tillwatch.toml");
    let good = fs::read_to_string(&config).unwrap();
    fs::write(&config, good.replace("number =", "numbre =")).unwrap();
    for args in [
        &["run"][..],
        &["run", "--once"],
        &["check"],
        &["pause", "kilima"],
    ] {
        let (ended, said) = desk.exit(args).await;
        assert_eq!(ended, code(Exit::Config), "{args:?}: {said}");
        assert!(said.contains("numbre"), "{said}");
    }
    fs::remove_file(&config).unwrap();
    assert_eq!(desk.exit(&["run"]).await.0, code(Exit::Config));
    assert!(!desk.state().exists());
}

#[tokio::test]
async fn a_good_config_passes_check_and_so_does_the_example() {
    let desk = Desk::new();
    assert_eq!(desk.exit(&["check"]).await.0, code(Exit::Ok));
    let example = tillwatch(&["example-config"]).output().await.unwrap();
    fs::write(desk.0.path().join("tillwatch.toml"), example.stdout).unwrap();
    fs::create_dir(desk.0.path().join("selectors")).unwrap();
    let kilima = include_str!("../../selectors/kilima.toml");
    fs::write(desk.0.path().join("selectors/kilima.toml"), kilima).unwrap();
    let (ended, said) = desk.exit(&["check"]).await;
    assert_eq!(ended, code(Exit::Ok), "{said}");
}

#[tokio::test]
async fn an_unknown_argument_is_a_usage_error() {
    let output = tillwatch(&["run", "--twice"]).output().await.unwrap();
    assert_eq!(output.status.code(), Some(code(Exit::Usage)));
    let (ended, said) = Desk::new().exit(&["pause", "nobody"]).await;
    assert_eq!(ended, code(Exit::Usage), "{said}");
}

#[tokio::test]
async fn once_without_a_webdriver_says_unhealthy_and_a_damaged_store_is_refused() {
    let desk = Desk::new();
    let (ended, said) = desk.exit(&["run", "--once"]).await;
    assert_eq!(ended, code(Exit::Unhealthy), "{said}");
    Damage::WitnessBitFlipped.apply(&desk.state(), &mut Dice(3));
    for args in [&["run", "--once"][..], &["pause", "kilima"]] {
        let (ended, said) = desk.exit(args).await;
        assert_eq!(ended, code(Exit::StoreRefused), "{args:?}: {said}");
        assert!(said.contains("rebuild"), "the way out is named: {said}");
    }
}

#[tokio::test]
async fn a_second_agent_on_the_same_state_is_refused() {
    let desk = Desk::new();
    let mut first = desk
        .command(&["run"])
        .stderr(Stdio::null())
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    until("it runs", || desk.state().join("agent.sock").exists()).await;
    let (ended, said) = desk.exit(&["run"]).await;
    assert_eq!(ended, code(Exit::AlreadyRunning), "{said}");
    signal_child(&first, Signal::TERM);
    assert_eq!(exit(&mut first).await, code(Exit::Ok));
}

#[tokio::test]
async fn once_reads_delivers_and_ends_well() {
    let cast = Cast {
        keys: "since = \"2026-01-01T00:00:00Z\"\nlook_back = \"2d\"".to_owned(),
        ..Cast::kilima()
    };
    let stage = Stage::set(vec![cast], "[[sink]]\ntype = \"stdout\"\n").await;
    stage.portal().seed_history(60).unwrap();
    let run = stage.command(&["run", "--once"]).output().await.unwrap();
    let said = String::from_utf8_lossy(&run.stderr);
    assert_eq!(run.status.code(), Some(code(Exit::Ok)), "{said}");
    let lines = json_lines(&run.stdout);
    assert_eq!(lines, stage.events());
    let truth = stage.portal().truth();
    let since = chrono::DateTime::UNIX_EPOCH;
    crate::agent::oracle::verify(&lines, &truth, since, &[]);
    stage.is_bare().await;
}

/// A demo in a temp directory of its own.
struct Show {
    child: Child,
    tmp: TempDir,
    log: PathBuf,
    _place: SemaphorePermit<'static>,
}

impl Show {
    async fn start(args: &[&str]) -> Self {
        let place = BROWSERS.acquire().await.unwrap();
        let tmp = tempfile::tempdir().unwrap();
        let log_dir = tempfile::Builder::new()
            .disable_cleanup(true)
            .tempdir()
            .unwrap();
        let log = log_dir.path().join("log");
        let child = tillwatch(&[&["demo", "--every", "300ms"], args].concat())
            .env("TMPDIR", tmp.path())
            .stdout(Stdio::piped())
            .stderr(fs::File::create(&log).unwrap())
            .spawn()
            .unwrap();
        Self {
            child,
            tmp,
            log,
            _place: place,
        }
    }

    fn said(&self) -> String {
        fs::read_to_string(&self.log).unwrap()
    }

    /// Nothing runs, listens or lies about.
    async fn left_nothing(self) {
        until("no process is left", || {
            processes(self.tmp.path()).is_empty()
        })
        .await;
        let left: Vec<_> = fs::read_dir(self.tmp.path()).unwrap().collect();
        assert!(left.is_empty(), "{left:?}");
        let said = self.said();
        let (_, rest) = said.split_once("portal=http://").unwrap();
        let address = rest.split_whitespace().next().unwrap();
        let still_there = tokio::net::TcpStream::connect(address).await;
        assert!(still_there.is_err(), "{address}");
        fs::remove_dir_all(self.log.parent().unwrap()).unwrap();
    }
}

#[tokio::test]
async fn a_demo_that_is_interrupted_leaves_nothing_behind() {
    for how in [Signal::INT, Signal::TERM] {
        // While the browser starts.
        let mut show = Show::start(&[]).await;
        until("it begins", || show.said().contains("is open")).await;
        signal_child(&show.child, how);
        assert_eq!(
            exit(&mut show.child).await,
            code(Exit::Ok),
            "{}",
            show.said()
        );
        show.left_nothing().await;
        // While payments flow.
        let mut show = Show::start(&[]).await;
        first_line(&mut show).await;
        signal_child(&show.child, how);
        // Whoever reads takes the rest.
        let mut rest = Vec::new();
        show.child
            .stdout
            .take()
            .unwrap()
            .read_to_end(&mut rest)
            .await
            .unwrap();
        assert_eq!(
            exit(&mut show.child).await,
            code(Exit::Ok),
            "{}",
            show.said()
        );
        show.left_nothing().await;
    }
}

#[tokio::test]
async fn a_closed_standard_output_ends_with_its_code() {
    let mut show = Show::start(&[]).await;
    first_line(&mut show).await;
    drop(show.child.stdout.take());
    assert_eq!(
        exit(&mut show.child).await,
        code(Exit::StdoutClosed),
        "{}",
        show.said()
    );
    show.left_nothing().await;
}

#[tokio::test]
async fn a_demo_ends_by_itself_with_json_lines_only_and_a_summary() {
    let files = tempfile::tempdir().unwrap();
    let summary = files.path().join("summary.json");
    let path = summary.to_str().unwrap();
    let mut show = Show::start(&["--for", "20s", "--summary", path]).await;
    let mut out = Vec::new();
    show.child
        .stdout
        .take()
        .unwrap()
        .read_to_end(&mut out)
        .await
        .unwrap();
    assert_eq!(
        exit(&mut show.child).await,
        code(Exit::Ok),
        "{}",
        show.said()
    );
    let lines = json_lines(&out);
    let received = lines
        .iter()
        .filter(|event| event["type"] == "payment.received")
        .count();
    let summary: Value = serde_json::from_slice(&fs::read(&summary).unwrap()).unwrap();
    let keys: Vec<&str> = summary
        .as_object()
        .unwrap()
        .keys()
        .map(String::as_str)
        .collect();
    let named = [
        "cap",
        "delay_ms",
        "duplicates",
        "emitted",
        "logins",
        "polls",
        "posted",
    ];
    assert_eq!(keys, named);
    assert_eq!(summary["emitted"], received);
    assert_eq!(summary["posted"], summary["emitted"]);
    assert_eq!(summary["duplicates"], 0);
    assert_eq!(summary["logins"], 1);
    for percentile in ["p50", "p99", "max"] {
        assert!(summary["delay_ms"][percentile].is_i64(), "{summary}");
    }
    show.left_nothing().await;
}

async fn first_line(show: &mut Show) -> String {
    let out = show.child.stdout.as_mut().unwrap();
    let mut line = String::new();
    let mut reader = BufReader::new(out);
    let read = timeout(Duration::from_secs(120), reader.read_line(&mut line)).await;
    assert!(read.expect("a payment").unwrap() > 0, "{}", show.said());
    line
}

fn json_lines(out: &[u8]) -> Vec<Value> {
    let text = std::str::from_utf8(out).unwrap();
    assert!(text.ends_with('\n'));
    text.lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

fn signal_child(child: &Child, what: Signal) {
    signal(child.id().unwrap().try_into().unwrap(), what);
}

async fn exit(child: &mut Child) -> i32 {
    let ended = timeout(Duration::from_secs(120), child.wait()).await;
    ended.expect("it ends").unwrap().code().unwrap()
}

#[tokio::test]
async fn the_secret_is_in_no_log_line_event_or_file() {
    let stage = Stage::set(
        vec![Cast {
            knobs: tillwatch::demo::portal::PortalConfig {
                password: SECRET.to_owned(),
                ..Default::default()
            },
            ..Cast::kilima()
        }],
        "",
    )
    .await;
    let wrong = "planted-wrong-77a0e1";
    write_secret(&stage.path("kilima.secret"), wrong);
    let agent = stage.start_at("trace");
    stage
        .until("stopped", || stage.log().contains("stopped: "))
        .await;
    write_secret(&stage.path("kilima.secret"), SECRET);
    let receipt = stage.portal().post_payment(&Default::default()).unwrap();
    stage.until_told(&receipt).await;
    clean(&stage, &[SECRET, wrong]);
    assert_eq!(agent.stop().await, 0);
    clean(&stage, &[SECRET, wrong]);
}

const SECRET: &str = "planted-secret-3f9c27";

/// Every file but the secret's own.
fn clean(stage: &Stage, secrets: &[&str]) {
    let files = walk(stage.dir.path());
    assert!(files.iter().any(|path| path.ends_with("agent.log")));
    for path in files.iter().filter(|path| !path.ends_with("kilima.secret")) {
        // A browser that runs removes and makes files meanwhile; its links and sockets are no files.
        let bytes = fs::read(path).unwrap_or_default();
        for secret in secrets {
            let found = bytes
                .windows(secret.len())
                .any(|part| part == secret.as_bytes());
            assert!(!found, "{} holds a secret", path.display());
        }
    }
}
