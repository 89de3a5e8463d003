//! `tillwatch status`: how every account of the running agent stands.

use std::fmt::Write as _;
use std::io::Write as _;

use chrono::{DateTime, Local};

use super::ConfigArg;
use super::columns::{fitted, terminal_width};
use crate::config;
use crate::control::{self, Answer, AskError, NO_AGENT, Request};
use crate::exit::Exit;
use crate::overview::{AccountView, DriftView};

/// What `tillwatch status` may be told.
#[derive(Debug, Clone, clap::Args)]
pub struct StatusArgs {
    #[command(flatten)]
    config: ConfigArg,
    /// As JSON, as `GET /v1/accounts` answers it.
    #[arg(long)]
    json: bool,
}

/// Asks the agent and prints what it says. Exit code 1 when none runs.
pub async fn run(args: StatusArgs) -> Exit {
    let config = match config::load(&args.config.config) {
        Ok(config) => config,
        Err(error) => {
            eprintln!("{error}");
            return Exit::Config;
        }
    };
    let accounts = match control::ask(&config.state_dir, &Request::Status).await {
        Ok(Some(Answer::Accounts(accounts))) => accounts,
        Ok(Some(Answer::Refused(text))) => return failed(&text),
        Ok(Some(Answer::Done(_) | Answer::Known(_) | Answer::Recorded { .. })) => {
            return failed(&AskError::Foreign.to_string());
        }
        Ok(None) => return failed(NO_AGENT),
        Err(error @ (AskError::Broken { .. } | AskError::Foreign)) => {
            return failed(&error.to_string());
        }
    };
    let text = if args.json {
        serde_json::to_string_pretty(&accounts).unwrap_or_default()
    } else {
        table(&accounts, terminal_width())
    };
    match writeln!(std::io::stdout(), "{}", text.trim_end()) {
        Ok(()) => Exit::Ok,
        Err(_) => Exit::StdoutClosed,
    }
}

fn failed(why: &str) -> Exit {
    eprintln!("error: {why}");
    Exit::Failed
}

/// Columns whose text stands at the right.
const AT_THE_RIGHT: [usize; 6] = [2, 3, 4, 5, 6, 7];

/// One line for each account, then a sentence for each that has something to say. Times of day are those of this
/// machine.
fn table(accounts: &[AccountView], width: Option<usize>) -> String {
    let heads = [
        "account",
        "state",
        "session",
        "logins",
        "fresh",
        "pages",
        "aside",
        "gaps",
        "breaker",
        "selectors",
    ];
    let mut lines = vec![heads.map(str::to_owned).to_vec()];
    lines.extend(accounts.iter().map(line));
    let mut text = fitted(&lines, &AT_THE_RIGHT, width);
    for account in accounts {
        let sentences: Vec<String> = account
            .why
            .clone()
            .into_iter()
            .chain(next(account))
            .chain(history(account))
            .chain(account.drift.as_ref().map(drifted))
            .chain(wrong_file(account))
            .collect();
        if !sentences.is_empty() {
            let _ = write!(text, "\n{}: {}", account.name, sentences.join("; "));
        }
    }
    text
}

fn line(account: &AccountView) -> Vec<String> {
    let ago = |seconds: Option<i64>| seconds.map_or_else(|| "-".to_owned(), span);
    let logins = &account.logins;
    vec![
        account.name.clone(),
        account.state.clone(),
        ago(account.session_seconds),
        // What the agent allows itself, and what is kept for people.
        format!(
            "{}/{}+{}",
            logins.used,
            logins.cap.saturating_sub(logins.reserve),
            logins.reserve
        ),
        ago(account.freshness_seconds),
        format!(
            "{}/{}",
            account.page_loads_this_hour, account.page_loads_per_hour
        ),
        account.quarantined.to_string(),
        account.gaps.to_string(),
        account.breaker.clone(),
        account.selectors.clone(),
    ]
}

fn next(account: &AccountView) -> Option<String> {
    let at = account.logins.next_possible.as_deref()?;
    Some(format!("next login possible {}", time_of_day(at)))
}

fn history(account: &AccountView) -> Option<String> {
    if account.days_unread == 0 {
        return None;
    }
    let why = account.history_fails.as_ref();
    let why = why.map_or_else(String::new, |why| format!(", which fails: {why}"));
    let days = account.days_unread;
    Some(format!("{days} days of history are still to be read{why}"))
}

fn drifted(drift: &DriftView) -> String {
    let list = |titles: &[String]| match titles {
        [] => "none found".to_owned(),
        titles => titles.join(" | "),
    };
    let (before, after) = (list(&drift.before), list(&drift.after));
    let evidence = drift.evidence.as_ref();
    let evidence = evidence.map_or_else(String::new, |path| format!("\n  evidence: {path}"));
    format!(
        "{}\n  before: {before}\n  after:  {after}{evidence}",
        drift.what
    )
}

fn wrong_file(account: &AccountView) -> Option<String> {
    let wrong = account.selectors_wrong.as_deref()?;
    Some(format!(
        "its selector file was changed and is not taken: {wrong}"
    ))
}

/// `14:32:10` on this machine's clock; the instant as it stands where it is none.
fn time_of_day(instant: &str) -> String {
    DateTime::parse_from_rfc3339(instant).map_or_else(
        |_| instant.to_owned(),
        |at| at.with_timezone(&Local).format("%H:%M:%S").to_string(),
    )
}

/// Seconds in the two largest units that say something: `42s`, `3m10s`, `5h02m`, `2d03h`.
fn span(seconds: i64) -> String {
    let (days, hours, minutes) = (seconds / 86_400, seconds / 3_600, seconds / 60);
    if days > 0 {
        format!("{days}d{:02}h", hours % 24)
    } else if hours > 0 {
        format!("{hours}h{:02}m", minutes % 60)
    } else if minutes > 0 {
        format!("{minutes}m{:02}s", seconds % 60)
    } else {
        format!("{seconds}s")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::overview::LoginsView;

    fn account() -> AccountView {
        AccountView {
            name: "kilima-main".to_owned(),
            state: "signed in".to_owned(),
            why: None,
            signed_in_at: Some("2026-11-21T09:00:00Z".to_owned()),
            session_seconds: Some(18_120),
            logins: LoginsView {
                used: 2,
                cap: 30,
                reserve: 3,
                next_possible: None,
            },
            last_poll: Some("2026-11-21T14:01:56Z".to_owned()),
            next_poll: None,
            freshness_seconds: Some(4),
            polls: 600,
            page_loads: 612,
            page_loads_this_hour: 57,
            page_loads_per_hour: 240,
            payments_told: 17,
            quarantined: 1,
            gaps: 0,
            days_unread: 0,
            history_fails: None,
            password_expires_in_days: None,
            selectors: "3fa9c2e1b077".to_owned(),
            selectors_wrong: None,
            breaker: "closed".to_owned(),
            watermark: None,
            drift: None,
        }
    }

    #[test]
    fn a_changed_page_is_shown_with_its_columns_before_and_after() {
        let titles = |titles: &[&str]| titles.iter().map(|title| (*title).to_owned()).collect();
        let changed = AccountView {
            drift: Some(DriftView {
                since: "2026-11-21T09:00:00Z".to_owned(),
                what: "the portal's page changed, `Paid In` is now `Received`".to_owned(),
                before: titles(&["Date", "Paid In"]),
                after: titles(&["Date", "Received"]),
                costs_rows: true,
                evidence: Some("/var/lib/tillwatch/evidence/kilima-main/1".to_owned()),
            }),
            ..account()
        };
        let text = table(&[changed], None);
        assert!(
            text.ends_with(
                "kilima-main: the portal's page changed, `Paid In` is now `Received`\n  \
                 before: Date | Paid In\n  after:  Date | Received\n  \
                 evidence: /var/lib/tillwatch/evidence/kilima-main/1"
            ),
            "{text}"
        );
    }

    #[test]
    fn an_account_is_one_line_and_what_it_waits_for_a_sentence() {
        let stopped = AccountView {
            name: "other".to_owned(),
            state: "stopped, a person must act".to_owned(),
            why: Some("the user is locked".to_owned()),
            session_seconds: None,
            freshness_seconds: None,
            breaker: "locked".to_owned(),
            ..account()
        };
        assert_eq!(
            table(&[account(), stopped], None),
            "account      state                       session  logins  fresh   pages  aside  gaps  breaker  selectors\n\
             kilima-main  signed in                     5h02m  2/27+3     4s  57/240      1     0  closed   3fa9c2e1b077\n\
             other        stopped, a person must act        -  2/27+3      -  57/240      1     0  locked   3fa9c2e1b077\n\
             \nother: the user is locked"
        );
    }

    #[test]
    fn history_that_is_still_to_be_read_is_said_and_why_it_fails() {
        let unread = AccountView {
            days_unread: 3,
            ..account()
        };
        let text = table(std::slice::from_ref(&unread), None);
        assert!(
            text.ends_with("kilima-main: 3 days of history are still to be read"),
            "{text}"
        );
        let failing = AccountView {
            history_fails: Some("the page has no table".to_owned()),
            ..unread
        };
        let text = table(&[failing], None);
        assert!(
            text.ends_with("read, which fails: the page has no table"),
            "{text}"
        );
    }

    #[test]
    fn a_narrow_terminal_shortens_the_widest_column() {
        let text = table(&[account()], Some(76));
        assert!(
            text.lines().all(|line| line.chars().count() <= 76),
            "{text}"
        );
    }

    #[test]
    fn spans_are_short() {
        let shown = [0, 59, 60, 3_599, 3_600, 86_399, 86_400, 200_000].map(span);
        let expected = [
            "0s", "59s", "1m00s", "59m59s", "1h00m", "23h59m", "1d00h", "2d07h",
        ];
        assert_eq!(shown, expected);
    }
}
