//! Who may ask: a bearer token, or loopback with a loopback name.

use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::middleware::Next;
use axum::response::Response;
use secrecy::{ExposeSecret, SecretString};
use sha2::{Digest, Sha256};

use super::refusal;

/// Who may ask.
#[derive(Debug, Clone)]
pub enum Access {
    /// Everybody on this machine, by a loopback name.
    Loopback,
    /// Who sends `Authorization: Bearer <token>`. `/healthz` needs none.
    Token(SecretString),
}

pub(super) async fn guard(State(access): State<Access>, request: Request, next: Next) -> Response {
    let headers = request.headers();
    match &access {
        Access::Loopback if !names_loopback(headers) => refusal(
            StatusCode::MISDIRECTED_REQUEST,
            "this server answers to localhost, 127.0.0.1 and [::1] only: set a token to use another name",
        ),
        Access::Token(token) if request.uri().path() != "/healthz" && !bears(headers, token) => {
            let mut answer = refusal(
                StatusCode::UNAUTHORIZED,
                "send the configured token as `Authorization: Bearer <token>`",
            );
            let challenge = HeaderValue::from_static("Bearer realm=\"tillwatch\"");
            answer
                .headers_mut()
                .insert(header::WWW_AUTHENTICATE, challenge);
            answer
        }
        Access::Loopback | Access::Token(_) => next.run(request).await,
    }
}

/// A web page reaches loopback under a name that it controls (DNS rebinding); the browser then says that name.
fn names_loopback(headers: &HeaderMap) -> bool {
    let Some(host) = headers
        .get(header::HOST)
        .and_then(|host| host.to_str().ok())
    else {
        return false;
    };
    let name = match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|b| b.is_ascii_digit()) => name,
        _ => host,
    };
    ["localhost", "127.0.0.1", "[::1]"]
        .iter()
        .any(|known| name.eq_ignore_ascii_case(known))
}

/// Compared by digest, every byte of it: how long it takes says nothing of the token.
fn bears(headers: &HeaderMap, token: &SecretString) -> bool {
    let Some(given) = headers
        .get(header::AUTHORIZATION)
        .and_then(|value| value.as_bytes().split_at_checked("Bearer ".len()))
        .filter(|(scheme, _)| scheme.eq_ignore_ascii_case(b"Bearer "))
        .map(|(_, given)| given)
    else {
        return false;
    };
    let wanted = Sha256::digest(token.expose_secret().as_bytes());
    let differing = Sha256::digest(given)
        .iter()
        .zip(wanted)
        .fold(0, |differing, (a, b)| differing | (a ^ b));
    differing == 0
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test")]
mod tests {
    use super::*;

    #[test]
    fn only_loopback_names_pass() {
        let passes = |host: &str| {
            let mut headers = HeaderMap::new();
            headers.insert(header::HOST, host.parse().unwrap());
            names_loopback(&headers)
        };
        for good in [
            "localhost",
            "LocalHost:9464",
            "127.0.0.1:9464",
            "[::1]",
            "[::1]:9464",
        ] {
            assert!(passes(good), "{good}");
        }
        for bad in [
            "",
            "evil.example",
            "localhost.evil.example:80",
            "127.0.0.1.evil.example",
            "[::2]:80",
        ] {
            assert!(!passes(bad), "{bad}");
        }
        assert!(!names_loopback(&HeaderMap::new()));
    }

    #[test]
    fn only_the_whole_token_passes() {
        let token = SecretString::from("correct horse");
        let passes = |value: &str| {
            let mut headers = HeaderMap::new();
            headers.insert(header::AUTHORIZATION, value.parse().unwrap());
            bears(&headers, &token)
        };
        assert!(passes("Bearer correct horse"));
        assert!(passes("bearer correct horse"));
        for bad in [
            "",
            "Bearer",
            "Bearer ",
            "Bearer correct",
            "Bearer correct horses",
            "Basic correct horse",
        ] {
            assert!(!passes(bad), "{bad}");
        }
        assert!(!bears(&HeaderMap::new(), &token));
    }
}
