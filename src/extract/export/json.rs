//! A list in a JSON answer as a table: one column per pointer within its items. Pure.
//!
//! Values stay raw text until they are cells: no number passes through a float, and what nobody asks for is skipped without
//! recursion.

use std::borrow::Cow;
use std::collections::HashMap;
use std::fmt;

use serde::de::{Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, de};
use serde_json::value::RawValue;
use url::Url;

use super::writer::{Writer, escape};
use super::{ExportError, MAX_JSON_DEPTH};
use crate::extract::{MAX_CELLS, MAX_ROWS};
use crate::selectors::{Endpoint, NextAnswer, Onward, Pointer};

/// What stands in the element for a list without items: `table.empty` may name it.
const NO_ITEMS: &str = "<p class=\"no-items\">no items</p>";

/// A value that is not read further than one level.
enum Level<'a> {
    Object(Vec<(Cow<'a, str>, &'a RawValue)>),
    List(Vec<&'a RawValue>),
    Null,
    /// The cell's text.
    Plain(Cow<'a, str>),
}

/// Is it one JSON value?
pub(super) fn is_json(text: &str) -> bool {
    serde_json::from_str::<&RawValue>(text).is_ok()
}

/// The list at the endpoint's `rows`: a header row of pointers, then one row per item. `asked` is what the answer came from.
pub(super) fn table(
    text: &str,
    endpoint: &Endpoint,
    asked: Option<&Url>,
) -> Result<String, ExportError> {
    let whole: &RawValue = serde_json::from_str(text).map_err(|error| not_json(&error))?;
    let no_list = || ExportError::NoList {
        pointer: endpoint.rows.clone(),
    };
    let list = at(whole, &endpoint.rows)?.ok_or_else(no_list)?;
    let Level::List(items) = level(list)? else {
        return Err(no_list());
    };
    let mut rows = Rows::default();
    for (index, item) in items.iter().enumerate() {
        rows.take(index + 1, item)?;
    }
    let mut after = String::new();
    if items.is_empty() {
        after.push_str(NO_ITEMS);
    }
    if let (Some(next), Some(asked)) = (&endpoint.next, asked)
        && let Some(address) = next_address(whole, next, asked, items.is_empty())?
    {
        after.push_str("<a class=\"next\" href=\"");
        escape(address.as_str(), &mut after);
        after.push_str("\">next</a>");
    }
    rows.write(&after)
}

fn not_json(error: &serde_json::Error) -> ExportError {
    ExportError::NotJson {
        line: error.line(),
        column: error.column(),
    }
}

/// What stands at `pointer`.
fn at<'a>(mut value: &'a RawValue, pointer: &Pointer) -> Result<Option<&'a RawValue>, ExportError> {
    for part in pointer.parts() {
        let found = match level(value)? {
            Level::Object(members) => members
                .into_iter()
                .find(|(key, _)| key == part)
                .map(|(_, value)| value),
            Level::List(items) => part
                .parse()
                .ok()
                .and_then(|at: usize| items.get(at).copied()),
            Level::Null | Level::Plain(_) => None,
        };
        match found {
            Some(found) => value = found,
            None => return Ok(None),
        }
    }
    Ok(Some(value))
}

/// Reads one level; what is in it stays raw.
fn level(value: &RawValue) -> Result<Level<'_>, ExportError> {
    let raw = value.get();
    let read = match raw.as_bytes().first() {
        Some(b'{') => serde_json::from_str::<Object<'_>>(raw).map(|object| Level::Object(object.0)),
        Some(b'[') => serde_json::from_str::<Bounded<'_>>(raw).map(|list| Level::List(list.0)),
        Some(b'"') => serde_json::from_str::<String>(raw).map(|text| Level::Plain(text.into())),
        Some(b'n') => Ok(Level::Null),
        // Numbers and booleans, as written.
        Some(_) | None => Ok(Level::Plain(Cow::Borrowed(raw))),
    };
    read.map_err(|error| not_json(&error))
}

/// The members of an object in the order of the text.
struct Object<'a>(Vec<(Cow<'a, str>, &'a RawValue)>);

/// The items of a list, up to one more than may be rows.
struct Bounded<'a>(Vec<&'a RawValue>);

/// A key; borrowed where it has no escapes.
#[derive(Deserialize)]
struct Key<'a>(#[serde(borrow)] Cow<'a, str>);

impl<'de: 'a, 'a> Deserialize<'de> for Object<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Members;
        impl<'de> Visitor<'de> for Members {
            type Value = Object<'de>;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Object<'de>, A::Error> {
                let mut members = Vec::new();
                while let Some((Key(key), value)) = map.next_entry::<Key<'de>, &'de RawValue>()? {
                    members.push((key, value));
                    if members.len() > MAX_ROWS {
                        return Err(de::Error::custom("too many members"));
                    }
                }
                Ok(Object(members))
            }
        }
        deserializer.deserialize_map(Members)
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for Bounded<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Items;
        impl<'de> Visitor<'de> for Items {
            type Value = Bounded<'de>;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a list")
            }
            fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Bounded<'de>, A::Error> {
                let mut items = Vec::new();
                while items.len() <= MAX_ROWS {
                    match list.next_element()? {
                        Some(item) => items.push(item),
                        None => return Ok(Bounded(items)),
                    }
                }
                while list.next_element::<IgnoredAny>()?.is_some() {}
                Ok(Bounded(items))
            }
        }
        deserializer.deserialize_seq(Items)
    }
}

/// The table while items come.
#[derive(Default)]
struct Rows<'a> {
    /// Headers, in the order in which they were met first.
    columns: Vec<String>,
    known: HashMap<String, usize>,
    rows: Vec<Vec<(usize, Cow<'a, str>)>>,
}

impl<'a> Rows<'a> {
    fn take(&mut self, item: usize, value: &'a RawValue) -> Result<(), ExportError> {
        if self.rows.len() == MAX_ROWS {
            return Err(ExportError::TooManyRows);
        }
        let mut row = Vec::new();
        match level(value)? {
            Level::Null | Level::Plain(_) => return Err(ExportError::Item { item }),
            level => self.flatten(item, "", level, 0, &mut row)?,
        }
        row.sort_by_key(|(column, _)| *column);
        if row
            .windows(2)
            .any(|two| matches!(two, [a, b] if a.0 == b.0))
        {
            return Err(ExportError::TwiceKey { item });
        }
        self.rows.push(row);
        Ok(())
    }

    /// Recursion is as deep as [`MAX_JSON_DEPTH`].
    fn flatten(
        &mut self,
        item: usize,
        place: &str,
        level_here: Level<'a>,
        depth: usize,
        row: &mut Vec<(usize, Cow<'a, str>)>,
    ) -> Result<(), ExportError> {
        if depth > MAX_JSON_DEPTH {
            return Err(ExportError::TooDeep { item });
        }
        if row.len() > MAX_CELLS {
            return Err(ExportError::TooManyCells { row: item });
        }
        match level_here {
            Level::Object(members) if !members.is_empty() => {
                for (key, value) in members {
                    let place = format!("{place}/{}", Pointer::escaped(&key));
                    self.flatten(item, &place, level(value)?, depth + 1, row)?;
                }
            }
            Level::List(items) if !items.is_empty() => {
                for (index, value) in items.into_iter().enumerate() {
                    let place = format!("{place}/{index}");
                    self.flatten(item, &place, level(value)?, depth + 1, row)?;
                }
            }
            Level::Object(_) | Level::List(_) | Level::Null => {
                row.push((self.column(item, place)?, Cow::Borrowed("")));
            }
            Level::Plain(text) => row.push((self.column(item, place)?, text)),
        }
        Ok(())
    }

    fn column(&mut self, item: usize, place: &str) -> Result<usize, ExportError> {
        if let Some(column) = self.known.get(place) {
            return Ok(*column);
        }
        let column = self.columns.len();
        if column == MAX_CELLS {
            return Err(ExportError::TooManyCells { row: item });
        }
        self.columns.push(place.to_owned());
        self.known.insert(place.to_owned(), column);
        Ok(column)
    }

    fn write(self, after: &str) -> Result<String, ExportError> {
        let mut writer = Writer::new("json");
        if !self.rows.is_empty() {
            writer.row()?;
            for column in &self.columns {
                writer.cell("", column)?;
            }
        }
        for row in self.rows {
            writer.row()?;
            let mut cells = row.into_iter().peekable();
            for column in 0..self.columns.len() {
                let own = cells.next_if(|(at, _)| *at == column);
                writer.cell("", own.as_ref().map_or("", |(_, text)| text))?;
            }
        }
        writer.finish(after)
    }
}

/// Where the next answer is asked for; `None` on the last.
fn next_address(
    whole: &RawValue,
    next: &NextAnswer,
    asked: &Url,
    is_empty: bool,
) -> Result<Option<Url>, ExportError> {
    let unclear = |pointer: &Pointer| ExportError::Next {
        pointer: pointer.clone(),
    };
    let more = match &next.more {
        None => None,
        Some(pointer) => match at(whole, pointer)?.map(RawValue::get) {
            Some("true") => Some(true),
            Some("false") => Some(false),
            Some(_) | None => return Err(unclear(pointer)),
        },
    };
    if more == Some(false) {
        return Ok(None);
    }
    let value = match &next.to {
        Onward::Page(_) if more.is_none() && is_empty => return Ok(None),
        Onward::Page(first) => {
            let mut set = asked.query_pairs();
            let here = set.find(|(name, _)| *name == next.parameter);
            let here = here.and_then(|(_, number)| number.parse::<u64>().ok());
            (here.unwrap_or(*first).saturating_add(1)).to_string()
        }
        Onward::Cursor(pointer) => match at(whole, pointer)?.map(level).transpose()? {
            Some(Level::Plain(text)) if !text.is_empty() && text != "false" => text.into_owned(),
            Some(Level::Object(_) | Level::List(_)) => return Err(unclear(pointer)),
            Some(Level::Plain(_) | Level::Null) | None if more == Some(true) => {
                return Err(unclear(pointer));
            }
            Some(Level::Plain(_) | Level::Null) | None => return Ok(None),
        },
    };
    let others: Vec<(String, String)> = asked
        .query_pairs()
        .filter(|(name, _)| *name != next.parameter)
        .map(|(name, value)| (name.into_owned(), value.into_owned()))
        .collect();
    let mut address = asked.clone();
    address
        .query_pairs_mut()
        .clear()
        .extend_pairs(others)
        .append_pair(&next.parameter, &value);
    Ok(Some(address))
}
