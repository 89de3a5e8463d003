//! Why a WebDriver gives no session, as its words tell, and what a person does about it. Pure.

/// Kinds of refusal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NoSession {
    /// Nobody listens, or the connection broke.
    Refused,
    /// It has as many sessions as it may.
    Limit,
    /// Driver and browser are of different versions.
    Version,
    /// Driver or browser are not there.
    Missing,
    /// The browser ended while it started.
    BrowserEnded,
    /// Anything else.
    Other,
}

/// Words that tell a kind, in lower case. ChromeDriver 156 and its predecessors; Selenium Grid 4 (`New session request timed
/// out`), geckodriver (`Session is already started`), WebDriver hubs.
const SIGNS: [(&str, NoSession); 15] = [
    ("only supports chrome version", NoSession::Version),
    ("only supports microsoft edge version", NoSession::Version),
    ("no chrome binary", NoSession::Missing),
    ("cannot find chrome binary", NoSession::Missing),
    ("chrome instance exited", NoSession::BrowserEnded),
    ("failed to start", NoSession::BrowserEnded),
    ("devtoolsactiveport", NoSession::BrowserEnded),
    ("chrome not reachable", NoSession::BrowserEnded),
    ("request timed out", NoSession::Limit),
    ("already started", NoSession::Limit),
    ("maximum number of active sessions", NoSession::Limit),
    ("max session", NoSession::Limit),
    ("session limit", NoSession::Limit),
    ("too many", NoSession::Limit),
    ("no free slots", NoSession::Limit),
];

impl NoSession {
    /// What the message of a refusal tells.
    #[must_use]
    pub fn told_by(message: &str) -> Self {
        let message = message.to_ascii_lowercase();
        let found = SIGNS.iter().find(|(sign, _)| message.contains(sign));
        found.map_or(NoSession::Other, |(_, kind)| *kind)
    }

    /// What to do.
    #[must_use]
    pub fn advice(self) -> &'static str {
        match self {
            NoSession::Refused => "nothing listens at its address: start it, or correct `url`",
            NoSession::Limit => {
                "it has as many sessions as it may: end one there, allow it more, or lower `max_sessions`"
            }
            NoSession::Version => {
                "driver and browser are of different versions: install both from one source (Debian: apt-get install \
                 chromium chromium-driver)"
            }
            NoSession::Missing => "install it or correct its path",
            NoSession::BrowserEnded => {
                "the browser ended while it started: it lacks memory or, as root or in a container, `--no-sandbox` in \
                 `browser_args`"
            }
            NoSession::Other => "its own log tells more",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_words_of_a_refusal_tell_its_kind() {
        for (message, kind) in [
            (
                "session not created: This version of ChromeDriver only supports Chrome version 114\nCurrent browser version is 156.0.7990.2",
                NoSession::Version,
            ),
            (
                "session not created\nfrom unknown error: no chrome binary at /usr/bin/chrome",
                NoSession::Missing,
            ),
            (
                "session not created: Chrome instance exited. Examine ChromeDriver verbose log to determine the cause.",
                NoSession::BrowserEnded,
            ),
            (
                "unknown error: Chrome failed to start: crashed.",
                NoSession::BrowserEnded,
            ),
            (
                "Could not start a new session. New session request timed out",
                NoSession::Limit,
            ),
            ("Session is already started", NoSession::Limit),
            (
                "session not created: No matching capabilities found",
                NoSession::Other,
            ),
        ] {
            assert_eq!(NoSession::told_by(message), kind, "{message}");
        }
    }
}
