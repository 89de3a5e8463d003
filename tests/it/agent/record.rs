//! A recording of the running agent's own pages: nothing of anybody in it, no login for it, and good enough to be replayed.

use std::fs;
use std::path::Path;

use chrono::TimeDelta;
use tillwatch::clock::Clock;
use tillwatch::demo::guest::Which;
use tillwatch::demo::portal::{OtpWhen, PortalConfig};
use tokio::net::TcpListener;
use tokio::process::Command;

use super::stage::{Cast, PLANTED, Stage, planted, walk, write_secret};
use crate::portals::wimbi;

async fn output(command: &mut Command) -> (bool, String) {
    let done = command.output().await.unwrap();
    let text = [done.stdout, done.stderr].concat();
    (done.status.success(), String::from_utf8(text).unwrap())
}

async fn recorded(stage: &Stage, name: &str) -> (bool, String) {
    let args = ["portal", "record", "kilima", "--name", name];
    output(&mut stage.command(&args)).await
}

async fn tested(stage: &Stage, portal: &str, how: &str) -> (bool, String) {
    let selectors = stage.path("selectors");
    let mut command = Command::new(env!("CARGO_BIN_EXE_tillwatch"));
    let command = command.args(["portal", "test", portal, how, "--selectors"]);
    output(command.arg(selectors).env("TMPDIR", stage.path("tmp"))).await
}

/// What the recording says of itself.
fn kinds(stage: &Stage, name: &str) -> String {
    said_of(stage, "kilima", name)
}

fn said_of(stage: &Stage, portal: &str, name: &str) -> String {
    let file = format!("selectors/recordings/{portal}/{name}/recording.toml");
    fs::read_to_string(stage.path(&file)).unwrap()
}

/// Everything in the recordings, as one text.
fn everything(stage: &Stage) -> String {
    let files = walk(&stage.path("selectors/recordings")).into_iter();
    let texts: Vec<Vec<u8>> = files.map(|file| fs::read(file).unwrap()).collect();
    String::from_utf8_lossy(&texts.concat()).into_owned()
}

fn names(dir: &Path) -> Vec<String> {
    let files = walk(dir).into_iter();
    let names = files.map(|file| file.file_name().unwrap().to_str().unwrap().to_owned());
    let mut names: Vec<String> = names.collect();
    names.sort();
    names
}

#[tokio::test]
async fn the_running_agent_records_its_own_pages_and_they_replay_in_a_browser() {
    let mut cast = Cast::kilima();
    cast.knobs.rows_per_page = 10;
    // It signs in when it is asked for a recording, and not before.
    cast.keys = "poll = \"5m\"".to_owned();
    let stage = Stage::set(vec![cast], "").await;
    let portal = stage.portal();
    portal.seed_history(35).unwrap();
    // Where no agent runs, the account alone signs in; then nobody else has to.
    let (ok, said) = recorded(&stage, "early").await;
    assert!(ok && said.contains("no agent runs"), "{said}");
    assert!(kinds(&stage, "early").contains("is = \"submitted\""));
    assert_eq!(portal.truth().attempts.len(), 1);
    let waiting = portal.post_payment(&planted()).unwrap();
    let (ok, said) = recorded(&stage, "again").await;
    assert!(ok, "{said}");
    assert!(!kinds(&stage, "again").contains("is = \"submitted\""));
    assert!(stage.events().is_empty(), "nothing is delivered by it");
    stage.is_bare().await;

    let agent = stage.start();
    stage.until_told(&waiting).await;
    let receipt = portal.post_payment(&planted()).unwrap();
    let (ok, said) = recorded(&stage, "live").await;
    assert!(ok, "{said}\n{}", stage.log());
    stage.until_told(&receipt).await;
    let live = stage.path("selectors/recordings/kilima/live");
    let pages = ["page-1.html", "page-1.png", "page-2.html", "page-2.png"];
    assert_eq!(names(&live), [&pages[..], &["recording.toml"]].concat());
    assert_eq!(portal.truth().attempts.len(), 1, "no login was spent");
    let left = walk(&stage.path("state/evidence"));
    assert!(left.is_empty(), "{left:?}");
    let (ok, said) = recorded(&stage, "live").await;
    assert!(!ok && said.contains("is there already"), "{said}");

    // The portal ends the session: the agent signs in as it would have, and that is part of the recording.
    portal.expire_session(0);
    let (ok, said) = recorded(&stage, "whole").await;
    assert!(ok, "{said}\n{}", stage.log());
    assert_eq!(portal.truth().attempts.len(), 2);
    let steps = kinds(&stage, "whole");
    for kind in ["sign-in", "submitted", "table"] {
        assert!(steps.contains(&format!("is = \"{kind}\"")), "{steps}");
    }
    let (ok, said) = output(&mut stage.command(&["pause", "kilima"])).await;
    assert!(ok, "{said}");
    let (ok, said) = recorded(&stage, "paused").await;
    assert!(!ok && said.contains("tillwatch resume kilima"), "{said}");
    assert_eq!(agent.stop().await, 0);

    let everything = everything(&stage);
    let knobs = portal.config();
    let own = [
        waiting.as_str(),
        receipt.as_str(),
        &knobs.short_code,
        &knobs.user,
        &knobs.password,
    ];
    for secret in PLANTED.iter().chain(&own) {
        assert!(!everything.contains(secret), "{secret}");
    }

    let (ok, said) = tested(&stage, "kilima", "--accept").await;
    assert!(ok, "{said}");
    let (ok, said) = tested(&stage, "kilima", "--browser").await;
    assert!(
        ok && said.contains("8 of the pages in a browser too"),
        "{said}"
    );
}

/// A guest's account, read by a running agent and then recorded with its next sign-in.
async fn guest_recorded(which: Which, rows: usize) -> Stage {
    guest_recorded_by(which, rows, None).await
}

/// The same by a selector file of another text than the one that is shipped.
async fn guest_recorded_by(which: Which, rows: usize, selectors: Option<&str>) -> Stage {
    let mut stage = Stage::set(vec![], "").await;
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let since = (Clock::System.now() - TimeDelta::days(2)).to_rfc3339();
    // All of it in one reading: the session is ended when nothing more is asked of it.
    let keys = format!("poll = \"5m\"\nsince = \"{since}\"\nlook_back = \"3d\"");
    stage.add_guest(which, "600456", listener, &keys);
    if let Some(text) = selectors {
        let file = format!("selectors/{}.toml", which.as_str());
        fs::write(stage.path(&file), text).unwrap();
    }
    let portal = stage.guests[0].control();
    portal.seed_history(rows).unwrap();
    let agent = stage.start();
    stage
        .until("a first reading", || !stage.events().is_empty())
        .await;
    stage.read_once("600456").await;
    portal.expire();
    let mut record = stage.command(&["portal", "record", "600456", "--name", "live"]);
    let (ok, said) = output(&mut record).await;
    assert!(ok, "{said}\n{}", stage.log());
    assert_eq!(agent.stop().await, 0);
    stage
}

fn holds_nothing_of_the_guest(stage: &Stage) {
    let (everything, knobs) = (everything(stage), stage.guests[0].control().knobs());
    for own in [&knobs.number, &knobs.user, &knobs.password] {
        assert!(!everything.contains(own.as_str()), "{own}");
    }
    for event in stage.events() {
        for key in ["transactionReference", "payerName"] {
            if let Some(own) = event["data"][key].as_str() {
                assert!(!everything.contains(own), "{own}");
            }
        }
    }
}

#[tokio::test]
async fn an_export_is_recorded_as_the_file_that_it_is() {
    let stage = guest_recorded(Which::Wimbi, 35).await;
    let steps = said_of(&stage, "wimbi", "live");
    for step in [
        "is = \"submitted\"",
        "is = \"page\"",
        "is = \"download\"\nfile = \"answer-4.csv\"\nat = \"/export?lang=",
    ] {
        assert!(steps.contains(step), "{step} in {steps}");
    }
    holds_nothing_of_the_guest(&stage);
    let (ok, said) = tested(&stage, "wimbi", "--accept").await;
    assert!(ok, "{said}");
    let text = |name: &str| {
        let file = stage.path("selectors/recordings/wimbi/live").join(name);
        fs::read_to_string(file).unwrap()
    };
    let rows = text("answer-4.csv").lines().count() - 1;
    let expected = text("answer-4.expected.json");
    assert!(rows > 0);
    assert_eq!(expected.matches("\"transactionReference\"").count(), rows);
    let (ok, said) = tested(&stage, "wimbi", "--browser").await;
    assert!(
        ok && said.contains("3 of the pages in a browser too"),
        "{said}"
    );
}

#[tokio::test]
async fn an_endpoint_of_several_pages_is_recorded_and_replayed_page_by_page() {
    let stage = guest_recorded_by(Which::Wimbi, 35, Some(&wimbi::file_by_cursor())).await;
    let steps = said_of(&stage, "wimbi", "live");
    let pages = steps.matches("is = \"download\"").count();
    assert!(pages > 1 && steps.contains("after="), "{steps}");
    holds_nothing_of_the_guest(&stage);
    let (ok, said) = tested(&stage, "wimbi", "--accept").await;
    assert!(ok, "{said}");
    let (ok, said) = tested(&stage, "wimbi", "--browser").await;
    assert!(ok, "{said}");
    let in_browser = format!("{} of the pages in a browser too", 2 + pages);
    assert!(said.contains(&in_browser), "{said}\n{steps}");
}

#[tokio::test]
async fn a_sign_in_with_a_code_is_replayed_to_its_end() {
    let seed = "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP";
    let cast = Cast {
        knobs: PortalConfig {
            otp: OtpWhen::Always,
            otp_seed: seed.to_owned(),
            ..PortalConfig::default()
        },
        keys: "poll = \"1s\"\notp = { by = \"totp\", seed_file = \"kilima.seed\" }".to_owned(),
        ..Cast::kilima()
    };
    let stage = Stage::set(vec![cast], "").await;
    write_secret(&stage.path("kilima.seed"), seed);
    stage.portal().seed_history(15).unwrap();
    let (ok, said) = recorded(&stage, "live").await;
    assert!(ok, "{said}");
    let (ok, said) = tested(&stage, "kilima", "--accept").await;
    assert!(ok, "{said}");
    let (ok, said) = tested(&stage, "kilima", "--browser").await;
    assert!(
        ok && said.contains("4 of the pages in a browser too"),
        "{said}"
    );
}

#[tokio::test]
async fn what_a_pages_scripts_ask_for_is_recorded_with_stand_ins() {
    let stage = guest_recorded(Which::Mwezi, 4).await;
    let steps = said_of(&stage, "mwezi", "live");
    let asked = steps.matches("is = \"request\"").count();
    let posted = "at = \"/partner/UIDL\"\nmethod = \"POST\"\ncontent_type = \"application/json\"";
    assert!(asked >= 3, "the form, its answer and the table: {steps}");
    assert_eq!(steps.matches(posted).count(), asked, "{steps}");
    holds_nothing_of_the_guest(&stage);
    let (ok, said) = tested(&stage, "mwezi", "--accept").await;
    assert!(ok, "{said}");
    let (ok, said) = tested(&stage, "mwezi", "--browser").await;
    assert!(ok && said.contains("scripts are not in it"), "{said}");
}
