//! The selector file as TOML: parsed, then validated into a `Portal`. Pure.
//!
//! The keys are documented in `selectors/README.md`. Each is read by one line here or in `fields`.

mod fields;
pub mod value;

use crate::diagnostic::Diagnostics;
use crate::diagnostic::table::{Table, Value as TomlValue, read};
use crate::selectors::{
    Mark, Marks, Next, Order, Portal, Read, Session, SignIn, Step, Table as PortalTable, Value,
};
use crate::session::Outcome;

/// The newest format that this program reads.
pub const FORMAT: u64 = 1;

/// A sign-in and a reading an hour take about this many.
const LEAST_PAGE_LOADS: u32 = 10;

const PLACEHOLDERS: [(&str, Value); 3] = [
    ("{number}", Value::Number),
    ("{user}", Value::User),
    ("{password}", Value::Password),
];

/// Reads the selector file of the portal `name` (its stem); `path` is for messages.
///
/// # Errors
/// Everything wrong with it.
pub fn parse(name: &str, path: &str, text: &str) -> Result<Portal, Diagnostics> {
    read(path, text, |file| portal(name, file))
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
        table: table?,
        fields: fields?,
    })
}

fn sign_in(section: &Table<'_>) -> Option<SignIn> {
    let path = section.need("path", "\"/login\"", |text| text.parse(value::path));
    let steps = section.need(
        "steps",
        "[{ fill = \"#password\", with = \"{password}\" }, { click = \"#login\" }]",
        steps,
    );
    let otp = section.optional(
        "otp",
        "{ steps = [{ fill = \"#otp\", with = \"{otp}\" }, { click = \"#ok\" }] }",
        |otp| otp.table(otp_steps),
    );
    let sign_out = section.optional("sign_out", "\"/logout\"", |text| text.parse(value::path));
    Some(SignIn {
        path: path?,
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

fn steps(value: &TomlValue<'_>) -> Option<Vec<Step>> {
    let steps = value.list(|step| step.table(one_step))?;
    let types_password = steps.iter().any(|step| {
        matches!(
            step,
            Step::Fill {
                value: Value::Password,
                ..
            }
        )
    });
    if !types_password {
        value.wrong::<()>(
            "never type the password",
            "add `{ fill = \"#password\", with = \"{password}\" }`",
        );
    }
    match steps.last() {
        Some(Step::Click { .. }) => Some(steps),
        Some(Step::Fill { .. }) | None
            if steps.iter().any(|step| matches!(step, Step::Click { .. })) =>
        {
            value.wrong(
                "fill a field after the last click",
                "the last click sends the form: put it at the end",
            )
        }
        Some(Step::Fill { .. }) | None => value.wrong(
            "never click",
            "end with `{ click = \"#login\" }`, the button that sends the form",
        ),
    }
}

/// The steps on the page that asks for a one-time code.
fn otp_steps(otp: &Table<'_>) -> Option<Vec<Step>> {
    let example = "[{ fill = \"#otp\", with = \"{otp}\" }, { click = \"#ok\" }]";
    otp.need("steps", example, |list| {
        let steps = list.list(|step| {
            step.table(|step| {
                let css =
                    |text: &TomlValue<'_>| text.parse(|css| value::css(css).map(|_| css.to_owned()));
                let fill = step.value("fill", "\"#otp\"");
                let click = step.value("click", "\"#ok\"");
                match (fill, click, step.has("with")) {
                    (Some(field), None, _) => {
                        let words = [("{otp}", Value::Otp)];
                        let value = step.need("with", "\"{otp}\"", |with| with.word(words));
                        Some(Step::Fill {
                            field: css(&field)?,
                            value: value?,
                        })
                    }
                    (None, Some(element), false) => Some(Step::Click {
                        element: css(&element)?,
                    }),
                    (Some(_), Some(_), _) | (None, _, _) => {
                        step.wrong(
                            "a step is either `fill` and `with`, or `click`",
                            "write `{ fill = \"#otp\", with = \"{otp}\" }` or `{ click = \"#ok\" }`",
                        );
                        None
                    }
                }
            })
        })?;
        let types = steps.iter().any(|step| matches!(step, Step::Fill { .. }));
        match steps.last() {
            Some(Step::Click { .. }) if types => Some(steps),
            Some(_) | None => list.wrong(
                "do not type the code and then send it",
                format!("write `{example}`"),
            ),
        }
    })
}

fn one_step(step: &Table<'_>) -> Option<Step> {
    let css = |text: &TomlValue<'_>| text.parse(|css| value::css(css).map(|_| css.to_owned()));
    let fill = step.value("fill", "\"#password\"");
    let click = step.value("click", "\"#login\"");
    match (fill, click, step.has("with")) {
        (Some(field), None, _) => {
            let field = css(&field);
            let value = step.need("with", "\"{password}\"", placeholder);
            Some(Step::Fill {
                field: field?,
                value: value?,
            })
        }
        (None, Some(element), false) => Some(Step::Click {
            element: css(&element)?,
        }),
        (Some(_), Some(_), _) | (None, _, _) => {
            step.wrong(
                "a step is either `fill` and `with`, or `click`",
                "write `{ fill = \"#user\", with = \"{user}\" }` or `{ click = \"#login\" }`",
            );
            None
        }
    }
}

/// What stands there may be a secret: it is not repeated.
fn placeholder(with: &TomlValue<'_>) -> Option<Value> {
    let text = with.text()?;
    let known = PLACEHOLDERS.iter().find(|(word, _)| *word == text);
    known.map(|(_, value)| *value).or_else(|| {
        let advice = "write `{number}`, `{user}` or `{password}`; values come from the account";
        with.wrong("is none of the placeholders", advice)
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
    Some(Marks {
        signed_in: signed_in?,
        signed_out: signed_out?,
        outcomes: outcomes?,
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
    if let Some(path) = &path {
        dates_fit(section, path);
    }
    let rows = section.need("rows", "\"table#statement tr\"", |text| {
        text.parse(value::css)
    });
    let skip = section.optional("skip", "[\"^Total\"]", |list| {
        list.list(|text| text.parse(value::regex))
    });
    let empty = section.need(
        "empty",
        "{ css = \"td.empty\", text = \"No records\" }",
        mark,
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
    let count = section.optional(
        "count",
        "{ css = \"#count\", capture = \"of ([0-9,]+)\" }",
        |count| {
            count.table(|count| {
                let css = count.need("css", "\"#count\"", |text| text.parse(value::css));
                let capture = count.need("capture", "\"of ([0-9,]+)\"", |text| {
                    text.parse(value::regex_with_group)
                });
                Some((css?, capture?))
            })
        },
    );
    let read = section.optional("read", "\"auto\"", |word| word.word(Read::WORDS));
    let may_leave_browser = section.optional("may_leave_browser", "true", TomlValue::boolean);
    Some(PortalTable {
        path: path?,
        path_date,
        rows: rows?,
        skip: skip.unwrap_or_default(),
        empty: Some(empty?),
        order: order?,
        next,
        count,
        read: read.unwrap_or(Read::Auto),
        may_leave_browser: may_leave_browser.unwrap_or(false),
    })
}

/// `path_date` stands there if and only if `path` has a date to write.
fn dates_fit(section: &Table<'_>, path: &str) {
    let from = path.contains("{from}");
    let to = path.contains("{to}");
    match (section.value("path_date", "\"%d-%m-%Y\""), from || to) {
        (None, true) => section.wrong(
            "missing key `path_date` in `table`",
            "`path` has a date: add its format, for example `path_date = \"%d-%m-%Y\"`",
        ),
        (Some(format), false) => {
            format.wrong::<()>(
                "has nothing to write",
                "put `{from}` and `{to}` into `path`, or remove this key",
            );
        }
        (Some(_), true) | (None, false) => {}
    }
}
