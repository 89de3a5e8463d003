//! Commands that the running agent answers, or that open the store themselves when none runs.

use std::path::Path;

use super::ConfigArg;
use crate::clock::Clock;
use crate::config;
use crate::control::{self, Answer, AskError, Request};
use crate::exit::Exit;
use crate::store::{self, Store};

/// An account of the config.
#[derive(Debug, Clone, clap::Args)]
pub struct AccountArgs {
    /// Its name in the config.
    account: String,
    #[command(flatten)]
    config: ConfigArg,
}

/// What `tillwatch resume` may be told.
#[derive(Debug, Clone, clap::Args)]
pub struct ResumeArgs {
    /// Its name in the config.
    account: String,
    /// Only lift the stop of a changed selector file that would emit history again: it may.
    #[arg(long)]
    emit_again: bool,
    #[command(flatten)]
    config: ConfigArg,
}

/// What `tillwatch quarantine list` may be told.
#[derive(Debug, Clone, clap::Args)]
pub struct QuarantineArgs {
    /// Only of this account.
    account: Option<String>,
    #[command(flatten)]
    config: ConfigArg,
}

/// `tillwatch pause`.
pub async fn pause(args: AccountArgs) -> Exit {
    let account = args.account.clone();
    ask(
        &args.config,
        Some(&args.account),
        Request::Pause { account },
    )
    .await
}

/// `tillwatch resume`.
pub async fn resume(args: ResumeArgs) -> Exit {
    let account = args.account.clone();
    let request = if args.emit_again {
        Request::EmitAgain { account }
    } else {
        Request::Resume { account }
    };
    ask(&args.config, Some(&args.account), request).await
}

/// `tillwatch poll`.
pub async fn poll(args: AccountArgs) -> Exit {
    let account = args.account.clone();
    ask(&args.config, Some(&args.account), Request::Poll { account }).await
}

/// `tillwatch quarantine list`.
pub async fn quarantine(args: QuarantineArgs) -> Exit {
    let account = args.account.clone();
    ask(
        &args.config,
        args.account.as_deref(),
        Request::Quarantine { account },
    )
    .await
}

/// Asks the running agent, or the store when none runs.
pub(super) async fn ask(config: &ConfigArg, account: Option<&str>, request: Request) -> Exit {
    let config = match config::load(&config.config) {
        Ok(config) => config,
        Err(error) => {
            eprintln!("{error}");
            return Exit::Config;
        }
    };
    let names: Vec<&str> = config
        .accounts
        .iter()
        .map(|account| account.settings.name.as_str())
        .collect();
    if let Some(account) = account.filter(|account| !names.contains(account)) {
        eprintln!(
            "error: no account is called {account:?}; the config has {}",
            names.join(", ")
        );
        return Exit::Usage;
    }
    match control::ask(&config.state_dir, &request).await {
        Ok(Some(answer)) => say(answer),
        Ok(None) => alone(&config.state_dir, request).await,
        Err(error @ (AskError::Broken { .. } | AskError::Foreign)) => {
            eprintln!("error: {error}");
            Exit::Failed
        }
    }
}

/// No agent runs: the store is opened here.
async fn alone(state_dir: &Path, request: Request) -> Exit {
    if !store::exists(state_dir) {
        eprintln!(
            "error: there is no store in {} yet: the first `tillwatch run` creates it",
            state_dir.display()
        );
        return Exit::Failed;
    }
    let store = match Store::open(state_dir, Clock::System).await {
        Ok(store) => store,
        Err(error) => {
            eprintln!("error: {error}");
            return error.exit();
        }
    };
    say(control::from_store(&store, request).await)
}

fn say(answer: Answer) -> Exit {
    match answer {
        Answer::Done(text) => {
            println!("{text}");
            Exit::Ok
        }
        // Only `status` is answered so.
        Answer::Accounts(_) | Answer::Known(_) => Exit::Failed,
        Answer::Refused(text) => {
            eprintln!("error: {text}");
            Exit::Failed
        }
    }
}
