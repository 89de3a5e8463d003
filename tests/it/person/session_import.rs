//! A person signs in in a browser of their own and gives tillwatch the session: it reads with it, and spends no login.

use std::fs;
use std::process::Stdio;
use std::sync::Arc;

use chrono::TimeDelta;
use serde_json::{Value, json};
use tillwatch::clock::Clock;
use tillwatch::control::Request;
use tillwatch::demo::guest::{self, Channel, GuestPortal, Verdict, Which};
use tokio::io::AsyncWriteExt;
use tokio::net::TcpListener;

use super::said;
use crate::agent::stage::{Stage, payment, write_secret};

/// A portal with a captcha on its form, which only a person passes.
struct Ngome {
    stage: Stage,
    portal: GuestPortal,
}

/// What came of a command.
struct Done {
    code: i32,
    out: String,
    error: String,
}

impl Ngome {
    async fn set() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let now = Arc::new(|| Clock::System.now());
        let portal = guest::start(Which::Ngome, now, listener, None).unwrap();
        portal.control().turn(|knobs| knobs.captcha_on_form = true);
        let knobs = portal.control().knobs();
        let account = format!(
            "\n[[account]]\nname = \"ngome\"\nportal = \"ngome\"\nnumber = {:?}\nuser = {:?}\n\
             secret_file = \"ngome.secret\"\norigin = {:?}\npoll = \"1s\"\nsince = {:?}\n",
            knobs.number,
            knobs.user,
            portal.origin(),
            // What is posted while the agent starts is told too.
            (Clock::System.now() - TimeDelta::seconds(1)).to_rfc3339()
        );
        let stage = Stage::set(Vec::new(), &account).await;
        write_secret(&stage.path("ngome.secret"), &knobs.password);
        let shipped = include_str!("../../../selectors/ngome.toml");
        fs::write(stage.path("selectors/ngome.toml"), shipped).unwrap();
        Self { stage, portal }
    }

    fn control(&self) -> &Channel {
        self.portal.control()
    }

    /// A person signs in, somewhere else: the cookie's value.
    async fn person_signs_in(&self) -> String {
        let knobs = self.control().knobs();
        let form = format!("user={}&password={}", knobs.user, knobs.password);
        let client = reqwest::Client::builder()
            .redirect(reqwest::redirect::Policy::none())
            .build()
            .unwrap();
        let answer = client
            .post(format!("{}/login/password", self.portal.origin()))
            .header("content-type", "application/x-www-form-urlencoded")
            .body(form)
            .send()
            .await
            .unwrap();
        let set = answer.headers()["set-cookie"].to_str().unwrap();
        let (_, rest) = set.split_once("SID=").unwrap();
        rest.split(';').next().unwrap().to_owned()
    }

    /// The person's cookies, as an extension exports them: those of another site too.
    fn json(&self, value: &str) -> String {
        json!([
            { "domain": "127.0.0.1", "hostOnly": true, "httpOnly": true, "name": "SID", "path": "/", "sameSite": "lax",
              "secure": false, "session": true, "storeId": "0", "value": value },
            { "domain": ".ads.example", "expirationDate": 1_999_999_999.5, "hostOnly": false, "httpOnly": false,
              "name": "ad", "path": "/", "sameSite": "unspecified", "secure": false, "value": "planted" },
        ])
        .to_string()
    }

    async fn import(&self, file: &str, input: &str) -> Done {
        self.import_as(&["session", "import", "ngome", file], input)
            .await
    }

    async fn import_as(&self, args: &[&str], input: &str) -> Done {
        let mut command = self.stage.command(args);
        command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let mut stdin = child.stdin.take().unwrap();
        // One that refuses the rest of it closes its end.
        stdin.write_all(input.as_bytes()).await.ok();
        drop(stdin);
        let done = child.wait_with_output().await.unwrap();
        Done {
            code: done.status.code().unwrap(),
            out: String::from_utf8(done.stdout).unwrap(),
            error: String::from_utf8(done.stderr).unwrap(),
        }
    }

    async fn until_told(&self) {
        let receipt = self.control().post_payment(&payment()).unwrap();
        self.stage.until_told(&receipt).await;
    }

    async fn until_stopped(&self) {
        let stopped = || self.stage.log().contains("stopped: ");
        self.stage.until("a person is asked for", stopped).await;
    }

    async fn status(&self) -> Value {
        self.stage.read_once("ngome").await;
        let text = said(&self.stage, &["status", "--json"]).await;
        let all: Value = serde_json::from_str(&text).unwrap();
        all[0].clone()
    }

    /// Sign-ins that the portal met, the person's own among them.
    fn sign_ins(&self) -> Vec<Verdict> {
        self.control().truth().attempts
    }
}

#[tokio::test]
async fn the_running_agent_goes_on_with_the_session_of_a_person_and_a_restart_too() {
    let ngome = Ngome::set().await;
    let agent = ngome.stage.start();
    ngome.until_stopped().await;
    assert_eq!(ngome.sign_ins(), []);

    let value = ngome.person_signs_in().await;
    let file = ngome.stage.path("cookies.json").display().to_string();
    fs::write(&file, ngome.json(&value)).unwrap();
    let done = ngome.import(&file, "").await;
    assert_eq!(done.code, 0, "{}", done.error);
    let origin = ngome.portal.origin();
    assert_eq!(
        done.out,
        format!(
            "1 cookie for {origin}; 1 of other sites left out\n\
             the portal takes the session: ngome goes on with it\n\
             delete {file} now: whoever has it is signed in\n"
        )
    );
    ngome.until_told().await;
    let status = ngome.status().await;
    assert_eq!(status["state"], "signed in");
    assert_eq!(status["breaker"], "closed");
    assert!(status["sessionSeconds"].is_u64());
    assert_eq!(agent.stop().await, 0);

    let agent = ngome.stage.start();
    ngome.until_told().await;
    assert_eq!(agent.stop().await, 0);
    assert_eq!(ngome.sign_ins(), [Verdict::Open], "the person's own");

    let log = ngome.stage.log();
    let kept = fs::read(ngome.stage.path("state/browser/ngome/session")).unwrap();
    for secret in [value.as_str(), "planted"] {
        assert!(!log.contains(secret));
        let secret = secret.as_bytes();
        assert!(!kept.windows(secret.len()).any(|part| part == secret));
    }
}

#[tokio::test]
async fn a_session_is_imported_before_the_first_start_and_again_while_the_account_is_paused() {
    let ngome = Ngome::set().await;
    let value = ngome.person_signs_in().await;
    let text = format!(
        "# Netscape HTTP Cookie File\n#HttpOnly_127.0.0.1\tFALSE\t/\tFALSE\t0\tSID\t{value}\n\
         .ads.example\tTRUE\t/\tFALSE\t1999999999\tad\tplanted\n"
    );
    let done = ngome.import("-", &text).await;
    assert_eq!(done.code, 0, "{}", done.error);
    assert!(
        done.out.contains("1 of other sites left out"),
        "{}",
        done.out
    );
    assert!(done.out.contains("no agent runs"), "{}", done.out);
    assert!(!done.out.contains("delete"), "{}", done.out);

    let agent = ngome.stage.start();
    ngome.until_told().await;
    assert_eq!(ngome.sign_ins(), [Verdict::Open]);
    let account = "ngome".to_owned();
    ngome.stage.ask(&Request::Pause { account }).await;
    assert!(!ngome.control().truth().has_session, "signed out");
    let value = ngome.person_signs_in().await;
    let done = ngome.import("-", &ngome.json(&value)).await;
    assert_eq!(done.code, 0, "{}", done.error);
    ngome.until_told().await;
    assert_eq!(agent.stop().await, 0);
    assert_eq!(ngome.sign_ins(), [Verdict::Open; 2], "the person's own");
}

#[tokio::test]
async fn a_session_that_is_over_is_told_and_no_login_is_spent() {
    let ngome = Ngome::set().await;
    // The agent could sign in by itself, for all it knows: a person was needed, or nobody would import.
    ngome.control().turn(|knobs| knobs.captcha_on_form = false);
    let value = ngome.person_signs_in().await;
    ngome.control().expire();
    let done = ngome.import("-", &ngome.json(&value)).await;
    assert_eq!(done.code, 0, "{}", done.error);
    let agent = ngome.stage.start();
    ngome.until_stopped().await;
    let log = ngome.stage.log();
    assert!(log.contains("did not take the imported session"), "{log}");
    assert_eq!(agent.stop().await, 0);

    // Nor after a restart, nor with the agent at work.
    let agent = ngome.stage.start();
    let stopped = || ngome.stage.log().matches("stopped: ").count() == 2;
    ngome.stage.until("it still waits", stopped).await;
    let done = ngome.import("-", &ngome.json(&value)).await;
    assert_eq!(done.code, 1, "{}", done.out);
    assert!(done.error.contains("no login was spent"), "{}", done.error);
    assert!(
        done.error.contains("import its cookies at once"),
        "{}",
        done.error
    );
    let status = ngome.status().await;
    assert_eq!(status["state"], "stopped, a person must act");
    assert_eq!(status["breaker"], "session-refused");
    assert_eq!(ngome.sign_ins(), [Verdict::Open], "the person's own");

    let value = ngome.person_signs_in().await;
    let done = ngome.import("-", &ngome.json(&value)).await;
    assert_eq!(done.code, 0, "{}", done.error);
    ngome.until_told().await;
    assert_eq!(ngome.status().await["breaker"], "closed");
    assert_eq!(agent.stop().await, 0);
    assert_eq!(ngome.sign_ins(), [Verdict::Open; 2], "the person's own");
}

#[tokio::test]
async fn what_is_no_export_of_cookies_is_refused_and_nothing_is_written() {
    let ngome = Ngome::set().await;
    let foreign =
        json!([{ "name": "ad", "value": "planted", "domain": "ads.example" }]).to_string();
    let over = json!([{ "name": "SID", "value": "planted", "domain": "127.0.0.1", "expires": 1_000_000_000 }]).to_string();
    let large = "planted ".repeat(600_000);
    for (input, told) in [
        ("", "the file is empty"),
        ("{\"planted\": ", "line 1, column 12: this is no JSON"),
        ("<html>planted</html>", "line 1: has 1 values between tabs"),
        ("[{\"name\": \"planted\"}]", "entry 1: has no `value`"),
        (&foreign, "1 of other sites, 0 expired): sign in again"),
        (&over, "0 of other sites, 1 expired): sign in again"),
        (&large, "is larger than 4194304 bytes"),
    ] {
        let done = ngome.import("-", input).await;
        assert_eq!(done.code, 1, "{}", done.error);
        assert!(done.error.contains(told), "{}", done.error);
        assert!(!done.error.contains("planted"), "{}", done.error);
        assert_eq!(done.out, "");
    }
    let session = ngome.json("1");
    let with = |args: &[&'static str]| [&["session", "import"], args].concat();
    for (args, code, told) in [
        (with(&["ngomo", "-"]), 2, "the config has ngome"),
        (
            with(&["ngome", "-", "--user-agent", "a\nb"]),
            2,
            "copy `navigator.userAgent`",
        ),
        (
            with(&["ngome", "missing.json"]),
            1,
            "missing.json cannot be read",
        ),
        (with(&["ngome"]), 2, "<FILE>"),
    ] {
        let done = ngome.import_as(&args, &session).await;
        assert_eq!(done.code, code, "{}", done.error);
        assert!(done.error.contains(told), "{}", done.error);
    }
    fs::remove_file(ngome.stage.path("ngome.secret")).unwrap();
    let done = ngome.import("-", &session).await;
    assert_eq!(done.code, 8, "{}", done.error);
    assert!(!ngome.stage.path("state").exists());
}
