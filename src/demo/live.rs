//! What the status line of a demo says.

use chrono::{DateTime, TimeDelta, Utc};

use crate::status::{State, Status};

/// `kilima · signed in 42s · logins 1/30 · next poll 1.2s · payments 17 · last delay 0.9s`
#[must_use]
pub fn line(
    status: &Status,
    now: DateTime<Utc>,
    payments: u64,
    last_delay_ms: Option<i64>,
) -> String {
    let session = match (&status.state, status.signed_in_at) {
        (State::SignedIn, Some(since)) => format!("signed in {}", short(now - since)),
        (state, _) => state.word().to_owned(),
    };
    let next = status.next_poll.map_or_else(
        || "now".to_owned(),
        |next| tenths((next - now).num_milliseconds()),
    );
    let delay = last_delay_ms.map_or_else(|| "-".to_owned(), tenths);
    format!(
        "{} · {session} · logins {}/{} · next poll {next} · payments {payments} · last delay {delay}",
        status.account, status.logins_used, status.logins_cap
    )
}

fn tenths(ms: i64) -> String {
    let ms = ms.max(0);
    format!("{}.{}s", ms / 1000, ms % 1000 / 100)
}

fn short(age: TimeDelta) -> String {
    match age.num_seconds().max(0) {
        seconds @ 0..120 => format!("{seconds}s"),
        seconds => format!("{}m{:02}s", seconds / 60, seconds % 60),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::payment::AccountName;

    #[test]
    #[expect(clippy::unwrap_used, reason = "a test")]
    fn the_line_says_what_a_person_looks_for() {
        let now = DateTime::from_timestamp(1_790_000_000, 0).unwrap();
        let mut status = Status::starting(
            AccountName::new("kilima").unwrap(),
            std::time::Duration::from_secs(2),
        );
        status.state = State::SignedIn;
        status.signed_in_at = Some(now - TimeDelta::seconds(42));
        status.next_poll = Some(now + TimeDelta::milliseconds(1250));
        (status.logins_used, status.logins_cap) = (1, 30);
        assert_eq!(
            line(&status, now, 17, Some(940)),
            "kilima · signed in 42s · logins 1/30 · next poll 1.2s · payments 17 · last delay 0.9s"
        );
    }
}
