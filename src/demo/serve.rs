//! A demo portal alone, for a stack that brings its own agent and WebDriver.

use std::fs::OpenOptions;
use std::future::Future;
use std::io::{self, Write};
use std::net::SocketAddr;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use tokio::net::TcpListener;

use super::guest::{self, GuestError, tls::Tls};
use super::portal::Posting;
use super::{DemoError, start_portal, traffic};
use crate::clock::Clock;
use crate::exit::Exit;

/// The demo portals.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Which {
    /// An organisation portal with plain pages.
    Kilima,
    /// Pages made by script, header and rows in two tables, a one-time code sometimes.
    Mwezi,
    /// Everything in a frame, one session for each user, dialogs.
    Tausi,
    /// User name and password on two pages, captcha, roles, client certificates.
    Ngome,
    /// Rows in files, from an endpoint, or by a script as one scrolls.
    Wimbi,
}

/// What `tillwatch demo-portal` may be told.
#[derive(Debug, Clone, clap::Args)]
pub struct DemoPortalArgs {
    /// Which portal; without it, Kilima Money.
    #[arg(value_enum, default_value = "kilima")]
    pub which: Which,
    /// Demand a client certificate, and write it with its authority into this directory as `ca.pem` and `client.pem`.
    /// Not for Kilima.
    #[arg(long, value_name = "DIRECTORY")]
    pub tls: Option<PathBuf>,
    /// Address to listen on. The portal's side channel lets anybody who reaches it post payments.
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:8080")]
    pub listen: SocketAddr,
    /// Pause between two rows; without it nothing is posted.
    #[arg(long, value_name = "TIME", value_parser = humantime::parse_duration)]
    pub every: Option<Duration>,
    /// Rows before the first one.
    #[arg(long, value_name = "ROWS", default_value_t = 60)]
    pub history: usize,
}

/// Serves Kilima Money until `shutdown`.
pub async fn run(args: DemoPortalArgs, shutdown: impl Future<Output = ()>) -> Exit {
    match serve(args, shutdown).await {
        Ok(()) => Exit::Ok,
        Err(error) => {
            tracing::error!("{error}");
            Exit::Failed
        }
    }
}

async fn serve(args: DemoPortalArgs, shutdown: impl Future<Output = ()>) -> Result<(), DemoError> {
    match args.which {
        Which::Kilima => serve_kilima(args, shutdown).await,
        Which::Mwezi => serve_guest(guest::Which::Mwezi, args, shutdown).await,
        Which::Tausi => serve_guest(guest::Which::Tausi, args, shutdown).await,
        Which::Ngome => serve_guest(guest::Which::Ngome, args, shutdown).await,
        Which::Wimbi => serve_guest(guest::Which::Wimbi, args, shutdown).await,
    }
}

async fn serve_kilima(
    args: DemoPortalArgs,
    shutdown: impl Future<Output = ()>,
) -> Result<(), DemoError> {
    let portal = start_portal(&Clock::System, args.listen).await?;
    portal.control().seed_history(args.history)?;
    let knobs = portal.control().config();
    tracing::info!(address = %portal.address(), number = %knobs.short_code, user = %knobs.user, "Kilima Money is open");
    let post = async {
        let Some(every) = args.every else {
            return std::future::pending().await;
        };
        let mut tick = tokio::time::interval(every);
        let (mut turn, mut last_receipt) = (0, None);
        loop {
            tick.tick().await;
            if let Err(error) = traffic::post_next(portal.control(), turn, &mut last_receipt) {
                return error;
            }
            turn += 1;
        }
    };
    let ended = tokio::select! {
        error = post => Err(error.into()),
        () = shutdown => Ok(()),
    };
    portal.shutdown().await;
    ended
}

async fn serve_guest(
    which: guest::Which,
    args: DemoPortalArgs,
    shutdown: impl Future<Output = ()>,
) -> Result<(), DemoError> {
    let tls = match &args.tls {
        Some(directory) => {
            let tls = Tls::new(true).map_err(GuestError::Tls)?;
            std::fs::create_dir_all(directory)?;
            private(&directory.join("ca.pem"), tls.ca_pem())?;
            private(&directory.join("client.pem"), tls.client_pem())?;
            Some(tls)
        }
        None => None,
    };
    let listener = TcpListener::bind(args.listen).await?;
    let clock = Clock::System;
    let portal = guest::start(which, Arc::new(move || clock.now()), listener, tls.as_ref())?;
    portal.control().seed_history(args.history)?;
    let knobs = portal.control().knobs();
    tracing::info!(origin = portal.origin(), number = %knobs.number, user = %knobs.user, "the portal is open");
    let post = async {
        let Some(every) = args.every else {
            return std::future::pending().await;
        };
        let mut tick = tokio::time::interval(every);
        loop {
            tick.tick().await;
            if let Err(error) = portal.control().post_payment(&Posting::default()) {
                return error;
            }
        }
    };
    let ended = tokio::select! {
        error = post => Err(error.into()),
        () = shutdown => Ok(()),
    };
    portal.shutdown().await;
    ended
}

fn private(path: &Path, text: &str) -> io::Result<()> {
    let mut file = OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o600)
        .open(path)?;
    file.write_all(text.as_bytes())
}
