//! The browser of an account, as its config says.

use std::path::PathBuf;

use tokio::sync::watch;

use super::StartError;
use crate::clock::Clock;
use crate::config::{self, Config, Driver, Resolved, Settings};
use crate::login::credentials;
use crate::page_loads::{PageLoads, PageLoadsError};
use crate::portal::kept::{KeptFile, Key, Owner};
use crate::portal::pool::Pool;
use crate::portal::webdriver::{self, WebDriverPortal};

/// The key of kept sessions that the config names, if any.
///
/// # Errors
/// [`StartError::SessionKey`].
pub fn session_key(webdriver: &config::WebDriver) -> Result<Option<Key>, StartError> {
    let Some(path) = &webdriver.session_key_file else {
        return Ok(None);
    };
    let (secret, _) = credentials::read_file(path).map_err(StartError::SessionKey)?;
    Ok(Some(Key::of(&secret)))
}

/// Where the session of an account is kept.
#[must_use]
pub fn kept_file(config: &Config, settings: &Settings, resolved: &Resolved) -> KeptFile {
    KeptFile::new(&state(config, settings), owner(settings, resolved))
}

fn state(config: &Config, settings: &Settings) -> PathBuf {
    config
        .state_dir
        .join("browser")
        .join(settings.name.as_str())
}

fn owner(settings: &Settings, resolved: &Resolved) -> Owner {
    Owner {
        account: settings.name.as_str().to_owned(),
        number: settings.number.clone(),
        user: settings.user.clone().unwrap_or_default(),
        origin: resolved.portal.origin.to_string(),
    }
}

pub(super) fn web_driver_portal(
    config: &Config,
    settings: &Settings,
    resolved: &Resolved,
    session_key: &Option<Key>,
    pool: &Pool,
    clock: &Clock,
    loads: PageLoads,
) -> WebDriverPortal {
    let route = &settings.route;
    WebDriverPortal::new(webdriver::Settings {
        webdriver: web_driver(&config.webdriver),
        call_timeout: config.webdriver.call_timeout,
        page_timeout: route.page_timeout.unwrap_or(config.webdriver.page_timeout),
        route: webdriver::Route {
            proxy: route.proxy.clone(),
            ca: route.ca.clone(),
            client_certificate: route.client_certificate.clone(),
        },
        headed: config.webdriver.headed,
        state: state(config, settings),
        selectors: resolved.portal.clone(),
        owner: owner(settings, resolved),
        session_key: session_key.clone(),
        pool: pool.clone(),
        max_age: config.webdriver.browser_max_age,
        max_memory: config.webdriver.browser_max_memory,
        clock: clock.clone(),
        loads,
    })
}

pub(super) fn open_page_loads(
    config: &Config,
    settings: &Settings,
    resolved: &Resolved,
    clock: &Clock,
    stop: &watch::Receiver<bool>,
) -> Result<PageLoads, PageLoadsError> {
    PageLoads::open(
        &config
            .state_dir
            .join("page-loads")
            .join(settings.name.as_str()),
        resolved.portal.session.page_loads_per_hour,
        clock.clone(),
        stop.clone(),
    )
}

fn web_driver(config: &config::WebDriver) -> webdriver::WebDriver {
    let args = config.browser_args.clone();
    match &config.driver {
        Driver::Running(url) => webdriver::WebDriver::Remote {
            url: url.clone(),
            args,
        },
        Driver::Started { driver, browser } => webdriver::WebDriver::Local {
            driver: driver.clone(),
            browser: browser.clone(),
            args,
        },
    }
}
