//! What a browser is asked for: W3C capabilities and the command line.

use std::time::Duration;

use fantoccini::wd::Capabilities;
use serde_json::{Value as Json, json};

use super::resend;
use super::route::Route;
use crate::selectors::Origin;

/// Each measured or needed: no GPU, no first-run page, no background traffic; the pipe makes the browser end with
/// its driver.
const ARGS: [&str; 7] = [
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--remote-debugging-pipe",
];

/// Without it the browser shows a window.
const HEADLESS: &str = "--headless=new";

/// The fixed part of the command line, and what the configuration adds.
pub(super) fn command_line(args: &[String], headed: bool) -> Vec<String> {
    let headless = (!headed).then_some(HEADLESS);
    headless
        .iter()
        .chain(&ARGS)
        .map(|arg| (*arg).to_owned())
        .chain([resend::ARG.to_owned()])
        .chain(args.iter().cloned())
        .collect()
}

/// `chrome` is `goog:chromeOptions` (<https://developer.chrome.com/docs/chromedriver/capabilities>).
pub(super) fn capabilities(
    mut chrome: Json,
    page_timeout: Duration,
    route: &Route,
    pin: &Origin,
) -> Capabilities {
    chrome["prefs"] = resend::preferences();
    if let Some((name, preference)) = route.preference(pin) {
        chrome["prefs"][name] = preference;
    }
    let page_ms = u64::try_from(page_timeout.as_millis()).unwrap_or(u64::MAX);
    [
        ("browserName", json!("chrome")),
        ("pageLoadStrategy", json!("normal")),
        (
            "timeouts",
            json!({ "implicit": 0, "pageLoad": page_ms, "script": page_ms }),
        ),
        // Answered by `dialog`.
        ("unhandledPromptBehavior", json!("ignore")),
        ("goog:chromeOptions", chrome),
    ]
    .into_iter()
    .chain(route.capability().map(|proxy| ("proxy", proxy)))
    .map(|(key, value)| (key.to_owned(), value))
    .collect()
}
