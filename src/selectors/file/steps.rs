//! Steps of a selector file, and what may stand in which list of them. Pure.

use super::{mark_keys, value};
use crate::diagnostic::table::{Table, Value as TomlValue};
use crate::selectors::{Answer, Dialog, Interstitial, Key, Step, Value};

/// Which list: each has its own placeholders.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum List {
    /// `sign_in.steps`.
    SignIn,
    /// `sign_in.otp.steps`.
    Otp,
    /// `sign_in.clear`.
    Clear,
    /// `table.steps`.
    Table,
}

impl List {
    fn placeholders(self) -> &'static [(&'static str, Value)] {
        match self {
            List::SignIn => &[
                ("{number}", Value::Number),
                ("{user}", Value::User),
                ("{password}", Value::Password),
            ],
            List::Otp => &[("{otp}", Value::Otp)],
            List::Clear => &[],
            List::Table => &[("{from}", Value::From), ("{to}", Value::To)],
        }
    }

    fn advice(self) -> &'static str {
        match self {
            List::SignIn => {
                "write `{number}`, `{user}` or `{password}`; values come from the account"
            }
            List::Otp => "write `{otp}`, the one-time code",
            List::Clear => "nothing is typed before the form: leave the step out",
            List::Table => "write `{from}` or `{to}`, the days that are asked for",
        }
    }
}

/// The keys that name a step, with an example of each.
const KINDS: [(&str, &str); 8] = [
    ("fill", "\"#password\""),
    ("choose", "\"#wallet\""),
    ("click", "\"#login\""),
    ("press", "\"enter\""),
    ("visit", "\"/logout\""),
    ("wait", "\"#home\""),
    ("frame", "\"iframe#main\""),
    ("dialog", "\"(?i)^closing\""),
];

/// `sign_in.steps`.
pub fn sign_in(value: &TomlValue<'_>) -> Option<Vec<Step>> {
    let steps = any(value, List::SignIn)?;
    if !steps.iter().any(|step| step.types(Value::Password)) {
        value.wrong::<()>(
            "never type the password",
            "add `{ fill = \"#password\", with = \"{password}\" }`",
        );
    }
    let sent = steps.iter().rposition(Step::sends);
    let typed = steps
        .iter()
        .rposition(|step| matches!(step, Step::Fill { .. } | Step::Choose { .. }));
    match (sent, typed) {
        (Some(sent), typed) if typed.is_none_or(|typed| typed < sent) => Some(steps),
        (Some(_), _) => value.wrong(
            "fill a field after the last click",
            "the last click or key press sends the form: put it behind what it sends",
        ),
        (None, _) => value.wrong(
            "never click",
            "end with `{ click = \"#login\" }`, the button that sends the form, or `{ press = \"enter\", in = \"#password\" }`",
        ),
    }
}

/// `sign_in.otp.steps`, on the page that asks for a one-time code.
pub fn otp(value: &TomlValue<'_>) -> Option<Vec<Step>> {
    let steps = any(value, List::Otp)?;
    let types = steps.iter().any(|step| step.types(Value::Otp));
    match steps.last() {
        Some(last) if types && last.sends() => Some(steps),
        Some(_) | None => value.wrong(
            "do not type the code and then send it",
            format!("write `{OTP}`"),
        ),
    }
}

/// An example of those.
pub const OTP: &str = "[{ fill = \"#otp\", with = \"{otp}\" }, { click = \"#ok\" }]";

/// Steps of any of the lists.
pub fn any(value: &TomlValue<'_>, list: List) -> Option<Vec<Step>> {
    value.list(|step| step.table(|step| one(step, list)))
}

fn one(step: &Table<'_>, list: List) -> Option<Step> {
    let mut kinds = KINDS
        .into_iter()
        .filter_map(|(key, example)| Some((key, step.value(key, example)?)));
    let (Some((kind, value)), None) = (kinds.next(), kinds.next()) else {
        step.wrong(
            "a step does exactly one thing: `fill`, `choose`, `click`, `press`, `visit`, `wait`, `frame` or `dialog`",
            "write `{ fill = \"#user\", with = \"{user}\" }` or `{ click = \"#login\" }`, each thing in braces of its own",
        );
        return None;
    };
    match kind {
        "fill" => {
            let field = css(&value);
            let value = step.need("with", "\"{password}\"", |with| placeholder(with, list));
            Some(Step::Fill {
                field: field?,
                value: value?,
            })
        }
        "choose" => {
            let list = css(&value);
            let option = step.need("option", "\"Working account\"", |text| {
                text.parse(value::cell)
            });
            Some(Step::Choose {
                list: list?,
                option: option?,
            })
        }
        "click" => css(&value).map(|element| Step::Click { element }),
        "press" => {
            let key = value.word([("enter", Key::Enter), ("tab", Key::Tab)]);
            let field = step.need("in", "\"#password\"", css);
            Some(Step::Press {
                key: key?,
                field: field?,
            })
        }
        "visit" => {
            let path = value.parse(value::path)?;
            Some(Step::Visit { path })
        }
        "wait" => css(&value).map(|element| Step::Wait { element }),
        "frame" => {
            let frame = css(&value)?;
            let frame = (frame != "top").then_some(frame);
            Some(Step::Frame { frame })
        }
        _dialog => dialog(step, &value),
    }
}

fn dialog(step: &Table<'_>, text: &TomlValue<'_>) -> Option<Step> {
    let text = text.parse(value::regex);
    let answer = step.need("answer", "\"accept\"", |word| {
        word.word([("accept", Answer::Accept), ("dismiss", Answer::Dismiss)])
    });
    Some(Step::Dialog(Dialog {
        text: text?,
        answer: answer?,
    }))
}

/// CSS as written: the browser evaluates it, and our own parser must know it too.
pub fn css(text: &TomlValue<'_>) -> Option<String> {
    text.parse(|css| value::css(css).map(|_| css.to_owned()))
}

/// What stands there may be a secret: it is not repeated.
fn placeholder(with: &TomlValue<'_>, list: List) -> Option<Value> {
    let text = with.text()?;
    let known = list.placeholders().iter().find(|(word, _)| *word == text);
    known
        .map(|(_, value)| *value)
        .or_else(|| with.wrong("is none of the placeholders", list.advice()))
}

/// One of `[[interstitial]]`.
pub fn interstitial(entry: &Table<'_>) -> Option<Interstitial> {
    let mark = mark_keys(entry);
    let frame = entry.optional("frame", "\"iframe#main\"", css);
    let click = entry.need("click", "\"#announcement button\"", css);
    let most = entry.optional("most", "1", |most| most.whole(1..=10));
    let most = most.and_then(|most| u32::try_from(most).ok()).unwrap_or(1);
    Some(Interstitial {
        mark: mark?,
        frame,
        click: click?,
        most,
    })
}
