//! Asks the WebDriver, the state directory and the sinks whether they could do their work. Signs in nowhere, leaves nothing behind.

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use http_body_util::{BodyExt as _, Empty, Limited};
use hyper::body::Bytes;
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::{Connect, HttpConnector};
use hyper_util::rt::TokioExecutor;
use serde::Deserialize;
use tokio::process::Command;
use url::Url;

use crate::cli::store::{Checked, CommandError, check};
use crate::config::{Driver, SinkKind, WebDriver};
use crate::sink::file::FileSink;
use crate::sink::{Sink as _, SinkError};

const PATIENCE: Duration = Duration::from_secs(10);
const MAX_STATUS_BYTES: usize = 64 << 10;

/// Something that the agent needs cannot do its work.
#[derive(Debug, thiserror::Error)]
pub enum LiveError {
    /// No connection, or no whole answer in time.
    #[error("{url} does not answer ({reason}): is the WebDriver running, and reachable from here?")]
    NoAnswer {
        /// What was asked.
        url: Url,
        /// The kind of failure.
        reason: String,
    },
    /// It answers, but not as a WebDriver.
    #[error("{url} is no WebDriver: it answers {status} without a WebDriver status")]
    NoWebDriver {
        /// What was asked.
        url: Url,
        /// HTTP status.
        status: u16,
    },
    /// It can start no session now.
    #[error("{url} can start no session now: {message}")]
    NotReady {
        /// What was asked.
        url: Url,
        /// Its own words.
        message: String,
    },
    /// A program cannot be started.
    #[error("{} cannot be started ({reason}): install it, or correct its path", program.display())]
    NoProgram {
        /// Its path.
        program: PathBuf,
        /// Why.
        reason: String,
    },
    /// ChromeDriver drives only the browser of its own major version.
    #[error("the versions differ, `{driver}` and `{browser}`: install the two together")]
    Versions {
        /// What the driver says.
        driver: String,
        /// What the browser says.
        browser: String,
    },
    /// The state directory cannot be written.
    #[error("{} cannot be written ({source}): create it for the user that runs tillwatch", dir.display())]
    StateDir {
        /// The directory.
        dir: PathBuf,
        /// Why.
        source: std::io::Error,
    },
}

/// Can it start a browser? Asks a running one for its status, a local one for its version and the browser's.
pub async fn webdriver(config: &WebDriver) -> Result<String, LiveError> {
    match &config.driver {
        Driver::Running(url) => status(url).await,
        Driver::Started { driver, browser } => {
            let (driver, browser) = (version(driver).await?, version(browser).await?);
            if major(&driver) == major(&browser) {
                Ok(format!("{driver}, {browser}"))
            } else {
                Err(LiveError::Versions { driver, browser })
            }
        }
    }
}

/// Can files be made there, or it be made itself? The file made has no name and is gone at once.
pub fn state_dir(dir: &Path) -> Result<String, LiveError> {
    let there = dir.ancestors().map(or_here).find(|dir| dir.exists());
    let there = there.unwrap_or(dir);
    match tempfile::tempfile_in(there) {
        Ok(_) if there == dir => Ok(format!("{} can be written", dir.display())),
        Ok(_) => Ok(format!("{} can be made", dir.display())),
        Err(source) => Err(LiveError::StateDir {
            dir: dir.to_owned(),
            source,
        }),
    }
}

/// The last ancestor of a relative path is the empty one: the directory that we are in.
fn or_here(dir: &Path) -> &Path {
    if dir.as_os_str().is_empty() {
        Path::new(".")
    } else {
        dir
    }
}

/// Is it what was acknowledged? A store that is not there yet is made at the first start.
pub async fn store(dir: &Path) -> Result<Checked, CommandError> {
    match check(dir).await {
        Err(CommandError::NoStore(_)) => Ok(Checked {
            text: "none yet, made at the first start".to_owned(),
            agent_runs: false,
        }),
        checked => checked,
    }
}

/// Could it take events? Writes nothing. Standard output is whatever it will be when the agent runs; a file that
/// the running agent writes is its own.
pub async fn sink(
    kind: &SinkKind,
    state_dir: &Path,
    agent_runs: bool,
) -> Result<String, SinkError> {
    match kind {
        SinkKind::File { path, .. } if path.starts_with(state_dir) && !state_dir.exists() => Ok(
            format!("{} will be made with the state directory", path.display()),
        ),
        SinkKind::File { path, .. } if agent_runs => Ok(format!(
            "{} is written by the running agent",
            path.display()
        )),
        SinkKind::Stdout => Ok("prints here".to_owned()),
        SinkKind::File { path, rotate } => {
            FileSink::new(path.clone(), *rotate).check().await?;
            Ok(format!("{} can be written", path.display()))
        }
    }
}

/// <https://www.w3.org/TR/webdriver2/#status>; `build` is ChromeDriver's own.
#[derive(Deserialize)]
struct Status {
    value: Ready,
}

#[derive(Deserialize)]
struct Ready {
    ready: bool,
    #[serde(default)]
    message: String,
    build: Option<Build>,
}

#[derive(Deserialize)]
struct Build {
    version: String,
}

async fn status(base: &Url) -> Result<String, LiveError> {
    let mut url = base.clone();
    if let Ok(mut path) = url.path_segments_mut() {
        path.pop_if_empty().push("status");
    }
    let asked = async {
        if url.scheme() == "http" {
            return get(&url, HttpConnector::new()).await;
        }
        let https = hyper_rustls::HttpsConnectorBuilder::new()
            .with_native_roots()
            .map_err(|error| no_answer(&url, &error))?;
        get(&url, https.https_or_http().enable_http1().build()).await
    };
    let answered = tokio::time::timeout(PATIENCE, asked).await;
    let (status, body) = answered.map_err(|late| no_answer(&url, &late))??;
    let ready = match serde_json::from_slice::<Status>(&body) {
        Ok(status) => status.value,
        Err(_) => return Err(LiveError::NoWebDriver { url, status }),
    };
    if ready.ready {
        let build = ready
            .build
            .map_or_else(String::new, |build| format!(", {}", build.version));
        Ok(format!("{base} is ready{build}"))
    } else {
        Err(LiveError::NotReady {
            url,
            message: ready.message,
        })
    }
}

async fn get<C>(url: &Url, connector: C) -> Result<(u16, Bytes), LiveError>
where
    C: Connect + Clone + Send + Sync + 'static,
{
    let client: Client<C, Empty<Bytes>> = Client::builder(TokioExecutor::new()).build(connector);
    let address = url
        .as_str()
        .parse()
        .map_err(|error| no_answer(url, &error))?;
    let response = client
        .get(address)
        .await
        .map_err(|error| no_answer(url, &error))?;
    let status = response.status().as_u16();
    let body = Limited::new(response.into_body(), MAX_STATUS_BYTES)
        .collect()
        .await;
    let body = body.map_err(|error| no_answer(url, error.as_ref()))?;
    Ok((status, body.to_bytes()))
}

/// The innermost cause says most: `connection refused`, `certificate expired`.
fn no_answer(url: &Url, error: &(dyn std::error::Error + 'static)) -> LiveError {
    let innermost = std::iter::successors(Some(error), |error| error.source()).last();
    LiveError::NoAnswer {
        url: url.clone(),
        reason: innermost.unwrap_or(error).to_string(),
    }
}

/// First line of `program --version`.
async fn version(program: &Path) -> Result<String, LiveError> {
    let failed = |reason: String| LiveError::NoProgram {
        program: program.to_owned(),
        reason,
    };
    let running = Command::new(program)
        .arg("--version")
        .stdin(Stdio::null())
        .kill_on_drop(true)
        .output();
    let output = tokio::time::timeout(PATIENCE, running)
        .await
        .map_err(|late| failed(late.to_string()))?
        .map_err(|error| failed(error.to_string()))?;
    let said = String::from_utf8_lossy(&output.stdout);
    match said.lines().next() {
        Some(line) if output.status.success() => Ok(line.trim().to_owned()),
        Some(_) | None => Err(failed(output.status.to_string())),
    }
}

/// `ChromeDriver 149.0.7811.0 (…)` is 149.
fn major(version: &str) -> Option<u32> {
    version
        .split_whitespace()
        .find_map(|word| word.split_once('.')?.0.parse().ok())
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test")]
mod tests {
    use axum::routing::get;

    use super::*;

    async fn asked(answer: &'static str) -> Result<String, String> {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/wd/hub", listener.local_addr().unwrap());
        let routes =
            axum::Router::new().route("/wd/hub/status", get(move || async move { answer }));
        let server = tokio::spawn(async move { axum::serve(listener, routes).await });
        let status = status(&url.parse().unwrap())
            .await
            .map_err(|error| error.to_string());
        server.abort();
        status
    }

    #[tokio::test]
    async fn a_webdriver_is_believed_only_when_it_says_that_it_is_ready() {
        let ready =
            asked(r#"{"value":{"ready":true,"message":"","build":{"version":"149.0.1"}}}"#).await;
        assert!(ready.unwrap().ends_with("is ready, 149.0.1"));
        let busy = asked(r#"{"value":{"ready":false,"message":"one session is open"}}"#).await;
        assert!(busy.unwrap_err().contains("one session is open"));
        let other = asked("<html>a proxy</html>").await;
        assert!(other.unwrap_err().contains("is no WebDriver"));
    }

    #[tokio::test]
    async fn a_port_where_nothing_listens_is_said_so() {
        let free = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", free.local_addr().unwrap());
        drop(free);
        let said = status(&url.parse().unwrap()).await.unwrap_err().to_string();
        assert!(said.contains("refused"), "{said}");
    }

    #[tokio::test]
    async fn a_program_that_is_not_there_is_named() {
        let said = version(Path::new("/nonexistent/driver"))
            .await
            .unwrap_err()
            .to_string();
        assert!(said.contains("/nonexistent/driver"), "{said}");
    }

    #[test]
    fn the_major_version_is_the_number_before_the_first_dot() {
        assert_eq!(major("ChromeDriver 149.0.7811.0 (abc-refs)"), Some(149));
        assert_eq!(
            major("Chromium 149.0.7811.0 built on Debian GNU/Linux 13"),
            Some(149)
        );
        assert_eq!(major("something else"), None);
    }

    #[test]
    fn a_state_directory_is_made_where_it_can_be_and_named_where_not() {
        let dir = tempfile::tempdir().unwrap();
        assert!(state_dir(dir.path()).is_ok());
        let said = state_dir(&dir.path().join("new/state")).unwrap();
        assert!(said.ends_with("can be made"), "{said}");
        let file = dir.path().join("file");
        std::fs::write(&file, "").unwrap();
        let said = state_dir(&file.join("state")).unwrap_err().to_string();
        assert!(said.contains("state cannot be written"), "{said}");
    }
}
