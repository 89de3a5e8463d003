//! Sessions: what follows from the outcome of a sign-in, how an account stands, how long sessions live. Pure.

use std::time::Duration;

mod life;
mod stand;

pub use life::{End, Learned, Life, Pattern};
pub use stand::{Act, Event, Stand};

/// What became of a sign-in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Outcome {
    /// The positive mark stands on a page of the pinned origin.
    SignedIn,
    /// The portal refuses the secret.
    WrongPassword,
    /// The secret must be changed by a person.
    PasswordExpired,
    /// The user is locked at the portal.
    Locked,
    /// The user was not used for too long.
    Dormant,
    /// A one-time code is asked for.
    OtpRequired,
    /// The one-time code was refused.
    WrongCode,
    /// A captcha is asked for.
    CaptchaRequired,
    /// The portal's own cap is reached.
    TooManyLogins,
    /// The portal allows one session and another one is open.
    AlreadySignedIn,
    /// The user may not see transactions.
    NoPermission,
    /// The portal wants a client certificate.
    CertificateRequired,
    /// A page stands in between that the file does not know.
    Interstitial,
    /// The portal does not answer as itself.
    PortalDown,
    /// None of the marks.
    Unknown,
}

impl Outcome {
    /// Every outcome, in the order of the docs.
    pub const ALL: [Outcome; 15] = [
        Outcome::SignedIn,
        Outcome::WrongPassword,
        Outcome::PasswordExpired,
        Outcome::Locked,
        Outcome::Dormant,
        Outcome::OtpRequired,
        Outcome::WrongCode,
        Outcome::CaptchaRequired,
        Outcome::TooManyLogins,
        Outcome::AlreadySignedIn,
        Outcome::NoPermission,
        Outcome::CertificateRequired,
        Outcome::Interstitial,
        Outcome::PortalDown,
        Outcome::Unknown,
    ];

    /// The outcome that `word` names.
    #[must_use]
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL
            .into_iter()
            .find(|outcome| outcome.as_str() == word)
    }

    /// What a person does about it, for logs and status.
    #[must_use]
    pub fn advice(self) -> &'static str {
        match self {
            Outcome::SignedIn => "signed in",
            Outcome::WrongPassword => {
                "the portal refuses the password: correct the secret, or run `tillwatch resume` if it was right"
            }
            Outcome::PasswordExpired => {
                "the password has expired: change it on the portal, then change the secret"
            }
            Outcome::Locked => {
                "the user is locked: have it unlocked at the portal, then run `tillwatch resume`"
            }
            Outcome::Dormant => {
                "the user is dormant: have it revived at the portal, then run `tillwatch resume`"
            }
            Outcome::OtpRequired => {
                "the portal asks for a one-time code and none came: set the account's `otp`, have the next code at hand and run `tillwatch resume`"
            }
            Outcome::WrongCode => {
                "the one-time code was refused: run `tillwatch resume` to try again"
            }
            Outcome::CaptchaRequired => {
                "the portal shows a captcha, which only a person may solve: finish the sign-in in the browser, or import a session (`tillwatch session import`), and it goes on from there"
            }
            Outcome::TooManyLogins => {
                "the portal's login cap is reached: somebody else signs in as this user too"
            }
            Outcome::AlreadySignedIn => "another session of this user is open: sign out there",
            Outcome::NoPermission => {
                "the user may not see transactions: give it a role that may, then run `tillwatch resume`"
            }
            Outcome::CertificateRequired => "the portal asks for a client certificate",
            Outcome::Interstitial => {
                "the portal shows a page in between: sign in by hand once, then run `tillwatch resume`"
            }
            Outcome::PortalDown => "the portal does not answer as itself",
            Outcome::Unknown => {
                "what the portal said to the last two sign-ins is not known: their page bore none of the file's marks, was lost, or the agent ended before it. Compare `[marks]` and sign in by hand once, then run `tillwatch resume`"
            }
        }
    }

    /// The word in selector files, status and logs.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Outcome::SignedIn => "signed-in",
            Outcome::WrongPassword => "wrong-password",
            Outcome::PasswordExpired => "password-expired",
            Outcome::Locked => "locked",
            Outcome::Dormant => "dormant",
            Outcome::OtpRequired => "otp-required",
            Outcome::WrongCode => "wrong-code",
            Outcome::CaptchaRequired => "captcha-required",
            Outcome::TooManyLogins => "too-many-logins",
            Outcome::AlreadySignedIn => "already-signed-in",
            Outcome::NoPermission => "no-permission",
            Outcome::CertificateRequired => "certificate-required",
            Outcome::Interstitial => "interstitial",
            Outcome::PortalDown => "portal-down",
            Outcome::Unknown => "unknown",
        }
    }
}

/// What follows from an outcome.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Consequence {
    /// Whether the portal may have counted a login. The ledger keeps the attempt either way.
    pub spent: bool,
    /// What the account does now.
    pub next: Next,
}

/// What an account does after a sign-in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Next {
    /// Read the table.
    GoOn,
    /// Sign in again, not before this time has passed and the gate lets it.
    WaitAndRetry {
        /// The shortest pause.
        at_least: Duration,
    },
    /// Sign in once more after the pause. When that ends in the same way: stop as with `StopAccount`, and tell.
    RetryOnceThenStop {
        /// The shortest pause.
        at_least: Duration,
    },
    /// No sign-in until a person has done something at the portal and says so (`tillwatch resume`).
    AskPerson,
    /// The breaker: no sign-in with this version of the credential until it changes or a person says so.
    StopAccount,
}

/// A portal that is down is asked again soon; the pauses grow with each time in a row.
const PORTAL_DOWN: Duration = Duration::from_secs(30);
/// Another session of the user ends when it goes idle or its person signs out.
const OTHER_SESSION: Duration = Duration::from_secs(60);
/// The gate counts the whole window as spent; this is only so as not to ask it in a loop.
const TOO_MANY: Duration = Duration::from_secs(60);
/// Long enough for a portal's hiccup to be over.
const UNKNOWN: Duration = Duration::from_secs(120);

impl Outcome {
    /// No sign-in follows it without a person.
    #[must_use]
    pub fn stops(self) -> bool {
        match self.consequence().next {
            Next::AskPerson | Next::StopAccount => true,
            Next::GoOn | Next::WaitAndRetry { .. } | Next::RetryOnceThenStop { .. } => false,
        }
    }

    /// What follows. A credential is tried again only where the portal did not refuse it.
    #[must_use]
    pub fn consequence(self) -> Consequence {
        let (spent, next) = match self {
            Outcome::SignedIn => (true, Next::GoOn),
            Outcome::WrongPassword | Outcome::PasswordExpired | Outcome::Locked => {
                (true, Next::StopAccount)
            }
            Outcome::Dormant
            | Outcome::OtpRequired
            | Outcome::WrongCode
            | Outcome::CaptchaRequired
            | Outcome::NoPermission
            | Outcome::Interstitial => (true, Next::AskPerson),
            // Refused by TLS: the form was never reached.
            Outcome::CertificateRequired => (false, Next::AskPerson),
            Outcome::TooManyLogins => (true, Next::WaitAndRetry { at_least: TOO_MANY }),
            Outcome::AlreadySignedIn => {
                let at_least = OTHER_SESSION;
                (true, Next::WaitAndRetry { at_least })
            }
            Outcome::PortalDown => {
                let at_least = PORTAL_DOWN;
                (true, Next::WaitAndRetry { at_least })
            }
            Outcome::Unknown => (true, Next::RetryOnceThenStop { at_least: UNKNOWN }),
        };
        Consequence { spent, next }
    }
}

#[cfg(test)]
mod consequence_tests {
    //! The table of outcomes: one line each.
    use super::*;

    #[test]
    fn every_outcome_has_its_consequence() {
        let table: Vec<String> = Outcome::ALL
            .iter()
            .map(|outcome| {
                let Consequence { spent, next } = outcome.consequence();
                let next = match next {
                    Next::GoOn => "go on".to_owned(),
                    Next::WaitAndRetry { at_least } => format!("wait {} s", at_least.as_secs()),
                    Next::RetryOnceThenStop { at_least } => {
                        format!("once more after {} s, then stop", at_least.as_secs())
                    }
                    Next::AskPerson => "ask a person".to_owned(),
                    Next::StopAccount => "stop".to_owned(),
                };
                let spent = if spent { "spent" } else { "kept" };
                format!("{}: {spent}, {next}", outcome.as_str())
            })
            .collect();
        assert_eq!(
            table,
            [
                "signed-in: spent, go on",
                "wrong-password: spent, stop",
                "password-expired: spent, stop",
                "locked: spent, stop",
                "dormant: spent, ask a person",
                "otp-required: spent, ask a person",
                "wrong-code: spent, ask a person",
                "captcha-required: spent, ask a person",
                "too-many-logins: spent, wait 60 s",
                "already-signed-in: spent, wait 60 s",
                "no-permission: spent, ask a person",
                "certificate-required: kept, ask a person",
                "interstitial: spent, ask a person",
                "portal-down: spent, wait 30 s",
                "unknown: spent, once more after 120 s, then stop",
            ]
        );
    }
}
