//! What people see of the running agent, and what it asks of them.

use crate::agent::stage::Stage;

mod attended_hours;
mod by_hand;
mod codes;
mod notices;
mod seen_import;
mod session_import;
mod status;

/// A server on any port, with a token.
const SERVER: &str = "\n[http]\nlisten = \"127.0.0.1:0\"\n";

/// Where that server answers, once it does.
async fn served_at(stage: &Stage, path: &str) -> String {
    let address = || {
        let log = stage.log();
        let (_, rest) = log.split_once("serving events and health")?;
        let (_, rest) = rest.lines().next()?.split_once("127.0.0.1:")?;
        let port: String = rest.chars().take_while(char::is_ascii_digit).collect();
        Some(format!("http://127.0.0.1:{port}{path}"))
    };
    stage.until("it serves", || address().is_some()).await;
    address().unwrap()
}

/// What `tillwatch <args>` prints; it must succeed.
async fn said(stage: &Stage, args: &[&str]) -> String {
    let done = stage.command(args).output().await.unwrap();
    assert!(done.status.success(), "{done:?}");
    String::from_utf8(done.stdout).unwrap()
}
