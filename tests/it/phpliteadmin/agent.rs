//! The agent as its user starts it, on the portal of `host`, with a file sink.

use std::fs::{self, File, OpenOptions};
use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value as Json;

use super::host::{Host, until};
use crate::webdriver::fixture::Bench;

/// The files of one agent. They outlive its processes.
pub struct Desk {
    bench: Bench,
}

/// An agent that runs. Dropping it kills it.
pub struct Agent<'a> {
    desk: &'a Desk,
    process: Child,
}

impl Desk {
    /// Writes what a user writes. `account` is added to the account's keys.
    pub async fn new(host: &Host, password: &str, account: &str) -> Self {
        let bench = Bench::new().await;
        let dir = bench.state.path();
        let selectors = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/phpliteadmin");
        let config = format!(
            r#"state_dir = "state"
selectors_dir = "{selectors}"

[webdriver]
driver = "chromedriver"
browser = "chromium"

[[account]]
name = "baraza"
portal = "phpliteadmin"
number = "600123"
secret_file = "secret"
origin = "{}"
{account}

[[sink]]
type = "file"
path = "payments.ndjson"
"#,
            host.origin
        );
        fs::write(dir.join("tillwatch.toml"), config).unwrap();
        let mut secret = OpenOptions::new();
        let secret = secret.write(true).create_new(true).mode(0o600);
        let mut secret = secret.open(dir.join("secret")).unwrap();
        secret.write_all(password.as_bytes()).unwrap();
        Self { bench }
    }

    /// Starts `tillwatch run`.
    pub fn run(&self, arguments: &[&str]) -> Agent<'_> {
        let log = File::options()
            .append(true)
            .create(true)
            .open(self.log())
            .unwrap();
        let process = Command::new(env!("CARGO_BIN_EXE_tillwatch"))
            .args(["--log", "debug", "run", "--config"])
            .arg(self.bench.state.path().join("tillwatch.toml"))
            .args(arguments)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(log)
            .spawn()
            .unwrap();
        Agent {
            desk: self,
            process,
        }
    }

    /// Whole lines of the file sink.
    pub fn events(&self) -> Vec<Json> {
        let Ok(text) = fs::read_to_string(self.bench.state.path().join("payments.ndjson")) else {
            return Vec::new();
        };
        text.split_inclusive('\n')
            .filter(|line| line.ends_with('\n'))
            .map(|line| serde_json::from_str(line).unwrap())
            .collect()
    }

    /// What the agent logged so far.
    pub fn logged(&self) -> String {
        fs::read_to_string(self.log()).unwrap()
    }

    fn log(&self) -> PathBuf {
        self.bench.state.path().join("agent.log")
    }
}

impl Agent<'_> {
    /// Waits until `is_so`; shows the agent's log when it ends before.
    pub async fn until(&mut self, what: &str, mut is_so: impl FnMut(&Desk) -> bool) {
        let desk = self.desk;
        until(what, || {
            if let Some(code) = self.process.try_wait().unwrap() {
                panic!("{code} before {what}:\n{}", desk.logged());
            }
            is_so(desk)
        })
        .await;
    }

    /// Asks it to stop; gives its exit code.
    pub async fn stop(mut self) -> Option<i32> {
        let pid = Pid::from_child(&self.process);
        kill_process(pid, Signal::TERM).unwrap();
        self.ended().await
    }

    /// Waits until it ends by itself; gives its exit code.
    pub async fn ended(&mut self) -> Option<i32> {
        let mut code = None;
        until("the agent ends", || {
            code = self.process.try_wait().unwrap();
            code.is_some()
        })
        .await;
        code.and_then(|code| code.code())
    }
}

impl Drop for Agent<'_> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("{}", self.desk.logged());
        }
        if self.process.try_wait().unwrap().is_none() {
            self.process.kill().unwrap();
            self.process.wait().unwrap();
        }
    }
}
