//! The HTTP server: event stream, accounts and health. Reads the store and changes nothing;
//! it takes one-time codes for sign-ins that wait for one.
//!
//! - Off loopback nothing but `/healthz` answers without the bearer token.
//! - On loopback without a token only requests whose `Host` is loopback are answered, so that no web page can reach it
//!   under a name of its own.
//! - Clients, buffers and waits are bounded; a client that does not read is dropped and may resume.

use std::collections::BTreeMap;
use std::future::Future;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::http::{StatusCode, header};
use axum::middleware;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use serde_json::json;
use tokio::net::TcpListener;
use tokio::sync::watch;

use crate::clock::Clock;
use crate::login::code;
use crate::overview::Overview;
use crate::payment::AccountName;
use crate::store::Store;

mod accounts;
mod events;
mod guard;
pub mod health;
mod stall;

pub use guard::Access;
use health::Health;

/// How long open answers may take to end once the server is to stop.
const LAST_ANSWERS: Duration = Duration::from_secs(5);

/// What the server answers from.
#[derive(Clone)]
pub struct Http {
    /// Events.
    pub store: Store,
    /// What the agent says of its accounts and sinks.
    pub health: watch::Receiver<Health>,
    /// How every account stands.
    pub overview: Overview,
    /// Where one-time codes are given.
    pub codes: Arc<BTreeMap<AccountName, code::Desk>>,
    /// Judges how old a reading is.
    pub clock: Clock,
    /// Who may ask.
    pub access: Access,
    /// How much.
    pub limits: Limits,
}

/// Bounds of the server.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// Streams open at once; one more gets 503.
    pub clients: usize,
    /// A connection whose peer takes no byte for so long is dropped.
    pub stall: Duration,
    /// A connection on which no byte moves either way for so long is dropped; longer than `keep_alive`.
    pub idle: Duration,
    /// A stream without events gets a comment this often.
    pub keep_alive: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            clients: 64,
            stall: Duration::from_secs(30),
            idle: Duration::from_secs(90),
            keep_alive: Duration::from_secs(15),
        }
    }
}

/// The server did not start, or ended by itself.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// Payments would be readable by anybody who reaches the port.
    #[error("{address} is not loopback: set a token for the HTTP server, or listen on 127.0.0.1")]
    Exposed {
        /// Where it was to listen.
        address: SocketAddr,
    },
    /// The socket failed.
    #[error("the HTTP server failed: {0}")]
    Io(#[from] std::io::Error),
}

/// Answers on `listener` until `shutdown` completes; then streams end and open answers get a few seconds.
///
/// # Errors
/// [`ServeError`].
pub async fn serve(
    listener: TcpListener,
    http: Http,
    shutdown: impl Future<Output = ()> + Send + 'static,
) -> Result<(), ServeError> {
    let address = listener.local_addr()?;
    if matches!(http.access, Access::Loopback) && !address.ip().is_loopback() {
        return Err(ServeError::Exposed { address });
    }
    let (stop, mut stopping) = watch::channel(false);
    let listener = stall::Impatient::new(listener, http.limits);
    let app = router(http, stopping.clone());
    let server = axum::serve(listener, app).with_graceful_shutdown(async move {
        shutdown.await;
        stop.send_replace(true);
    });
    tokio::select! {
        ended = server.into_future() => Ok(ended?),
        () = async {
            stopping.wait_for(|stop| *stop).await.ok();
            tokio::time::sleep(LAST_ANSWERS).await;
        } => Ok(()),
    }
}

fn router(http: Http, stop: watch::Receiver<bool>) -> Router {
    let streams = events::Streams::new(&http, stop);
    let access = http.access.clone();
    Router::new()
        .route("/v1/events", get(events::stream).with_state(streams))
        .route("/v1/accounts", get(accounts::list))
        .route(
            "/v1/accounts/{account}/otp",
            post(accounts::otp).layer(DefaultBodyLimit::max(code::MAX_BYTES)),
        )
        .route("/healthz", get(health::healthz))
        .route("/readyz", get(health::readyz))
        .with_state(http)
        .layer(middleware::from_fn_with_state(access, guard::guard))
}

/// A refusal: status and one sentence that says what to do.
fn refusal(status: StatusCode, message: &str) -> Response {
    let body = json!({ "message": message }).to_string();
    (status, [(header::CONTENT_TYPE, "application/json")], body).into_response()
}
