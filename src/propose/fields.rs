//! Writes `[fields]` of a proposal, each line with the reason for it. Pure.

use std::collections::BTreeMap;

use serde_json::json;

use super::columns::{self, Column, Place};
use super::grid::Grid;
use super::values::{self, Amounts};
use super::words;
use crate::normalize::is_currency_word;
use crate::selectors::Field;

/// One line of the file.
pub(super) struct Line {
    /// TOML.
    pub toml: String,
    /// Why it says so.
    pub why: String,
    /// A person must look at it.
    pub check: bool,
}

/// What the fields say about the rest of the file.
pub(super) struct Guessed {
    pub lines: Vec<Line>,
    /// Rows come newest first; `None`: the page does not tell.
    pub newest_first: Option<bool>,
    /// Currency and zone, and why.
    pub country: Option<(String, String, String)>,
}

/// A text as TOML.
pub(super) fn quoted(text: &str) -> String {
    json!(text).to_string()
}

fn line(toml: String, why: impl Into<String>, check: bool) -> Line {
    Line {
        toml,
        why: why.into(),
        check,
    }
}

/// Where the cell is.
fn source(grid: &Grid, column: &Column) -> String {
    if grid.headers.is_empty() || column.header.is_empty() {
        return format!("css = \"td:nth-child({})\"", column.number);
    }
    let header = format!("header = {}", quoted(&column.header));
    match column.nth {
        1 => header,
        nth => format!("{header}, nth = {nth}"),
    }
}

/// A regex that takes the text literally; blanks need no escape.
pub(super) fn literal(text: &str) -> String {
    regex::escape(text).replace("\\ ", " ").replace("\\-", "-")
}

/// A regex of one of these texts; one that is empty where there is none.
fn any_of(texts: &[String]) -> String {
    match texts {
        [] => String::new(),
        [text] => literal(text),
        several => {
            let several: Vec<String> = several.iter().map(|text| literal(text)).collect();
            format!("(?:{})", several.join("|"))
        }
    }
}

/// All lines of `[fields]`.
pub(super) fn lines(grid: &Grid) -> Guessed {
    let (columns, blanks) = columns::of(grid);
    let places: BTreeMap<Field, &Column> = columns::assign(&columns)
        .into_iter()
        .filter_map(|(field, at): Place| Some((field, columns.get(at)?)))
        .collect();
    let mut lines = Vec::new();
    if !blanks.is_empty() {
        let blanks: Vec<String> = blanks.iter().map(|blank| quoted(blank)).collect();
        lines.push(line(
            format!("blank = [{}]", blanks.join(", ")),
            "whole cells say so",
            false,
        ));
    }
    let money = [
        Field::Amount,
        Field::Credit,
        Field::Debit,
        Field::BalanceAfter,
    ];
    let amounts = money
        .iter()
        .filter_map(|field| places.get(field)?.amounts.as_ref());
    lines.push(decimal(amounts));
    reference(grid, &places, &mut lines);
    dates(grid, &places, &mut lines);
    status(grid, &places, &mut lines);
    kinds(grid, &places, &mut lines);
    for field in money.into_iter().chain([Field::Currency]) {
        if let Some(column) = places.get(&field) {
            let around = column.amounts.as_ref();
            let around = around.and_then(|amounts| amounts.around.as_ref());
            // A currency beside its number is read as it is.
            let words = around.filter(|(before, behind)| {
                let around = format!("{}{}", before.trim(), behind.trim());
                field != Field::Currency && !is_currency_word(&around)
            });
            let capture = words.map_or(String::new(), |(before, behind)| {
                let regex = format!(
                    "^{}([-+]?[0-9][0-9.,' ]*){}$",
                    literal(before),
                    literal(behind)
                );
                format!(", capture = {}", quoted(&regex))
            });
            let why = if column.amounts.is_some() {
                "every row has an amount there, or nothing"
            } else {
                "by its header"
            };
            lines.push(line(
                format!(
                    "{} = {{ {}{capture} }}",
                    field.as_str(),
                    source(grid, column)
                ),
                why,
                false,
            ));
        }
    }
    if let Some(column) = places.get(&Field::Fee) {
        lines.push(line(
            format!(
                "fee = {{ {}, amount_is = \"gross\" }}",
                source(grid, column)
            ),
            "by its header; `net` where the amount is what is left after it",
            true,
        ));
    }
    direction(grid, &places, &mut lines);
    people(grid, &places, &mut lines);
    let order = places
        .get(&Field::CompletionDate)
        .and_then(|column| column.dates.as_ref());
    Guessed {
        lines,
        newest_first: order
            .filter(|dates| dates.falls != dates.rises)
            .map(|dates| dates.falls > dates.rises),
        country: country(&places),
    }
}

fn decimal<'a>(amounts: impl Iterator<Item = &'a Amounts> + Clone) -> Line {
    let (rule, is_shown) = values::rule(amounts);
    let mark = rule.mark;
    let group = rule.group.map_or(String::new(), |group| {
        format!(", group = {}", quoted(&group.to_string()))
    });
    let toml = format!("decimal = {{ mark = \"{mark}\"{group} }}");
    if is_shown {
        return line(toml, "as the amounts of all rows are written", false);
    }
    let why = format!(
        "no amount on the page has decimals, so what stands before them is a guess, by which 1{mark}500 is 1.5: look at an amount that has some"
    );
    line(toml, why, true)
}

type Places<'a> = BTreeMap<Field, &'a Column>;

fn reference(grid: &Grid, places: &Places<'_>, lines: &mut Vec<Line>) {
    match places.get(&Field::TransactionReference) {
        Some(column) => {
            let why = format!(
                "{} of {} rows have one of their own",
                column.words.len(),
                grid.cells.len()
            );
            let is_unique = column.words.len() == column.texts.len();
            lines.push(line(
                format!("transaction_reference = {{ {} }}", source(grid, column)),
                why,
                !is_unique,
            ));
        }
        None => {
            let amount = [Field::Amount, Field::Credit, Field::Debit]
                .into_iter()
                .find(|field| places.contains_key(field));
            let amount = amount.unwrap_or(Field::Amount).as_str();
            let toml = format!("identity = [\"completion_date\", \"{amount}\"]");
            lines.push(line(
                toml,
                "no column has a number of its own in every row: add what else never changes",
                true,
            ));
        }
    }
}

fn dates(grid: &Grid, places: &Places<'_>, lines: &mut Vec<Line>) {
    for field in [Field::CompletionDate, Field::CreationDate] {
        let found = places
            .get(&field)
            .and_then(|column| Some((column, column.dates.as_ref()?)));
        let Some((column, dates)) = found else {
            if field == Field::CompletionDate {
                let toml =
                    "completion_date = { header = \"Date\", formats = [\"%d-%m-%Y %H:%M:%S\"] }";
                lines.push(line(
                    toml.to_owned(),
                    "no column has dates with a time in every row",
                    true,
                ));
            }
            continue;
        };
        let mut why = match &dates.other {
            Some(other) => format!("reads them, but so does {other}: this brings them into order"),
            None => "reads every row".to_owned(),
        };
        if dates.unread > 0 {
            why = format!("{} rows are written otherwise", dates.unread);
        }
        let formats: Vec<String> = dates.formats.iter().map(|format| quoted(format)).collect();
        let toml = format!(
            "{} = {{ {}, formats = [{}] }}",
            field.as_str(),
            source(grid, column),
            formats.join(", ")
        );
        lines.push(line(toml, why, dates.other.is_some() || dates.unread > 0));
    }
}

/// `{ A = "…" }` of the words that are known, and the others.
fn map(column: &Column, meaning: impl Fn(&str) -> Option<&'static str>) -> (String, Vec<String>) {
    let (mut known, mut unknown) = (Vec::new(), Vec::new());
    for word in &column.words {
        match meaning(word) {
            Some(is) => known.push(format!("{} = \"{is}\"", quoted(word))),
            None => unknown.push(word.clone()),
        }
    }
    (known.join(", "), unknown)
}

fn status(grid: &Grid, places: &Places<'_>, lines: &mut Vec<Line>) {
    let Some(column) = places.get(&Field::Status) else {
        let why = "no column of status words: is every row that is shown really paid?";
        lines.push(line(
            "status = { always = \"completed\" }".to_owned(),
            why,
            true,
        ));
        return;
    };
    let (map, unknown) = map(column, words::status);
    let (map, why) = match (map.as_str(), unknown.as_slice()) {
        (_, []) => (
            map,
            "by what the words say; words of other days are missing".to_owned(),
        ),
        ("", _) => (
            "\"?\" = \"completed\"".to_owned(),
            format!("map what these mean: {}", unknown.join(", ")),
        ),
        (_, _) => (map, format!("add what these mean: {}", unknown.join(", "))),
    };
    lines.push(line(
        format!("status = {{ {}, map = {{ {map} }} }}", source(grid, column)),
        why,
        true,
    ));
}

fn kinds(grid: &Grid, places: &Places<'_>, lines: &mut Vec<Line>) {
    let Some(column) = places.get(&Field::Type) else {
        let why = "no column says what kind of payment a row is";
        lines.push(line(
            "type = { always = \"transfer\" }".to_owned(),
            why,
            true,
        ));
        return;
    };
    let (known, unknown) = map(column, words::kind_of_transaction);
    let (known, why) = match (known.is_empty(), unknown.is_empty()) {
        (true, _) => (
            "\"?\" = \"transfer\"".to_owned(),
            format!("name what is no transfer: {}", unknown.join(", ")),
        ),
        (false, true) => (known, "by what the words say".to_owned()),
        (false, false) => (
            known,
            format!("these count as `other`: {}", unknown.join(", ")),
        ),
    };
    let cell = source(grid, column);
    lines.push(line(
        format!("type = {{ {cell}, map = {{ {known} }}, other = \"transfer\" }}"),
        why,
        true,
    ));
    if places.contains_key(&Field::Kind) {
        let (kinds, _) = map(column, words::row_kind);
        let toml = format!("kind = {{ {cell}, map = {{ {kinds} }} }}");
        lines.push(line(
            toml,
            "which rows are charges and reversals, not payments",
            true,
        ));
    }
}

fn direction(grid: &Grid, places: &Places<'_>, lines: &mut Vec<Line>) {
    let Some(amount) = places.get(&Field::Amount) else {
        if !places.contains_key(&Field::Credit) && !places.contains_key(&Field::Debit) {
            lines.push(line(
                "amount = { header = \"Amount\" }".to_owned(),
                "no column has an amount in every row",
                true,
            ));
        }
        return;
    };
    if let Some(column) = places.get(&Field::Direction) {
        let (map, _) = map(column, words::direction);
        let toml = format!(
            "direction = {{ {}, map = {{ {map} }} }}",
            source(grid, column)
        );
        lines.push(line(
            toml,
            "its words say whether money came or went",
            false,
        ));
    } else if !amount
        .amounts
        .as_ref()
        .is_some_and(|amounts| amounts.has_sign)
    {
        let why = "no amount has a sign and no column says the direction: is every row money that came in?";
        lines.push(line(
            "direction = { always = \"credit\" }".to_owned(),
            why,
            true,
        ));
    }
}

fn people(grid: &Grid, places: &Places<'_>, lines: &mut Vec<Line>) {
    if let Some(column) = places.get(&Field::Counterparty) {
        let phones = column.phones.as_ref();
        let before = phones.map_or(String::new(), |phones| any_of(&phones.before));
        let (behind, has_name) = phones.map_or((String::new(), false), |phones| {
            (literal(&phones.behind), phones.has_name)
        });
        let cell = source(grid, column);
        let capture = match (before.as_str(), behind.as_str(), has_name) {
            ("", "", _) => String::new(),
            (before, behind, true) => format!("^{before}([0-9*Xx+]{{9,16}})({behind}|$)"),
            (before, behind, false) => format!("^{before}([0-9*Xx+]{{9,16}}){behind}$"),
        };
        let written = if capture.is_empty() {
            String::new()
        } else {
            format!(", capture = {}", quoted(&capture))
        };
        let toml = format!("counterparty = {{ {cell}, key = \"msisdn\"{written} }}");
        lines.push(line(toml, "most rows have a phone number there", false));
        if has_name {
            let regex = format!("^{before}[0-9*Xx+]{{9,16}}{behind}(.+)$");
            let toml = format!("payer_name = {{ {cell}, capture = {} }}", quoted(&regex));
            lines.push(line(toml, "what stands behind the number", false));
        }
    }
    let shares = |field: Field| {
        let number = |field: &Field| places.get(field).map(|column| column.number);
        field == Field::PayerName && number(&field) == number(&Field::Counterparty)
    };
    for field in [
        Field::PayerName,
        Field::CustomerReference,
        Field::OriginalReference,
    ] {
        if let Some(column) = places.get(&field).filter(|_| !shares(field)) {
            lines.push(line(
                format!("{} = {{ {} }}", field.as_str(), source(grid, column)),
                "by its header",
                true,
            ));
        }
    }
}

/// By what stands beside the amounts, else by the country of the phone numbers.
fn country(places: &Places<'_>) -> Option<(String, String, String)> {
    let money = [Field::Amount, Field::Credit, Field::BalanceAfter];
    let around = money
        .iter()
        .find_map(|field| places.get(field)?.amounts.as_ref()?.around.as_ref());
    let code = around.and_then(|(before, behind)| {
        let mut words = [before.trim(), behind.trim()].into_iter();
        words.find(|word| word.len() == 3 && word.bytes().all(|byte| byte.is_ascii_uppercase()))
    });
    if let Some(code) = code {
        let zone = words::zone(code).unwrap_or("Africa/Nairobi");
        return Some((
            code.to_owned(),
            zone.to_owned(),
            format!("amounts say {code}"),
        ));
    }
    let phones = places
        .get(&Field::Counterparty)
        .and_then(|column| column.phones.as_ref());
    let of_phones = phones.and_then(|phones| words::country(&phones.country));
    let (currency, zone) = of_phones?;
    let why = format!(
        "phone numbers begin with {}",
        phones.map_or("", |phones| &phones.country)
    );
    Some((currency.to_owned(), zone.to_owned(), why))
}
