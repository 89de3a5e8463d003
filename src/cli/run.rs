//! `tillwatch run`: the agent on a config file.

use std::future::Future;

use tokio::sync::watch;

use super::ConfigArg;
use crate::clock::Clock;
use crate::config;
use crate::exit::Exit;
use crate::run::{self, Options};
use crate::status_line::StatusLine;

mod line;

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
    let (statuses, drawn) = watch::channel(None);
    let is_drawn = StatusLine::new().is_on();
    let line = is_drawn.then(|| tokio::spawn(line::draw(drawn, Clock::System)));
    let options = Options {
        clock: Clock::System,
        stdout: Box::new(std::io::stdout()),
        once: args.once,
        statuses: is_drawn.then_some(statuses),
    };
    let exit = run::run(config, options, shutdown).await;
    if let Some(line) = line {
        // It ends with the agent; it cannot fail but by a panic, which has told itself.
        let _ended = line.await;
    }
    exit
}
