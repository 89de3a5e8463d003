//! `[webdriver]`: which browser is driven, and how long it may take.

use std::path::{Path, PathBuf};
use std::time::Duration;

use url::Url;

use super::value::{duration, path, program, size};
use crate::diagnostic::table::{Table, Value, wrong};

/// The driver and its time limits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WebDriver {
    /// `url`, or `driver` and `browser`: exactly one way is required.
    pub driver: Driver,
    /// `browser_args`: arguments for the browser besides those that it needs to run headless. Default: none.
    pub browser_args: Vec<String>,
    /// `call_timeout`: how long the WebDriver itself may take for a call, beyond `page_timeout`; after both the session
    /// is given up. 1s to 10m, default 60s.
    pub call_timeout: Duration,
    /// `headed`: the browser shows a window, for a person to finish a sign-in in it. Default false.
    pub headed: bool,
    /// `page_timeout`: how long a page may take to load, and an element to appear. 1s to 10m, default 2m.
    pub page_timeout: Duration,
    /// `max_sessions`: browsers at the same time; accounts over it take turns, but one that waits for a person keeps its
    /// browser for `person_wait`. 1 to 1,000. Unset: one for each account.
    pub max_sessions: Option<usize>,
    /// `browser_max_age`: an older browser is replaced, its session goes on. 10m to 30d, default 24h.
    pub browser_max_age: Duration,
    /// `browser_max_memory`: a started browser that holds more, with its driver, is replaced. Default 1GiB.
    pub browser_max_memory: u64,
    /// `session_key_file`: file with the secret that the kept sessions of all accounts are encrypted with. Unset: each
    /// account's own password.
    pub session_key_file: Option<PathBuf>,
}

/// Where the WebDriver is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Driver {
    /// `url`: it runs already, e.g. in a container beside us.
    Running(Url),
    /// We start it and end it.
    Started {
        /// `driver`: path of ChromeDriver, or its name on PATH.
        driver: PathBuf,
        /// `browser`: path of Chromium or Chrome of the same version, or its name on PATH. Required beside `driver`.
        browser: PathBuf,
    },
}

const SECOND: Duration = Duration::from_secs(1);
const TEN_MINUTES: Duration = Duration::from_mins(10);

pub(super) fn read(section: &Table<'_>, dir: &Path) -> Option<WebDriver> {
    let limit = duration(SECOND, TEN_MINUTES);
    let driver = driver(section, dir);
    let browser_args = section.optional("browser_args", "[\"--no-sandbox\"]", |list| {
        list.list(|argument| argument.text().map(str::to_owned))
    });
    let call_timeout = section.optional("call_timeout", "\"60s\"", limit);
    let call_timeout = call_timeout.unwrap_or(Duration::from_secs(60));
    let page_timeout = section.optional("page_timeout", "\"2m\"", limit);
    let page_timeout = page_timeout.unwrap_or(Duration::from_secs(120));
    let max_age = section.optional(
        "browser_max_age",
        "\"24h\"",
        duration(TEN_MINUTES, Duration::from_hours(720)),
    );
    let max_memory = section.optional("browser_max_memory", "\"1GiB\"", |text| text.parse(size));
    let max_sessions = section.optional("max_sessions", "3", |number: &Value<'_>| {
        usize::try_from(number.whole(1..=1000)?).ok()
    });
    let session_key_file = section.optional(
        "session_key_file",
        "\"/run/secrets/session_key\"",
        path(dir),
    );
    let headed = section.optional("headed", "true", Value::boolean);
    Some(WebDriver {
        driver: driver?,
        browser_args: browser_args.unwrap_or_default(),
        headed: headed.unwrap_or(false),
        call_timeout,
        page_timeout,
        max_sessions,
        browser_max_age: max_age.unwrap_or(Duration::from_hours(24)),
        browser_max_memory: max_memory.unwrap_or(1 << 30),
        session_key_file,
    })
}

fn driver(section: &Table<'_>, dir: &Path) -> Option<Driver> {
    let url = section.value("url", "\"http://127.0.0.1:9515\"");
    let driver = section.value("driver", "\"/usr/bin/chromedriver\"");
    let browser = section.value("browser", "\"/usr/bin/chromium\"");
    match (url, driver) {
        (Some(url), None) => {
            if let Some(browser) = browser {
                browser.wrong::<()>(
                    "does nothing beside `url`",
                    "remove it: a WebDriver that runs already starts its own browser",
                );
            }
            web_url(&url).map(Driver::Running)
        }
        (None, Some(driver)) => {
            let driver = program(dir)(&driver);
            let browser = section.need("browser", "\"/usr/bin/chromium\"", program(dir));
            Some(Driver::Started {
                driver: driver?,
                browser: browser?,
            })
        }
        (Some(_), Some(driver)) => driver.wrong(
            "stands beside `url`",
            "keep `url` for a WebDriver that runs already, or `driver` for one that we start",
        ),
        (None, None) => {
            section.wrong(
                "no WebDriver is named",
                "add `url = \"http://127.0.0.1:9515\"` for one that runs already, or \
                 `driver = \"/usr/bin/chromedriver\"` for one that we start",
            );
            None
        }
    }
}

fn web_url(value: &Value<'_>) -> Option<Url> {
    value.parse(|text| {
        Url::parse(text)
            .ok()
            .filter(|url| matches!(url.scheme(), "http" | "https") && url.has_host())
            .ok_or_else(|| {
                wrong(
                    "is no URL of a WebDriver",
                    "write such as `http://127.0.0.1:9515`",
                )
            })
    })
}
