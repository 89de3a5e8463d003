//! One click sends one request.
//!
//! Chromium sends a request again by itself, a form's POST too, when a connection that it had open closes before the
//! answer (`HttpNetworkTransaction::ShouldResendRequest`). Measured with Chromium on a portal that takes a sign-in and
//! closes: 3 or 4 sign-ins of one click, enough for a lock and never in a ledger. What goes over a connection of its
//! own is not sent again. So every request asks for one (`Connection: close`), none is opened ahead
//! (`net.network_prediction_options`), and HTTP/2, which shares one, is off. Each page pays a handshake for it.

use serde_json::{Value as Json, json};

use super::session::{Failure, Session};

/// On the browser's command line.
pub(super) const ARG: &str = "--disable-http2";

/// The browser's preferences: 2 is "never".
pub(super) fn preferences() -> Json {
    json!({ "net": { "network_prediction_options": 2 } })
}

/// Has every request of the session ask for a connection of its own.
///
/// # Errors
/// When the WebDriver does not know the command, or is gone.
pub(super) async fn forbid(session: &Session) -> Result<(), Failure> {
    let headers = json!({ "headers": { "Connection": "close" } });
    for (command, params) in [
        ("Network.enable", json!({})),
        ("Network.setExtraHTTPHeaders", headers),
    ] {
        session.devtools(command, params).await?;
    }
    Ok(())
}
