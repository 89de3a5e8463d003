//! The tutorial of `selectors/README.md`: its commands are run as they are written.

use std::path::Path;
use std::process::Command;

const README: &str = include_str!("../../selectors/README.md");

#[test]
fn the_commands_of_the_tutorial_do_what_it_says() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let (_, tutorial) = README
        .split_once("## From nothing to a tested portal\n")
        .unwrap();
    let (_, commands) = tutorial.split_once("```sh\n").unwrap();
    let (commands, _) = commands.split_once("```").unwrap();
    let dir = tempfile::tempdir().unwrap();
    std::os::unix::fs::symlink(root.join("selectors"), dir.path().join("selectors")).unwrap();
    let program = Path::new(env!("CARGO_BIN_EXE_tillwatch")).parent().unwrap();
    let path = format!("{}:{}", program.display(), std::env::var("PATH").unwrap());
    let run = Command::new("bash")
        .args(["-euc", commands])
        .current_dir(dir.path())
        .env("PATH", path)
        .output()
        .unwrap();
    let out = String::from_utf8_lossy(&run.stdout);
    let told = format!("{out}{}", String::from_utf8_lossy(&run.stderr));
    assert!(run.status.success(), "{told}");
    for part in [
        "10 rows: 10 payments, 0 put aside",
        "1 portals, 1 recordings, 4 pages, 13 rows: all as expected",
        "1 files: 0 findings",
    ] {
        assert!(out.contains(part), "{part} in {told}");
    }
    let recorded = dir.path().join("mine/recordings/mine/pages/page-2.html");
    let recorded = std::fs::read_to_string(recorded).unwrap();
    for somebody in ["UKM4384YYD", "254781***139", "600456", "acc 9837"] {
        assert!(
            !recorded.contains(somebody),
            "{somebody} is in the recording"
        );
    }
}
