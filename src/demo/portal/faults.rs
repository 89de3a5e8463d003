//! What can be made to go wrong: requests that fail, stall or vanish, and pages whose markup is not the usual one.

use serde::Deserialize;
use std::collections::BTreeMap;

/// How a request goes wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Fault {
    /// HTTP 404 with a page saying so.
    NotFound,
    /// HTTP 500 with a page saying so.
    ServerError,
    /// HTTP 429 that asks for a pause of [`FaultRule::ms`] by `Retry-After`.
    Busy,
    /// HTTP 200 and nothing else.
    EmptyBody,
    /// The ordinary answer, after [`FaultRule::ms`].
    Slow,
    /// The ordinary answer, once the faults are cleared.
    Hang,
    /// The connection is closed without an answer.
    Close,
    /// The sign-in page, although the session lives on.
    SignIn,
    /// The statement without its newest row, as out of a cache.
    Stale,
}

/// Which requests go wrong, and how.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FaultRule {
    /// How.
    pub fault: Fault,
    /// The path that is hit, such as `/statement.action`. Absent: every page.
    #[serde(default)]
    pub path: Option<String>,
    /// The `Sec-Fetch-Mode` that is hit, such as `cors`; `none` for requests without. Absent: every request.
    #[serde(default)]
    pub mode: Option<String>,
    /// How many requests are hit. Absent: all until the faults are cleared.
    #[serde(default)]
    pub times: Option<u32>,
    /// Milliseconds that `slow` takes, or that `busy` asks for; other faults ignore it. Default 0.
    #[serde(default)]
    pub ms: u64,
    /// Whether the portal does what the request asks for before the answer goes wrong: a sign-in then succeeds
    /// unseen. Default false; `slow` and `hang` always stall before.
    #[serde(default)]
    pub after: bool,
}

/// The rules in force, oldest first; the first that fits is used.
#[derive(Default)]
pub(super) struct Faults {
    rules: Vec<FaultRule>,
}

/// Rules beyond this are refused.
const MAX_RULES: usize = 64;

impl Faults {
    /// Whether there was room for the rule.
    pub fn add(&mut self, rule: FaultRule) -> bool {
        let room = self.rules.len() < MAX_RULES;
        if room {
            self.rules.push(rule);
        }
        room
    }

    pub fn clear(&mut self) {
        self.rules.clear();
    }

    /// The fault that this request meets; a counted rule is used up by it.
    pub fn meet(&mut self, path: &str, mode: Option<&str>) -> Option<FaultRule> {
        let fits = |rule: &FaultRule| {
            let wanted = rule.mode.as_deref();
            rule.path.as_deref().is_none_or(|wanted| wanted == path)
                && wanted.is_none_or(|wanted| wanted == mode.unwrap_or("none"))
                && rule.times != Some(0)
        };
        let rule = self.rules.iter_mut().find(|rule| fits(rule))?;
        if let Some(times) = rule.times.as_mut() {
            *times -= 1;
        }
        let met = rule.clone();
        self.rules.retain(|rule| rule.times != Some(0));
        Some(met)
    }
}

/// How the pages differ from the usual ones. The default is the usual markup.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Markup {
    /// Column headers printed under another text: usual text to new text.
    pub rename_header: BTreeMap<String, String>,
    /// Columns left out, header and cells, by their usual header.
    pub drop_column: Vec<String>,
    /// The header row is left out.
    pub drop_header_row: bool,
    /// The columns come in the opposite order.
    pub reverse_columns: bool,
    /// The statement page has no table at all.
    pub drop_table: bool,
    /// The table has no rows and does not say that it found none.
    pub hide_rows: bool,
    /// No page says who is signed in.
    pub drop_signed_in_mark: bool,
    /// Every page is an empty body.
    pub empty_body: bool,
    /// Every page is that of somebody else's site.
    pub other_site: bool,
}
