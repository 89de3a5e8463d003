//! A first selector file from one page: the table, its columns, how its values are written; each guess says why. Pure.
//!
//! Nothing here knows a portal. A guess that the page itself proves (every row agrees) is marked `guessed`; one that a person
//! must look at is marked `check`. What comes out passes `tillwatch check`; what is wrong in it, `portal try` shows.

mod around;
mod columns;
mod fields;
mod grid;
mod skip;
mod values;
mod words;
mod write;

use crate::extract::Document;

pub use write::Origin;

/// Why nothing can be proposed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ProposeError {
    /// No rows that look like payments.
    #[error(
        "no row of the page has both a date with a time and an amount: save the page that shows payments, after its scripts have run (Ctrl-S, or the inspector's \"Copy outer HTML\")"
    )]
    NoRows,
}

/// A proposal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Proposal {
    /// The file's text.
    pub text: String,
    /// What a person must look at.
    pub open: Vec<String>,
}

/// Writes a selector file for the portal `name` from a page with payments.
///
/// # Errors
/// When there are none.
pub fn propose(name: &str, page: &Document, origin: &Origin) -> Result<Proposal, ProposeError> {
    let page = page.tree();
    let grid = grid::find(page).ok_or(ProposeError::NoRows)?;
    Ok(write::file(name, page, &grid, origin))
}
