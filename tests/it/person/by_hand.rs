//! A person finishes a sign-in in the agent's own browser; the agent keeps its hands off and goes on from there.

use std::fs;
use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};

use serde_json::{Value, json};
use tillwatch::demo::guest::Which;
use tillwatch::demo::portal::{LoginOutcome, OtpWhen, PortalConfig};
use tokio::net::TcpListener;

use super::said;
use crate::agent::stage::{Cast, Stage, payment};

/// A WebDriver that the person can reach too.
struct Driver {
    child: Child,
    url: String,
}

impl Driver {
    /// Starts one, and has the agent use it; `more` is added to `[webdriver]`.
    fn beside(stage: &Stage, more: &str) -> Self {
        let driver = Self::start(stage);
        let config = fs::read_to_string(stage.path("tillwatch.toml")).unwrap();
        let ours = "driver = \"chromedriver\"\nbrowser = \"chromium\"\n";
        let theirs = format!(
            "url = {:?}\nbrowser_args = [\"--no-sandbox\"]\n{more}",
            driver.url
        );
        assert!(config.contains(ours));
        fs::write(stage.path("tillwatch.toml"), config.replace(ours, &theirs)).unwrap();
        driver
    }

    fn start(stage: &Stage) -> Self {
        let mut child = Command::new("chromedriver")
            .arg("--port=0")
            .env("TMPDIR", stage.path("tmp"))
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let said = BufReader::new(child.stdout.take().unwrap());
        let port = said.lines().find_map(|line| {
            let line = line.unwrap();
            let (_, port) = line.split_once("successfully on port ")?;
            Some(port.trim_end_matches('.').to_owned())
        });
        let url = format!("http://127.0.0.1:{}", port.unwrap());
        Self { child, url }
    }

    /// What a person does in the one window where `script` finds what it types into.
    async fn types(&self, script: &str, text: &str) {
        let sessions = reqwest::get(format!("{}/sessions", self.url))
            .await
            .unwrap();
        let sessions: Value = sessions.json().await.unwrap();
        let mut typed = 0;
        for session in sessions["value"].as_array().unwrap() {
            let session = session["id"].as_str().unwrap();
            typed += usize::from(self.ran(session, script, text).await);
        }
        assert_eq!(typed, 1, "windows that ask for it");
    }

    /// Runs `script`: did it say that it did something?
    async fn ran(&self, session: &str, script: &str, argument: &str) -> bool {
        let call = json!({ "script": script, "args": [argument] });
        let url = format!("{}/session/{session}/execute/sync", self.url);
        let done = reqwest::Client::new().post(url).json(&call).send().await;
        let done: Value = done.unwrap().json().await.unwrap();
        done["value"] == true
    }
}

const GIVE_CODE: &str = "const field = document.querySelector('#otp'); if (!field) return false;\
                         field.value = arguments[0];\
                         document.querySelector('#otp-button').click(); return true;";

const SOLVE_CAPTCHA: &str = "const field = document.querySelector('#captcha-text'); if (!field) return false;\
                             field.value = 'seen';\
                             document.querySelector('#user').value = arguments[0];\
                             document.querySelector('#go').click(); return true;";
const GIVE_PASSWORD: &str = "const field = document.querySelector('#password'); if (!field) return false;\
                             field.value = arguments[0]; field.form.submit(); return true;";

impl Drop for Driver {
    fn drop(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}

#[tokio::test]
async fn a_person_finishes_the_sign_in_in_the_same_browser_and_the_agent_goes_on() {
    let cast = Cast {
        knobs: PortalConfig {
            otp: OtpWhen::Always,
            ..PortalConfig::default()
        },
        ..Cast::kilima()
    };
    let stage = Stage::set(vec![cast], "").await;
    let driver = Driver::beside(&stage, "");
    let portal = stage.portal();
    let outcomes = || -> Vec<LoginOutcome> {
        let attempts = portal.truth().attempts;
        attempts.iter().map(|attempt| attempt.outcome).collect()
    };

    let agent = stage.start();
    stage
        .until("a person is asked for", || {
            stage.log().contains("stopped: ")
        })
        .await;
    assert_eq!(outcomes(), [LoginOutcome::OtpRequired]);
    let loads = portal.truth().loads.len();
    // It is looked at, and nothing is loaded: the code is still owed.
    stage.read_once("kilima").await;
    stage.read_once("kilima").await;
    assert_eq!(portal.truth().loads.len(), loads);
    let code = portal.sent_code().unwrap();
    driver.types(GIVE_CODE, &code).await;

    let receipt = portal.post_payment(&payment()).unwrap();
    stage.until_told(&receipt).await;
    assert!(stage.log().contains("a person signed in"));
    assert_eq!(outcomes(), [LoginOutcome::SignedIn]);
    let status = said(&stage, &["status"]).await;
    assert!(status.contains("signed in"), "{status}");
    assert!(status.contains("closed"), "{status}");
    assert_eq!(agent.stop().await, 0);
}

#[tokio::test]
async fn who_waits_for_a_person_keeps_its_browser_while_the_others_take_turns() {
    let ordinary = |name, number: &str, seed| Cast {
        name,
        knobs: PortalConfig {
            short_code: number.to_owned(),
            seed,
            ..PortalConfig::default()
        },
        ..Cast::kilima()
    };
    let waiting = Cast {
        knobs: PortalConfig {
            otp: OtpWhen::Always,
            ..PortalConfig::default()
        },
        ..Cast::kilima()
    };
    let cast = vec![
        waiting,
        ordinary("second", "600124", 2),
        ordinary("third", "600125", 3),
    ];
    let stage = Stage::set(cast, "").await;
    let driver = Driver::beside(&stage, "max_sessions = 2\n");
    let agent = stage.start();
    stage
        .until("a person is asked for", || {
            stage.log().contains("stopped: ")
        })
        .await;
    let loads = stage.portal().truth().loads.len();
    // Each of the two has the other place again and again.
    for _round in 0..3 {
        for portal in &stage.portals[1..] {
            let receipt = portal.control().post_payment(&payment()).unwrap();
            stage.until_told(&receipt).await;
        }
    }
    stage.read_once("kilima").await;
    let truth = stage.portal().truth();
    assert_eq!(truth.loads.len(), loads, "the page was left as it is");
    let code = stage.portal().sent_code().unwrap();
    driver.types(GIVE_CODE, &code).await;
    let receipt = stage.portal().post_payment(&payment()).unwrap();
    stage.until_told(&receipt).await;
    for portal in &stage.portals {
        assert_eq!(
            portal.control().truth().attempts.len(),
            1,
            "{}",
            stage.log()
        );
    }
    assert_eq!(agent.stop().await, 0);
}

#[tokio::test]
async fn a_captcha_is_left_to_a_person_and_the_agent_goes_on_from_there() {
    let mut stage = Stage::set(vec![], "").await;
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    stage.add_guest(Which::Ngome, "ngome", listener, "poll = \"1s\"");
    let driver = Driver::beside(&stage, "");
    let portal = stage.guests[0].control();
    portal.turn(|knobs| knobs.captcha_on_form = true);
    let knobs = portal.knobs();

    let agent = stage.start();
    stage
        .until("a person is asked for", || {
            stage.log().contains("stopped: the portal shows a captcha")
        })
        .await;
    driver.types(SOLVE_CAPTCHA, &knobs.user).await;
    driver.types(GIVE_PASSWORD, &knobs.password).await;
    stage
        .until("it goes on", || stage.log().contains("a person signed in"))
        .await;
    stage
        .until("a first reading", || !stage.events().is_empty())
        .await;
    assert_eq!(portal.truth().attempts.len(), 1, "the person's own");
    assert_eq!(agent.stop().await, 0);
}
