//! Where notices go: a webhook, a command of the operator's. And the ping that says that the agent lives.
//!
//! Each call is bounded in time and tries once: what is tried again, and when, is decided elsewhere. A message is JSON
//! and holds no secret; an address may, so it stands in no error.

use std::io;
use std::process::Stdio;
use std::sync::Arc;
use std::time::Duration;

use http_body_util::Full;
use hyper::body::Bytes;
use hyper::header::{AUTHORIZATION, CONTENT_TYPE, HeaderValue, USER_AGENT};
use hyper::{Method, Request, StatusCode, Uri};
use hyper_rustls::{ConfigBuilderExt, HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use rustls::{ClientConfig, RootCertStore};
use secrecy::{ExposeSecret, SecretString};
use tokio::io::AsyncWriteExt;
use tokio::process::Command;

/// How long one delivery may take.
pub const LIMIT: Duration = Duration::from_secs(20);

/// Where a notice goes.
pub enum Notifier {
    /// `POST` of the message to an address.
    Webhook {
        /// http or https.
        url: Uri,
        /// Sent as `Authorization: Bearer`.
        token: Option<SecretString>,
        /// The connections.
        http: Box<Http>,
    },
    /// A program that gets the message on its standard input; run without a shell.
    Command {
        /// Program and arguments.
        words: Vec<String>,
    },
}

/// A message did not arrive.
#[derive(Debug, thiserror::Error)]
pub enum NotifyError {
    /// No answer.
    #[error("{host} could not be reached: {reason}")]
    Unreachable {
        /// Host of the address.
        host: String,
        /// Kind of error.
        reason: String,
    },
    /// An answer that is no success.
    #[error("{host} answered {status}")]
    Refused {
        /// Host of the address.
        host: String,
        /// Its status.
        status: StatusCode,
    },
    /// The program could not be started or talked to.
    #[error("the command {program} could not be run: {source}")]
    Run {
        /// Its first word.
        program: String,
        /// Why.
        source: io::Error,
    },
    /// The program failed.
    #[error("the command {program} ended with {status}")]
    Failed {
        /// Its first word.
        program: String,
        /// As the system words it.
        status: String,
    },
    /// It took too long.
    #[error("it took longer than {} s", LIMIT.as_secs())]
    Late,
}

/// A small HTTP client. Cheap to clone.
#[derive(Clone)]
pub struct Http(Client<HttpsConnector<HttpConnector>, Full<Bytes>>);

impl Http {
    /// With the certificates of the machine, where `https` is asked for.
    ///
    /// # Errors
    /// There are none, or TLS cannot be set up.
    pub fn new(https: bool) -> io::Result<Self> {
        let ring = Arc::new(rustls::crypto::ring::default_provider());
        let tls = ClientConfig::builder_with_provider(ring)
            .with_safe_default_protocol_versions()
            .map_err(io::Error::other)?;
        let tls = if https {
            tls.with_native_roots()?
        } else {
            tls.with_root_certificates(RootCertStore::empty())
        };
        let mut tcp = HttpConnector::new();
        tcp.enforce_http(false);
        let connector = HttpsConnectorBuilder::new()
            .with_tls_config(tls.with_no_client_auth())
            .https_or_http()
            .enable_http1()
            .wrap_connector(tcp);
        Ok(Self(Client::builder(TokioExecutor::new()).build(connector)))
    }

    /// Says that the agent lives: a `GET`.
    ///
    /// # Errors
    /// [`NotifyError`].
    pub async fn ping(&self, url: &Uri) -> Result<(), NotifyError> {
        self.send(Method::GET, url, None, Bytes::new()).await
    }

    async fn send(
        &self,
        method: Method,
        url: &Uri,
        token: Option<&SecretString>,
        body: Bytes,
    ) -> Result<(), NotifyError> {
        let host = || url.host().unwrap_or_default().to_owned();
        let unreachable = |reason: String| NotifyError::Unreachable {
            host: host(),
            reason,
        };
        let mut request = Request::builder()
            .method(method)
            .uri(url)
            .header(CONTENT_TYPE, "application/json")
            .header(USER_AGENT, concat!("tillwatch/", env!("CARGO_PKG_VERSION")));
        if let Some(token) = token {
            let bearer = format!("Bearer {}", token.expose_secret());
            let mut value = HeaderValue::from_str(&bearer)
                .map_err(|_| unreachable("the token is no header".to_owned()))?;
            value.set_sensitive(true);
            request = request.header(AUTHORIZATION, value);
        }
        let request = request
            .body(Full::new(body))
            .map_err(|error| unreachable(error.to_string()))?;
        let answer = tokio::time::timeout(LIMIT, self.0.request(request))
            .await
            .map_err(|_| NotifyError::Late)?
            .map_err(|error| {
                let cause = std::error::Error::source(&error).map(ToString::to_string);
                unreachable(cause.unwrap_or_else(|| error.to_string()))
            })?;
        if answer.status().is_success() {
            Ok(())
        } else {
            Err(NotifyError::Refused {
                host: host(),
                status: answer.status(),
            })
        }
    }
}

impl Notifier {
    /// Delivers one message, once.
    ///
    /// # Errors
    /// [`NotifyError`].
    pub async fn send(&self, message: &str) -> Result<(), NotifyError> {
        match self {
            Notifier::Webhook { url, token, http } => {
                let body = Bytes::copy_from_slice(message.as_bytes());
                http.send(Method::POST, url, token.as_ref(), body).await
            }
            Notifier::Command { words } => tokio::time::timeout(LIMIT, run(words, message))
                .await
                .unwrap_or(Err(NotifyError::Late)),
        }
    }
}

async fn run(words: &[String], message: &str) -> Result<(), NotifyError> {
    let (program, arguments) = words
        .split_first()
        .map_or(("", &[][..]), |(first, rest)| (first.as_str(), rest));
    let failed = |source| NotifyError::Run {
        program: program.to_owned(),
        source,
    };
    let mut child = Command::new(program)
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .kill_on_drop(true)
        .spawn()
        .map_err(failed)?;
    if let Some(mut stdin) = child.stdin.take() {
        // A program that does not read its input is content with less.
        let _closed = stdin.write_all(format!("{message}\n").as_bytes()).await;
    }
    let status = child.wait().await.map_err(failed)?;
    if status.success() {
        Ok(())
    } else {
        Err(NotifyError::Failed {
            program: program.to_owned(),
            status: status.to_string(),
        })
    }
}
