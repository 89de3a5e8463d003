//! Commands that the running agent answers, or that open the store themselves when none runs.

use std::path::Path;

use super::ConfigArg;
use crate::clock::Clock;
use crate::config::{self, Config, Resolved};
use crate::control::{self, Answer, AskError, Request};
use crate::exit::Exit;
use crate::release;
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

/// `tillwatch quarantine release`.
pub async fn release(args: AccountArgs) -> Exit {
    let account = args.account.clone();
    let request = Request::Release { account };
    match asked(&args.config, Some(&args.account), &request).await {
        Ok((_, Some(answer))) => say(answer),
        Ok((config, None)) => release_alone(&config, &args.account).await,
        Err(exit) => exit,
    }
}

async fn release_alone(config: &Config, name: &str) -> Exit {
    let resolved = match config::resolved(&config.path, name) {
        Ok(resolved) => resolved,
        Err(why) => {
            eprintln!("{why}");
            return Exit::Config;
        }
    };
    let store = match opened(&config.state_dir).await {
        Ok(store) => store,
        Err(exit) => return exit,
    };
    let Resolved { account, portal } = &resolved;
    let released = release::release_alone(&store, account, portal, Clock::System.now()).await;
    say(released.map_or_else(|error| Answer::Refused(error.to_string()), Answer::Done))
}

/// Asks the running agent, or the store when none runs.
pub(super) async fn ask(config: &ConfigArg, account: Option<&str>, request: Request) -> Exit {
    match asked(config, account, &request).await {
        Ok((_, Some(answer))) => say(answer),
        Ok((config, None)) => match opened(&config.state_dir).await {
            Ok(store) => say(control::from_store(&store, request).await),
            Err(exit) => exit,
        },
        Err(exit) => exit,
    }
}

/// Asks the running agent; no answer when none runs. Why it could not be asked is printed.
async fn asked(
    config: &ConfigArg,
    account: Option<&str>,
    request: &Request,
) -> Result<(Config, Option<Answer>), Exit> {
    let config = config::load(&config.config).map_err(|error| {
        eprintln!("{error}");
        Exit::Config
    })?;
    if let Some(Err(error)) = account.map(|account| config.account(account)) {
        eprintln!("error: {error}");
        return Err(Exit::Usage);
    }
    match control::ask(&config.state_dir, request).await {
        Ok(answer) => Ok((config, answer)),
        Err(error @ (AskError::Broken { .. } | AskError::Foreign)) => {
            eprintln!("error: {error}");
            Err(Exit::Failed)
        }
    }
}

/// No agent runs: the store is opened here. Why it could not be is printed.
async fn opened(state_dir: &Path) -> Result<Store, Exit> {
    if !store::exists(state_dir) {
        eprintln!(
            "error: there is no store in {} yet: the first `tillwatch run` creates it",
            state_dir.display()
        );
        return Err(Exit::Failed);
    }
    Store::open(state_dir, Clock::System)
        .await
        .map_err(|error| {
            eprintln!("error: {error}");
            error.exit()
        })
}

fn say(answer: Answer) -> Exit {
    match answer {
        Answer::Done(text) => {
            println!("{text}");
            Exit::Ok
        }
        // Only to commands of their own.
        Answer::Accounts(_) | Answer::Known(_) | Answer::Recorded { .. } => Exit::Failed,
        Answer::Refused(text) => {
            eprintln!("error: {text}");
            Exit::Failed
        }
    }
}
