//! The cookies of a session while no browser has them: sent, and rotated as the portal says.
//!
//! Which of them is sent where is RFC 6265 section 5. A browser gives and takes them by `devtools`.

use fantoccini::cookies::Cookie as SetCookie;
use url::{Host, Url};

use crate::portal::kept::Cookie;

/// Cookies of one session: a portal that sets more has gone wrong (browsers keep 180 of a site).
const MOST: usize = 200;

/// The header that a request for `url` bears at `now` (seconds since the epoch); `None` without a cookie for it.
pub(super) fn header(cookies: &[Cookie], url: &Url, now: i64) -> Option<String> {
    let mut sent: Vec<&Cookie> = cookies.iter().filter(|it| fits(it, url, now)).collect();
    // The longer path first; of equal ones the older, which stands earlier.
    sent.sort_by_key(|cookie| std::cmp::Reverse(cookie.path.len()));
    let pairs: Vec<String> = sent
        .iter()
        .map(|cookie| format!("{}={}", cookie.name, cookie.value))
        .collect();
    (!pairs.is_empty()).then(|| pairs.join("; "))
}

/// Takes a `Set-Cookie` of the answer from `url`. One that is none, or of another host, is passed over as a browser does.
/// True when something changed.
pub(super) fn take(cookies: &mut Vec<Cookie>, set: &str, url: &Url, now: i64) -> bool {
    let Some(cookie) = parsed(set, url, now) else {
        return false;
    };
    let place = cookies.iter().position(|known| {
        (&known.name, &known.domain, &known.path) == (&cookie.name, &cookie.domain, &cookie.path)
    });
    let is_over = is_over(&cookie, now);
    let Some(place) = place else {
        let is_taken = !is_over && cookies.len() < MOST;
        if is_taken {
            cookies.push(cookie);
        }
        return is_taken;
    };
    if is_over {
        cookies.remove(place);
        return true;
    }
    match cookies.get_mut(place) {
        Some(known) if *known != cookie => {
            *known = cookie;
            true
        }
        Some(_) | None => false,
    }
}

fn parsed(text: &str, url: &Url, now: i64) -> Option<Cookie> {
    let set = SetCookie::parse(text).ok()?;
    let host = url.host_str()?;
    let domain = match set.domain().map(str::to_ascii_lowercase) {
        Some(domain) if domain != host => {
            let is_parent = host
                .strip_suffix(domain.as_str())
                .is_some_and(|rest| rest.ends_with('.'));
            (is_parent && domain.contains('.')).then(|| format!(".{domain}"))?
        }
        Some(domain) if matches!(url.host(), Some(Host::Domain(_))) => format!(".{domain}"),
        Some(_) | None => host.to_owned(),
    };
    let expires = match (set.max_age(), set.expires_datetime()) {
        (Some(age), _) => Some(now.saturating_add(age.whole_seconds())),
        (None, Some(at)) => Some(at.unix_timestamp()),
        (None, None) => None,
    };
    let path = set.path().filter(|path| path.starts_with('/'));
    Some(Cookie {
        name: set.name().to_owned(),
        value: set.value().to_owned(),
        domain,
        path: path.map_or_else(|| default_path(url), str::to_owned),
        secure: set.secure().unwrap_or(false),
        http_only: set.http_only().unwrap_or(false),
        expires: expires.map(seconds),
        same_site: set.same_site().map(|site| site.to_string()),
    })
}

fn is_over(cookie: &Cookie, now: i64) -> bool {
    let end = cookie.expires.filter(|at| *at >= 0.0);
    end.is_some_and(|at| at <= seconds(now))
}

fn fits(cookie: &Cookie, url: &Url, now: i64) -> bool {
    let host = url.host_str().unwrap_or_default();
    let of_host = match cookie.domain.strip_prefix('.') {
        Some(domain) => host
            .strip_suffix(domain)
            .is_some_and(|rest| rest.is_empty() || rest.ends_with('.')),
        None => host == cookie.domain,
    };
    let rest = url.path().strip_prefix(cookie.path.as_str());
    let of_path = rest
        .is_some_and(|rest| rest.is_empty() || rest.starts_with('/') || cookie.path.ends_with('/'));
    let is_safe = !cookie.secure || url.scheme() == "https";
    of_host && of_path && is_safe && !is_over(cookie, now)
}

/// The directory of the page that set it.
fn default_path(url: &Url) -> String {
    match url.path().rsplit_once('/') {
        Some(("", _)) | None => "/".to_owned(),
        Some((directory, _)) => directory.to_owned(),
    }
}

/// As the protocol has them.
#[expect(
    clippy::cast_precision_loss,
    reason = "instants are far below 2^52 seconds"
)]
fn seconds(at: i64) -> f64 {
    at as f64
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test")]
mod tests {
    use super::*;

    const NOW: i64 = 1_795_000_000;

    fn url(text: &str) -> Url {
        Url::parse(text).unwrap()
    }

    fn jar(set: &[&str], from: &str) -> Vec<Cookie> {
        let mut jar = Vec::new();
        for line in set {
            take(&mut jar, line, &url(from), NOW);
        }
        jar
    }

    #[test]
    fn a_rotated_cookie_replaces_the_one_before_and_a_withdrawn_one_goes() {
        let from = "https://portal.example/app/login";
        let mut jar = jar(&["sid=1; Path=/; HttpOnly", "csrf=a"], from);
        let asked = url("https://portal.example/app/table");
        assert_eq!(header(&jar, &asked, NOW).as_deref(), Some("csrf=a; sid=1"));
        assert!(take(&mut jar, "sid=2; path=/; Max-Age=60", &url(from), NOW));
        assert!(take(
            &mut jar,
            "csrf=; Expires=Thu, 01 Jan 1970 00:00:00 GMT",
            &url(from),
            NOW
        ));
        assert_eq!(header(&jar, &asked, NOW).as_deref(), Some("sid=2"));
        assert_eq!(header(&jar, &asked, NOW + 60), None);
    }

    #[test]
    fn a_cookie_goes_only_where_a_browser_would_send_it() {
        for (set, from, asked, sent) in [
            (
                "a=1",
                "https://p.example/x/y",
                "https://p.example/x/z",
                true,
            ),
            (
                "a=1",
                "https://p.example/x/y",
                "https://p.example/xy",
                false,
            ),
            (
                "a=1",
                "https://p.example/x/y",
                "https://www.p.example/x/",
                false,
            ),
            (
                "a=1; Domain=p.example",
                "https://p.example/",
                "https://www.p.example/",
                true,
            ),
            (
                "a=1; Domain=.p.example",
                "https://www.p.example/",
                "https://p.example/",
                true,
            ),
            (
                "a=1; Domain=p.example",
                "https://p.example/",
                "https://evilp.example/",
                false,
            ),
            (
                "a=1; Domain=other.example",
                "https://p.example/",
                "https://other.example/",
                false,
            ),
            (
                "a=1; Domain=example",
                "https://p.example/",
                "https://p.example/",
                false,
            ),
            (
                "a=1; Secure",
                "https://p.example/",
                "http://p.example/",
                false,
            ),
            (
                "a=1; Path=/app/",
                "https://p.example/",
                "https://p.example/app/x",
                true,
            ),
            (
                "a=1; Path=/app",
                "https://p.example/",
                "https://p.example/apple",
                false,
            ),
            (
                "a=1; Domain=127.0.0.1",
                "http://127.0.0.1:81/",
                "http://127.0.0.1:82/",
                true,
            ),
            ("no pair", "https://p.example/", "https://p.example/", false),
        ] {
            let header = header(&jar(&[set], from), &url(asked), NOW);
            assert_eq!(header.is_some(), sent, "{set} {from} {asked}");
        }
    }
}
