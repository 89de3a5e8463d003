//! A recording of the running agent's own pages: nothing of anybody in it, no login for it, and good enough to be replayed.

use std::fs;
use std::path::Path;

use tokio::process::Command;

use super::stage::{Cast, PLANTED, Stage, planted, walk};

async fn output(command: &mut Command) -> (bool, String) {
    let done = command.output().await.unwrap();
    let text = [done.stdout, done.stderr].concat();
    (done.status.success(), String::from_utf8(text).unwrap())
}

async fn recorded(stage: &Stage, name: &str) -> (bool, String) {
    let args = ["portal", "record", "kilima", "--name", name];
    output(&mut stage.command(&args)).await
}

async fn tested(stage: &Stage, how: &str) -> (bool, String) {
    let selectors = stage.path("selectors");
    let mut command = Command::new(env!("CARGO_BIN_EXE_tillwatch"));
    let command = command.args(["portal", "test", "kilima", how, "--selectors"]);
    output(command.arg(selectors).env("TMPDIR", stage.path("tmp"))).await
}

/// What the recording says of itself.
fn kinds(stage: &Stage, name: &str) -> String {
    let file = format!("selectors/recordings/kilima/{name}/recording.toml");
    fs::read_to_string(stage.path(&file)).unwrap()
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
    stage.until_told(&receipt).await;
    let (ok, said) = recorded(&stage, "live").await;
    assert!(ok, "{said}\n{}", stage.log());
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

    let texts = walk(&stage.path("selectors/recordings"));
    let texts = texts.into_iter().map(|file| fs::read(file).unwrap());
    let everything = String::from_utf8_lossy(&texts.collect::<Vec<_>>().concat()).into_owned();
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

    let (ok, said) = tested(&stage, "--accept").await;
    assert!(ok, "{said}");
    let (ok, said) = tested(&stage, "--browser").await;
    assert!(
        ok && said.contains("8 of the pages in a browser too"),
        "{said}"
    );
}
