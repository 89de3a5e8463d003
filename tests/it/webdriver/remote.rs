//! A WebDriver that is not ours: its sessions are gone on with or ended, by the next start at the latest.

use std::fs;
use std::io::{BufRead, BufReader};
use std::mem;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use rustix::process::Signal;
use tillwatch::portal::webdriver::{Settings, WebDriver, WebDriverPortal};
use tillwatch::portal::{NoSession, Portal as _, PortalError};

use super::fixture::{Bench, days, signal, until};
use super::server::Server;

/// A chromedriver as another container would run it.
pub struct Remote {
    pub child: Child,
    pub url: String,
}

impl Remote {
    pub fn start() -> Self {
        Self::start_at(0)
    }

    /// 0: at a port of its own choice.
    pub fn start_at(port: u16) -> Self {
        let mut child = Command::new("chromedriver")
            .arg(format!("--port={port}"))
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let port = BufReader::new(child.stdout.take().unwrap())
            .lines()
            .find_map(|line| {
                let line = line.unwrap();
                let (_, port) = line.split_once("successfully on port ")?;
                Some(port.trim_end_matches('.').to_owned())
            })
            .unwrap();
        Self {
            child,
            url: format!("http://127.0.0.1:{port}"),
        }
    }

    fn portal(&self, bench: &Bench, origin: &str) -> WebDriverPortal {
        WebDriverPortal::new(self.settings(bench, origin))
    }

    fn settings(&self, bench: &Bench, origin: &str) -> Settings {
        let webdriver = WebDriver::Remote {
            url: self.url.parse().unwrap(),
            args: vec!["--no-sandbox".to_owned()],
        };
        let mut settings = bench.settings(origin, webdriver);
        settings.page_timeout = Duration::from_secs(5);
        settings
    }

    async fn has(&self, session: &str) -> bool {
        let url = format!("{}/session/{session}/url", self.url);
        reqwest::get(url).await.unwrap().status().is_success()
    }
}

impl Drop for Remote {
    fn drop(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}

fn noted(bench: &Bench) -> Vec<String> {
    fs::read_to_string(bench.state().join("webdriver-sessions"))
        .unwrap()
        .lines()
        .map(|line| line.split(' ').next().unwrap().to_owned())
        .collect()
}

/// A portal whose browser stands at its table, left as a crash leaves it: nothing is dropped.
async fn crashed(remote: &Remote, bench: &Bench, server: &Server) -> String {
    let mut crashed = remote.portal(bench, &server.origin);
    crashed.open().await.unwrap();
    crashed.first_page(days()).await.unwrap();
    mem::forget(crashed);
    let left = noted(bench);
    assert!(remote.has(&left[0]).await);
    left[0].clone()
}

#[tokio::test]
async fn a_session_left_by_a_crash_is_adopted_at_the_next_open() {
    let (bench, server, remote) = (Bench::new().await, Server::start(), Remote::start());
    let old = crashed(&remote, &bench, &server).await;
    let mut portal = remote.portal(&bench, &server.origin);
    portal.open().await.unwrap();
    assert!(noted(&bench).iter().eq([&old]));
    let page = portal.first_page(days()).await.unwrap();
    assert!(page.html.contains("row 1"));
    portal.close().await;
    assert!(noted(&bench).is_empty());
    assert!(!remote.has(&old).await);
    // It may have been signed in.
    assert_eq!(server.seen().last().unwrap(), "GET /logout");
}

#[tokio::test]
async fn a_session_of_another_user_or_browser_is_ended_and_never_adopted() {
    let (bench, server, remote) = (Bench::new().await, Server::start(), Remote::start());
    let changes: [fn(&mut Settings); 2] = [
        |settings| settings.owner.user = "john".to_owned(),
        |settings| {
            let WebDriver::Remote { args, .. } = &mut settings.webdriver else {
                unreachable!()
            };
            args.push("--lang=sw".to_owned());
        },
    ];
    for change in changes {
        let old = crashed(&remote, &bench, &server).await;
        let mut settings = remote.settings(&bench, &server.origin);
        change(&mut settings);
        let mut portal = WebDriverPortal::new(settings);
        portal.open().await.unwrap();
        assert!(!remote.has(&old).await);
        assert_eq!(noted(&bench).len(), 1);
        portal.close().await;
    }
}

#[tokio::test]
async fn a_remote_that_hangs_is_given_up_and_its_session_ended_later() {
    let (bench, server, remote) = (Bench::new().await, Server::start(), Remote::start());
    let mut portal = remote.portal(&bench, &server.origin);
    portal.open().await.unwrap();
    portal.first_page(days()).await.unwrap();
    let old = noted(&bench);
    let pid = i32::try_from(remote.child.id()).unwrap();
    signal(pid, Signal::STOP);
    let error = portal.first_page(days()).await.unwrap_err();
    assert!(matches!(error, PortalError::Hung { .. }), "{error}");
    // No request is left waiting for it.
    until("the connections are closed", || {
        connections(&remote.url) == 0
    })
    .await;
    assert_eq!(noted(&bench), old);
    signal(pid, Signal::CONT);
    portal.open().await.unwrap();
    portal.first_page(days()).await.unwrap();
    assert!(!remote.has(&old[0]).await);
    assert_eq!(noted(&bench).len(), 1);
    portal.close().await;
}

#[tokio::test]
async fn a_remote_that_does_not_listen_is_told_in_one_line() {
    let bench = Bench::new().await;
    let remote = Remote::start();
    let mut portal = remote.portal(&bench, "http://127.0.0.1:1");
    drop(remote);
    assert_eq!(
        portal.open().await.unwrap_err(),
        PortalError::NoWebDriver {
            kind: NoSession::Refused,
            reason: "connection refused".to_owned()
        }
    );
}

/// Our established connections to `url`, from /proc/net/tcp (proc(5)): `sl local remote state …`.
fn connections(url: &str) -> usize {
    let port: u16 = url.rsplit(':').next().unwrap().parse().unwrap();
    let remote = format!("0100007F:{port:04X}");
    fs::read_to_string("/proc/self/net/tcp")
        .unwrap()
        .lines()
        .filter(|line| {
            let fields: Vec<&str> = line.split_whitespace().collect();
            fields.get(2) == Some(&remote.as_str()) && fields.get(3) == Some(&"01")
        })
        .count()
}
