//! The file of cookies that a person exports from a browser: what of it belongs to one origin, and what is wrong with it.
//! Pure.
//!
//! - JSON: a list of objects with `name`, `value` and `domain` (or an object whose `cookies` is such a list), as extensions
//!   and automation tools write it; what else they write is read where it says where a cookie goes, or passed over.
//! - cookies.txt: seven values between tabs on each line, as Netscape wrote it; `#HttpOnly_` may stand before the first.
//! - What is wrong is told by its place. No text of the file is repeated.

use std::fmt;

use serde::Deserialize;
use serde_json::value::RawValue;
use serde_json::{Map, Value};
use url::{Host, Url};

use crate::portal::kept::Cookie;

/// Bytes of a file.
pub const MAX_BYTES: usize = 4 << 20;
/// Cookies of one file.
const MOST: usize = 20_000;
/// Cookies of one origin: browsers keep 180 of a site.
const MOST_OF_ORIGIN: usize = 200;
/// Mistakes that are listed; a file in the wrong form has one in each line.
const MAX_MISTAKES: usize = 20;
/// Longest name, value, domain or path in bytes; browsers take 4,096 for name and value together.
const LONGEST: usize = 8_192;

/// What a file holds.
#[derive(Debug, Default, PartialEq)]
pub struct Found {
    /// Of the origin, and not over.
    pub cookies: Vec<Cookie>,
    /// A browser would not send them to the origin.
    pub foreign: usize,
    /// Of the origin, and over.
    pub expired: usize,
}

/// Where in a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// Of a JSON list, from 1.
    Entry(usize),
    /// From 1.
    Line(usize),
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Place::Entry(number) => write!(f, "entry {number}"),
            Place::Line(number) => write!(f, "line {number}"),
        }
    }
}

/// What is wrong with one cookie.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    /// Not in `{…}`.
    #[error("is no object with `name`, `value` and `domain`")]
    NoObject,
    /// Not there.
    #[error("has no `{0}`")]
    Missing(&'static str),
    /// There, and nothing that it may be.
    #[error("`{0}` is {1}")]
    Wrong(&'static str, &'static str),
    /// Not a line of cookies.txt.
    #[error("has {0} values between tabs, and a line of cookies.txt has 7")]
    Columns(usize),
}

/// What is wrong with a file, and where.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Mistake {
    /// Nothing in it.
    #[error("the file is empty")]
    Empty,
    /// It begins as JSON and is none.
    #[error("line {line}, column {column}: this is no JSON; was the export cut short?")]
    NotJson {
        /// From 1.
        line: usize,
        /// From 1.
        column: usize,
    },
    /// JSON, and not of cookies.
    #[error("the file is JSON, but no list of cookies")]
    NoList,
    /// One cookie.
    #[error("{place}: {fault}")]
    Cookie {
        /// Which.
        place: Place,
        /// Why.
        fault: Fault,
    },
    /// Longer than the limit.
    #[error("the file has more than {MOST} cookies: export those of the portal alone")]
    TooMany,
    /// More than any browser keeps.
    #[error("{number} cookies are of this origin, and browsers keep {MOST_OF_ORIGIN} at most")]
    TooManyOfOrigin {
        /// How many.
        number: usize,
    },
}

type Read = (Place, Result<Cookie, Fault>);

/// What of `text` a browser would send to `origin` at `now` (seconds since the epoch).
///
/// # Errors
/// Everything that is wrong (the first twenty): then nothing of the file is to be used.
pub fn parse(text: &str, origin: &Url, now: i64) -> Result<Found, Vec<Mistake>> {
    let text = text.trim_start_matches('\u{feff}');
    let read = match text.trim_start().chars().next() {
        None => Err(Mistake::Empty),
        Some('[' | '{') => json(text),
        Some(_) => lines(text),
    };
    let (mut found, mut mistakes) = (Found::default(), Vec::new());
    for (place, cookie) in read.map_err(|mistake| vec![mistake])? {
        match cookie {
            Ok(cookie) => found.add(cookie, origin, now),
            Err(fault) => mistakes.push(Mistake::Cookie { place, fault }),
        }
        if mistakes.len() >= MAX_MISTAKES {
            break;
        }
    }
    let number = found.cookies.len();
    if number > MOST_OF_ORIGIN {
        mistakes.push(Mistake::TooManyOfOrigin { number });
    }
    if mistakes.is_empty() {
        Ok(found)
    } else {
        Err(mistakes)
    }
}

impl Found {
    fn add(&mut self, cookie: Cookie, origin: &Url, now: i64) {
        if !is_sent(&cookie, origin) {
            self.foreign += 1;
            return;
        }
        #[expect(
            clippy::cast_precision_loss,
            reason = "instants are far below 2^52 seconds"
        )]
        let now = now as f64;
        if cookie.expires.is_some_and(|at| at <= now) {
            self.expired += 1;
            return;
        }
        let same = |known: &&mut Cookie| {
            (&known.name, &known.domain, &known.path)
                == (&cookie.name, &cookie.domain, &cookie.path)
        };
        match self.cookies.iter_mut().find(same) {
            Some(known) => *known = cookie,
            None => self.cookies.push(cookie),
        }
    }
}

/// Would a browser send it to some page of `origin`?
fn is_sent(cookie: &Cookie, origin: &Url) -> bool {
    let host = origin.host_str().unwrap_or_default();
    let of_host = match cookie.domain.strip_prefix('.') {
        Some(domain) => host
            .strip_suffix(domain)
            .is_some_and(|rest| rest.is_empty() || rest.ends_with('.')),
        None => host == cookie.domain,
    };
    of_host && (!cookie.secure || origin.scheme() == "https")
}

/// As an automation tool wraps the list.
#[derive(Deserialize)]
struct Wrapped<'a> {
    #[serde(borrow)]
    cookies: Vec<&'a RawValue>,
}

fn json(text: &str) -> Result<Vec<Read>, Mistake> {
    let list: Result<Vec<&RawValue>, _> = if text.trim_start().starts_with('{') {
        serde_json::from_str(text).map(|Wrapped { cookies }| cookies)
    } else {
        serde_json::from_str(text)
    };
    let list = list.map_err(|error| match error.is_data() {
        true => Mistake::NoList,
        false => Mistake::NotJson {
            line: error.line(),
            column: error.column(),
        },
    })?;
    if list.len() > MOST {
        return Err(Mistake::TooMany);
    }
    let numbered = list.into_iter().zip(1..);
    Ok(numbered
        .map(|(raw, number)| (Place::Entry(number), entry(raw)))
        .collect())
}

fn entry(raw: &RawValue) -> Result<Cookie, Fault> {
    let fields = serde_json::from_str(raw.get()).map_err(|_| Fault::NoObject)?;
    let mut fields = Fields(fields);
    let name = fields.text("name")?.ok_or(Fault::Missing("name"))?;
    let value = fields.text("value")?.ok_or(Fault::Missing("value"))?;
    let domain = fields.text("domain")?.ok_or(Fault::Missing("domain"))?;
    let is_wide = match fields.flag("hostOnly")? {
        Some(host_only) => !host_only,
        None => domain.starts_with('.'),
    };
    let secure = fields.flag("secure")?.unwrap_or(false);
    let ends = fields.flag("session")?.unwrap_or(false);
    let expires = fields.time(&["expirationDate", "expires", "expiry"])?;
    checked(Cookie {
        name,
        value,
        domain: written(&domain, is_wide)?,
        path: fields.text("path")?.unwrap_or_else(|| "/".to_owned()),
        secure,
        http_only: fields.flag("httpOnly")?.unwrap_or(false),
        expires: expires.filter(|at| *at > 0.0 && !ends),
        same_site: same_site(fields.text("sameSite")?.as_deref(), secure),
    })
}

struct Fields(Map<String, Value>);

impl Fields {
    fn text(&mut self, key: &'static str) -> Result<Option<String>, Fault> {
        match self.0.remove(key) {
            None | Some(Value::Null) => Ok(None),
            Some(Value::String(text)) => Ok(Some(text)),
            Some(_) => Err(Fault::Wrong(key, "no text")),
        }
    }

    fn flag(&mut self, key: &'static str) -> Result<Option<bool>, Fault> {
        match self.0.remove(key) {
            None | Some(Value::Null) => Ok(None),
            Some(Value::Bool(flag)) => Ok(Some(flag)),
            Some(_) => Err(Fault::Wrong(key, "neither true nor false")),
        }
    }

    /// Seconds since the epoch, under the first of these names that is there.
    fn time(&mut self, keys: &[&'static str]) -> Result<Option<f64>, Fault> {
        for &key in keys {
            let seconds = match self.0.remove(key) {
                None | Some(Value::Null) => continue,
                Some(Value::Number(number)) => number.as_f64(),
                Some(Value::String(text)) => text.parse().ok(),
                Some(_) => None,
            };
            return seconds
                .filter(|seconds: &f64| seconds.is_finite())
                .map(Some)
                .ok_or(Fault::Wrong(key, "no time in seconds since 1970"));
        }
        Ok(None)
    }
}

/// The protocol's word. `None` without `Secure` is what no browser takes, and exporters write it for "not said".
fn same_site(word: Option<&str>, secure: bool) -> Option<String> {
    let word = match word?.to_ascii_lowercase().as_str() {
        "strict" => "Strict",
        "lax" => "Lax",
        "none" | "no_restriction" if secure => "None",
        _ => return None,
    };
    Some(word.to_owned())
}

fn lines(text: &str) -> Result<Vec<Read>, Mistake> {
    let mut read = Vec::new();
    for (line, number) in text.lines().zip(1..) {
        let (line, http_only) = match line.strip_prefix("#HttpOnly_") {
            Some(line) => (line, true),
            None => (line, false),
        };
        if !http_only && (line.starts_with('#') || line.trim().is_empty()) {
            continue;
        }
        if read.len() == MOST {
            return Err(Mistake::TooMany);
        }
        read.push((Place::Line(number), line_of(line, http_only)));
    }
    Ok(read)
}

fn line_of(line: &str, http_only: bool) -> Result<Cookie, Fault> {
    let cells: Vec<&str> = line.split('\t').collect();
    let &[domain, subdomains, path, secure, expires, name, value] = cells.as_slice() else {
        return Err(Fault::Columns(cells.len()));
    };
    let flag = |text: &str, key| match text.to_ascii_uppercase().as_str() {
        "TRUE" => Ok(true),
        "FALSE" => Ok(false),
        _ => Err(Fault::Wrong(key, "neither TRUE nor FALSE")),
    };
    let is_wide = flag(subdomains, "the second value")?;
    let secure = flag(secure, "the fourth value")?;
    let wrong = Fault::Wrong("the fifth value", "no time in seconds since 1970");
    let expires: f64 = expires.parse().map_err(|_| wrong)?;
    checked(Cookie {
        name: name.to_owned(),
        value: value.to_owned(),
        domain: written(domain, is_wide)?,
        path: path.to_owned(),
        secure,
        http_only,
        expires: Some(expires).filter(|at| *at > 0.0),
        same_site: None,
    })
}

/// The host, with a dot before it where its subdomains get the cookie too. An address of a machine has none.
fn written(domain: &str, is_wide: bool) -> Result<String, Fault> {
    let host = domain.trim_start_matches('.');
    let fits = !host.is_empty() && host.len() <= 253;
    let host = Host::parse(host)
        .ok()
        .filter(|_| fits)
        .ok_or(Fault::Wrong("domain", "no host"))?;
    Ok(match &host {
        Host::Domain(name) if is_wide && name.contains('.') => format!(".{name}"),
        Host::Domain(_) | Host::Ipv4(_) | Host::Ipv6(_) => host.to_string(),
    })
}

fn checked(cookie: Cookie) -> Result<Cookie, Fault> {
    let is_odd = |text: &str, more: &[char]| {
        text.len() > LONGEST || text.contains(|c: char| c.is_control() || more.contains(&c))
    };
    if cookie.name.is_empty() || is_odd(&cookie.name, &[';', '=']) {
        return Err(Fault::Wrong("name", "none of a cookie"));
    }
    if is_odd(&cookie.value, &[';']) {
        return Err(Fault::Wrong("value", "none of a cookie"));
    }
    if !cookie.path.starts_with('/') || is_odd(&cookie.path, &[';']) {
        return Err(Fault::Wrong("path", "none: it begins with `/`"));
    }
    Ok(cookie)
}

#[cfg(test)]
mod tests;
