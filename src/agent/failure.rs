//! What a failed turn asks for: what is tried again, and whether a person must act.

use std::time::Duration;

use crate::extract::ExtractError;
use crate::portal::PortalError;
use crate::reading::ReadError;
use crate::retry::{self, Retried};
use crate::session::Outcome;
use crate::sign_in::SignInError;
use crate::store::StoreError;
use crate::understand::Session;

/// A turn failed.
#[derive(Debug, thiserror::Error)]
pub enum TurnError {
    /// While reading.
    #[error(transparent)]
    Read(#[from] ReadError),
    /// While signing in.
    #[error(transparent)]
    SignIn(#[from] SignInError),
    /// While opening the browser.
    #[error(transparent)]
    Portal(#[from] PortalError),
    /// In between.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl TurnError {
    /// What the portal edge said, wherever it was met.
    #[must_use]
    pub fn of_portal(&self) -> Option<&PortalError> {
        match self {
            TurnError::Portal(error)
            | TurnError::Read(ReadError::Portal(error))
            | TurnError::SignIn(SignInError::Portal(error)) => Some(error),
            TurnError::Read(_) | TurnError::SignIn(_) | TurnError::Store(_) => None,
        }
    }

    /// The store takes nothing more before a restart; everything else is tried again.
    #[must_use]
    pub fn is_final(&self) -> bool {
        match self {
            TurnError::Store(error)
            | TurnError::Read(ReadError::Store(error))
            | TurnError::SignIn(SignInError::Store(error)) => error.is_final(),
            TurnError::Read(_) | TurnError::SignIn(_) | TurnError::Portal(_) => false,
        }
    }
}

/// A failure that has lasted this many tries is told to a person, whatever it is.
pub(super) const LASTING: u32 = 10;
/// An announcement that nobody has seen before comes for good, and what a portal stumbles over is gone the next time.
const STRANGE: u32 = 2;
/// Longer than a container or service takes to start again. With the pauses of [`retry`] a person is told within a minute.
const NO_BROWSER: Duration = Duration::from_secs(25);

/// When a person is told of a failure.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Patience {
    /// After so many in a row, of whatever kind.
    Failures(u32),
    /// When nothing but the browser or its WebDriver has failed for so long.
    Time(Duration),
}

impl Patience {
    /// Is it at its end, with this failure `now`, which is the last of `failures` in a row? `since` is kept from failure to
    /// failure, and forgotten when a turn ends in another way.
    pub(super) fn is_over(
        self,
        failures: u32,
        since: &mut Option<Duration>,
        now: Duration,
    ) -> bool {
        match self {
            Patience::Failures(most) => {
                *since = None;
                failures >= most
            }
            Patience::Time(most) => now.saturating_sub(*since.get_or_insert(now)) >= most,
        }
    }
}

/// What to try again, and when a person is told.
pub(super) fn judge(error: &TurnError) -> (Retried, Patience) {
    let after = Patience::Failures;
    let portal = |error| match retry::portal_verdict(error) {
        retry::Verdict::Wait(what @ (Retried::WebDriver | Retried::Browser)) => {
            (what, Patience::Time(NO_BROWSER))
        }
        retry::Verdict::Wait(what) => (what, after(LASTING)),
        retry::Verdict::Tell(what) => (what, after(1)),
        retry::Verdict::Stop => (Retried::Markup, after(1)),
    };
    match error {
        // A WebDriver that hangs, or keeps whoever asks for a session waiting, fails late: that time counts.
        TurnError::Portal(error @ PortalError::Hung { limit_ms, .. }) => {
            let left = NO_BROWSER.saturating_sub(Duration::from_millis(*limit_ms));
            (portal(error).0, Patience::Time(left))
        }
        TurnError::Portal(error)
        | TurnError::Read(ReadError::Portal(error))
        | TurnError::SignIn(SignInError::Portal(error)) => portal(error),
        TurnError::Read(ReadError::Extract(_)) | TurnError::SignIn(SignInError::Extract(_)) => {
            (Retried::Markup, after(1))
        }
        TurnError::Read(ReadError::Session(Session::Stranger))
        | TurnError::SignIn(SignInError::StrangePage) => (Retried::Portal, after(STRANGE)),
        TurnError::Read(
            ReadError::Session(_)
            | ReadError::EmptyAgain
            | ReadError::Moving
            | ReadError::HistoryAgain { .. }
            | ReadError::Stopped,
        )
        | TurnError::SignIn(SignInError::Stopping) => (Retried::Portal, after(LASTING)),
        TurnError::SignIn(SignInError::Credential(_) | SignInError::Code(_)) => {
            (Retried::Markup, after(1))
        }
        TurnError::Store(_)
        | TurnError::Read(ReadError::Store(_))
        | TurnError::SignIn(SignInError::Store(_) | SignInError::Gate(_)) => {
            (Retried::Browser, after(1))
        }
    }
}

/// Names what failed, the same in each try: without numbers, without what a driver, a portal or a page says of it, and one
/// name for all that is mended in the same way.
pub(super) fn reason(error: &TurnError) -> String {
    let name = match error {
        TurnError::Portal(error)
        | TurnError::Read(ReadError::Portal(error))
        | TurnError::SignIn(SignInError::Portal(error)) => match error {
            PortalError::NoWebDriver { kind, .. } => kind.advice(),
            PortalError::Hung { .. } | PortalError::BrowserLost { .. } => "browser",
            PortalError::OutOfMemory { .. } => "memory",
            PortalError::OffOrigin { .. } => "origin",
            PortalError::PortalDown { .. } | PortalError::Busy { .. } => "portal",
            PortalError::PageTooLarge { .. } => "page size",
            PortalError::CertificateRequired
            | PortalError::Export(_)
            | PortalError::Uncounted { .. }
            | PortalError::ElementMissing { .. } => return without_numbers(error),
        },
        TurnError::Read(ReadError::Extract(error))
        | TurnError::SignIn(SignInError::Extract(error)) => match error {
            ExtractError::MissingHeader { missing, .. } => {
                let names = missing.iter().flat_map(|missing| &missing.names);
                return names.fold("headers".to_owned(), |all, name| all + " | " + name);
            }
            error => return without_numbers(error),
        },
        TurnError::Read(ReadError::Session(Session::Stranger))
        | TurnError::SignIn(SignInError::StrangePage) => "strange page",
        TurnError::Read(ReadError::Session(Session::Refused(Outcome::PortalDown))) => "portal",
        TurnError::Read(_) | TurnError::SignIn(_) | TurnError::Store(_) => {
            return without_numbers(error);
        }
    };
    name.to_owned()
}

fn without_numbers(error: &impl ToString) -> String {
    error.to_string().replace(|c: char| c.is_ascii_digit(), "")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::portal::NoSession;

    const S: fn(u64) -> Duration = Duration::from_secs;

    fn no_webdriver(kind: NoSession, reason: &str) -> TurnError {
        let reason = reason.to_owned();
        TurnError::Portal(PortalError::NoWebDriver { kind, reason })
    }

    fn down(reason: &str) -> TurnError {
        let reason = reason.to_owned();
        TurnError::Read(ReadError::Portal(PortalError::PortalDown { reason }))
    }

    fn missing(step: &str, css: &str) -> TurnError {
        let (css, step) = (css.to_owned(), step.to_owned());
        TurnError::SignIn(SignInError::Portal(PortalError::ElementMissing {
            css,
            step,
        }))
    }

    fn lost() -> TurnError {
        let reason = "tab crashed".to_owned();
        TurnError::Read(ReadError::Portal(PortalError::BrowserLost { reason }))
    }

    fn hung(limit_ms: u64) -> PortalError {
        let call = "new session";
        PortalError::Hung { call, limit_ms }
    }

    /// When a person is told, after the first failure of one `error` again and again. Bit n of `long`: the pause after
    /// failure n + 1 is a long one.
    fn told_after(error: &TurnError, long: u32) -> Duration {
        let (verdict, patience) = judge(error);
        let (mut since, mut now) = (None, S(1000));
        for failures in 1.. {
            if patience.is_over(failures, &mut since, now) {
                break;
            }
            let jitter = f64::from((long >> (failures - 1)) & 1);
            now += retry::delay(verdict, failures, jitter);
        }
        now - S(1000)
    }

    #[test]
    fn a_webdriver_that_stays_away_is_told_within_a_minute_and_one_that_starts_again_is_not() {
        let errors = [NoSession::Refused, NoSession::Limit, NoSession::Other]
            .map(|kind| no_webdriver(kind, "?"));
        for error in errors.into_iter().chain([lost()]) {
            for long in 0..1 << 10 {
                let told = told_after(&error, long);
                assert!((S(25)..S(58)).contains(&told), "{error}: {told:?}");
            }
        }
        // What asks for a person is told at once, and a portal has its time.
        let version = no_webdriver(NoSession::Version, "?");
        assert_eq!(told_after(&version, 0), S(0));
        assert!(told_after(&down("HTTP 503"), 0) > S(300));
    }

    #[test]
    fn the_time_that_a_webdriver_kept_us_waiting_counts() {
        let opening = |limit_ms| told_after(&TurnError::Portal(hung(limit_ms)), 0);
        assert_eq!(opening(60_000), S(0));
        assert!((S(15)..S(58)).contains(&opening(10_000)));
        // One page that hangs may be the page's fault.
        let reading = TurnError::Read(ReadError::Portal(hung(60_000)));
        assert!(told_after(&reading, 0) >= S(25));
    }

    #[test]
    fn a_portal_that_was_down_does_not_make_a_browser_that_is_lost_once_last() {
        let mut since = None;
        let mut met =
            |error: &TurnError, failures, at| judge(error).1.is_over(failures, &mut since, S(at));
        assert!(!met(&lost(), 1, 0));
        assert!(!met(&down("HTTP 503"), 2, 10));
        assert!(!met(&lost(), 3, 500));
        assert!(!met(&no_webdriver(NoSession::Refused, "?"), 4, 520));
        assert!(met(&lost(), 5, 525));
    }

    #[test]
    fn a_reason_has_one_name_whatever_its_words_carry() {
        let same = [
            [down("HTTP 502"), down("net::ERR_CONNECTION_RESET")],
            [
                no_webdriver(NoSession::Other, "cannot write /tmp/.org.chromium.aXbYc"),
                no_webdriver(NoSession::Other, "unknown"),
            ],
            [lost(), TurnError::Read(ReadError::Portal(hung(1000)))],
            [
                TurnError::Read(ReadError::Extract(ExtractError::EmptyWithRows { rows: 7 })),
                TurnError::Read(ReadError::Extract(ExtractError::EmptyWithRows { rows: 12 })),
            ],
        ];
        for [one, other] in same {
            assert_eq!(reason(&one), reason(&other));
        }
        let others = [
            no_webdriver(NoSession::Refused, "?"),
            no_webdriver(NoSession::Limit, "?"),
            down("HTTP 502"),
            lost(),
            missing("sign_in.steps[1].type", "#user"),
            missing("sign_in.steps[2].type", "#pin"),
            TurnError::Read(ReadError::Extract(ExtractError::NoTable)),
            TurnError::Read(ReadError::Moving),
        ];
        let names: std::collections::BTreeSet<String> = others.iter().map(reason).collect();
        assert_eq!(names.len(), others.len(), "{names:?}");
    }
}
