//! `tillwatch otp`: gives an account the one-time code that its sign-in waits for.

use std::io::{IsTerminal, Read as _};

use super::ConfigArg;
use super::running;
use crate::control::Request;
use crate::exit::Exit;
use crate::login::code::{Given, MAX_BYTES};

/// What `tillwatch otp` may be told.
#[derive(Clone, clap::Args)]
pub struct OtpArgs {
    /// Its name in the config.
    account: String,
    /// The code, or the message with the code in it. Without it, it is asked for without echo, or read from standard
    /// input.
    code: Option<String>,
    #[command(flatten)]
    config: ConfigArg,
}

impl std::fmt::Debug for OtpArgs {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("OtpArgs")
            .field("account", &self.account)
            .finish_non_exhaustive()
    }
}

/// Hands the code to the running agent.
pub async fn run(args: OtpArgs) -> Exit {
    let code = match args.code {
        Some(code) => code,
        None => match read(&args.account) {
            Ok(code) => code,
            Err(error) => {
                eprintln!("error: the code could not be read: {error}");
                return Exit::Failed;
            }
        },
    };
    let request = Request::Otp {
        account: args.account.clone(),
        code: Given::new(code),
    };
    running::ask(&args.config, Some(&args.account), request).await
}

fn read(account: &str) -> std::io::Result<String> {
    let stdin = std::io::stdin();
    if stdin.is_terminal() {
        return rpassword::prompt_password(format!("One-time code of account {account}: "));
    }
    let mut text = String::new();
    stdin
        .lock()
        .take(MAX_BYTES as u64)
        .read_to_string(&mut text)?;
    Ok(text)
}
