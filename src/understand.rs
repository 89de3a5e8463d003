//! What one fetched page says: about the session by its marks, about payments by its table. Pure.
//!
//! A page is believed only by a positive mark. One parse serves both questions.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use chrono::{DateTime, Utc};
use rust_decimal::Decimal;

use crate::event::AccountRef;
use crate::extract::{self, Document, ExtractError, HeldRow, RawField};
use crate::normalize::{self, Normalized, RowError};
use crate::payment::{Direction, Payment, PaymentId};
use crate::selectors::{Field, Marks, Portal};
use crate::session::Outcome;
use crate::skeleton::Skeleton;

/// What the marks of a page say about the session.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Session {
    /// The signed-in mark, and no other, stands there.
    SignedIn,
    /// The page asks for a sign-in.
    SignedOut,
    /// The portal says why it does not let us in.
    Refused(Outcome),
    /// No mark, or marks that contradict each other: not a page to believe.
    Stranger,
}

/// A data row of the page: its cells, and what they mean or why they could not be understood.
#[derive(Debug, Clone)]
pub struct ReadRow {
    /// Its cells as text: for the quarantine only.
    pub cells: Vec<String>,
    /// The payment, its id provisional where the portal has no reference.
    pub meaning: Result<Normalized, RowError>,
    /// Of a row that is put aside: what it can be read again from.
    pub held: Option<Box<HeldRow>>,
}

/// A page of the table.
#[derive(Debug, Clone)]
pub struct TablePage {
    /// One entry per data row in the page's own order.
    pub rows: Vec<ReadRow>,
    /// There is an older page.
    pub has_next: bool,
    /// The portal's own count of all rows.
    pub portal_count: Option<u64>,
    /// In how many days the password expires, where the page says so.
    pub password_expires_in: Option<u32>,
    /// What of the page does not depend on what was paid.
    pub skeleton: Skeleton,
}

impl TablePage {
    /// Would the same page be understood in the same way at any later time? Not where a row was put aside: perhaps its
    /// time lay ahead.
    #[must_use]
    pub fn is_lasting(&self) -> bool {
        self.rows.iter().all(|row| row.meaning.is_ok())
    }
}

/// What a page of the table turned out to be.
#[derive(Debug, Clone)]
pub enum Understood {
    /// Signed in, with the table.
    Table(TablePage),
    /// Anything but signed in.
    Not(Session),
}

/// Reads the marks.
#[must_use]
pub fn session(marks: &Marks, document: &Document) -> Session {
    let refused = marks
        .outcomes
        .iter()
        .find(|(mark, _)| document.has(mark))
        .map(|(_, outcome)| *outcome);
    let signed_in = document.has(&marks.signed_in);
    let signed_out = document.has(&marks.signed_out);
    match (refused, signed_in, signed_out) {
        (None, true, false) => Session::SignedIn,
        (Some(outcome), false, _) => Session::Refused(outcome),
        (None, false, true) => Session::SignedOut,
        (Some(_), true, _) | (None, true, true) | (None, false, false) => Session::Stranger,
    }
}

/// A page of which the file does not say what it is: worth a look by a person.
#[must_use]
pub fn is_unknown(session: Session) -> bool {
    match session {
        Session::Stranger | Session::Refused(Outcome::Interstitial | Outcome::Unknown) => true,
        Session::SignedIn | Session::SignedOut | Session::Refused(_) => false,
    }
}

/// In how many days the password expires, where the page says so.
#[must_use]
pub fn password_expires_in(marks: &Marks, document: &Document) -> Option<u32> {
    let (css, regex) = marks.password_expires_in.as_ref()?;
    document.captured(css, regex)?.trim().parse().ok()
}

/// What the page after a sign-in, or the sign-in page itself, says.
///
/// # Errors
/// When the page is over the limits.
pub fn sign_in_page(portal: &Portal, html: &str) -> Result<Session, ExtractError> {
    Ok(session(&portal.marks, &extract::parse(html)?))
}

/// What a page of the table says. `now` bounds the times on it.
///
/// # Errors
/// When the page is over the limits, or is signed in but has not the table that the file describes.
pub fn table_page(
    portal: &Portal,
    account: &AccountRef,
    html: &str,
    now: DateTime<Utc>,
) -> Result<Understood, ExtractError> {
    let document = extract::parse(html)?;
    match session(&portal.marks, &document) {
        Session::SignedIn => {}
        other => return Ok(Understood::Not(other)),
    }
    let extracted = extract::extract(portal, &document)?;
    let page = normalize::Page::new(portal, account, &extracted.rows, now);
    let rows = extracted.rows.iter();
    let mut meanings: Vec<_> = rows.map(|row| page.payment(row)).collect();
    refuse_shared_references(&mut meanings);
    let errors = meanings.iter().map(|meaning| meaning.as_ref().err());
    let skeleton = Skeleton::of(&extracted.headers, extracted.rows.iter().zip(errors));
    let held = meanings.iter().enumerate().map(|(index, meaning)| {
        let held = || extracted.held(portal, &document, index);
        meaning.is_err().then(held).flatten().map(Box::new)
    });
    let held: Vec<_> = held.collect();
    let (has_next, portal_count) = (extracted.has_next, extracted.portal_count);
    let rows = extracted.rows.into_iter().zip(meanings).zip(held);
    let rows = rows
        .map(|((row, meaning), held)| ReadRow {
            cells: row.cells,
            meaning,
            held,
        })
        .collect();
    Ok(Understood::Table(TablePage {
        rows,
        has_next,
        portal_count,
        password_expires_in: password_expires_in(&portal.marks, &document),
        skeleton,
    }))
}

/// Of rows that share a reference and move other money nobody can tell which one is the payment: none passes for it. The same
/// money twice is one payment, shown in two states.
pub(crate) fn refuse_shared_references(meanings: &mut [Result<Normalized, RowError>]) {
    let shared: BTreeSet<PaymentId> =
        with_shared_reference(meanings.iter().filter_map(|meaning| meaning.as_ref().ok()))
            .collect();
    for (index, meaning) in meanings.iter_mut().enumerate() {
        let is_shared = |row: &Normalized| shared.contains(&row.payment.id);
        if meaning.as_ref().is_ok_and(is_shared) {
            *meaning = Err(RowError::shared_reference(index + 1));
        }
    }
}

/// References that stand for different money in these rows.
pub fn with_shared_reference<'a>(
    rows: impl Iterator<Item = &'a Normalized>,
) -> impl Iterator<Item = PaymentId> {
    let mut seen: HashMap<PaymentId, (Decimal, Direction)> = HashMap::new();
    rows.filter(|row| row.fingerprint.is_none())
        .filter_map(move |row| {
            let (id, moves) = (row.payment.id, moves(&row.payment));
            (*seen.entry(id).or_insert(moves) != moves).then_some(id)
        })
}

/// What it does to the account.
#[must_use]
pub fn moves(payment: &Payment) -> (Decimal, Direction) {
    (payment.amount, payment.direction)
}

/// What two loads of the same page must agree in.
#[derive(Debug, PartialEq, Eq)]
pub struct Shown {
    rows: Vec<(BTreeMap<Field, RawField>, bool)>,
    has_next: bool,
    portal_count: Option<u64>,
}

/// The cells that the file names, of a signed-in page with the table; `None` of any other page.
#[must_use]
pub fn shown(portal: &Portal, html: &str) -> Option<Shown> {
    let document = extract::parse(html).ok()?;
    if session(&portal.marks, &document) != Session::SignedIn {
        return None;
    }
    let extracted = extract::extract(portal, &document).ok()?;
    let rows = extracted.rows.into_iter();
    Some(Shown {
        rows: rows
            .map(|row| (row.fields, row.problem.is_some()))
            .collect(),
        has_next: extracted.has_next,
        portal_count: extracted.portal_count,
    })
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test")]
mod tests {
    use super::*;
    use crate::selectors::file::parse;

    fn says(html: &str) -> Session {
        let text = include_str!("../selectors/kilima.toml");
        let portal = parse("kilima", "kilima.toml", text).unwrap();
        sign_in_page(&portal, html).unwrap()
    }

    #[test]
    fn a_reference_that_other_money_shares_is_put_aside_and_not_dropped() {
        let text = include_str!("../selectors/kilima.toml");
        let portal = parse("kilima", "kilima.toml", text).unwrap();
        let html = include_str!("../selectors/recordings/kilima/pages/statement-middle.html");
        let account = crate::trial::account(&portal, None);
        let now = "2027-01-01T00:00:00Z".parse().unwrap();
        let read = |html: &str| match table_page(&portal, &account, html, now).unwrap() {
            Understood::Table(table) => table.rows,
            Understood::Not(session) => panic!("{session:?}"),
        };
        let rows = read(html);
        let [one, other, ..] = &rows[..] else {
            panic!("two rows")
        };
        let reference = |row: &ReadRow| row.cells[0].clone();
        let aside = |rows: &[ReadRow]| rows.iter().filter(|row| row.meaning.is_err()).count();
        let before = aside(&rows);
        let shared = read(&html.replace(&reference(other), &reference(one)));
        assert_eq!((rows.len(), aside(&shared)), (shared.len(), before + 2));
        let why = shared[1].meaning.as_ref().unwrap_err().to_string();
        assert!(
            why.contains("row 2") && why.contains("other money"),
            "{why}"
        );
        // The same row twice is one payment.
        let row = html.find(&reference(one)).unwrap();
        let (from, to) = (
            html[..row].rfind("<tr").unwrap(),
            row + html[row..].find("</tr>").unwrap() + 5,
        );
        let twice = format!("{}{}{}", &html[..to], &html[from..to], &html[to..]);
        let twice = read(&twice);
        assert_eq!((twice.len(), aside(&twice)), (rows.len() + 1, before));
    }

    #[test]
    fn a_look_alike_is_neither_signed_in_nor_out_nor_empty() {
        let table = include_str!("../selectors/recordings/kilima/pages/statement-empty.html");
        let form = include_str!("../selectors/recordings/kilima/pages/login.html");
        assert_eq!(says(table), Session::SignedIn);
        assert_eq!(says(form), Session::SignedOut);
        for stranger in [
            // The table without the mark of who is signed in.
            table.replace("operator-name", "operator-label"),
            // Another site's form, and one with another id.
            form.replace("login-form", "newsletter"),
            // Both at once: a page that frames the other, or is half replaced.
            format!("{table}{form}"),
            "<h1>404 Not Found</h1><p>No records found</p>".to_owned(),
            "<title>Error</title><div id=operator>Signed in</div>".to_owned(),
            String::new(),
        ] {
            assert_eq!(says(&stranger), Session::Stranger, "{stranger}");
        }
    }
}
