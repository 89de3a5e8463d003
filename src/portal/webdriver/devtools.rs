//! Commands of Chromium's own protocol, by ChromeDriver's extension (`goog/cdp/execute`), and the cookies read and set by
//! them: W3C's own commands know only those of the document in view, and set none before a page is loaded.

use fantoccini::wd::WebDriverCompatibleCommand;
use hyper::Method;
use serde::Deserialize;
use serde_json::{Value as Json, json};
use url::{ParseError, Url};

use super::session::{Failure, Session};
use crate::portal::kept::Cookie;

/// One command.
#[derive(Debug, Clone)]
struct DevTools {
    command: &'static str,
    params: Json,
}

impl WebDriverCompatibleCommand for DevTools {
    fn endpoint(&self, base: &Url, session: Option<&str>) -> Result<Url, ParseError> {
        base.join(&format!(
            "session/{}/goog/cdp/execute",
            session.unwrap_or_default()
        ))
    }

    fn method_and_body(&self, _url: &Url) -> (Method, Option<String>) {
        let body = json!({ "cmd": self.command, "params": self.params });
        (Method::POST, Some(body.to_string()))
    }
}

/// What `Storage.getCookies` answers.
#[derive(Deserialize)]
struct Cookies {
    cookies: Vec<Cookie>,
}

impl Session {
    /// Runs `command` and gives its result.
    ///
    /// # Errors
    /// When the WebDriver does not know the command, or is gone.
    pub(super) async fn devtools(
        &self,
        command: &'static str,
        params: Json,
    ) -> Result<Json, Failure> {
        self.issue(DevTools { command, params }).await
    }

    /// Every cookie of the browser, whatever its origin.
    pub(super) async fn cookies(&self) -> Result<Vec<Cookie>, Failure> {
        let answer = self.devtools("Storage.getCookies", json!({})).await?;
        let Cookies { cookies } = serde_json::from_value(answer).map_err(|_| Failure::Refused {
            code: "cookies in an unknown form",
            network: None,
        })?;
        Ok(cookies)
    }

    /// Sets cookies over those of the same name, domain and path. One that the browser does not take is left out: the
    /// portal decides whether it can do without.
    pub(super) async fn put_cookies(&self, cookies: &[Cookie]) -> Result<(), Failure> {
        for cookie in cookies {
            match self.devtools("Network.setCookie", param(cookie)).await {
                Ok(_) => {}
                Err(Failure::Refused { .. }) => {
                    tracing::debug!("the browser does not take a cookie that was kept");
                }
                Err(gone) => return Err(gone),
            }
        }
        Ok(())
    }
}

/// `Network.CookieParam`. A cookie of one host alone is set by its address: given as a domain, it would go to
/// subdomains too.
fn param(cookie: &Cookie) -> Json {
    let mut param = json!({
        "name": cookie.name,
        "value": cookie.value,
        "path": cookie.path,
        "secure": cookie.secure,
        "httpOnly": cookie.http_only,
    });
    if cookie.domain.starts_with('.') {
        param["domain"] = json!(cookie.domain);
    } else {
        let scheme = if cookie.secure { "https" } else { "http" };
        param["url"] = json!(format!("{scheme}://{}{}", cookie.domain, cookie.path));
    }
    if let Some(expires) = cookie.expires.filter(|expires| *expires > 0.0) {
        param["expires"] = json!(expires);
    }
    if let Some(same_site) = &cookie.same_site {
        param["sameSite"] = json!(same_site);
    }
    param
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cookie(domain: &str, expires: f64) -> Cookie {
        Cookie {
            name: "sid".to_owned(),
            value: "1".to_owned(),
            domain: domain.to_owned(),
            path: "/app".to_owned(),
            secure: true,
            http_only: true,
            expires: Some(expires),
            same_site: None,
        }
    }

    #[test]
    fn a_cookie_of_one_host_stays_with_it_and_a_session_cookie_ends_with_the_browser() {
        let host = param(&cookie("portal.example", -1.0));
        assert_eq!(host["url"], "https://portal.example/app");
        assert_eq!(
            (&host["domain"], &host["expires"]),
            (&Json::Null, &Json::Null)
        );
        let wide = param(&cookie(".portal.example", 1_795_000_000.0));
        assert_eq!(wide["domain"], ".portal.example");
        assert_eq!(
            (&wide["url"], &wide["expires"]),
            (&Json::Null, &json!(1_795_000_000.0))
        );
    }
}
