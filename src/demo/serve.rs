//! The demo portal alone, for a stack that brings its own agent and WebDriver.

use std::future::Future;
use std::net::SocketAddr;
use std::time::Duration;

use super::{DemoError, start_portal, traffic};
use crate::clock::Clock;
use crate::exit::Exit;

/// What `tillwatch demo-portal` may be told.
#[derive(Debug, Clone, clap::Args)]
pub struct DemoPortalArgs {
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
