//! What recordings say about `[fields]`: captures, words, formats, columns found by their position. Pure.

use std::collections::BTreeSet;

use super::Lint;
use crate::diagnostic::locate::Locator;
use crate::normalize::Problem;
use crate::selectors::{CellSource, Field, Portal, Source};
use crate::trial::Trial;

/// Ways to find an element by its place among others.
const POSITIONAL: [&str; 6] = [
    ":nth-child",
    ":nth-of-type",
    ":nth-last",
    ":first-",
    ":last-",
    ":only-",
];

/// Every finding and hint about the fields.
pub(super) fn read(portal: &Portal, locator: &Locator<'_>, trials: &[Trial], lint: &mut Lint) {
    for (field, source) in &portal.fields.sources {
        let texts = texts(*field, trials);
        capture(locator, (*field, source), &texts, lint);
        position(locator, (*field, source), trials, lint);
        names(locator, (*field, source), trials, lint);
        words(portal, locator, (*field, source), &texts, lint);
    }
    unmapped(portal, locator, trials, lint);
}

/// Every text that a field has in the recordings, blanks left out.
fn texts(field: Field, trials: &[Trial]) -> BTreeSet<&str> {
    let rows = trials.iter().flat_map(|trial| &trial.extracted.rows);
    rows.filter_map(|row| row.fields.get(&field))
        .map(|raw| raw.text.as_str())
        .filter(|text| !text.is_empty())
        .collect()
}

fn captured<'a>(source: &Source, text: &'a str) -> Option<&'a str> {
    let Some(regex) = &source.capture else {
        return Some(text);
    };
    let found = regex.captures(text)?;
    let kept = found.get(1).or_else(|| found.get(0))?;
    Some(kept.as_str().trim())
}

fn capture(
    locator: &Locator<'_>,
    (field, source): (Field, &Source),
    texts: &BTreeSet<&str>,
    lint: &mut Lint,
) {
    let never =
        source.capture.is_some() && texts.iter().all(|text| captured(source, text).is_none());
    if never && !texts.is_empty() {
        lint.findings.push(locator.wrong(
            &["fields", field.as_str(), "capture"],
            format!("the `capture` of `{}` matches in no row of the recordings", field.as_str()),
            "correct it (`tillwatch portal try --explain 1` shows the cell), or leave the field out",
        ));
    } else if texts.is_empty() {
        lint.hints.push(locator.wrong(
            &["fields", field.as_str()],
            format!(
                "`{}` is empty in every row of the recordings",
                field.as_str()
            ),
            "it was not tested: record a row that has one",
        ));
    }
}

fn position(
    locator: &Locator<'_>,
    (field, source): (Field, &Source),
    trials: &[Trial],
    lint: &mut Lint,
) {
    let CellSource::Css { .. } = &source.cell else {
        return;
    };
    let way = ["fields", field.as_str(), "css"];
    let written = locator.text(&way).unwrap_or_default();
    let is_positional = POSITIONAL.iter().any(|word| written.contains(word));
    let headers = trials
        .iter()
        .find(|trial| !trial.extracted.headers.is_empty());
    if let Some(trial) = headers.filter(|_| is_positional) {
        lint.findings.push(locator.wrong(
            &way,
            format!(
                "`{}` is found by its position although the table has a header",
                field.as_str()
            ),
            format!(
                "name the header, which moves with its column: `header = \"…\"`, one of: {}",
                trial.extracted.headers.join(", ")
            ),
        ));
    }
}

fn names(
    locator: &Locator<'_>,
    (field, source): (Field, &Source),
    trials: &[Trial],
    lint: &mut Lint,
) {
    let headers = trials.iter().flat_map(|trial| &trial.extracted.headers);
    let headers: BTreeSet<String> = headers.map(|header| header.to_lowercase()).collect();
    let columns: Vec<_> = source.columns().map(|(_, column)| column).collect();
    let names = columns.iter().filter(|column| column.names.len() > 1);
    for name in names.flat_map(|column| &column.names) {
        if !headers.contains(&name.to_lowercase()) {
            lint.hints.push(locator.wrong(
                &["fields", field.as_str(), "header"],
                format!("the header `{name}` is in no recording"),
                "it was not tested: record a page with it, or leave it out",
            ));
        }
    }
}

/// Words of the maps that no row has.
fn words(
    portal: &Portal,
    locator: &Locator<'_>,
    (field, source): (Field, &Source),
    texts: &BTreeSet<&str>,
    lint: &mut Lint,
) {
    let fields = &portal.fields;
    let known: Vec<&String> = match field {
        Field::Status => fields.status.keys().collect(),
        Field::Type => fields.types.keys().collect(),
        Field::Kind => fields.kinds.keys().collect(),
        Field::Direction => fields.directions.keys().collect(),
        _without_a_map => return,
    };
    let seen: BTreeSet<String> = texts
        .iter()
        .filter_map(|text| captured(source, text))
        .map(str::to_lowercase)
        .collect();
    for word in known {
        if !seen.contains(&word.to_lowercase()) {
            lint.hints.push(locator.wrong(
                &["fields", field.as_str(), "map", word],
                format!("`{word}` is in no row of the recordings"),
                "it was not tested: correct it if it is misspelt",
            ));
        }
    }
    if field == Field::Type && !known_type(portal, &seen) {
        lint.hints.push(locator.wrong(
            &["fields", "type", "other"],
            "some rows of the recordings have a type that the `map` does not name",
            "add the word if `other` is not what it is",
        ));
    }
}

fn known_type(portal: &Portal, seen: &BTreeSet<String>) -> bool {
    let known = portal.fields.types.keys().map(|word| word.to_lowercase());
    let known: BTreeSet<String> = known.collect();
    seen.is_subset(&known)
}

/// Words that put rows aside.
fn unmapped(portal: &Portal, locator: &Locator<'_>, trials: &[Trial], lint: &mut Lint) {
    let mut told = BTreeSet::new();
    for (row, error) in trials.iter().flat_map(Trial::put_aside) {
        let (Problem::UnmappedWord, Some(field)) = (error.problem, error.field) else {
            continue;
        };
        let raw = row.fields.get(&field).map_or("", |raw| raw.text.as_str());
        let source = portal.fields.sources.get(&field);
        let word = source
            .and_then(|source| captured(source, raw))
            .unwrap_or(raw);
        if told.insert((field, word.to_owned())) {
            lint.findings.push(locator.wrong(
                &["fields", field.as_str(), "map"],
                format!(
                    "the word `{word}` of the recordings is not in the `map` of `{}`",
                    field.as_str()
                ),
                format!("add `\"{word}\" = \"…\"`: its rows are put aside"),
            ));
        }
    }
}
