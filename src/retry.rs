//! What may be retried, and after how long: the only place that names backoff numbers. Pure.
//!
//! A sign-in is not in here: it is never retried inside one poll, and the budget alone says when the next may be.

use std::time::Duration;

use crate::portal::{NoSession, PortalError};
use crate::sink::SinkError;

/// What is tried again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Retried {
    /// A batch that a sink did not take.
    Delivery,
    /// A WebDriver that gives no session.
    WebDriver,
    /// A browser that hung or died: the next one is a fresh one.
    Browser,
    /// A portal that does not answer as itself.
    Portal,
    /// A notice that did not arrive.
    Notice,
    /// A page that the selector file does not fit: a person is asked, but it may be a passing page.
    Markup,
}

impl Retried {
    /// Pause after the first failure, doubled with each further one; and the longest pause.
    fn bounds(self) -> (Duration, Duration) {
        match self {
            Retried::Delivery => (Duration::from_millis(250), Duration::from_secs(30)),
            Retried::WebDriver | Retried::Browser | Retried::Notice => {
                (Duration::from_secs(1), Duration::from_secs(60))
            }
            Retried::Portal => (Duration::from_secs(5), Duration::from_secs(300)),
            Retried::Markup => (Duration::from_secs(30), Duration::from_secs(900)),
        }
    }
}

/// See [`asked_pause`].
const LONGEST_ASKED: Duration = Duration::from_secs(3600);

/// The pause before the next try, after `failures` in a row (from 1).
///
/// `jitter` in `0.0..=1.0` is drawn by the caller: the pause lies between half of its full length (0.0) and all of it (1.0),
/// so that accounts that failed together do not come back together.
#[must_use]
pub fn delay(what: Retried, failures: u32, jitter: f64) -> Duration {
    let (first, longest) = what.bounds();
    let doublings = failures.saturating_sub(1).min(31);
    let full = first.saturating_mul(1 << doublings).min(longest);
    full.mul_f64(0.5 + 0.5 * jitter.clamp(0.0, 1.0))
}

/// What a failure asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// It may pass by itself: try again.
    Wait(Retried),
    /// It will hardly pass without a person, who is told; it is tried again all the same.
    Tell(Retried),
    /// Trying again is of no use.
    Stop,
}

impl Verdict {
    /// The pause before the next try, as [`delay`]; `None` means not to try again.
    #[must_use]
    pub fn delay(self, failures: u32, jitter: f64) -> Option<Duration> {
        match self {
            Verdict::Wait(what) | Verdict::Tell(what) => Some(delay(what, failures, jitter)),
            Verdict::Stop => None,
        }
    }
}

/// Judges a failed call to a portal. None of them ends an account for good: nothing was spent.
#[must_use]
pub fn portal_verdict(error: &PortalError) -> Verdict {
    match error {
        PortalError::NoWebDriver { kind, .. } => match kind {
            NoSession::Refused | NoSession::Limit | NoSession::Other => {
                Verdict::Wait(Retried::WebDriver)
            }
            NoSession::Version | NoSession::Missing | NoSession::BrowserEnded => {
                Verdict::Tell(Retried::WebDriver)
            }
        },
        PortalError::OutOfMemory { .. } => Verdict::Tell(Retried::Browser),
        PortalError::Hung { .. } | PortalError::BrowserLost { .. } => {
            Verdict::Wait(Retried::Browser)
        }
        PortalError::PortalDown { .. } | PortalError::Busy { .. } => Verdict::Wait(Retried::Portal),
        PortalError::Uncounted { .. } => Verdict::Tell(Retried::Browser),
        PortalError::OffOrigin { .. }
        | PortalError::CertificateRequired
        | PortalError::PageTooLarge { .. }
        | PortalError::Export(_)
        | PortalError::ElementMissing { .. } => Verdict::Tell(Retried::Markup),
    }
}

/// The pause that a portal has asked for, up to an hour: what it says by mistake must not end the account for a day.
#[must_use]
pub fn asked_pause(error: &PortalError) -> Duration {
    match error {
        PortalError::Busy {
            pause: Some(pause), ..
        } => (*pause).min(LONGEST_ASKED),
        _ => Duration::ZERO,
    }
}

/// Judges a batch that a sink did not take.
#[must_use]
pub fn sink_verdict(error: &SinkError) -> Verdict {
    match error {
        SinkError::Closed => Verdict::Stop,
        SinkError::Io { .. } => Verdict::Wait(Retried::Delivery),
        SinkError::Foreign { .. } | SinkError::InUse { .. } => Verdict::Tell(Retried::Delivery),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALL: [Retried; 6] = [
        Retried::Delivery,
        Retried::WebDriver,
        Retried::Browser,
        Retried::Portal,
        Retried::Notice,
        Retried::Markup,
    ];

    #[test]
    fn pauses_double_up_to_their_limit_and_never_overflow() {
        let pauses = [1, 2, 3, 8, 9, u32::MAX].map(|n| delay(Retried::Delivery, n, 1.0));
        let millis = pauses.map(|pause| pause.as_millis());
        assert_eq!(millis, [250, 500, 1000, 30_000, 30_000, 30_000]);
    }

    #[test]
    fn jitter_shortens_a_pause_by_half_at_most() {
        for what in ALL {
            for failures in [0, 1, 5, 40] {
                let full = delay(what, failures, 1.0);
                assert_eq!(delay(what, failures, 0.0), full / 2);
                assert_eq!(delay(what, failures, f64::INFINITY), full);
                assert!(full >= delay(what, 0, 1.0));
            }
        }
    }

    #[test]
    fn only_a_closed_reader_is_given_up() {
        assert_eq!(sink_verdict(&SinkError::Closed).delay(1, 0.5), None);
        let full = SinkError::Io {
            path: "events.ndjson".into(),
            action: "written",
            source: std::io::ErrorKind::StorageFull.into(),
        };
        assert!(sink_verdict(&full).delay(1, 0.5).is_some());
    }
}
