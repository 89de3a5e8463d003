//! `tillwatch portal new`: a first selector file from a page, saved or asked for once without a login.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use reqwest::header::CONTENT_TYPE;
use url::Url;

use super::portal_try::charset::{self, WrongEncoding};
use super::portal_try::load::{self, Refusal};
use crate::diagnostic::Diagnostics;
use crate::exit::Exit;
use crate::extract::{self, ExtractError, MAX_PAGE_BYTES};
use crate::propose::{Origin, Proposal, ProposeError, propose};
use crate::selectors::file;

const TIMEOUT: Duration = Duration::from_secs(30);

/// Writes a commented selector file from a page that shows payments: no login, nothing is typed anywhere.
#[derive(Debug, Clone, clap::Args)]
pub struct NewArgs {
    /// The page: saved from a browser as HTML, or an address that anybody may read.
    pub page: String,
    /// Name of the portal, which is that of its file; without it, that of the page.
    #[arg(long)]
    pub name: Option<String>,
    /// Where the file is written to; one that is there is left alone. Without it, it is printed.
    #[arg(long, value_name = "DIRECTORY")]
    pub selectors: Option<PathBuf>,
}

/// Why there is no proposal.
#[derive(Debug, thiserror::Error)]
enum NewError {
    #[error(transparent)]
    Saved(#[from] Refusal),
    #[error("{page}: {source}")]
    Page { page: String, source: ExtractError },
    #[error("{page}: {source}")]
    Propose { page: String, source: ProposeError },
    #[error("{url}: {source}: save the page from a browser and give that file")]
    Fetch { url: String, source: reqwest::Error },
    #[error(
        "{url} answers {status}: save the page from a browser in which you are signed in, and give that file"
    )]
    Status { url: String, status: u16 },
    #[error("{url}: the page is over {MAX_PAGE_BYTES} bytes")]
    TooLarge { url: String },
    #[error("{url}: {source}")]
    Encoding { url: String, source: WrongEncoding },
    #[error("`{name}` is no name for a portal: give one by --name, of a-z, 0-9 and `-`")]
    Name { name: String },
    #[error("{} is there already: take it away, or give another --name", .path.display())]
    There { path: PathBuf },
    #[error("{}: {source}", .path.display())]
    Write {
        path: PathBuf,
        source: std::io::Error,
    },
}

/// Prints or writes the proposal, and to standard error what is left to a person.
pub async fn run(args: &NewArgs) -> Exit {
    let (out, err, exit) = match new(args).await {
        Ok((proposal, mistakes)) => said(args, proposal, mistakes),
        Err(error) => (String::new(), format!("error: {error}\n"), Exit::Failed),
    };
    let printed = std::io::stdout().lock().write_all(out.as_bytes());
    let _closed = std::io::stderr().lock().write_all(err.as_bytes());
    printed.map_or(Exit::StdoutClosed, |()| exit)
}

fn said(
    args: &NewArgs,
    proposal: Proposal,
    mistakes: Option<Diagnostics>,
) -> (String, String, Exit) {
    let mut err: String = proposal
        .open
        .iter()
        .map(|open| format!("check: {open}\n"))
        .collect();
    let exit = match &mistakes {
        None => Exit::Ok,
        Some(mistakes) => {
            err.push_str(&format!("{}\n", mistakes.render(false)));
            Exit::Config
        }
    };
    let out = if args.selectors.is_some() {
        String::new()
    } else {
        proposal.text
    };
    (out, err, exit)
}

/// The proposal, and what `check` has against it.
async fn new(args: &NewArgs) -> Result<(Proposal, Option<Diagnostics>), NewError> {
    let (html, origin) = if args.page.starts_with("http://") || args.page.starts_with("https://") {
        fetched(&args.page).await?
    } else {
        (load::saved(Path::new(&args.page))?, Origin::default())
    };
    let name = name(args)?;
    let page = extract::parse(&html).map_err(|source| NewError::Page {
        page: args.page.clone(),
        source,
    })?;
    let proposal = propose(&name, &page, &origin).map_err(|source| NewError::Propose {
        page: args.page.clone(),
        source,
    })?;
    let path = format!("{name}.toml");
    let mistakes = file::parse(&name, &path, &proposal.text).err();
    if let Some(dir) = &args.selectors {
        let path = dir.join(path);
        let mut file = std::fs::OpenOptions::new()
            .write(true)
            .create_new(true)
            .open(&path)
            .map_err(|source| match source.kind() {
                std::io::ErrorKind::AlreadyExists => NewError::There { path: path.clone() },
                _other => NewError::Write {
                    path: path.clone(),
                    source,
                },
            })?;
        let written = file.write_all(proposal.text.as_bytes());
        written.map_err(|source| NewError::Write { path, source })?;
    }
    Ok((proposal, mistakes))
}

fn name(args: &NewArgs) -> Result<String, NewError> {
    let of_page = || {
        let stem = Path::new(&args.page).file_stem().unwrap_or_default();
        stem.to_string_lossy().to_lowercase()
    };
    let name = args.name.clone().unwrap_or_else(of_page);
    file::value::name(&name).map_err(|_| NewError::Name { name })
}

/// One request, without cookies.
async fn fetched(url: &str) -> Result<(String, Origin), NewError> {
    let failed = |source| NewError::Fetch {
        url: url.to_owned(),
        source,
    };
    let client = reqwest::Client::builder().timeout(TIMEOUT).build();
    let answer = client
        .map_err(failed)?
        .get(url)
        .send()
        .await
        .map_err(failed)?;
    if !answer.status().is_success() {
        return Err(NewError::Status {
            url: url.to_owned(),
            status: answer.status().as_u16(),
        });
    }
    let at: Url = answer.url().clone();
    let kind = answer.headers().get(CONTENT_TYPE);
    let kind = kind.and_then(|kind| kind.to_str().ok()).map(str::to_owned);
    let mut answer = answer;
    let mut bytes = Vec::new();
    while let Some(piece) = answer.chunk().await.map_err(failed)? {
        bytes.extend_from_slice(&piece);
        if bytes.len() > MAX_PAGE_BYTES {
            return Err(NewError::TooLarge {
                url: url.to_owned(),
            });
        }
    }
    let html = charset::decoded(&bytes, kind.as_deref());
    let html = html.map_err(|source| NewError::Encoding {
        url: url.to_owned(),
        source,
    })?;
    let path = at.query().map_or_else(
        || at.path().to_owned(),
        |query| format!("{}?{query}", at.path()),
    );
    let origin = Origin {
        origin: Some(at.origin().ascii_serialization()),
        path: Some(path),
    };
    Ok((html, origin))
}
