//! The selector file as TOML: parsed, then validated into a `Portal`. Pure.
//!
//! The keys are documented in `selectors/README.md`. Each is read by one line here or in `fields`.

mod cell;
mod export;
mod fields;
mod grow;
mod steps;
pub mod value;

use std::sync::Arc;

use regex::Regex;
use scraper::Selector;

use crate::diagnostic::Diagnostics;
use crate::diagnostic::table::{self, Table, Value as TomlValue, read};
use crate::diagnostic::trace::Trace;
use crate::selectors::{
    Export, Hidden, Mark, Marks, Next, Order, Portal, Read, Session, SignIn, Step,
    Table as PortalTable, Value,
};
use crate::session::Outcome;

/// The newest format that this program reads.
pub const FORMAT: u64 = 1;

/// A sign-in and a reading an hour take about this many.
const LEAST_PAGE_LOADS: u32 = 10;

/// Reads the selector file of the portal `name` (its stem); `path` is for messages.
///
/// # Errors
/// Everything wrong with it.
pub fn parse(name: &str, path: &str, text: &str) -> Result<Portal, Diagnostics> {
    let mut portal = read(path, text, |file| portal(name, file))?;
    portal.text = text.into();
    Ok(portal)
}

/// Every key that reading this file asks for; one with mistakes may be left early.
#[must_use]
pub fn asked(text: &str) -> Trace {
    table::trace("", text, |file| portal("", file)).1
}

fn portal(name: &str, file: &Table<'_>) -> Option<Portal> {
    file.need("format", "1", |format| {
        match format.whole(1..=u64::MAX)? {
            FORMAT => Some(()),
            _ => format.wrong(
                format!("is newer than this program, which reads format {FORMAT}"),
                "install a newer tillwatch, or the file of this one's release",
            ),
        }
    });
    let operator = file.need("operator", "\"kilima\"", |text| text.parse(value::name));
    let origin = file.need("origin", "\"https://portal.example\"", |text| {
        text.parse(value::origin)
    });
    let zone = file.need("zone", "\"Africa/Nairobi\"", |text| text.parse(value::zone));
    let currency = file.need("currency", "\"KES\"", |text| text.parse(value::currency));
    let account_key = file.need("account_key", "\"organisationid\"", |text| {
        text.parse(value::key)
    });
    let sign_in = file.section("sign_in", sign_in);
    let session = file.section("session", session);
    let marks = file.section("marks", marks);
    let interstitials = file.optional(
        "interstitial",
        "[{ css = \"#announcement\", click = \"#announcement button\" }]",
        |list| list.list(|entry| entry.table(steps::interstitial)),
    );
    let table = file.section("table", table);
    let fields = file.section("fields", fields::read);
    Some(Portal {
        name: name.to_owned(),
        operator: operator?,
        origin: origin?,
        zone: zone?,
        currency: currency?,
        account_key: account_key?,
        sign_in: sign_in?,
        session: session?,
        marks: marks?,
        interstitials: interstitials.unwrap_or_default(),
        table: table?,
        fields: fields?,
        text: Arc::default(),
    })
}

fn sign_in(section: &Table<'_>) -> Option<SignIn> {
    let path = section.need("path", "\"/login\"", |text| text.parse(value::path));
    let clear = section.optional(
        "clear",
        "[{ visit = \"/logout\" }, { dialog = \"(?i)^closing\", answer = \"accept\" }]",
        |list| steps::any(list, steps::List::Clear),
    );
    let steps = section.need(
        "steps",
        "[{ fill = \"#password\", with = \"{password}\" }, { click = \"#login\" }]",
        steps::sign_in,
    );
    let otp = section.optional(
        "otp",
        "{ steps = [{ fill = \"#otp\", with = \"{otp}\" }, { click = \"#ok\" }] }",
        |otp| otp.table(|otp| otp.need("steps", steps::OTP, steps::otp)),
    );
    let sign_out = section.optional("sign_out", "\"/logout\"", |text| text.parse(value::path));
    Some(SignIn {
        path: path?,
        clear: clear.unwrap_or_default(),
        steps: steps?,
        otp: otp.unwrap_or_default(),
        sign_out,
    })
}

fn session(section: &Table<'_>) -> Option<Session> {
    let idle = section.optional("idle", "\"10m\"", |text| text.parse(value::idle));
    let page_loads = section.need("page_loads_per_hour", "600", |number| {
        number.whole(u64::from(LEAST_PAGE_LOADS)..=1_000_000)
    });
    Some(Session {
        idle,
        page_loads_per_hour: u32::try_from(page_loads?).ok()?,
    })
}

fn mark(value: &TomlValue<'_>) -> Option<Mark> {
    value.table(mark_keys)
}

fn mark_keys(mark: &Table<'_>) -> Option<Mark> {
    let css = mark.need("css", "\"#operator\"", |text| text.parse(value::css));
    let text = mark.optional("text", "\"(?i)signed in as\"", |text| {
        text.parse(value::regex)
    });
    Some(Mark { css: css?, text })
}

fn marks(section: &Table<'_>) -> Option<Marks> {
    let signed_in = section.need("signed_in", "{ css = \"#operator\" }", mark);
    let signed_out = section.need("signed_out", "{ css = \"form#login\" }", mark);
    let outcomes = section.need(
        "outcomes",
        "[{ css = \".error\", text = \"(?i)wrong password\", is = \"wrong-password\" }]",
        |list| list.list(|outcome| outcome.table(outcome_keys)),
    );
    let by_script = section.optional("by_script", "true", TomlValue::boolean);
    let password_expires_in = section.optional(
        "password_expires_in",
        "{ css = \"#notice\", capture = \"expires in ([0-9]+) days\" }",
        captured,
    );
    Some(Marks {
        signed_in: signed_in?,
        signed_out: signed_out?,
        outcomes: outcomes?,
        by_script: by_script.unwrap_or(false),
        password_expires_in,
    })
}

/// A mark and the outcome that it means: not those that the absence or `signed_in` says.
fn outcome_keys(outcome: &Table<'_>) -> Option<(Mark, Outcome)> {
    let words = Outcome::ALL
        .into_iter()
        .filter(|outcome| !matches!(outcome, Outcome::SignedIn | Outcome::Unknown))
        .map(|outcome| (outcome.as_str(), outcome));
    let mark = mark_keys(outcome);
    let is = outcome.need("is", "\"wrong-password\"", |word| word.word(words));
    Some((mark?, is?))
}

fn table(section: &Table<'_>) -> Option<PortalTable> {
    let path = section.need("path", "\"/statement\"", |text| {
        text.parse(value::path_with_dates)
    });
    let path_date = section.optional("path_date", "\"%d-%m-%Y\"", |text| text.parse(value::date));
    let steps = section.optional(
        "steps",
        "[{ click = \"#statement\" }, { wait = \"table#rows\" }]",
        |list| steps::any(list, steps::List::Table),
    );
    let export = export::read(section);
    if let Some(path) = &path
        && (steps.is_some() || !section.has("steps"))
        && (export.is_some() || !(section.has("download") || section.has("json")))
    {
        let mut texts = export::texts(export.as_ref());
        texts.push(path);
        dates_fit(section, &texts, steps.as_deref().unwrap_or_default());
    }
    let frame = section.optional("frame", "\"iframe#main\"", steps::css);
    let header = section.optional("header", "\"table.head tr\"", |text| text.parse(value::css));
    let rows = section.need("rows", "\"table#statement tr\"", |text| {
        text.parse(value::css)
    });
    let skip = section.optional("skip", "[\"^Total\"]", |list| list.list(cell::skip));
    let hidden = section.optional("hidden", "\"skip\"", |word| {
        word.word([("read", Hidden::Read), ("skip", Hidden::Skip)])
    });
    let header_shift = section.optional("data_stand", "\"right\"", |word| {
        word.word([("right", 1), ("left", -1)])
    });
    let empty = section.need(
        "empty",
        "{ css = \"td.empty\", text = \"No records\" }",
        |value| empty(value, export.as_ref()),
    );
    let order = section.need("order", "\"newest-first\"", |word| {
        word.word([
            ("newest-first", Order::NewestFirst),
            ("oldest-first", Order::OldestFirst),
        ])
    });
    let next = section.optional("next", "\"a.next\"", |text| {
        let css = text.parse(value::css)?;
        Some(Next {
            element: text.text()?.to_owned(),
            css,
        })
    });
    let next = next.or_else(|| export::next(export.as_ref()));
    let page_label = section.optional("page_label", "\"#page-of\"", steps::css);
    if next.is_none()
        && let Some(label) = section
            .value("page_label", "")
            .filter(|_| !section.has("next"))
    {
        label.wrong::<()>(
            "does nothing without `next`",
            "add `next`, or remove this key",
        );
    }
    let count = section.optional(
        "count",
        "{ css = \"#count\", capture = \"of ([0-9,]+)\" }",
        captured,
    );
    let read = section.optional("read", "\"auto\"", |word| word.word(Read::WORDS));
    let (grow, detail) = grow::read(section);
    let takes_browser = steps.is_some()
        || frame.is_some()
        || page_label.is_some()
        || grow.is_some()
        || detail.is_some();
    if takes_browser
        && matches!(read, Some(Read::Http | Read::Fetch))
        && let Some(way) = section.value("read", "\"auto\"")
    {
        way.wrong::<()>(
            "does not reach this table",
            "leave it out: only a browser takes `steps`, enters a `frame`, sees a `page_label` change, or lets a table grow",
        );
    }
    let may_leave_browser = section.optional("may_leave_browser", "true", TomlValue::boolean);
    Some(PortalTable {
        path: path?,
        path_date,
        steps: steps.unwrap_or_default(),
        frame,
        header,
        rows: rows?,
        skip: skip.unwrap_or_default(),
        hidden: hidden.unwrap_or(Hidden::Read),
        header_shift: header_shift.unwrap_or_default(),
        header_alone: empty.as_ref()?.is_none(),
        empty: empty?,
        export,
        grow,
        detail,
        order: order?,
        next,
        page_label,
        count,
        read: read.unwrap_or(Read::Auto),
        may_leave_browser: may_leave_browser.unwrap_or(false),
    })
}

/// A mark; `Some(None)` where an export says it by a header alone.
fn empty(value: &TomlValue<'_>, export: Option<&Export>) -> Option<Option<Mark>> {
    if !value.has_key("header_alone") {
        return mark(value).map(Some);
    }
    let is_true = value.table(|table| {
        let word = table.value("header_alone", "true")?;
        if word.boolean()? {
            return Some(());
        }
        word.wrong(
            "says nothing",
            "write `header_alone = true`, or a mark: `{ css = \"td.empty\" }`",
        )
    });
    match export {
        Some(Export::Download(_)) => is_true.map(|()| None),
        Some(Export::Json(_)) => value.wrong(
            "by a header alone is for a download",
            "write `{ css = \"downloaded-table > .no-items\" }`: an empty list becomes that",
        ),
        None => value.wrong(
            "by a header alone is for a download",
            "a page that lost its rows looks the same: name the element by which the page says \"no rows\"",
        ),
    }
}

/// CSS, and a regex whose group is wanted.
fn captured(value: &TomlValue<'_>) -> Option<(Selector, Regex)> {
    value.table(|table| {
        let css = table.need("css", "\"#count\"", |text| text.parse(value::css));
        let capture = table.need("capture", "\"of ([0-9,]+)\"", |text| {
            text.parse(value::regex_with_group)
        });
        Some((css?, capture?))
    })
}

/// `path_date` stands there if and only if `path` or a step has a date to write.
fn dates_fit(section: &Table<'_>, texts: &[&str], steps: &[Step]) {
    let types = |value| steps.iter().any(|step| step.types(value));
    let asks = |text: &&str| text.contains("{from}") || text.contains("{to}");
    let has_date = texts.iter().any(asks) || types(Value::From) || types(Value::To);
    match (section.value("path_date", "\"%d-%m-%Y\""), has_date) {
        (None, true) => section.wrong(
            "missing key `path_date` in `table`",
            "a date is asked for: add its format, for example `path_date = \"%d-%m-%Y\"`",
        ),
        (Some(format), false) => {
            format.wrong::<()>(
                "has nothing to write",
                "put `{from}` and `{to}` into `path` or into a step, or remove this key",
            );
        }
        (Some(_), true) | (None, false) => {}
    }
}
