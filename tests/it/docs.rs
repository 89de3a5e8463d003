//! What people read about the program is what the program does.

use std::process::Command;

use tillwatch::exit::Exit;

#[test]
fn help_readme_and_code_agree_on_exit_codes() {
    let help = Command::new(env!("CARGO_BIN_EXE_tillwatch"))
        .arg("--help")
        .output()
        .unwrap();
    let help = String::from_utf8(help.stdout).unwrap();
    let (_, in_help) = help.split_once("Exit codes:\n").unwrap();
    let in_help: Vec<(u8, &str)> = in_help
        .lines()
        .map(|line| line.trim().split_once("  ").unwrap())
        .map(|(code, meaning)| (code.parse().unwrap(), meaning))
        .collect();
    let readme = include_str!("../../README.md");
    let (_, table) = readme
        .split_once("| code | meaning |\n|---|---|\n")
        .unwrap();
    let in_readme: Vec<(u8, &str)> = table
        .lines()
        .map_while(|line| {
            line.strip_prefix("| ")?
                .strip_suffix(" |")?
                .split_once(" | ")
        })
        .map(|(code, meaning)| (code.parse().unwrap(), meaning))
        .collect();
    assert_eq!(in_help, in_readme);
    let documented: Vec<u8> = in_help.iter().map(|(code, _)| *code).collect();
    assert_eq!(documented, Exit::ALL.map(Exit::code));
}
