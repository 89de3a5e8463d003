//! The rules of the house, read off the source: rings, headers, clocks, sizes.

use std::fs;
use std::path::{Path, PathBuf};

/// Longest file, in lines.
const MAX_LINES: usize = 500;

/// Modules by ring; the longest prefix of a path counts. A file imports its own ring or a lower one.
const RINGS: &[(&str, u8)] = &[
    ("announce", 0),
    ("attended", 0),
    ("completeness", 0),
    ("diagnostic", 0),
    ("difference", 0),
    ("drift", 0),
    ("event", 0),
    ("exit", 0),
    ("extract", 0),
    ("identity", 0),
    ("lint", 0),
    ("login/budget", 0),
    ("login/totp", 0),
    ("normalize", 0),
    ("notice", 0),
    ("past", 0),
    ("payment", 0),
    ("portal/mod", 0),
    ("portal/trouble", 0),
    ("portal/way", 0),
    ("propose", 0),
    ("recording", 0),
    ("redact", 0),
    ("retry", 0),
    ("schedule", 0),
    ("selectors", 0),
    ("session", 0),
    ("sink/mod", 0),
    ("skeleton", 0),
    ("status", 0),
    ("trial", 0),
    ("understand", 0),
    ("clock", 1),
    ("lock", 1),
    ("page_loads", 1),
    ("login/code", 1),
    ("login/gate", 1),
    ("login/ledger", 1),
    ("login/mod", 1),
    ("portal/kept", 1),
    ("overview", 1),
    ("portal/pool", 1),
    ("portal/taped", 1),
    ("store", 1),
    ("evidence", 2),
    ("http", 2),
    ("login/code_command", 2),
    ("login/credentials", 2),
    ("notify", 2),
    ("portal/webdriver", 2),
    ("sink", 2),
    ("agent", 3),
    ("cli", 3),
    ("config", 3),
    ("control", 3),
    ("delivery", 3),
    ("demo", 3),
    ("lib", 3),
    ("main", 3),
    ("notices", 3),
    ("one_time_code", 3),
    ("reading", 3),
    ("release", 3),
    ("run", 3),
    ("sign_in", 3),
    ("status_line", 3),
    ("telemetry", 3),
];

/// What ring 0 may not touch.
const OUTSIDE: &[&str] = &[
    "tokio::",
    "sled::",
    "fantoccini::",
    "axum::",
    "hyper",
    "keyring::",
    "governor::",
    "std::fs",
    "std::env",
    "std::net",
    "std::process",
];

struct File {
    path: PathBuf,
    /// Without `src/` and `.rs`.
    module: String,
    text: String,
}

impl File {
    /// Code lines with their numbers, up to the unit tests; comments left out.
    fn code(&self) -> impl Iterator<Item = (usize, &str)> {
        self.text
            .lines()
            .enumerate()
            .map(|(i, line)| (i + 1, line))
            .take_while(|(_, line)| !line.starts_with("#[cfg(test)]"))
            .filter(|(_, line)| !line.trim_start().starts_with("//"))
    }
}

fn files(dir: &str) -> Vec<File> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut found = Vec::new();
    let mut open = vec![root.join(dir)];
    while let Some(dir) = open.pop() {
        for entry in fs::read_dir(&dir).expect("a source directory") {
            let path = entry.expect("an entry").path();
            if path.is_dir() {
                open.push(path);
            } else if path.extension().is_some_and(|e| e == "rs") {
                let module = path
                    .strip_prefix(root.join("src"))
                    .unwrap_or(&path)
                    .with_extension("")
                    .to_string_lossy()
                    .into_owned();
                let text = fs::read_to_string(&path).expect("a source file");
                found.push(File { path, module, text });
            }
        }
    }
    assert!(!found.is_empty());
    found
}

fn ring(module: &str) -> Option<(&'static str, u8)> {
    RINGS
        .iter()
        .filter(|(prefix, _)| {
            module == *prefix
                || module
                    .strip_prefix(prefix)
                    .is_some_and(|rest| rest.starts_with('/'))
        })
        .max_by_key(|(prefix, _)| prefix.len())
        .copied()
}

/// The modules that a line of code names with `crate::`.
fn imports(line: &str) -> Vec<String> {
    let mut found = Vec::new();
    for rest in line.split("crate::").skip(1) {
        let path: Vec<&str> = rest
            .split(|c: char| !c.is_alphanumeric() && c != '_' && c != ':')
            .next()
            .unwrap_or_default()
            .split("::")
            .filter(|part| !part.is_empty())
            .collect();
        if let Some(first) = path.first() {
            let nested = path.get(1).map(|second| format!("{first}/{second}"));
            found.push(match nested {
                Some(nested) if RINGS.iter().any(|(prefix, _)| *prefix == nested) => nested,
                _ if RINGS
                    .iter()
                    .any(|(prefix, _)| *prefix == format!("{first}/mod")) =>
                {
                    format!("{first}/mod")
                }
                _ => (*first).to_owned(),
            });
        }
    }
    found
}

#[test]
fn every_file_says_its_one_job_first_and_stays_short() {
    for file in files("src").iter().chain(&files("tests")) {
        assert!(
            file.text.starts_with("//! "),
            "{} must open with `//! `",
            file.path.display()
        );
        let lines = file.text.lines().count();
        assert!(
            lines <= MAX_LINES,
            "{} has {lines} lines: likely two jobs",
            file.path.display()
        );
        let name = file.path.file_stem().unwrap_or_default().to_string_lossy();
        assert!(
            !["utils", "helpers", "common", "imp"].contains(&name.as_ref()),
            "{}: name the idea",
            file.path.display()
        );
    }
}

#[test]
fn imports_point_inwards() {
    for file in files("src") {
        let (own, own_ring) =
            ring(&file.module).unwrap_or_else(|| panic!("{} is in no ring", file.module));
        for (number, line) in file.code() {
            for import in imports(line) {
                let Some((theirs, their_ring)) = ring(&import) else {
                    continue;
                };
                let place = format!(
                    "{}:{number} (ring {own_ring}) imports {import}",
                    file.path.display()
                );
                assert!(their_ring <= own_ring, "{place} (ring {their_ring})");
                let siblings = own_ring == 2
                    && their_ring == 2
                    && own.split('/').next() != theirs.split('/').next();
                assert!(!siblings, "{place}: a sibling edge");
            }
            if own_ring == 0 {
                for outside in OUTSIDE {
                    assert!(
                        !line.contains(outside),
                        "{}:{number}: ring 0 touches {outside}",
                        file.path.display()
                    );
                }
            }
        }
    }
}

#[test]
fn only_the_clock_reads_time() {
    for file in files("src").iter().filter(|f| f.module != "clock") {
        for (number, line) in file.text.lines().enumerate() {
            for call in [
                "SystemTime::now",
                "Instant::now",
                "Utc::now",
                "Local::now",
                "until_ready",
            ] {
                assert!(
                    !line.contains(call),
                    "{}:{}: {call}",
                    file.path.display(),
                    number + 1
                );
            }
        }
    }
}

#[test]
fn no_test_and_no_code_sleeps_a_thread() {
    let call = ["thread", "sleep"].join("::");
    for file in files("src").iter().chain(&files("tests")) {
        assert!(!file.text.contains(&call), "{} sleeps", file.path.display());
    }
}

#[test]
fn a_shared_lock_says_why() {
    for file in files("src") {
        let lines: Vec<&str> = file.text.lines().collect();
        for (number, line) in lines.iter().enumerate() {
            let explained = number > 0 && lines[number - 1].trim_start().starts_with("//");
            assert!(
                !line.contains("Arc<Mutex<") || explained,
                "{}:{}: say above why this lock is right",
                file.path.display(),
                number + 1
            );
        }
    }
}
