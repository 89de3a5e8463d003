//! A TOML table read key by key: a wrong key, type or value becomes a diagnostic, and reading goes on. Pure.
//!
//! serde stops at the first mistake and knows no place for a missing key; these readers do neither. A key
//! is known because somebody asked for it, so there is no second list of keys to forget one in.

use std::cell::RefCell;
use std::ops::{Range, RangeInclusive};
use std::sync::Arc;

use toml::de::{DeTable, DeValue};

use super::trace::{Kind, Recorder, Trace};
use super::{Diagnostic, Diagnostics, SourceFile, did_you_mean};

/// Where something stands in a file, kept to complain about it later.
#[derive(Debug, Clone)]
pub struct Place {
    file: Arc<SourceFile>,
    span: Range<usize>,
}

impl Place {
    /// A mistake here.
    #[must_use]
    pub fn wrong(&self, what: impl Into<String>, advice: impl Into<String>) -> Diagnostic {
        Diagnostic {
            file: Arc::clone(&self.file),
            span: self.span.clone(),
            what: what.into(),
            advice: advice.into(),
        }
    }
}

/// What is wrong with a value and what to write instead.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wrong {
    /// A lowercase fragment that follows the key's name: `is no …`.
    pub what: String,
    /// What to write instead.
    pub advice: String,
}

/// Short for [`Wrong`].
#[must_use]
pub fn wrong(what: impl Into<String>, advice: impl Into<String>) -> Wrong {
    Wrong {
        what: what.into(),
        advice: advice.into(),
    }
}

struct Report {
    file: Arc<SourceFile>,
    found: RefCell<Vec<Diagnostic>>,
    /// Takes down what is asked for, where somebody wants to know.
    recorder: Option<Recorder>,
}

impl Report {
    fn note(&self, note: impl FnOnce(&Recorder)) {
        if let Some(recorder) = &self.recorder {
            note(recorder);
        }
    }

    fn add(&self, span: Range<usize>, wrong: Wrong) {
        let place = Place {
            file: Arc::clone(&self.file),
            span,
        };
        self.found
            .borrow_mut()
            .push(place.wrong(wrong.what, wrong.advice));
    }
}

/// Reads the TOML `text` of the file `path`. `read` gives `None` when something was found; then, and when the
/// TOML itself is broken, the answer is everything found.
///
/// # Errors
/// Everything wrong with the file.
pub fn read<T>(
    path: &str,
    text: &str,
    read: impl FnOnce(&Table<'_>) -> Option<T>,
) -> Result<T, Diagnostics> {
    read_with(path, text, None, read).0
}

/// As [`read`], and says what was asked for.
pub fn trace<T>(
    path: &str,
    text: &str,
    read: impl FnOnce(&Table<'_>) -> Option<T>,
) -> (Result<T, Diagnostics>, Trace) {
    let (result, recorder) = read_with(path, text, Some(Recorder::default()), read);
    (result, recorder.map(Recorder::finish).unwrap_or_default())
}

fn read_with<T>(
    path: &str,
    text: &str,
    recorder: Option<Recorder>,
    read: impl FnOnce(&Table<'_>) -> Option<T>,
) -> (Result<T, Diagnostics>, Option<Recorder>) {
    let report = Report {
        file: SourceFile::new(path, text),
        found: RefCell::default(),
        recorder,
    };
    let (document, errors) = DeTable::parse_recoverable(text);
    for error in &errors {
        let end = text.len();
        let span = error.span().unwrap_or(end..end);
        let advice = if error.message().starts_with("duplicate key") {
            "keep one of the two; a table that may be there several times is written `[[name]]`"
        } else {
            "write `key = value`, text in double quotes, dates as text"
        };
        report.add(span, wrong(error.message(), advice));
    }
    let value = if errors.is_empty() {
        let root = Table {
            report: &report,
            table: document.get_ref(),
            span: 0..0,
            name: String::new(),
            way: String::new(),
            asked: RefCell::default(),
        };
        root.read_whole(read)
    } else {
        None
    };
    let found = report.found.into_inner();
    let result = match value {
        Some(value) if found.is_empty() => Ok(value),
        Some(_) | None => Err(Diagnostics::new(found)),
    };
    (result, report.recorder)
}

/// A table being read.
pub struct Table<'a> {
    report: &'a Report,
    table: &'a DeTable<'a>,
    span: Range<usize>,
    name: String,
    /// The keys that lead here.
    way: String,
    asked: RefCell<Vec<&'static str>>,
}

impl<'a> Table<'a> {
    /// Reads it, then complains of the keys that nobody asked for.
    fn read_whole<T>(&self, read: impl FnOnce(&Self) -> Option<T>) -> Option<T> {
        self.report.note(|recorder| recorder.table(&self.way));
        let value = read(self);
        let asked = self.asked.borrow();
        for key in self.table.keys() {
            let name: &str = key.get_ref();
            if !asked.contains(&name) {
                let what = format!("unknown key `{name}`{}", self.within());
                let advice = match name.to_lowercase().as_str() {
                    "password" | "passwd" | "pin" | "secret" | "token" | "passphrase" => {
                        "a secret never stands in this file: put it into a file of its own, mode 0400, \
                         and name that, or use `tillwatch credentials set`"
                            .to_owned()
                    }
                    _ => did_you_mean(name, &asked),
                };
                self.report.add(key.span(), wrong(what, advice));
            }
        }
        value
    }

    fn within(&self) -> String {
        if self.name.is_empty() {
            String::new()
        } else {
            format!(" in `{}`", self.name)
        }
    }

    fn way(&self, key: &str) -> String {
        match self.way.as_str() {
            "" => key.to_owned(),
            way => format!("{way}.{key}"),
        }
    }

    /// The value of `key`, if it is there. `example` is TOML to show in advice.
    pub fn value(&self, key: &'static str, example: &'static str) -> Option<Value<'a>> {
        if !self.asked.borrow().contains(&key) {
            self.asked.borrow_mut().push(key);
        }
        let report = self.report;
        report.note(|recorder| recorder.asked(&self.way(key), example, false));
        let value = self.table.get(key)?;
        Some(Value {
            report: self.report,
            value: value.get_ref(),
            span: value.span(),
            key: key.to_owned(),
            way: self.way(key),
            example,
        })
    }

    /// Is the key there?
    #[must_use]
    pub fn has(&self, key: &'static str) -> bool {
        self.value(key, "").is_some()
    }

    /// A required key.
    pub fn need<T>(
        &self,
        key: &'static str,
        example: &'static str,
        read: impl FnOnce(&Value<'a>) -> Option<T>,
    ) -> Option<T> {
        let report = self.report;
        report.note(|recorder| recorder.asked(&self.way(key), example, true));
        let value = self.value(key, example);
        if value.is_none() {
            let what = format!("missing key `{key}`{}", self.within());
            self.wrong(what, format!("add it, for example `{key} = {example}`"));
        }
        value.and_then(|value| read(&value))
    }

    /// A key that may be left out; `None` also when it is wrong, which is then reported.
    pub fn optional<T>(
        &self,
        key: &'static str,
        example: &'static str,
        read: impl FnOnce(&Value<'a>) -> Option<T>,
    ) -> Option<T> {
        self.value(key, example).and_then(|value| read(&value))
    }

    /// A required table `[key]`.
    pub fn section<T>(
        &self,
        key: &'static str,
        read: impl FnOnce(&Table<'a>) -> Option<T>,
    ) -> Option<T> {
        let report = self.report;
        report.note(|recorder| recorder.asked(&self.way(key), "", true));
        let Some(value) = self.value(key, "{ … }") else {
            self.wrong(
                format!("missing section `[{key}]`"),
                format!("add `[{key}]` and its keys"),
            );
            return None;
        };
        value.table(read)
    }

    /// Reports a mistake of the table as a whole.
    pub fn wrong(&self, what: impl Into<String>, advice: impl Into<String>) {
        self.report.add(self.span.clone(), wrong(what, advice));
    }
}

/// A value being read.
pub struct Value<'a> {
    report: &'a Report,
    value: &'a DeValue<'a>,
    span: Range<usize>,
    key: String,
    way: String,
    example: &'static str,
}

impl<'a> Value<'a> {
    /// Where it stands.
    #[must_use]
    pub fn place(&self) -> Place {
        Place {
            file: Arc::clone(&self.report.file),
            span: self.span.clone(),
        }
    }

    /// Reports a mistake of this value; `what` follows its key. Always `None`, to end a reader with.
    pub fn wrong<T>(&self, what: impl AsRef<str>, advice: impl Into<String>) -> Option<T> {
        let what = format!("`{}` {}", self.key, what.as_ref());
        self.report.add(self.span.clone(), wrong(what, advice));
        None
    }

    fn wrong_type<T>(&self, wanted: &str) -> Option<T> {
        let advice = if self.example.is_empty() {
            format!("write {wanted}")
        } else {
            format!("write for example `{} = {}`", self.key, self.example)
        };
        let found = match self.value {
            DeValue::Array(_) => "a list",
            DeValue::Boolean(_) => "true or false",
            DeValue::Datetime(_) => "a date",
            DeValue::Float(_) => "a number with a fraction",
            DeValue::Integer(_) => "a number",
            DeValue::String(_) => "text",
            DeValue::Table(_) => "a table",
        };
        self.wrong(format!("is {found}; {wanted} is wanted"), advice)
    }

    fn is(&self, kind: Kind) {
        let report = self.report;
        report.note(|recorder| recorder.kind(&self.way, kind));
    }

    /// Text that is not blank.
    #[must_use]
    pub fn text(&self) -> Option<&'a str> {
        match self.value {
            DeValue::String(text) if text.is_empty() => {
                self.wrong("is empty", "write something, or remove the key")
            }
            DeValue::String(text) => {
                self.is(Kind::Text);
                Some(text)
            }
            DeValue::Array(_)
            | DeValue::Boolean(_)
            | DeValue::Datetime(_)
            | DeValue::Float(_)
            | DeValue::Integer(_)
            | DeValue::Table(_) => self.wrong_type("text in quotes"),
        }
    }

    /// Text, turned into something else.
    pub fn parse<T>(&self, parse: impl FnOnce(&'a str) -> Result<T, Wrong>) -> Option<T> {
        match parse(self.text()?) {
            Ok(value) => Some(value),
            Err(Wrong { what, advice }) => self.wrong(what, advice),
        }
    }

    /// One of some words, each with its meaning.
    pub fn word<T>(&self, words: impl IntoIterator<Item = (&'static str, T)>) -> Option<T> {
        let text = self.text()?;
        let (known, mut meanings): (Vec<_>, Vec<_>) = words.into_iter().unzip();
        self.is(Kind::Words(known.clone()));
        if let Some(at) = known.iter().position(|word| *word == text) {
            return Some(meanings.swap_remove(at));
        }
        self.wrong(format!("cannot be `{text}`"), did_you_mean(text, &known))
    }

    /// A whole number within `bounds`.
    #[must_use]
    pub fn whole(&self, bounds: RangeInclusive<u64>) -> Option<u64> {
        let DeValue::Integer(digits) = self.value else {
            return self.wrong_type("a whole number");
        };
        self.is(Kind::Whole(*bounds.start(), *bounds.end()));
        let number = u64::from_str_radix(digits.as_str(), digits.radix());
        match number {
            Ok(number) if bounds.contains(&number) => Some(number),
            Ok(_) | Err(_) => {
                let (least, most) = bounds.into_inner();
                self.wrong(
                    "is out of bounds",
                    format!("write a number from {least} to {most}"),
                )
            }
        }
    }

    /// `true` or `false`.
    #[must_use]
    pub fn boolean(&self) -> Option<bool> {
        self.is(Kind::Boolean);
        self.value
            .as_bool()
            .or_else(|| self.wrong_type("true or false"))
    }

    /// A list with at least one element.
    pub fn list<T>(&self, read: impl Fn(&Value<'a>) -> Option<T>) -> Option<Vec<T>> {
        let Some(list) = self.value.as_array() else {
            return self.wrong_type("a list");
        };
        self.is(Kind::List);
        if list.is_empty() {
            return self.wrong(
                "is an empty list",
                "write at least one element, or remove the key",
            );
        }
        let read: Vec<Option<T>> = list
            .iter()
            .enumerate()
            .map(|(index, value)| {
                read(&Value {
                    report: self.report,
                    value: value.get_ref(),
                    span: value.span(),
                    key: format!("{}[{index}]", self.key),
                    way: format!("{}[]", self.way),
                    example: "",
                })
            })
            .collect();
        read.into_iter().collect()
    }

    /// Is it a table with this key?
    #[must_use]
    pub fn has_key(&self, key: &str) -> bool {
        self.value
            .as_table()
            .is_some_and(|table| table.contains_key(key))
    }

    /// Is it a list?
    #[must_use]
    pub fn is_list(&self) -> bool {
        self.value.is_array()
    }

    /// Is it a table?
    #[must_use]
    pub fn is_table(&self) -> bool {
        self.value.as_table().is_some()
    }

    /// A table.
    pub fn table<T>(&self, read: impl FnOnce(&Table<'a>) -> Option<T>) -> Option<T> {
        let Some(table) = self.value.as_table() else {
            return self.wrong_type("a table");
        };
        self.is(Kind::Table);
        let table = Table {
            report: self.report,
            table,
            span: self.span.clone(),
            name: self.key.clone(),
            way: self.way.clone(),
            asked: RefCell::default(),
        };
        table.read_whole(read)
    }

    /// A table whose keys are the portal's words, not ours.
    pub fn map<T>(
        &self,
        read: impl Fn(&Value<'a>) -> Option<T>,
    ) -> Option<std::collections::BTreeMap<String, T>> {
        let Some(table) = self.value.as_table() else {
            return self.wrong_type("a table");
        };
        self.is(Kind::Map);
        if table.is_empty() {
            return self.wrong(
                "is an empty map",
                "write at least one word, or remove the key",
            );
        }
        let read: Vec<Option<(String, T)>> = table
            .iter()
            .map(|(key, value)| {
                let value = Value {
                    report: self.report,
                    value: value.get_ref(),
                    span: value.span(),
                    key: key.get_ref().to_string(),
                    way: format!("{}.*", self.way),
                    example: "",
                };
                read(&value).map(|meaning| (value.key, meaning))
            })
            .collect();
        read.into_iter().collect()
    }
}
