//! Why a reading did not come to its end.

use super::MAX_RESTARTS;
use crate::extract::ExtractError;
use crate::portal::PortalError;
use crate::store::StoreError;
use crate::understand::Session;

/// A reading that did not come to its end. Pages read before it failed are committed.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// The page was not a signed-in one.
    #[error("{}", said(*.0))]
    Session(Session),
    /// No page.
    #[error(transparent)]
    Portal(#[from] PortalError),
    /// A page that cannot be read.
    #[error(transparent)]
    Extract(#[from] ExtractError),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// Rows kept moving between pages, so that equal rows could not be counted.
    #[error(
        "rows moved between pages in {MAX_RESTARTS} readings in a row: ask the portal for larger pages in `table.path`"
    )]
    Moving,
    /// The portal says "no rows" where rows are known.
    #[error("the portal shows no rows for days that had some: not believed")]
    EmptyAgain,
    /// A changed selector file gives payments that were told other ids.
    #[error("history would be emitted again: {again} of {of} payments")]
    HistoryAgain {
        /// So many would be.
        again: u64,
        /// Of so many that were told.
        of: u64,
    },
    /// Asked to stop between two pages.
    #[error("stopped between two pages")]
    Stopped,
}

fn said(session: Session) -> String {
    match session {
        Session::Refused(outcome) => {
            format!(
                "in place of the table the portal says `{}`",
                outcome.as_str()
            )
        }
        Session::Stranger => {
            "a page stands in place of the table that the selector file does not know: an announcement, or the portal changed. \
             Its structure is the newest file in `browser/<account>/unknown-pages` of `state_dir`"
                .to_owned()
        }
        Session::SignedIn | Session::SignedOut => {
            "the page of the table is not a signed-in one".to_owned()
        }
    }
}
