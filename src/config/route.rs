//! The keys of `[[account]]` that say how its portal is reached.

use std::path::{Path, PathBuf};
use std::time::Duration;

use url::Url;

use super::value::{duration, path};
use crate::diagnostic::table::{Table, Value, wrong};

/// The way to one portal.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Route {
    /// `proxy`: an HTTP proxy for every request to the portal, by browser or without. Unset: none, but for what the
    /// environment of the program says.
    pub proxy: Option<Url>,
    /// `ca`: PEM file with the authorities that may speak for the portal. Unset: the system's alone.
    pub ca: Option<PathBuf>,
    /// `client_certificate`: PEM file with certificate and key, mode 0400. Unset: none is shown.
    pub client_certificate: Option<PathBuf>,
    /// `page_timeout`: how long a page of this portal may take. 1s to 10m. Unset: that of `[webdriver]`.
    pub page_timeout: Option<Duration>,
}

impl Route {
    /// Does the browser need certificates that a WebDriver elsewhere must bring along?
    #[must_use]
    pub fn has_certificates(&self) -> bool {
        self.ca.is_some() || self.client_certificate.is_some()
    }
}

pub(super) fn read(account: &Table<'_>, dir: &Path) -> Route {
    let limit = duration(Duration::from_secs(1), Duration::from_mins(10));
    Route {
        proxy: account.optional("proxy", "\"http://proxy.example:3128\"", proxy),
        ca: account.optional("ca", "\"portal-ca.pem\"", path(dir)),
        client_certificate: account.optional("client_certificate", "\"till-4.pem\"", path(dir)),
        page_timeout: account.optional("page_timeout", "\"2m\"", limit),
    }
}

fn proxy(value: &Value<'_>) -> Option<Url> {
    value.parse(|text| {
        let url = Url::parse(text).ok().filter(|url| {
            url.scheme() == "http"
                && url.has_host()
                && matches!(url.path(), "" | "/")
                && url.query().is_none()
        });
        let advice = "write such as `http://proxy.example:3128`";
        let url = url.ok_or_else(|| wrong("is no HTTP proxy", advice))?;
        if !url.username().is_empty() || url.password().is_some() {
            let advice =
                "browsers ask for it in a window: let the proxy know this machine by its address";
            return Err(wrong("has a user or password in it", advice));
        }
        Ok(url)
    })
}
