//! Finds the selector file and the saved page of `portal try`, or says what to give instead.

use std::fs::{self, File};
use std::io::Read as _;
use std::path::{Path, PathBuf};

use encoding_rs::Encoding;

use super::charset::{self, WrongEncoding};
use crate::config::read_text;
use crate::diagnostic::{Diagnostics, did_you_mean};
use crate::exit::Exit;
use crate::extract::export::{self, Converted, ExportError};
use crate::extract::{ExtractError, MAX_PAGE_BYTES};
use crate::selectors::{Portal, file};

/// Why there is nothing to show.
#[derive(Debug, thiserror::Error)]
#[expect(missing_docs, reason = "each says itself in its message")]
pub enum Refusal {
    #[error(
        "`{given}` is a path: give the portal's name, `{stem}`, and the directory of its file by --selectors"
    )]
    PortalIsPath { given: String, stem: String },
    #[error("there is no directory {}: give the one with the selector files by --selectors", .dir.display())]
    NoDirectory { dir: PathBuf },
    #[error("{} holds no selector file: write {name}.toml there", .dir.display())]
    NoSelectors { dir: PathBuf, name: String },
    #[error("{} has no {name}.toml: {}", .dir.display(), advice(.name, .known))]
    UnknownPortal {
        dir: PathBuf,
        name: String,
        known: Vec<String>,
    },
    #[error(transparent)]
    SelectorFile(#[from] Diagnostics),
    #[error("{}: {source}: save the page from a browser (Ctrl-S, HTML only) and give that file", .page.display())]
    NoPage {
        page: PathBuf,
        source: std::io::Error,
    },
    #[error("{}: {source}", .page.display())]
    Encoding {
        page: PathBuf,
        source: WrongEncoding,
    },
    #[error("{}: {source}", .page.display())]
    Page {
        page: PathBuf,
        source: ExtractError,
        notes: Vec<String>,
    },
    #[error("{}: {source}", .page.display())]
    Export { page: PathBuf, source: ExportError },
    #[error("--explain {asked}: the page has {rows} data rows, counted from 1")]
    NoSuchRow { asked: usize, rows: usize },
}

fn advice(name: &str, known: &[String]) -> String {
    did_you_mean(name, &known.iter().map(String::as_str).collect::<Vec<_>>())
}

impl Refusal {
    /// How the program ends for it.
    #[must_use]
    pub fn exit(&self) -> Exit {
        match self {
            Refusal::PortalIsPath { .. }
            | Refusal::NoDirectory { .. }
            | Refusal::NoSelectors { .. }
            | Refusal::UnknownPortal { .. }
            | Refusal::SelectorFile(_) => Exit::Config,
            Refusal::NoPage { .. }
            | Refusal::Encoding { .. }
            | Refusal::Page { .. }
            | Refusal::Export { .. }
            | Refusal::NoSuchRow { .. } => Exit::Failed,
        }
    }

    /// The whole message for standard error.
    #[must_use]
    pub fn render(&self, colour: bool) -> String {
        match self {
            Refusal::SelectorFile(mistakes) => format!("{}\n", mistakes.render(colour)),
            Refusal::Page { notes, .. } => {
                let notes: String = notes.iter().map(|note| format!("note: {note}\n")).collect();
                format!("error: {self}\n{notes}")
            }
            Refusal::PortalIsPath { .. }
            | Refusal::NoDirectory { .. }
            | Refusal::NoSelectors { .. }
            | Refusal::UnknownPortal { .. }
            | Refusal::NoPage { .. }
            | Refusal::Encoding { .. }
            | Refusal::Export { .. }
            | Refusal::NoSuchRow { .. } => format!("error: {self}\n"),
        }
    }
}

/// The selector file of the portal `name`, in the directory `dir`.
///
/// # Errors
/// When it is missing or wrong.
pub fn portal(dir: &Path, name: &str) -> Result<Portal, Refusal> {
    let path = dir.join(format!("{name}.toml"));
    if !path.is_file() {
        return Err(no_such_portal(dir, name));
    }
    let text = read_text(&path).map_err(Diagnostics::from)?;
    Ok(file::parse(name, &path.display().to_string(), &text)?)
}

/// The portals whose files stand in `dir`, by name.
///
/// # Errors
/// When there is no such directory.
pub fn known(dir: &Path) -> std::io::Result<Vec<String>> {
    let mut known: Vec<String> = fs::read_dir(dir)?
        .filter_map(|entry| {
            let path = entry.ok()?.path();
            let is_file = path.extension().is_some_and(|ending| ending == "toml");
            is_file.then(|| path.file_stem().map(|stem| stem.display().to_string()))?
        })
        .collect();
    known.sort();
    Ok(known)
}

fn no_such_portal(dir: &Path, name: &str) -> Refusal {
    let (name, dir) = (name.to_owned(), dir.to_owned());
    if name.contains('/') || name.ends_with(".toml") {
        let stem = Path::new(&name)
            .file_stem()
            .unwrap_or_default()
            .display()
            .to_string();
        return Refusal::PortalIsPath { given: name, stem };
    }
    let Ok(known) = known(&dir) else {
        return Refusal::NoDirectory { dir };
    };
    if known.is_empty() {
        Refusal::NoSelectors { dir, name }
    } else {
        Refusal::UnknownPortal { dir, name, known }
    }
}

/// The page, or what an export of any kind becomes, whatever the file is called.
///
/// # Errors
/// When it is missing, or no text and no export.
pub fn page(portal: &Portal, path: &Path) -> Result<String, Refusal> {
    let bytes = bytes(path)?;
    if is_page(&bytes) && portal.table.export.is_none() {
        return html(&bytes, path);
    }
    let converted = export::convert(portal, &bytes, None);
    converted
        .map(Converted::into_element)
        .map_err(|source| Refusal::Export {
            page: path.to_owned(),
            source,
        })
}

/// Nothing stands before its first tag.
fn is_page(bytes: &[u8]) -> bool {
    let bytes = bytes.trim_ascii_start();
    let mark = Encoding::for_bom(bytes).map_or(0, |(_, mark)| mark);
    // In UTF-16 a zero stands beside each letter.
    let is_blank = |byte: &u8| byte.is_ascii_whitespace() || *byte == 0;
    let mut letters = bytes.iter().skip(mark).filter(|byte| !is_blank(byte));
    letters.next().is_none_or(|first| *first == b'<')
}

/// A page saved as HTML, and nothing else.
///
/// # Errors
/// When it is missing or no text.
pub fn saved(path: &Path) -> Result<String, Refusal> {
    html(&bytes(path)?, path)
}

fn bytes(path: &Path) -> Result<Vec<u8>, Refusal> {
    let mut bytes = Vec::new();
    let limit = MAX_PAGE_BYTES as u64 + 1;
    File::open(path)
        .and_then(|file| file.take(limit).read_to_end(&mut bytes))
        .map_err(|source| Refusal::NoPage {
            page: path.to_owned(),
            source,
        })?;
    Ok(bytes)
}

fn html(bytes: &[u8], path: &Path) -> Result<String, Refusal> {
    // Cut within a letter, a page over the limit would fit no encoding: `extract` is to say that it is too large.
    if bytes.len() > MAX_PAGE_BYTES {
        return Ok(String::from_utf8_lossy(bytes).into_owned());
    }
    charset::decoded(bytes, None).map_err(|source| Refusal::Encoding {
        page: path.to_owned(),
        source,
    })
}
