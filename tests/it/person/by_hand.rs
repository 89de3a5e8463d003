//! A person finishes a sign-in in the agent's own browser; the agent keeps its hands off and goes on from there.

use std::fs;
use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};

use serde_json::{Value, json};
use tillwatch::demo::portal::{LoginOutcome, OtpWhen, PortalConfig};

use super::said;
use crate::agent::stage::{Cast, Stage, payment};

/// A WebDriver that the person can reach too.
struct Driver {
    child: Child,
    url: String,
}

impl Driver {
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

    /// What a person does in the window: here, by script.
    async fn by_hand(&self, script: &str, argument: &str) {
        let client = reqwest::Client::new();
        let sessions = client.get(format!("{}/sessions", self.url));
        let sessions: Value = sessions.send().await.unwrap().json().await.unwrap();
        let session = sessions["value"][0]["id"].as_str().unwrap().to_owned();
        let call = json!({ "script": script, "args": [argument] });
        let done = client
            .post(format!("{}/session/{session}/execute/sync", self.url))
            .json(&call)
            .send()
            .await
            .unwrap();
        assert!(done.status().is_success(), "{done:?}");
    }
}

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
    let driver = Driver::start(&stage);
    let config = fs::read_to_string(stage.path("tillwatch.toml")).unwrap();
    let ours = "driver = \"chromedriver\"\nbrowser = \"chromium\"\n";
    let theirs = format!(
        "url = {:?}\nbrowser_args = [\"--no-sandbox\"]\n",
        driver.url
    );
    assert!(config.contains(ours));
    fs::write(stage.path("tillwatch.toml"), config.replace(ours, &theirs)).unwrap();
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
    let script = "document.querySelector('#otp').value = arguments[0];\
                  document.querySelector('#otp-button').click();";
    driver.by_hand(script, &code).await;

    let receipt = portal.post_payment(&payment()).unwrap();
    stage.until_told(&receipt).await;
    assert!(stage.log().contains("a person signed in"));
    assert_eq!(outcomes(), [LoginOutcome::SignedIn]);
    let status = said(&stage, &["status"]).await;
    assert!(status.contains("signed in"), "{status}");
    assert!(status.contains("closed"), "{status}");
    assert_eq!(agent.stop().await, 0);
}
