//! Why the store did not open, or did not do what it was asked.

use std::path::PathBuf;

use crate::exit::Exit;
use crate::payment::AccountName;

/// The store did not open. Nothing was created, repaired or thrown away.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// Another process (or another handle in this one) holds the state directory.
    #[error("another tillwatch holds {}: stop it, or ask it over its socket", dir.display())]
    Locked {
        /// The state directory.
        dir: PathBuf,
    },
    /// The store is not what was acknowledged, or not ours to read.
    #[error("the store in {} is refused: {reason}. No record of it was changed. {}", dir.display(), reason.way_out())]
    Refused {
        /// The state directory.
        dir: PathBuf,
        /// What is wrong.
        reason: Refusal,
    },
    /// The file system said no.
    #[error("{} could not be {action}: {source}", path.display())]
    Io {
        /// Which file.
        path: PathBuf,
        /// `created`, `read`, `written`, `locked`, …
        action: &'static str,
        /// Why.
        source: std::io::Error,
    },
}

impl OpenError {
    /// The program's exit code for it.
    #[must_use]
    pub fn exit(&self) -> Exit {
        match self {
            OpenError::Locked { .. } => Exit::AlreadyRunning,
            OpenError::Refused { .. } => Exit::StoreRefused,
            OpenError::Io { .. } => Exit::Failed,
        }
    }
}

/// Why a store is refused.
#[derive(Debug, thiserror::Error)]
pub enum Refusal {
    /// The engine panicked on the files.
    #[error("its files are damaged (the engine gave up while reading them)")]
    Panicked,
    /// The engine answered with an error.
    #[error("its files are damaged or unreadable: {0}")]
    Engine(#[from] sled::Error),
    /// A record of the store's own book-keeping is missing or is not what it should be.
    #[error("its {record} record is missing or damaged")]
    Record {
        /// Which.
        record: &'static str,
    },
    /// Store without witness.
    #[error("its witness file is missing")]
    NoWitness,
    /// Witness without store.
    #[error("there is a witness, but the store itself is missing")]
    NoStore,
    /// The witness fails its own checksum, or is no witness.
    #[error("its witness file is damaged")]
    WitnessDamaged,
    /// The records do not add up to what the store itself, or the witness, says was acknowledged.
    #[error(
        "it holds {found} records where {expected} were acknowledged (commit {commit}), or other ones"
    )]
    Disagrees {
        /// Records found.
        found: u64,
        /// Records acknowledged.
        expected: u64,
        /// Last commit acknowledged.
        commit: u64,
    },
    /// The witness is of another life of the store.
    #[error("its witness belongs to another life of it (epoch {witness}, the store says {store})")]
    OtherEpoch {
        /// What the witness says.
        witness: crate::event::Epoch,
        /// What the store says.
        store: crate::event::Epoch,
    },
    /// Written by a newer version.
    #[error("{what} has format {found}, this program knows up to {known}: use the newer tillwatch")]
    Newer {
        /// `a record` or `the witness`.
        what: &'static str,
        /// Its format.
        found: u32,
        /// Ours.
        known: u32,
    },
}

impl Refusal {
    fn way_out(&self) -> &'static str {
        match self {
            Refusal::Newer { .. } => "Rebuild nothing: it is whole",
            Refusal::Panicked
            | Refusal::Engine(_)
            | Refusal::Record { .. }
            | Refusal::NoWitness
            | Refusal::NoStore
            | Refusal::WitnessDamaged
            | Refusal::Disagrees { .. }
            | Refusal::OtherEpoch { .. } => {
                "Way out: `tillwatch store restore <backup>` if there is a backup, else `tillwatch store rebuild` (what a file sink \
                 holds counts as told)"
            }
        }
    }
}

/// An open store did not do what it was asked.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The engine answered with an error; the store takes no more writes until a restart.
    #[error("the store failed: {0}")]
    Engine(#[from] sled::Error),
    /// A file beside the engine could not be written, most often because the disk is full. What was asked is
    /// not acknowledged; the next write tries again.
    #[error("{} could not be {action}: {source}", path.display())]
    Io {
        /// Which file.
        path: PathBuf,
        /// `written`, `synced`, `copied`, …
        action: &'static str,
        /// Why.
        source: std::io::Error,
    },
    /// A record does not decode.
    #[error(
        "a {record} record of the store is damaged: stop the agent and run `tillwatch store check`"
    )]
    Damaged {
        /// Which kind.
        record: &'static str,
    },
    /// A record is of a newer format.
    #[error(
        "a {record} record has format {found}, this program knows up to {known}: use the newer tillwatch"
    )]
    Newer {
        /// Which kind.
        record: &'static str,
        /// Its format.
        found: u8,
        /// Ours.
        known: u8,
    },
    /// The engine panicked or failed in the middle of a write: reads and writes have ended. A restart checks everything.
    #[error(
        "the store is closed after a failure: restart the agent, it checks the store as it starts"
    )]
    Closed,
    /// `begin_account` was not called for it.
    #[error("account {0} was never begun in this store")]
    UnknownAccount(AccountName),
    /// The target of a backup is there already.
    #[error("{} exists: a backup goes into a directory of its own", path.display())]
    TargetExists {
        /// The target.
        path: PathBuf,
    },
    /// The copy does not open, or differs.
    #[error("the backup was written but does not verify: {0}")]
    BackupUnusable(#[source] Box<OpenError>),
}

impl StoreError {
    /// Nothing can be written any more before a restart: the program ends and says so.
    #[must_use]
    pub fn is_final(&self) -> bool {
        match self {
            StoreError::Engine(_)
            | StoreError::Damaged { .. }
            | StoreError::Newer { .. }
            | StoreError::Closed => true,
            StoreError::Io { .. }
            | StoreError::UnknownAccount(_)
            | StoreError::TargetExists { .. }
            | StoreError::BackupUnusable(_) => false,
        }
    }
}
