//! `[[notify]]`: who is told when a person must act. `dead_man`: who misses the agent when it is dead.

use std::path::{MAIN_SEPARATOR, Path, PathBuf};

use hyper::Uri;

use super::value::path;
use crate::diagnostic::table::{Table, Value, wrong};
use crate::selectors::file::value::name;

/// One notifier.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Notify {
    /// `name`: in logs. Default: the type's word.
    pub name: String,
    /// `type`: required.
    pub kind: NotifyKind,
}

/// What a notifier is, with its own keys.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NotifyKind {
    /// `webhook`: each notice is POSTed as JSON.
    Webhook {
        /// `url`: required; http or https.
        url: Uri,
        /// `token_file`: file with a bearer token. Unset: none is sent.
        token_file: Option<PathBuf>,
    },
    /// `command`: a program gets each notice as JSON on its standard input.
    Command {
        /// `command`: required; program and arguments, no shell.
        command: Vec<String>,
    },
}

#[derive(Clone, Copy)]
enum Type {
    Webhook,
    Command,
}

pub(super) fn read(notify: &Table<'_>, dir: &Path) -> Option<Notify> {
    let words = [("webhook", Type::Webhook), ("command", Type::Command)];
    let written = notify.value("name", "\"on-call\"");
    let written = written.map(|text| text.parse(name));
    let kind = notify.need("type", "\"webhook\"", |word| word.word(words));
    for key in ["url", "token_file", "command"] {
        notify.value(key, ""); // known keys, whatever the type is
    }
    let other = |keys: &[&'static str], other: &str| {
        for value in keys.iter().filter_map(|key| notify.value(key, "")) {
            let advice = format!("remove it, or write `type = \"{other}\"`");
            value.wrong::<()>("does nothing for this type", advice);
        }
    };
    let (word, kind) = match kind? {
        Type::Webhook => {
            other(&["command"], "command");
            let url = notify.need("url", "\"https://hooks.example/tillwatch\"", address);
            let token_file =
                notify.optional("token_file", "\"/run/secrets/notify_token\"", path(dir));
            let kind = url.map(|url| NotifyKind::Webhook { url, token_file });
            ("webhook", kind)
        }
        Type::Command => {
            other(&["url", "token_file"], "webhook");
            let words = |list: &Value<'_>| command(list, dir);
            let command = notify.need("command", "[\"/usr/local/bin/tell\"]", words);
            let kind = command.map(|command| NotifyKind::Command { command });
            ("command", kind)
        }
    };
    Some(Notify {
        name: written.unwrap_or_else(|| Some(word.to_owned()))?,
        kind: kind?,
    })
}

/// An http or https address.
pub(super) fn address(value: &Value<'_>) -> Option<Uri> {
    value.parse(|text| {
        text.parse::<Uri>()
            .ok()
            .filter(|url| matches!(url.scheme_str(), Some("http" | "https")))
            .filter(|url| url.host().is_some_and(|host| !host.is_empty()))
            .ok_or_else(|| {
                wrong(
                    "is no address",
                    "write such as `https://hooks.example/tillwatch`",
                )
            })
    })
}

/// A program and its arguments. A relative path begins at the config file; a bare name is found on PATH.
pub(super) fn command(list: &Value<'_>, dir: &Path) -> Option<Vec<String>> {
    let mut words = list.list(|word| word.text().map(str::to_owned))?;
    let Some(program) = words.first_mut().filter(|program| !program.is_empty()) else {
        return list.wrong("names no program", "write its path and then its arguments");
    };
    if program.contains(MAIN_SEPARATOR) {
        *program = dir.join(&program).display().to_string();
    }
    Some(words)
}
