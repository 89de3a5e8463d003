//! What is said over the control socket: one request, one answer, each a line of JSON.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::KnownPayments;
use crate::login::code::Given;
use crate::overview::AccountView;
use crate::portal::kept::Kept;

/// Pages of the table in one recording.
pub const MAX_RECORDED: u16 = 20;

/// What a command asks of the agent.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub enum Request {
    /// Leave the account alone: sign out, end its browser, read nothing until `Resume`.
    Pause {
        /// Account name.
        account: String,
    },
    /// Go on after `Pause`, or after the breaker stopped the account.
    Resume {
        /// Account name.
        account: String,
    },
    /// Go on with an account whose changed selector file would emit history again: it may.
    EmitAgain {
        /// Account name.
        account: String,
    },
    /// Read the account now.
    Poll {
        /// Account name.
        account: String,
    },
    /// Rows put aside.
    Quarantine {
        /// Only of this account.
        account: Option<String>,
    },
    /// Understand the rows put aside again, by the selector file as it is now, and tell them.
    Release {
        /// Account name.
        account: String,
    },
    /// Keep the account's next pages as a recording.
    Record {
        /// Account name.
        account: String,
        /// Pages of the table; at least 1, at most [`MAX_RECORDED`].
        pages: u16,
    },
    /// Compare the store with its witness.
    StoreCheck,
    /// A one-time code for the sign-in that waits for one.
    Otp {
        /// Account name.
        account: String,
        /// The code, or the text that holds it.
        code: Given,
    },
    /// Count payments as told by an earlier program.
    ImportSeen {
        /// Payment ids; at most [`MAX_IDS`](super::MAX_IDS).
        ids: Vec<String>,
    },
    /// What is known of payments of an account.
    Known {
        /// Account name.
        account: String,
        /// Payment ids; at most [`MAX_KNOWN`](super::MAX_KNOWN).
        ids: Vec<String>,
    },
    /// Go on with a session that a person began in another browser.
    ImportSession {
        /// Account name.
        account: String,
        /// The origin that its cookies were chosen for.
        origin: String,
        /// Only the cookies that this origin is sent.
        session: Kept,
    },
    /// How every account stands.
    Status,
    /// Copy the store.
    StoreBackup {
        /// New directory.
        to: PathBuf,
    },
}

/// What the agent answers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub enum Answer {
    /// Done; the text is for a person.
    Done(String),
    /// Not done; the text says why and what to do.
    Refused(String),
    /// How every account stands.
    Accounts(Vec<AccountView>),
    /// What is known of payments.
    Known(KnownPayments),
    /// A recording was made.
    Recorded {
        /// The directory that holds it, below the state directory.
        dir: PathBuf,
        /// How many steps it has.
        steps: usize,
        /// For a person: what changed in it, and what stayed readable.
        told: String,
    },
}
