//! The demo portal and an agent that reads it, as the benchmarks use them.

use std::fmt::Write as _;
use std::fs;
use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use tillwatch::clock::Clock;
use tillwatch::demo::portal::{self, DemoPortal, PortalConfig, Posting};
use tokio::net::TcpListener;

/// Rows of the page that is read.
pub const ROWS: usize = 50;
/// A store that was filled beforehand has no ledger beside it, which counts as a whole window spent.
const NEW_LEDGER: &str = "cap = { logins = 10, per = \"1s\" }\nreserve = 0\nspacing = \"1ms\"\n";
const LOOK: Duration = Duration::from_millis(100);

/// A portal with a page of rows of this minute.
pub async fn open_portal() -> DemoPortal {
    let knobs = PortalConfig {
        rows_per_page: u32::try_from(ROWS).unwrap(),
        login_cap: 1_000,
        ..PortalConfig::default()
    };
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let now = Arc::new(|| Clock::System.now());
    let portal = portal::start(knobs, now, listener).await.unwrap();
    for _ in 0..ROWS {
        portal.control().post_payment(&Posting::default()).unwrap();
    }
    portal
}

/// An account at a portal of its own.
pub struct Account<'a> {
    pub name: String,
    pub portal: &'a DemoPortal,
    /// More keys of its part of the config file.
    pub keys: String,
}

/// Config, selector file and secret of an agent that keeps its state in `state`.
pub fn write_files(dir: &Path, accounts: &[Account<'_>]) {
    fs::create_dir(dir.join("selectors")).unwrap();
    let shipped = include_str!("../../selectors/kilima.toml");
    fs::write(dir.join("selectors/kilima.toml"), shipped).unwrap();
    let mut secret = fs::File::options();
    let secret = secret.create_new(true).write(true).mode(0o600);
    let mut secret = secret.open(dir.join("secret")).unwrap();
    let password = PortalConfig::default().password;
    secret.write_all(password.as_bytes()).unwrap();
    let mut config =
        "state_dir = \"state\"\n[webdriver]\ndriver = \"chromedriver\"\nbrowser = \"chromium\"\n\
         [[sink]]\ntype = \"file\"\npath = \"payments.ndjson\"\n"
            .to_owned();
    for Account { name, portal, keys } in accounts {
        let knobs = portal.control().config();
        write!(
            config,
            "[[account]]\nname = {name:?}\nportal = \"kilima\"\nnumber = {:?}\nuser = {:?}\n\
             secret_file = \"secret\"\norigin = \"http://{}\"\n{keys}{NEW_LEDGER}",
            knobs.short_code,
            knobs.user,
            portal.address(),
        )
        .unwrap();
    }
    fs::write(dir.join("tillwatch.toml"), config).unwrap();
}

/// Starts the agent of these files.
pub fn start_agent(dir: &Path) -> Killed {
    let agent = Command::new(env!("CARGO_BIN_EXE_tillwatch"))
        .args(["--log", "warn", "run", "--config"])
        .arg(dir.join("tillwatch.toml"))
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    Killed(agent)
}

/// A child that ends with its owner.
pub struct Killed(pub Child);

impl Killed {
    /// Asks it to end in good order.
    pub async fn stop(self) {
        let pid = rustix::process::Pid::from_child(&self.0);
        rustix::process::kill_process(pid, rustix::process::Signal::TERM).unwrap();
        self.ended().await;
    }

    /// Until it has ended by itself.
    pub async fn ended(mut self) {
        while self.0.try_wait().unwrap().is_none() {
            tokio::time::sleep(LOOK).await;
        }
    }
}

impl Drop for Killed {
    fn drop(&mut self) {
        // Gone already, most times.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}
