//! The command line: what can be asked, and which part answers.

use std::future::Future;
use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};
use tracing::level_filters::LevelFilter;

use crate::demo::serve::DemoPortalArgs;
use crate::demo::{self, DemoArgs};
use crate::exit::Exit;
use crate::telemetry::{self, LogFormat};

pub mod check;
pub mod columns;
pub mod credentials;
pub mod example_config;
pub mod healthcheck;
pub mod otp;
pub mod portal_diff;
pub mod portal_lint;
pub mod portal_new;
pub mod portal_record;
pub mod portal_test;
pub mod portal_try;
pub mod recordings;
pub mod run;
pub mod running;
pub mod seen;
pub mod session;
pub mod status;
pub mod store;

/// Watches mobile-money portals within their login cap and streams each new payment once.
#[derive(Debug, Parser)]
#[command(version, after_help = EXIT_CODES)]
pub struct Cli {
    /// How much to log to standard error: error, warn, info, debug or trace.
    #[arg(
        long,
        global = true,
        env = "TILLWATCH_LOG",
        default_value = "info",
        value_name = "LEVEL"
    )]
    log: LevelFilter,
    /// How log lines are written.
    #[arg(
        long,
        global = true,
        env = "TILLWATCH_LOG_FORMAT",
        default_value = "text",
        value_name = "FORMAT"
    )]
    log_format: LogFormat,
    #[command(subcommand)]
    command: Command,
}

/// Shown under `--help` and in the README; `tests/it/docs.rs` compares both with `exit.rs`.
const EXIT_CODES: &str = "\
Exit codes:
  0  done, or stopped by a signal in good order
  1  failed in a way that has no code of its own
  2  wrong command line
  3  wrong config or selector file
  4  store refused: damaged, or newer than this program
  5  another tillwatch holds the state directory
  6  standard output was closed by its reader
  7  an account, sink or the WebDriver could not do its work
  8  a secret is missing or readable by others
  9  portal try: some rows were put aside";

#[derive(Debug, Subcommand)]
enum Command {
    /// Watch the portals of a config file.
    Run(run::RunArgs),
    /// List everything that is wrong with config and selector files.
    Check(check::CheckArgs),
    /// Print a commented config file.
    ExampleConfig,
    /// Work on a selector file; only `record` may spend a login.
    Portal {
        #[command(subcommand)]
        command: PortalCommand,
    },
    /// See it work: a demo portal, a browser and the agent, nothing to prepare.
    Demo(DemoArgs),
    /// Serve the demo portal alone.
    DemoPortal(DemoPortalArgs),
    /// Set, test or delete the secret of an account.
    Credentials(credentials::CredentialsArgs),
    /// Give an account the one-time code that its sign-in waits for.
    Otp(otp::OtpArgs),
    /// Hand an account to a person: sign out and leave it alone until `resume`.
    Pause(running::AccountArgs),
    /// Go on with an account that was paused or stopped.
    Resume(running::ResumeArgs),
    /// How every account stands, and what it waits for.
    Status(status::StatusArgs),
    /// Read an account now; a pause that keeps it from being locked is not cut short.
    Poll(running::AccountArgs),
    /// Rows that could not be understood.
    Quarantine {
        #[command(subcommand)]
        command: QuarantineCommand,
    },
    /// Take over from an earlier program what it has told already.
    Seen {
        #[command(subcommand)]
        command: SeenCommand,
    },
    /// Go on with the session of a person who signed in elsewhere.
    Session {
        #[command(subcommand)]
        command: SessionCommand,
    },
    /// Check, copy, or bring back the store.
    Store(store::StoreArgs),
    /// Ask a running agent whether it is healthy; for containers.
    Healthcheck(healthcheck::Healthcheck),
}

#[derive(Debug, Subcommand)]
enum PortalCommand {
    /// What a saved page would give: no browser, no login.
    Try(portal_try::TryArgs),
    /// Write a first selector file from a page with payments.
    New(portal_new::NewArgs),
    /// What a changed selector file would do: which payments it would emit again.
    Diff(portal_diff::DiffArgs),
    /// What the recordings say against a selector file.
    Lint(portal_lint::LintArgs),
    /// Make a recording of saved pages or of a HAR file, everybody's data replaced.
    Record(portal_record::RecordArgs),
    /// Replay the recordings of portals and compare what they give.
    Test(portal_test::TestArgs),
}

#[derive(Debug, Subcommand)]
enum SeenCommand {
    /// Payments of a CSV file count as told: the first reading tells those that are not in it.
    Import(seen::ImportArgs),
}

#[derive(Debug, Subcommand)]
enum SessionCommand {
    /// Take over the cookies of a browser in which a person has just signed in: no login is spent.
    Import(session::ImportArgs),
}

#[derive(Debug, Subcommand)]
enum QuarantineCommand {
    /// List them, by account and reason.
    List(running::QuarantineArgs),
    /// Understand them again by the corrected selector file, and tell what they are: each payment once.
    Release(running::AccountArgs),
}

/// Where the config file is.
#[derive(Debug, Clone, Args)]
pub struct ConfigArg {
    /// The config file.
    #[arg(
        long,
        global = true,
        env = "TILLWATCH_CONFIG",
        default_value = "tillwatch.toml",
        value_name = "FILE"
    )]
    pub config: PathBuf,
}

/// Runs the command; those that would go on for ever end with what `shutdown` gives, which they ask for before anything else.
pub async fn run<S: Future<Output = ()>>(cli: Cli, shutdown: impl FnOnce() -> S) -> Exit {
    telemetry::start(cli.log, cli.log_format);
    match cli.command {
        Command::Run(args) => run::run(args, shutdown()).await,
        Command::Check(args) => check::run(args).await,
        Command::ExampleConfig => example_config::run(),
        Command::Portal { command } => portal(command, shutdown).await,
        Command::Demo(args) => demo::run(args, shutdown()).await,
        Command::DemoPortal(args) => demo::serve::run(args, shutdown()).await,
        Command::Credentials(args) => credentials::run(args).await,
        Command::Otp(args) => otp::run(args).await,
        Command::Pause(args) => running::pause(args).await,
        Command::Resume(args) => running::resume(args).await,
        Command::Status(args) => status::run(args).await,
        Command::Poll(args) => running::poll(args).await,
        Command::Quarantine { command } => match command {
            QuarantineCommand::List(args) => running::quarantine(args).await,
            QuarantineCommand::Release(args) => running::release(args).await,
        },
        Command::Seen {
            command: SeenCommand::Import(args),
        } => seen::import(args).await,
        Command::Session {
            command: SessionCommand::Import(args),
        } => session::import(args).await,
        Command::Store(args) => store::run(args).await,
        Command::Healthcheck(args) => healthcheck::run(args).await,
    }
}

async fn portal<S: Future<Output = ()>>(
    command: PortalCommand,
    shutdown: impl FnOnce() -> S,
) -> Exit {
    match command {
        PortalCommand::Try(args) => portal_try::run(args).await,
        PortalCommand::Diff(args) => portal_diff::run(args).await,
        PortalCommand::New(args) => portal_new::run(&args).await,
        PortalCommand::Lint(args) => portal_lint::run(&args),
        PortalCommand::Record(args) => portal_record::run(&args, shutdown).await,
        PortalCommand::Test(args) => portal_test::run(args).await,
    }
}

/// One line each, below the line that says what they are.
fn indented(lines: &[impl std::fmt::Display]) -> String {
    let lines: Vec<String> = lines.iter().map(|line| format!("  {line}")).collect();
    lines.join("\n")
}
