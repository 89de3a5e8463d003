//! Finds the rows of payments on a page, and the header above them. Pure.

use std::collections::BTreeMap;

use scraper::{ElementRef, Html, Selector};

use super::skip;
use super::values::{amounts, dates};
use crate::extract::text;
use crate::extract::{MAX_CELL_BYTES, MAX_ROWS};

/// Rows that look like payments.
#[derive(Debug, Clone)]
pub(super) struct Grid {
    /// CSS of the rows.
    pub rows: String,
    /// CSS of the header where it is a table of its own.
    pub header: Option<String>,
    /// Texts of the header; empty where there is none.
    pub headers: Vec<String>,
    /// Texts of the data rows.
    pub cells: Vec<Vec<String>>,
    /// Regexes of rows under the header that are no payments.
    pub skip: Vec<String>,
}

/// Elements that may be rows, by what holds them.
struct Candidate<'a> {
    holder: ElementRef<'a>,
    /// What its rows are among its descendants.
    row: String,
    rows: Vec<ElementRef<'a>>,
}

/// The largest set of rows with a date and an amount each.
pub(super) fn find(page: &Html) -> Option<Grid> {
    let candidates = candidates(page);
    let mut best: Option<(usize, &Candidate<'_>, Vec<Vec<String>>)> = None;
    for candidate in &candidates {
        let cells: Vec<Vec<String>> = candidate.rows.iter().map(|row| texts(*row)).collect();
        let score = cells.iter().filter(|row| is_data(row)).count();
        // Of two with the same rows the inner one, which comes later.
        if score > 0 && best.as_ref().is_none_or(|(most, _, _)| score >= *most) {
            best = Some((score, candidate, cells));
        }
    }
    let (_, candidate, cells) = best?;
    let width = mode(cells.iter().filter(|row| is_data(row)).map(Vec::len))?;
    let first = cells.iter().position(|row| is_data(row))?;
    let header = cells
        .iter()
        .take(first)
        .rev()
        .find(|row| is_header(row, width));
    let (mut headers, mut header_css) = (header.cloned().unwrap_or_default(), None);
    if headers.is_empty()
        && let Some((css, found)) = header_elsewhere(page, &candidates, candidate, width)
    {
        (headers, header_css) = (found, Some(css));
    }
    let holder = anchor(page, candidate.holder);
    let row = without_nested(candidate);
    let skip = skip::patterns(cells.get(first..).unwrap_or_default());
    let data = cells.into_iter().skip(first);
    let data = data.filter(|row| row.len() == width && is_data(row));
    Some(Grid {
        rows: format!("{holder} {row}"),
        header: header_css,
        headers,
        cells: data.collect(),
        skip,
    })
}

/// What the rows are among the descendants of their table: without those of tables within them, and without rows that hold
/// such a table and no payment.
fn without_nested(candidate: &Candidate<'_>) -> String {
    let holds_table = |row: &&ElementRef<'_>| {
        let mut below = row.descendants().filter_map(ElementRef::wrap);
        below.any(|below| below.value().name() == "table")
    };
    let mut holders = candidate.rows.iter().filter(holds_table).peekable();
    if candidate.row != "tr" || holders.peek().is_none() {
        return candidate.row.clone();
    }
    if holders.any(|row| is_data(&texts(*row))) {
        "> * > tr".to_owned()
    } else {
        "> * > tr:not(:has(table))".to_owned()
    }
}

fn candidates(page: &Html) -> Vec<Candidate<'_>> {
    let mut found = Vec::new();
    let mut tables: Vec<Candidate<'_>> = Vec::new();
    for row in select(page, "tr").into_iter().take(MAX_ROWS) {
        let holder = row
            .ancestors()
            .filter_map(ElementRef::wrap)
            .find(|above| above.value().name() == "table");
        let Some(holder) = holder else { continue };
        match tables.iter_mut().find(|table| table.holder == holder) {
            Some(table) => table.rows.push(row),
            None => tables.push(Candidate {
                holder,
                row: "tr".to_owned(),
                rows: vec![row],
            }),
        }
    }
    found.append(&mut tables);
    for holder in select(page, "div, ul, ol, section, tbody, main") {
        let mut alike: BTreeMap<String, Vec<ElementRef<'_>>> = BTreeMap::new();
        for child in holder.children().filter_map(ElementRef::wrap) {
            let name = child.value().name();
            let class = child.value().classes().min();
            let row =
                class.map_or_else(|| format!("> {name}"), |class| format!("> {name}.{class}"));
            if name != "tr" && matches!(name, "div" | "li" | "article" | "section") {
                alike.entry(row).or_default().push(child);
            }
        }
        found.extend(
            alike
                .into_iter()
                .filter(|(_, rows)| rows.len() > 1)
                .map(|(row, rows)| Candidate { holder, row, rows }),
        );
    }
    found
}

fn select<'a>(page: &'a Html, css: &str) -> Vec<ElementRef<'a>> {
    Selector::parse(css).map_or_else(|_| Vec::new(), |css| page.select(&css).collect())
}

/// The texts of the cells of a row, those that span columns repeated.
fn texts(row: ElementRef<'_>) -> Vec<String> {
    let is_tr = row.value().name() == "tr";
    let cells = row.children().filter_map(ElementRef::wrap);
    let cells = cells.filter(|cell| !is_tr || matches!(cell.value().name(), "td" | "th"));
    cells
        .flat_map(|cell| {
            let span = cell
                .attr("colspan")
                .and_then(|span| span.trim().parse().ok());
            let text = text::of(cell, MAX_CELL_BYTES).text;
            std::iter::repeat_n(
                text,
                span.filter(|span| (1..=100).contains(span)).unwrap_or(1),
            )
        })
        .collect()
}

fn is_date(text: &str) -> bool {
    dates(&[text]).is_some()
}

fn is_amount(text: &str) -> bool {
    amounts(&[text]).is_some_and(|amount| !amount.is_bare)
}

/// Does the row look like a payment?
pub(super) fn is_data(row: &[String]) -> bool {
    row.len() > 2 && row.iter().any(|text| is_date(text)) && row.iter().any(|text| is_amount(text))
}

fn is_header(row: &[String], width: usize) -> bool {
    let named = row
        .iter()
        .filter(|text| text.chars().any(char::is_alphabetic));
    row.len() == width
        && !row.iter().any(|text| is_date(text) || is_amount(text))
        && named.count() * 2 > width
}

fn mode(numbers: impl Iterator<Item = usize>) -> Option<usize> {
    let mut counts: BTreeMap<usize, usize> = BTreeMap::new();
    numbers.for_each(|number| *counts.entry(number).or_default() += 1);
    counts
        .into_iter()
        .max_by_key(|(_, count)| *count)
        .map(|(number, _)| number)
}

/// A header that is a table of its own: one row with as many cells.
fn header_elsewhere(
    page: &Html,
    candidates: &[Candidate<'_>],
    data: &Candidate<'_>,
    width: usize,
) -> Option<(String, Vec<String>)> {
    let others = candidates
        .iter()
        .filter(|other| other.holder != data.holder);
    others
        .filter(|other| other.rows.len() < 4)
        .find_map(|other| {
            let rows = other.rows.iter().map(|row| texts(*row));
            let headers = rows.into_iter().find(|row| is_header(row, width))?;
            Some((
                format!("{} {}", anchor(page, other.holder), other.row),
                headers,
            ))
        })
}

/// CSS that finds this element and no other: by its own id or class, or by those around it.
pub(super) fn anchor(page: &Html, element: ElementRef<'_>) -> String {
    let tag = element.value().name().to_owned();
    let around = element.ancestors().filter_map(ElementRef::wrap);
    for (depth, holder) in std::iter::once(element).chain(around).enumerate() {
        let name = holder.value().name();
        let by_id = holder.value().id().filter(|id| is_stable(id)).map(|id| {
            if is_plain(id) {
                format!("{name}#{id}")
            } else {
                format!("{name}[id=\"{id}\"]")
            }
        });
        let mut classes: Vec<&str> = holder
            .value()
            .classes()
            .filter(|class| is_plain(class))
            .collect();
        classes.sort_unstable();
        let by_class = classes.into_iter().map(|class| format!("{name}.{class}"));
        for own in by_id.into_iter().chain(by_class) {
            let css = if depth == 0 {
                own
            } else {
                format!("{own} {tag}")
            };
            if select(page, &css).first() == Some(&element) && select(page, &css).len() == 1 {
                return css;
            }
        }
    }
    tag
}

/// Not made anew for each page.
fn is_stable(id: &str) -> bool {
    !id.is_empty() && id.bytes().filter(u8::is_ascii_digit).count() < 4 && !id.contains('"')
}

fn is_plain(name: &str) -> bool {
    name.bytes()
        .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'))
        && name
            .bytes()
            .next()
            .is_some_and(|byte| byte.is_ascii_alphabetic())
        && is_stable(name)
}
