//! `[[sink]]`: where events go, besides the stream over HTTP.

use std::path::{Path, PathBuf};

use super::Once;
use super::value::{path, size};
use crate::diagnostic::table::Table;
use crate::selectors::file::value::name;

/// One sink.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sink {
    /// `name`: its cursor is kept under it. Default: the type's word.
    pub name: String,
    /// `type`: required.
    pub kind: SinkKind,
}

/// What a sink is, with its own keys.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SinkKind {
    /// `stdout`: one event per line.
    Stdout,
    /// `file`: one event per line.
    File {
        /// `path`: required. A relative one begins at the directory of tillwatch.toml.
        path: PathBuf,
        /// `rotate`: bytes after which a new file is begun; none is ever deleted. At least 4KiB, default 100MiB.
        rotate: u64,
    },
}

/// Bytes of a file sink before it rotates.
const ROTATE: u64 = 100 << 20;

#[derive(Clone, Copy)]
enum Type {
    Stdout,
    File,
}

pub(super) fn read(sink: &Table<'_>, dir: &Path, once: &Once) -> Option<Sink> {
    let words = [("stdout", Type::Stdout), ("file", Type::File)];
    let written = sink.value("name", "\"ledger-feed\"");
    let name = written.as_ref().map(|text| text.parse(name));
    let kind = sink.need("type", "\"file\"", |word| word.word(words));
    for key in ["path", "rotate"] {
        sink.value(key, ""); // known keys, whatever the type is
    }
    let (name, kind) = match kind? {
        Type::Stdout => (
            name.unwrap_or_else(|| Some("stdout".to_owned())),
            stdout(sink, once),
        ),
        Type::File => (
            name.unwrap_or_else(|| Some("file".to_owned())),
            file(sink, dir, once),
        ),
    };
    if let (Some(name), Some(value)) = (&name, written.or_else(|| sink.value("type", ""))) {
        let advice = "give each sink a `name` of its own: its cursor is kept under it";
        once.claim(
            &value,
            format!("sink {name}"),
            "names a second sink",
            advice,
        );
    }
    Some(Sink {
        name: name?,
        kind: kind?,
    })
}

fn stdout(sink: &Table<'_>, once: &Once) -> Option<SinkKind> {
    for key in ["path", "rotate"] {
        if let Some(value) = sink.value(key, "") {
            value.wrong::<()>(
                "does nothing for standard output",
                "remove it, or write `type = \"file\"`",
            );
        }
    }
    if let Some(value) = sink.value("type", "") {
        let advice = "keep one: every event would be printed twice";
        once.claim(
            &value,
            "standard output".to_owned(),
            "is standard output a second time",
            advice,
        );
    }
    Some(SinkKind::Stdout)
}

fn file(sink: &Table<'_>, dir: &Path, once: &Once) -> Option<SinkKind> {
    let file_path = sink.need("path", "\"/var/lib/tillwatch/payments.ndjson\"", |value| {
        let path = path(dir)(value)?;
        let advice =
            "give each file sink a path of its own: two writers would tear each other's lines";
        once.claim(
            value,
            format!("file {}", path.display()),
            "is the file of a second sink",
            advice,
        );
        Some(path)
    });
    let rotate = sink.optional("rotate", "\"100MiB\"", |text| text.parse(size));
    Some(SinkKind::File {
        path: file_path?,
        rotate: rotate.unwrap_or(ROTATE),
    })
}
