//! The status line of a run on a terminal: how the accounts stand, and how far the history is read.

use std::collections::BTreeMap;
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use tokio::sync::watch;

use crate::clock::Clock;
use crate::status::{State, Status};
use crate::status_line::StatusLine;

/// Times on the line are whole seconds.
const REDRAW: Duration = Duration::from_secs(1);
/// Signs of the history's bar.
const BAR: u64 = 20;

/// Draws it until the agent is gone.
pub(super) async fn draw(mut statuses: watch::Receiver<Option<Vec<Status>>>, clock: Clock) {
    let terminal = StatusLine::new();
    let mut days = 0;
    loop {
        if let Some(all) = statuses.borrow_and_update().as_deref() {
            let unread: u64 = all.iter().map(|status| status.days_unread).sum();
            days = if unread == 0 { 0 } else { unread.max(days) };
            terminal.draw(&line(all, days, clock.now()));
        }
        tokio::select! {
            changed = statuses.changed() => if changed.is_err() { break },
            () = tokio::time::sleep(REDRAW) => {}
        }
    }
    terminal.end();
}

/// `20 accounts: 19 signed in, 1 paused · next poll 1s · payments 17 · history [#####---------------] 10 of 40 days`
///
/// `days` of history were unread at first.
fn line(all: &[Status], days: u64, now: DateTime<Utc>) -> String {
    let mut parts = vec![standing(all, now)];
    if let Some(next) = all.iter().filter_map(|status| status.next_poll).min() {
        parts.push(format!("next poll {}s", (next - now).num_seconds().max(0)));
    }
    let payments: u64 = all.iter().map(|status| status.payments_told).sum();
    parts.push(format!("payments {payments}"));
    let unread: u64 = all.iter().map(|status| status.days_unread).sum();
    if unread > 0 {
        let read = days.saturating_sub(unread);
        let full = usize::try_from(read * BAR / days.max(1)).unwrap_or_default();
        let bar: String = (0..BAR as usize)
            .map(|sign| if sign < full { '#' } else { '-' })
            .collect();
        parts.push(format!("history [{bar}] {read} of {days} days"));
    }
    parts.join(" · ")
}

fn standing(all: &[Status], now: DateTime<Utc>) -> String {
    if let [status] = all {
        let word = match (&status.state, status.signed_in_at) {
            (State::SignedIn, Some(since)) if !status.awaits_browser => {
                format!("signed in {}", age(now - since))
            }
            _ => status.word().to_owned(),
        };
        let (used, cap) = (status.logins_used, status.logins_cap);
        return format!("{}: {word} · logins {used}/{cap}", status.account);
    }
    let mut words: BTreeMap<&str, usize> = BTreeMap::new();
    for status in all {
        *words.entry(status.word()).or_default() += 1;
    }
    let words: Vec<String> = words
        .iter()
        .map(|(word, accounts)| format!("{accounts} {word}"))
        .collect();
    format!("{} accounts: {}", all.len(), words.join(", "))
}

/// In its largest unit: `42s`, `17m`, `5h`, `3d`.
fn age(age: TimeDelta) -> String {
    match age.num_seconds().max(0) {
        seconds @ 0..120 => format!("{seconds}s"),
        seconds @ 120..7_200 => format!("{}m", seconds / 60),
        seconds @ 7_200..172_800 => format!("{}h", seconds / 3_600),
        seconds => format!("{}d", seconds / 86_400),
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test")]
mod tests {
    use super::*;
    use crate::payment::AccountName;

    fn status(name: &str, state: State) -> Status {
        let mut status = Status::starting(AccountName::new(name).unwrap(), REDRAW);
        status.state = state;
        status
    }

    #[test]
    fn one_account_is_told_in_full_and_many_are_counted() {
        let now = DateTime::from_timestamp(1_790_000_000, 0).unwrap();
        let mut one = status("kilima", State::SignedIn);
        one.signed_in_at = Some(now - TimeDelta::hours(5));
        one.next_poll = Some(now + TimeDelta::seconds(12));
        (one.logins_used, one.logins_cap, one.payments_told) = (1, 30, 17);
        assert_eq!(
            line(std::slice::from_ref(&one), 0, now),
            "kilima: signed in 5h · logins 1/30 · next poll 12s · payments 17"
        );
        let others = [status("a", State::Paused), status("b", State::SignedIn)];
        let all = [[one].as_slice(), &others].concat();
        assert_eq!(
            line(&all, 0, now),
            "3 accounts: 1 paused, 2 signed in · next poll 12s · payments 17"
        );
    }

    #[test]
    fn the_history_has_a_bar_until_it_is_read() {
        let now = DateTime::from_timestamp(1_790_000_000, 0).unwrap();
        let shown = |unread| {
            let mut one = status("kilima", State::SignedIn);
            one.days_unread = unread;
            line(&[one], 40, now)
        };
        assert!(shown(30).ends_with("history [#####---------------] 10 of 40 days"));
        assert!(shown(1).ends_with("history [###################-] 39 of 40 days"));
        assert!(shown(0).ends_with("payments 0"));
    }

    #[test]
    fn an_age_is_told_in_its_largest_unit() {
        for (seconds, told) in [
            (-1, "0s"),
            (119, "119s"),
            (120, "2m"),
            (7_200, "2h"),
            (172_800, "2d"),
        ] {
            assert_eq!(age(TimeDelta::seconds(seconds)), told);
        }
    }
}
