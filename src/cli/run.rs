//! `tillwatch run`: the agent on a config file.

use std::future::Future;

use super::ConfigArg;
use crate::clock::Clock;
use crate::config;
use crate::exit::Exit;
use crate::run::{self, Options};

/// What `tillwatch run` may be told.
#[derive(Debug, Clone, clap::Args)]
pub struct RunArgs {
    #[command(flatten)]
    config: ConfigArg,
    /// Read each account once, deliver what it gave, and end.
    #[arg(long)]
    once: bool,
}

/// Runs until `shutdown`, or once.
pub async fn run(args: RunArgs, shutdown: impl Future<Output = ()>) -> Exit {
    let config = match config::load(&args.config.config) {
        Ok(config) => config,
        Err(error) => {
            eprintln!("{error}");
            return Exit::Config;
        }
    };
    let options = Options {
        clock: Clock::System,
        stdout: Box::new(std::io::stdout()),
        once: args.once,
        statuses: None,
    };
    run::run(config, options, shutdown).await
}
