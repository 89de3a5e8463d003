//! `GET /v1/accounts`: how every account stands, as `tillwatch status --json` prints it. `POST /v1/accounts/<account>/otp`:
//! takes the one-time code that its sign-in waits for.

use axum::Json;
use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Deserialize;
use serde_json::json;

use super::{Access, Http, refusal};
use crate::login::code::{self, Given, NotTaken};

/// The accounts as a JSON array.
pub(super) async fn list(State(http): State<Http>) -> Response {
    match http.overview.accounts().await {
        Ok(accounts) => Json(accounts).into_response(),
        Err(error) => refusal(StatusCode::SERVICE_UNAVAILABLE, &error.to_string()),
    }
}

/// What a forwarder of messages sends as JSON.
#[derive(Deserialize)]
struct Body {
    code: Given,
}

/// The body is the code, or the message with the code in it, as text or as `{"code": "…"}`. 202 when it was taken.
pub(super) async fn otp(
    State(http): State<Http>,
    Path(account): Path<String>,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    // Any web page may post plain text to this machine; its browser then says where the page is from.
    if matches!(http.access, Access::Loopback) && headers.contains_key(header::ORIGIN) {
        let message = "a web page may not give codes: set a token for the HTTP server";
        return refusal(StatusCode::FORBIDDEN, message);
    }
    let is_json = headers
        .get(header::CONTENT_TYPE)
        .and_then(|kind| kind.to_str().ok())
        .is_some_and(|kind| kind.starts_with("application/json"));
    let given = if is_json {
        serde_json::from_slice(&body).ok().map(|Body { code }| code)
    } else {
        std::str::from_utf8(&body)
            .ok()
            .map(|text| Given::new(text.to_owned()))
    };
    let Some(given) = given else {
        let message = "send the code as text, or as JSON such as {\"code\": \"482913\"}";
        return refusal(StatusCode::BAD_REQUEST, message);
    };
    match code::give(&http.codes, &account, &given) {
        Ok(()) => (StatusCode::ACCEPTED, Json(json!({ "taken": true }))).into_response(),
        Err(error) => {
            let status = match error {
                NotTaken::NoDesk => StatusCode::NOT_FOUND,
                NotTaken::NotAsked => StatusCode::CONFLICT,
                NotTaken::NotACode(_) => StatusCode::BAD_REQUEST,
            };
            refusal(status, &error.to_string())
        }
    }
}
