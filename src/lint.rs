//! What recordings say about a selector file: what matches nothing or too much, words that nobody mapped. Pure.
//!
//! A *finding* is to be mended; a *hint* may well be right (an outcome that was never met, a word that is rare).

mod fields;

use chrono::{DateTime, Utc};

use crate::diagnostic::Diagnostic;
use crate::diagnostic::locate::Locator;
use crate::extract::Document;
use crate::selectors::{Mark, Portal};
use crate::trial::{self, Trial};
use crate::understand::{self, Session};

/// A page of a recording.
pub struct Seen {
    /// The page.
    pub page: Document,
    /// Its name, for messages.
    pub name: String,
    /// It is one of the table, or a file with rows.
    pub has_rows: bool,
    /// The instant that bounds the times on it.
    pub now: DateTime<Utc>,
}

/// What was found.
#[derive(Debug, Default)]
pub struct Lint {
    /// To be mended.
    pub findings: Vec<Diagnostic>,
    /// To be thought about.
    pub hints: Vec<Diagnostic>,
}

/// Holds the file, given as its text too, against the pages of all its recordings.
#[must_use]
pub fn lint(portal: &Portal, path: &str, text: &str, pages: &[Seen]) -> Lint {
    let locator = Locator::new(path, text);
    let mut lint = Lint::default();
    marks(portal, &locator, pages, &mut lint);
    table(portal, &locator, pages, &mut lint);
    let trials: Vec<Trial> = pages
        .iter()
        .filter(|seen| seen.has_rows)
        .filter_map(|seen| {
            let account = trial::account(portal, None);
            Trial::of(portal, account, &seen.page, seen.now).ok()
        })
        .collect();
    fields::read(portal, &locator, &trials, &mut lint);
    lint
}

fn matched<'a>(pages: &'a [Seen], mark: &'a Mark) -> impl Iterator<Item = &'a Seen> {
    pages.iter().filter(|seen| seen.page.has(mark))
}

fn marks(portal: &Portal, locator: &Locator<'_>, pages: &[Seen], lint: &mut Lint) {
    let marks = &portal.marks;
    for (key, mark, page) in [
        (
            "signed_in",
            &marks.signed_in,
            "a page of somebody signed in",
        ),
        ("signed_out", &marks.signed_out, "the page with the form"),
    ] {
        if matched(pages, mark).next().is_none() {
            lint.findings.push(locator.wrong(
                &["marks", key],
                format!("`marks.{key}` is on no page of the recordings"),
                format!("correct it, or record {page}"),
            ));
        }
    }
    let both = |seen: &&Seen| seen.page.has(&marks.signed_in) && seen.page.has(&marks.signed_out);
    if let Some(seen) = pages.iter().find(both) {
        lint.findings.push(locator.wrong(
            &["marks", "signed_out"],
            format!(
                "`marks.signed_out` is on {} beside `marks.signed_in`",
                seen.name
            ),
            "make one of them narrower: such a page is believed to be neither",
        ));
    }
    for (number, (mark, outcome)) in marks.outcomes.iter().enumerate() {
        let way = ["marks", "outcomes", &number.to_string()];
        let on_good = |seen: &&Seen| seen.page.has(&marks.signed_in);
        if let Some(seen) = matched(pages, mark).find(on_good) {
            lint.findings.push(locator.wrong(
                &way,
                format!(
                    "the mark of `{}` is on {}, which shows somebody signed in",
                    outcome.as_str(),
                    seen.name
                ),
                "make it narrower: such a page is not believed",
            ));
        } else if matched(pages, mark).next().is_none() {
            lint.hints.push(locator.wrong(
                &way,
                format!(
                    "the mark of `{}` is on no page of the recordings",
                    outcome.as_str()
                ),
                "it was not tested: record such a page when you meet one",
            ));
        }
    }
    for (number, between) in portal.interstitials.iter().enumerate() {
        if matched(pages, &between.mark).next().is_none() {
            lint.hints.push(locator.wrong(
                &["interstitial", &number.to_string()],
                "this page in between is on no page of the recordings",
                "it was not tested: record it when you meet it",
            ));
        }
    }
}

fn table(portal: &Portal, locator: &Locator<'_>, pages: &[Seen], lint: &mut Lint) {
    let table = &portal.table;
    let signed_in =
        |seen: &&Seen| understand::session(&portal.marks, &seen.page) == Session::SignedIn;
    let tables: Vec<&Seen> = pages.iter().filter(|seen| seen.has_rows).collect();
    if tables.iter().all(|seen| seen.page.count(&table.rows) == 0) {
        lint.findings.push(locator.wrong(
            &["table", "rows"],
            "`table.rows` matches nothing in the recordings",
            "correct it, or record a page of the table",
        ));
    }
    let others = pages.iter().filter(|seen| !seen.has_rows).filter(signed_in);
    if let Some(seen) = others
        .into_iter()
        .find(|seen| seen.page.count(&table.rows) > 0 && table.steps.is_empty())
        && Trial::of(portal, trial::account(portal, None), &seen.page, seen.now).is_ok()
    {
        lint.findings.push(locator.wrong(
            &["table", "rows"],
            format!(
                "`table.rows` reads rows on {}, which is no page of the table",
                seen.name
            ),
            "make it narrower, such as by the table's id",
        ));
    }
    if let Some(header) = &table.header
        && tables.iter().all(|seen| seen.page.count(header) == 0)
    {
        lint.findings.push(locator.wrong(
            &["table", "header"],
            "`table.header` matches nothing in the recordings",
            "correct it, or remove it where the header is among `rows`",
        ));
    }
    match &table.empty {
        Some(empty) if !tables.iter().any(|seen| seen.page.has(empty)) => {
            lint.findings.push(locator.wrong(
                &["table", "empty"],
                "`table.empty` is on no page of the recordings: whether \"no rows\" is seen was never tested",
                "record the page of a day without payments",
            ));
        }
        Some(_) => {}
        None if table.header_alone => {}
        None => lint.findings.push(locator.wrong(
            &["table"],
            "`table.empty` is missing: a page without rows is never believed",
            "record the page of a day without payments, and name what says so on it",
        )),
    }
    next_and_count(portal, locator, &tables, lint);
}

fn next_and_count(portal: &Portal, locator: &Locator<'_>, tables: &[&Seen], lint: &mut Lint) {
    if let Some(next) = &portal.table.next {
        let most = tables.iter().map(|seen| (seen.page.count(&next.css), seen));
        match most.max_by_key(|(count, _)| *count) {
            Some((0, _)) | None => lint.findings.push(locator.wrong(
                &["table", "next"],
                "`table.next` matches nothing in the recordings",
                "correct it, or record a page that has a next one",
            )),
            Some((1, _)) => {
                if tables.iter().all(|seen| seen.page.count(&next.css) > 0) {
                    lint.hints.push(locator.wrong(
                        &["table", "next"],
                        "`table.next` is on every page of the recordings, so no page would be the last",
                        "make it narrower (`a.next:not(.disabled)`), or record the last page",
                    ));
                }
            }
            Some((many, seen)) => lint.findings.push(locator.wrong(
                &["table", "next"],
                format!("`table.next` matches {many} elements on {}", seen.name),
                "make it narrower: the first of them is clicked",
            )),
        }
    }
    if let Some((css, regex)) = &portal.table.count
        && !tables
            .iter()
            .any(|seen| seen.page.captured(css, regex).is_some())
    {
        lint.findings.push(locator.wrong(
            &["table", "count"],
            "`table.count` finds no number in the recordings",
            "correct its `css` and `capture`",
        ));
    }
}
