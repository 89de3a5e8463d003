//! `otp` of an account: how it comes by the one-time codes that its portal asks for.

use std::path::{Path, PathBuf};
use std::time::Duration;

use regex::Regex;

use super::notify::command;
use super::value::{duration, path};
use crate::diagnostic::table::{Table, Value};
use crate::selectors::file::value::regex;

/// The keys of `otp`.
#[derive(Debug, Clone)]
pub struct Otp {
    /// `by`: required.
    pub by: OtpBy,
    /// `wait`: how long a code is waited for; for a command, how long it may run. 5s to 30m, default 5m.
    pub wait: Duration,
    /// `valid`: how long a code that was given counts. 5s to 30m, default 2m.
    pub valid: Duration,
    /// `capture`: finds the code in the text that is given or printed. Unset: the text is the code.
    pub capture: Option<Regex>,
}

/// Who has the code.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum OtpBy {
    /// `totp`: computed from a seed.
    Totp {
        /// `seed_file`: unset: `/run/secrets/<account>.totp`, then keyring, then environment.
        seed_file: Option<PathBuf>,
    },
    /// `given`: it comes by `POST /v1/accounts/<account>/otp` or `tillwatch otp`.
    Given,
    /// `command`: a program prints it. A relative path begins at the directory of tillwatch.toml.
    Command {
        /// `command`: program and arguments; no shell.
        command: Vec<String>,
    },
}

#[derive(Clone, Copy)]
enum Word {
    Totp,
    Given,
    Command,
}

pub(super) fn read(otp: &Table<'_>, dir: &Path) -> Option<Otp> {
    let words = [
        ("totp", Word::Totp),
        ("given", Word::Given),
        ("command", Word::Command),
    ];
    let by = otp.need("by", "\"totp\"", |word| word.word(words));
    let seed_file = otp.optional("seed_file", "\"/run/secrets/kilima-main.totp\"", path(dir));
    let command = otp.optional("command", "[\"/usr/local/bin/newest-code\"]", |list| {
        command(list, dir)
    });
    let bounds = duration(Duration::from_secs(5), Duration::from_mins(30));
    let wait = otp.optional("wait", "\"5m\"", bounds);
    let valid = otp.optional("valid", "\"2m\"", bounds);
    let capture = otp.optional("capture", "\"code is ([0-9]{6})\"", |text| {
        text.parse(regex)
    });
    let only = |key: &'static str, with: &str| {
        if let Some(value) = otp.value(key, "") {
            refuse(&value, with);
        }
    };
    let by = match by? {
        Word::Totp => {
            only("command", "command");
            only("capture", "given");
            only("valid", "given");
            only("wait", "given");
            OtpBy::Totp { seed_file }
        }
        Word::Given => {
            only("seed_file", "totp");
            only("command", "command");
            OtpBy::Given
        }
        Word::Command => {
            only("seed_file", "totp");
            only("valid", "given");
            OtpBy::Command {
                command: otp.need("command", "[\"/usr/local/bin/newest-code\"]", |_| command)?,
            }
        }
    };
    Some(Otp {
        by,
        wait: wait.unwrap_or(Duration::from_mins(5)),
        valid: valid.unwrap_or(Duration::from_mins(2)),
        capture,
    })
}

fn refuse(value: &Value<'_>, with: &str) {
    value.wrong::<()>(
        "does nothing for this `by`",
        format!("remove it, or write `by = \"{with}\"`"),
    );
}
