//! A stage for the agent as a whole: demo portals, the files a user would write, the real program as a process.

use std::fmt::Write as _;
use std::fs;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::Arc;
use std::time::Duration;

use rustix::process::Signal;
use serde_json::Value;
use tempfile::TempDir;
use tillwatch::clock::Clock;
use tillwatch::control::{self, Answer, Request};
use tillwatch::demo::guest::{self, GuestPortal, Which};
use tillwatch::demo::portal::{self, DemoPortal, PortalConfig, Posting, SideChannel};
use tokio::net::TcpListener;
use tokio::process::{Child, Command};
use tokio::sync::SemaphorePermit;
use tokio::time::{interval, timeout};

use crate::webdriver::fixture::{BROWSERS, Process, processes, signal};

/// What a step of the agent may take on a busy machine; past it, it never will.
const PATIENCE: Duration = Duration::from_secs(120);

/// One `[[account]]` beside its portal.
pub struct Cast {
    pub name: &'static str,
    /// Stem of its selector file.
    pub selectors: &'static str,
    /// What its portal allows.
    pub knobs: PortalConfig,
    /// More lines of its `[[account]]`.
    pub keys: String,
}

impl Cast {
    /// The ordinary account, read every second.
    pub fn kilima() -> Self {
        Self {
            name: "kilima",
            selectors: "kilima",
            knobs: PortalConfig::default(),
            keys: "poll = \"1s\"".to_owned(),
        }
    }

    /// A second one, at a portal of its own with payments of its own.
    pub fn other() -> Self {
        Self {
            name: "other",
            knobs: PortalConfig {
                short_code: "600124".to_owned(),
                seed: 2,
                ..PortalConfig::default()
            },
            ..Self::kilima()
        }
    }
}

/// The files of one agent, and its portals.
pub struct Stage {
    pub dir: TempDir,
    pub portals: Vec<DemoPortal>,
    /// Portals of other kinds.
    pub guests: Vec<GuestPortal>,
    _place: SemaphorePermit<'static>,
}

impl Stage {
    /// Portals without rows, and the files for them. `more` is added to the config.
    pub async fn set(cast: Vec<Cast>, more: &str) -> Self {
        let place = BROWSERS.acquire().await.unwrap();
        let dir = tempfile::tempdir().unwrap();
        for sub in ["tmp", "selectors"] {
            fs::create_dir(dir.path().join(sub)).unwrap();
        }
        let shipped = include_str!("../../../selectors/kilima.toml");
        fs::write(dir.path().join("selectors/kilima.toml"), shipped).unwrap();
        let mut config = CONFIG.to_owned();
        let mut portals = Vec::new();
        for part in cast {
            let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
            let now = Arc::new(|| Clock::System.now());
            let knobs = part.knobs.clone();
            let portal = portal::start(part.knobs, now, listener).await.unwrap();
            let secret = dir.path().join(format!("{}.secret", part.name));
            write_secret(&secret, &knobs.password);
            write!(
                config,
                "\n[[account]]\nname = {:?}\nportal = {:?}\nnumber = {:?}\nuser = {:?}\nsecret_file = {secret:?}\norigin = \"http://{}\"\n{}\n",
                part.name, part.selectors, knobs.short_code, knobs.user, portal.address(), part.keys
            )
            .unwrap();
            portals.push(portal);
        }
        config.push_str(more);
        fs::write(dir.path().join("tillwatch.toml"), config).unwrap();
        Self {
            dir,
            portals,
            guests: Vec::new(),
            _place: place,
        }
    }

    /// The same with the WebDriver at `url`, which runs already.
    pub async fn set_beside(url: &str, cast: Vec<Cast>) -> Self {
        let stage = Self::set(cast, "").await;
        let file = stage.path("tillwatch.toml");
        let ours = "driver = \"chromedriver\"\nbrowser = \"chromium\"";
        let theirs = format!("url = {url:?}\nbrowser_args = [\"--no-sandbox\"]");
        let config = fs::read_to_string(&file).unwrap();
        assert_eq!(config.matches(ours).count(), 1);
        fs::write(file, config.replace(ours, &theirs)).unwrap();
        stage
    }

    /// An account at a portal of another kind, without rows yet.
    pub fn add_guest(&mut self, which: Which, name: &str, listener: TcpListener, keys: &str) {
        let now = Arc::new(|| Clock::System.now());
        let portal = guest::start(which, now, listener, None).unwrap();
        let kind = which.as_str();
        let shipped = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("selectors/{kind}.toml"));
        fs::copy(shipped, self.path(&format!("selectors/{kind}.toml"))).unwrap();
        portal
            .control()
            .turn(|knobs| knobs.number = name.to_owned());
        let knobs = portal.control().knobs();
        let secret = self.path(&format!("{name}.secret"));
        write_secret(&secret, &knobs.password);
        let account = format!(
            "\n[[account]]\nname = {name:?}\nportal = {kind:?}\nnumber = {name:?}\nuser = {:?}\nsecret_file = {secret:?}\norigin = {:?}\n{keys}\n",
            knobs.user,
            portal.origin()
        );
        let file = self.path("tillwatch.toml");
        let config = fs::read_to_string(&file).unwrap();
        fs::write(file, config + &account).unwrap();
        self.guests.push(portal);
    }

    /// The side channel of the first portal.
    pub fn portal(&self) -> &SideChannel {
        self.portals[0].control()
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    /// `tillwatch` with these arguments and the config of this stage.
    pub fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_tillwatch"));
        command
            .args(args)
            .arg("--config")
            .arg(self.path("tillwatch.toml"))
            .env("TMPDIR", self.path("tmp"))
            .stdin(Stdio::null())
            .kill_on_drop(true);
        command
    }

    /// Starts the agent. What it says is added to `agent.log`.
    pub fn start(&self) -> Agent {
        self.start_at("info")
    }

    pub fn start_at(&self, level: &str) -> Agent {
        let log = fs::File::options()
            .create(true)
            .append(true)
            .open(self.path("agent.log"))
            .unwrap();
        let child = self
            .command(&["--log", level, "run"])
            .stdout(Stdio::null())
            .stderr(log)
            .spawn()
            .unwrap();
        Agent { child }
    }

    /// The accounts have begun, so that what is paid from now on is told: only then does the agent listen for commands.
    pub async fn begun(&self) {
        let socket = control::socket(&self.path("state"));
        self.until("it begins", || socket.exists()).await;
    }

    pub fn log(&self) -> String {
        fs::read_to_string(self.path("agent.log")).unwrap_or_default()
    }

    /// Whole lines of the file sink.
    pub fn events(&self) -> Vec<Value> {
        let text = fs::read_to_string(self.path("payments.ndjson")).unwrap_or_default();
        text.split_inclusive('\n')
            .filter(|line| line.ends_with('\n'))
            .map(|line| serde_json::from_str(line).unwrap())
            .collect()
    }

    pub fn is_told(&self, receipt: &str) -> bool {
        self.events()
            .iter()
            .any(|event| event["type"] == "payment.received" && event["subject"] == receipt)
    }

    pub async fn until_told(&self, receipt: &str) {
        self.until("the payment comes out", || self.is_told(receipt))
            .await;
    }

    /// Looks again and again until `is_so`; the agent's log tells why it never was.
    pub async fn until(&self, what: &str, mut is_so: impl FnMut() -> bool) {
        let mut tick = interval(Duration::from_millis(100));
        let looked = timeout(PATIENCE, async {
            loop {
                tick.tick().await;
                if is_so() {
                    return;
                }
            }
        });
        assert!(looked.await.is_ok(), "never: {what}\n{}", self.log());
    }

    /// Asks the running agent.
    pub async fn ask(&self, request: &Request) -> String {
        match control::ask(&self.path("state"), request).await.unwrap() {
            Some(Answer::Done(said)) => said,
            answer => panic!("{answer:?}\n{}", self.log()),
        }
    }

    /// Has the account read once from now on, and waits for that reading's end: an order is obeyed between two.
    pub async fn read_once(&self, account: &str) {
        for _ in 0..2 {
            let account = account.to_owned();
            self.ask(&Request::Poll { account }).await;
        }
    }

    /// Browsers and drivers of this stage that live.
    pub fn processes(&self) -> Vec<Process> {
        processes(&self.path("state"))
    }

    /// Nothing is left of any browser but the sessions that are kept, and what was noted of unknown pages.
    pub async fn is_bare(&self) {
        self.until("no browser is left", || self.processes().is_empty())
            .await;
        let mut browsers = walk(&self.path("state/browser"));
        let notes = |path: &Path| path.iter().any(|part| part == "unknown-pages");
        browsers.retain(|path| !path.ends_with("session") && !notes(path));
        assert!(browsers.is_empty(), "{browsers:?}");
        let temp = walk(&self.path("tmp"));
        assert!(temp.is_empty(), "{temp:?}");
    }
}

/// The agent's process. Dropped, it is killed.
pub struct Agent {
    child: Child,
}

impl Agent {
    pub fn signal(&self, what: Signal) {
        signal(self.child.id().unwrap().try_into().unwrap(), what);
    }

    /// SIGTERM; gives the exit code.
    pub async fn stop(mut self) -> i32 {
        self.signal(Signal::TERM);
        self.exit().await
    }

    /// Waits for its end.
    pub async fn exit(&mut self) -> i32 {
        let ended = timeout(PATIENCE, self.child.wait()).await;
        ended.expect("it ends").unwrap().code().unwrap()
    }

    /// Lets it live so long, then kills it as the kernel would.
    pub async fn kill_after(mut self, life: Duration) {
        let ended = timeout(life, self.child.wait()).await;
        assert!(ended.is_err(), "it ended by itself: {ended:?}");
        self.child.kill().await.unwrap();
    }
}

/// An ordinary payment of now.
pub fn payment() -> Posting {
    Posting::default()
}

/// A payment of somebody whose name, number and reference stand nowhere else.
pub fn planted() -> Posting {
    Posting {
        payer: Some("254711***777".to_owned()),
        payer_name: Some("WANGUI QUILLFEATHER".to_owned()),
        reference: Some("PLANTED-X".to_owned()),
        amount: Some("7313.37".parse().unwrap()),
        ..Posting::default()
    }
}

/// What tells who that is.
pub const PLANTED: [&str; 5] = [
    "WANGUI",
    "QUILLFEATHER",
    "PLANTED",
    "7,313.37",
    "254711***777",
];

pub fn write_secret(path: &Path, secret: &str) {
    let mut file = fs::File::options()
        .create(true)
        .write(true)
        .truncate(true)
        .mode(0o600)
        .open(path)
        .unwrap();
    std::io::Write::write_all(&mut file, secret.as_bytes()).unwrap();
}

/// Files and links under `dir`; directories that hold none do not count.
pub fn walk(dir: &Path) -> Vec<PathBuf> {
    let Ok(entries) = fs::read_dir(dir) else {
        return Vec::new();
    };
    let mut found = Vec::new();
    for entry in entries {
        let entry = entry.unwrap();
        if entry.file_type().unwrap().is_dir() {
            found.extend(walk(&entry.path()));
        } else {
            found.push(entry.path());
        }
    }
    found
}

const CONFIG: &str = r#"
state_dir = "state"
selectors_dir = "selectors"

[webdriver]
driver = "chromedriver"
browser = "chromium"
page_timeout = "15s"
call_timeout = "8s"

[[sink]]
type = "file"
path = "payments.ndjson"
"#;
