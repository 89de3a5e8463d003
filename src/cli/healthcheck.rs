//! `tillwatch healthcheck`: asks a running agent's `/healthz`, for containers that hold no other HTTP client.

use std::io::Write;
use std::time::Duration;

use http_body_util::Empty;
use hyper::body::Bytes;
use hyper::{StatusCode, Uri};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;

use crate::exit::Exit;

/// An agent that does not answer for so long is not healthy.
const PATIENCE: Duration = Duration::from_secs(5);

/// Exit code 0 when a running agent is healthy, 7 when it is not.
#[derive(Debug, Clone, clap::Args)]
pub struct Healthcheck {
    /// Where the agent's HTTP server answers.
    #[arg(long, default_value = "http://127.0.0.1:9464/healthz")]
    pub url: Uri,
}

/// Why the agent does not count as healthy.
#[derive(Debug, thiserror::Error)]
enum Unhealthy {
    #[error("{url} does not answer: {reason}")]
    Unreachable { url: Uri, reason: String },
    #[error("{url} did not answer within {} s", PATIENCE.as_secs())]
    Silent { url: Uri },
    #[error("{url} answers {status}")]
    Refused { url: Uri, status: StatusCode },
}

/// Asks, tells stderr why when the answer is no, and gives the exit code.
pub async fn run(command: Healthcheck) -> Exit {
    match ask(command.url).await {
        Ok(()) => Exit::Ok,
        Err(why) => {
            // Without stderr the exit code still says it.
            writeln!(std::io::stderr(), "tillwatch: {why}").ok();
            Exit::Unhealthy
        }
    }
}

async fn ask(url: Uri) -> Result<(), Unhealthy> {
    let client: Client<HttpConnector, Empty<Bytes>> =
        Client::builder(TokioExecutor::new()).build_http();
    match tokio::time::timeout(PATIENCE, client.get(url.clone())).await {
        Ok(Ok(answer)) if answer.status().is_success() => Ok(()),
        Ok(Ok(answer)) => {
            let status = answer.status();
            Err(Unhealthy::Refused { url, status })
        }
        Ok(Err(error)) => {
            let cause = std::error::Error::source(&error).map(ToString::to_string);
            let reason = cause.unwrap_or_else(|| error.to_string());
            Err(Unhealthy::Unreachable { url, reason })
        }
        Err(_) => Err(Unhealthy::Silent { url }),
    }
}
