//! Taking over from an earlier script: its payments are not told again, and none is lost.

use std::collections::BTreeSet;
use std::fs;

use super::said;
use crate::agent::stage::{Cast, Stage, payment};

fn list(receipts: &[String]) -> String {
    let mut text = "Receipt No.;amount\r\n".to_owned();
    for receipt in receipts {
        text.push_str(&format!("{};\"1,500.00\"\r\n", receipt.to_lowercase()));
    }
    text
}

fn told(stage: &Stage) -> Vec<(String, String)> {
    let events = stage.events().into_iter();
    let text = |value: &serde_json::Value| value.as_str().unwrap_or_default().to_owned();
    events
        .filter(|event| event["type"] != "account.watermark")
        .map(|event| (text(&event["type"]), text(&event["subject"])))
        .collect()
}

#[tokio::test]
async fn at_the_cut_over_from_a_script_none_is_lost_and_none_told_twice() {
    let cast = Cast {
        keys: "poll = \"1s\"\nsince = \"2026-01-01T00:00:00Z\"".to_owned(),
        ..Cast::kilima()
    };
    let stage = Stage::set(vec![cast], "").await;
    let portal = stage.portal();
    let posted = |count: usize| -> Vec<String> {
        let post = |_| portal.post_payment(&payment()).unwrap();
        (0..count).map(post).collect()
    };
    let by_script = posted(7);
    let in_between = posted(3);
    fs::write(stage.path("ids.csv"), list(&by_script)).unwrap();
    let file = stage.path("ids.csv").display().to_string();
    let import = [
        "seen",
        "import",
        &file,
        "--account",
        "kilima",
        "--column",
        "receipt no.",
    ];
    let done = said(&stage, &import).await;
    assert!(done.starts_with("7 payments count as told"), "{done}");

    let agent = stage.start();
    let after = posted(2);
    for receipt in in_between.iter().chain(&after) {
        stage.until_told(receipt).await;
    }
    // A second import, now through the running agent: of those and of two that it has told itself.
    let all: Vec<String> = by_script.iter().chain(&after).cloned().collect();
    fs::write(stage.path("ids.csv"), list(&all)).unwrap();
    let done = said(&stage, &import).await;
    assert!(done.starts_with("0 payments count as told"), "{done}");
    stage.read_once("kilima").await;
    assert_eq!(agent.stop().await, 0);

    // The next start reads the whole look-back again.
    let agent = stage.start();
    let last = posted(1);
    stage.until_told(&last[0]).await;
    let expected: BTreeSet<_> = [in_between, after, last]
        .concat()
        .into_iter()
        .map(|receipt| ("payment.received".to_owned(), receipt))
        .collect();
    let told = told(&stage);
    assert_eq!(told.len(), expected.len(), "{told:?}");
    assert_eq!(told.into_iter().collect::<BTreeSet<_>>(), expected);
    assert_eq!(portal.truth().attempts.len(), 1);

    // One of the script's is taken back: that is news.
    portal.set_status(&by_script[0], "Cancelled").unwrap();
    let taken_back = ("payment.updated".to_owned(), by_script[0].clone());
    stage
        .until("the change is told", || {
            self::told(&stage).contains(&taken_back)
        })
        .await;
    assert_eq!(agent.stop().await, 0);
}

#[tokio::test]
async fn a_file_with_one_bad_line_imports_nothing_and_a_first_start_needs_since() {
    let stage = Stage::set(vec![Cast::kilima()], "").await;
    let file = stage.path("ids.csv").display().to_string();
    let run = async |name: &str| {
        let mut command = stage.command(&["seen", "import", &file, "--account", name]);
        let done = command.output().await.unwrap();
        (done.status.code(), String::from_utf8(done.stderr).unwrap())
    };
    fs::write(&file, "reference\nUKL4AB12CD\n").unwrap();
    let (code, why) = run("kilima").await;
    assert_eq!(code, Some(3));
    assert!(why.contains("Set `since`"), "{why}");
    assert!(!stage.path("state").exists());
    let (code, why) = run("kilimo").await;
    assert_eq!(code, Some(2));
    assert!(why.contains("the config has kilima"), "{why}");

    let config = fs::read_to_string(stage.path("tillwatch.toml")).unwrap();
    let config = config.replace("poll = \"1s\"", "since = \"2026-01-01T00:00:00Z\"");
    fs::write(stage.path("tillwatch.toml"), config).unwrap();
    fs::write(
        &file,
        "reference,direction\nUKL4AB12CD,\nUKL4 AB12CE,\nUKL4AB12CF,in\n",
    )
    .unwrap();
    let (code, why) = run("kilima").await;
    assert_eq!(code, Some(1));
    assert!(why.contains("nothing was imported"), "{why}");
    assert!(why.contains("line 3, column `reference`"), "{why}");
    assert!(why.contains("line 4, column `direction`"), "{why}");
    assert!(!why.contains("AB12CE"), "{why}");
    assert!(!stage.path("state").exists());
}
