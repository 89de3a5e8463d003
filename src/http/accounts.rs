//! `GET /v1/accounts`: how every account stands, as `tillwatch status --json` prints it.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};

use super::{Http, refusal};

/// The accounts as a JSON array.
pub(super) async fn list(State(http): State<Http>) -> Response {
    match http.overview.accounts().await {
        Ok(accounts) => Json(accounts).into_response(),
        Err(error) => refusal(StatusCode::SERVICE_UNAVAILABLE, &error.to_string()),
    }
}
