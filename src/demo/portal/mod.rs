//! Kilima Money: a demo portal. A real HTTP server with a real portal's rules, disorder and faults.
//!
//! It is modelled on the organisation portals of one large mobile-money platform, without captcha. It
//! is a stranger to the agent: it imports nothing else of this crate, and the two meet over plain HTTP. Its pages are
//! described in `pages`, the side channel for tests in [`control`]. It reads no clock: its time is given to it.

mod access;
pub mod config;
pub mod control;
mod dice;
mod draft;
pub mod faults;
mod history;
mod one_time_code;
mod pages;
pub(in crate::demo) mod serve;
pub mod statement;
mod table;
pub mod truth;
mod web;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use chrono::{DateTime, Utc};
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use tokio::net::TcpListener;
use tokio::sync::{oneshot, watch};
use tokio::task::JoinSet;

pub use access::LoginOutcome;
pub use config::{ConfigError, PortalConfig, SecondLogin};
pub use control::SideChannel;
pub use faults::{Fault, FaultRule, Markup};
pub use one_time_code::OtpWhen;
pub use statement::{Direction, PostError, Posting, RowKind};
pub use truth::Truth;

/// The portal's time, asked for whenever it needs it.
pub type Now = Arc<dyn Fn() -> DateTime<Utc> + Send + Sync>;

/// Largest request body, in bytes.
const BODY_LIMIT: usize = 64 * 1024;

struct State {
    config: PortalConfig,
    access: access::Access,
    statement: statement::Statement,
    faults: faults::Faults,
    markup: Markup,
    journal: truth::Journal,
}

struct Shared {
    now: Now,
    // One lock over everything: what a test posts is on the next page, and no handler holds it across an await.
    state: Mutex<State>,
    release: watch::Sender<()>,
}

impl Shared {
    /// Acts on the state as it is now. The time is taken under the lock, so that logs are in order.
    fn with<T>(&self, act: impl FnOnce(&mut State, DateTime<Utc>) -> T) -> T {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let now = (self.now)();
        state.statement.advance(now);
        act(&mut state, now)
    }
}

/// Why the portal did not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The knobs are not usable.
    #[error("the demo portal's configuration is refused: {0}")]
    Config(#[from] ConfigError),
    /// The listener has no address.
    #[error("the demo portal's listener has no address: {0}")]
    Listener(#[from] std::io::Error),
}

/// A running portal. Dropped, it stops as soon as the runtime gets to it; [`DemoPortal::shutdown`] waits for that.
pub struct DemoPortal {
    address: SocketAddr,
    channel: SideChannel,
    server: JoinSet<()>,
    stop: oneshot::Sender<()>,
}

/// Starts a portal without rows on `listener`, with `now` as its time.
///
/// # Errors
/// [`StartError`].
pub async fn start(
    config: PortalConfig,
    now: Now,
    listener: TcpListener,
) -> Result<DemoPortal, StartError> {
    config.check()?;
    let address = listener.local_addr()?;
    let state = State {
        access: access::Access::new(config.seed, now()),
        statement: statement::Statement::new(config.seed),
        config,
        faults: faults::Faults::default(),
        markup: Markup::default(),
        journal: truth::Journal::default(),
    };
    let shared = Arc::new(Shared {
        now,
        state: Mutex::new(state),
        release: watch::Sender::new(()),
    });
    let channel = SideChannel(shared.clone());
    let routes: Router = web::routes(shared)
        .merge(control::routes(channel.clone()))
        .layer(DefaultBodyLimit::max(BODY_LIMIT));
    let mut server = JoinSet::new();
    let (stop, stopped) = oneshot::channel();
    server.spawn(serve::serve(listener, routes, None, stopped));
    tracing::info!(%address, "the demo portal listens");
    Ok(DemoPortal {
        address,
        channel,
        server,
        stop,
    })
}

impl DemoPortal {
    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// What the side channel does, as Rust calls.
    #[must_use]
    pub fn control(&self) -> &SideChannel {
        &self.channel
    }

    /// Closes the port and every connection, answered or not, and returns when they are gone.
    pub async fn shutdown(mut self) {
        // Sent or not (the server task may be gone already), the join below is what counts.
        let _ = self.stop.send(());
        while self.server.join_next().await.is_some() {}
    }
}
