//! What of a page the selector file itself speaks of: it is nobody's, and without it the file finds nothing. Pure.

use std::collections::BTreeSet;
use std::sync::LazyLock;

use regex::Regex;
use scraper::Selector;

use super::{constant, folded};
use crate::selectors::{
    CellSource, Column, Export, Grow, NextAnswer, Onward, Portal, Skip, Source, Step,
};

static ASKED: LazyLock<Regex> =
    LazyLock::new(|| constant(r#"\[\s*([\w-]+)\s*([~|^$*]?)=\s*\\?["']?([^"'\]\\]+)"#));

/// What CSS of the file asks of an attribute: `[data-is=locked]`.
#[derive(Debug)]
pub(super) struct Asked {
    /// Of the attribute, in small letters.
    key: String,
    /// `^=` and the like: it is a part of the attribute's text.
    is_part: bool,
    pub text: String,
}

impl Asked {
    pub fn holds(&self, key: &str, value: &str) -> bool {
        self.key == key && (value == self.text || self.is_part && value.contains(&self.text))
    }
}

/// By the CSS of the file.
pub(super) fn asked(portal: &Portal) -> Vec<Asked> {
    let asked = ASKED.captures_iter(&portal.text);
    asked
        .map(|asked| {
            let (_, [key, sign, text]) = asked.extract();
            Asked {
                key: folded(key),
                is_part: !sign.is_empty(),
                text: text.trim_end().to_owned(),
            }
        })
        .collect()
}

/// Attributes that fields are read from or that CSS asks for, beside those that are kept anyway.
pub(super) fn attributes(portal: &Portal, asked: &[Asked]) -> BTreeSet<String> {
    let cells = sources(portal).flat_map(Source::cells);
    let read = cells.filter_map(|(_, cell)| match cell {
        CellSource::Css { attribute, .. } => attribute.clone(),
        CellSource::Header(_) | CellSource::Label { .. } => None,
    });
    let key = match &portal.table.grow {
        Some(Grow::Scroll(scroll)) => scroll.key.clone(),
        Some(Grow::More { .. }) | None => None,
    };
    let names = asked.iter().map(|asked| asked.key.clone());
    let names = names.filter(|name| name.starts_with("aria-"));
    read.chain(key).chain(names).collect()
}

/// Does the file ask for this pair of a query?
pub(super) fn asks(portal: &Portal, key: &str, value: &str) -> bool {
    let pair = format!("{key}={value}");
    let ends = ['?', '&', '#', '"', '\'', '\\', '\n'];
    portal.text.split(ends).any(|part| part == pair)
}

/// The key of a query whose value stands in an answer in JSON too.
pub(super) fn cursor(portal: &Portal) -> Option<&str> {
    let endpoint = match &portal.table.export {
        Some(Export::Json(endpoint)) => endpoint,
        Some(Export::Download(_)) | None => return None,
    };
    match &endpoint.next {
        Some(NextAnswer {
            parameter,
            to: Onward::Cursor(_),
            ..
        }) => Some(parameter),
        Some(_) | None => None,
    }
}

/// Where a page prints a number of its own: how many rows there are, in how many days the password expires.
pub(super) fn counts(portal: &Portal) -> impl Iterator<Item = &(Selector, Regex)> {
    let count = portal.table.count.iter();
    count.chain(&portal.marks.password_expires_in)
}

/// Whole texts, in small letters.
pub(super) fn phrases(portal: &Portal) -> BTreeSet<String> {
    let fields = &portal.fields;
    let headers = columns(portal).flat_map(|column| column.names.iter().chain(&column.after));
    // The header of two rows is named with both: each may stand alone in a cell.
    let headers = headers.flat_map(|name| name.split(" / ").chain([name.as_str()]));
    let headers = headers.map(str::to_owned);
    let labels = sources(portal)
        .flat_map(Source::cells)
        .flat_map(|(_, cell)| match cell {
            CellSource::Label { names } => names.clone(),
            CellSource::Header(_) | CellSource::Css { .. } => Vec::new(),
        });
    let words = fields
        .status
        .keys()
        .chain(fields.types.keys())
        .chain(fields.kinds.keys())
        .chain(fields.directions.keys())
        .chain(&fields.blank)
        .cloned();
    let options = portal.table.steps.iter().filter_map(|step| match step {
        Step::Choose { option, .. } => Some(option.clone()),
        _other => None,
    });
    let phrases = headers.chain(labels).chain(words).chain(options);
    phrases.map(|phrase| folded(&phrase)).collect()
}

/// Regexes, and the words in each.
pub(super) fn patterns(portal: &Portal) -> Vec<(Regex, BTreeSet<String>)> {
    let marks = [&portal.marks.signed_in, &portal.marks.signed_out].into_iter();
    let marks = marks
        .chain(portal.marks.outcomes.iter().map(|(mark, _)| mark))
        .chain(portal.interstitials.iter().map(|one| &one.mark))
        .chain(&portal.table.empty)
        .filter_map(|mark| mark.text.as_ref());
    let captures = sources(portal).filter_map(|source| source.capture.as_ref());
    let matches = columns(portal).filter_map(|column| column.matches.as_ref());
    let skips = portal.table.skip.iter().map(|skip| match skip {
        Skip::Whole(text) | Skip::Cell { text, .. } => text,
    });
    let regexes = marks.chain(captures).chain(matches).chain(skips);
    let regexes = regexes.chain(counts(portal).map(|(_, regex)| regex));
    regexes
        .map(|regex| (regex.clone(), words_of(regex.as_str())))
        .collect()
}

fn sources(portal: &Portal) -> impl Iterator<Item = &Source> {
    let sources = portal.fields.sources.values();
    sources.flat_map(|source| {
        [Some(source), source.debit.as_deref()]
            .into_iter()
            .flatten()
    })
}

fn columns(portal: &Portal) -> impl Iterator<Item = &Column> {
    let columns = sources(portal).flat_map(Source::columns);
    let skipped = portal.table.skip.iter().filter_map(|skip| match skip {
        Skip::Cell { column, .. } => Some(column),
        Skip::Whole(_) => None,
    });
    columns.map(|(_, column)| column).chain(skipped)
}

/// The words that stand in a regex as they are, and its longer numbers.
pub(super) fn words_of(regex: &str) -> BTreeSet<String> {
    let bare = regex
        .replace("(?i)", " ")
        .replace("\\d", " ")
        .replace("\\w", " ")
        .replace("\\s", " ")
        .replace("\\b", " ");
    let bare = bare.replace("A-Z", " ").replace("a-z", " ");
    let words = bare.split(|c: char| !c.is_alphabetic());
    let words = words.filter(|word| word.len() > 1);
    let numbers = bare.split(|c: char| !c.is_ascii_digit());
    let numbers = numbers.filter(|number| number.len() > 2);
    words.chain(numbers).map(folded).collect()
}
