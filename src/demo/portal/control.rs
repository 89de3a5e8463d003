//! The side channel: what a test may do to the portal and ask of it, by Rust call or over HTTP. No page links to it.
//!
//! | request | body (JSON; unknown keys are refused) | does |
//! |---|---|---|
//! | `POST /_control/payments` | [`Posting`]: `{}`, `{"amount":"1500.50","payer":"254722***000","payer_name":"JANE D.","reference":"acc 9900","kind":"payment","late_by":300,"charge":"15.00","twin_of":"UKL…","status":"Pending Authorized","settles_in":5,"settles_as":"Declined"}`, `{"kind":"reversal","reverses":"UKL…"}` | adds a row now; answers `{"receipt":"UKL…"}` |
//! | `POST /_control/history` | `{"rows":300}` | adds a past of so many rows of the usual mix, ending now |
//! | `POST /_control/status` | `{"receipt":"UKL…","status":"Completed"}` | changes a status word |
//! | `POST /_control/markup` | [`Markup`]: `{"rename_header":{"Paid In":"Credit"}}`, `{"drop_column":["Balance"]}`, `{"drop_header_row":true}`, `reverse_columns`, `drop_table`, `hide_rows`, `drop_signed_in_mark`, `empty_body`, `other_site` | replaces the deviations in force; `{}` restores the usual markup |
//! | `POST /_control/sessions/expire` | `{}` or `{"after_loads":1}` | the open session (a user has at most one) expires, now or after so many more page loads |
//! | `GET /_control/otp` | | `{"code":"482913"}`: the message to the person whose code is owed now, else `null` |
//! | `POST /_control/unlock` | none | unlocks the user and begins its counts anew |
//! | `POST /_control/faults` | [`FaultRule`]: `{"fault":"not-found"}`, `server-error`, `empty-body`, `slow` with `"ms":300`, `hang`, `close`, `sign-in`, `stale`; with `"path":"/statement.action"`, `"mode":"cors"`, `"times":2`, `"after":true` | adds a rule; the oldest that fits a request is used |
//! | `DELETE /_control/faults` | none | removes every rule and lets hanging requests go on |
//! | `POST /_control/config` | any keys of [`PortalConfig`] | changes those knobs |
//! | `GET /_control/truth` | | [`Truth`] |
//!
//! What is refused is answered with 422 and `{"error":"…"}`, and nothing is changed.

use axum::extract::State as Extracted;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use serde::Deserialize;
use serde_json::{Map, Value, json};
use std::sync::Arc;

use super::Shared;
use super::config::{ConfigError, PortalConfig};
use super::faults::{FaultRule, Markup};
use super::statement::{PostError, Posting};
use super::truth::{self, Truth};

/// The side channel as Rust calls; cheap to clone. Each method is one request of the table above.
#[derive(Clone)]
pub struct SideChannel(pub(super) Arc<Shared>);

impl SideChannel {
    /// Adds a row, visible from now on; answers its receipt.
    ///
    /// # Errors
    /// [`PostError`]; nothing is added then.
    pub fn post_payment(&self, posting: &Posting) -> Result<String, PostError> {
        self.0
            .with(|state, now| state.statement.post(posting, now, &state.config))
    }

    /// Adds exactly `rows` rows of the usual mix, the last shortly before now. Each becomes visible, in the past, when
    /// it is posted. Best done first: the history starts where it must to hold them all.
    ///
    /// # Errors
    /// [`PostError::Full`]; nothing is added then.
    pub fn seed_history(&self, rows: usize) -> Result<(), PostError> {
        self.0
            .with(|state, now| state.statement.seed_history(rows, now, &state.config))
    }

    /// Gives the row of `receipt` another status word; `Completed` settles it.
    ///
    /// # Errors
    /// [`PostError::UnknownReceipt`], [`PostError::TextTooLong`].
    pub fn set_status(&self, receipt: &str, status: &str) -> Result<(), PostError> {
        self.0
            .with(|state, now| state.statement.set_status(receipt, status, now))
    }

    /// Replaces the deviations of the markup; the default restores the usual one.
    pub fn set_markup(&self, markup: Markup) {
        self.0.with(|state, _| state.markup = markup);
    }

    /// The open session expires, now (0) or after so many more page loads.
    pub fn expire_session(&self, after_loads: u32) {
        self.0
            .with(|state, _| state.access.expire_session(after_loads));
    }

    /// The one-time code that was sent for the sign-in under way; none where a seed gives it.
    #[must_use]
    pub fn sent_code(&self) -> Option<String> {
        self.0.with(|state, _| state.access.sent_code())
    }

    /// Unlocks the user and begins its counts anew.
    pub fn unlock(&self) {
        self.0.with(|state, _| state.access.unlock());
    }

    /// Adds a fault; false if there are too many.
    pub fn add_fault(&self, rule: FaultRule) -> bool {
        self.0.with(|state, _| state.faults.add(rule))
    }

    /// Removes every fault and lets hanging requests go on.
    pub fn clear_faults(&self) {
        self.0.with(|state, _| state.faults.clear());
        self.0.release.send_replace(());
    }

    /// Changes the knobs named in `change`.
    ///
    /// # Errors
    /// [`ConfigError`]; nothing is changed then.
    pub fn set_config(&self, change: Map<String, Value>) -> Result<(), ConfigError> {
        self.0.with(|state, _| {
            state.config = state.config.with(change)?;
            Ok(())
        })
    }

    /// The knobs in force.
    pub fn config(&self) -> PortalConfig {
        self.0.with(|state, _| state.config.clone())
    }

    /// What really happened up to now.
    pub fn truth(&self) -> Truth {
        self.0.with(|state, now| {
            state.access.expire(now, &state.config);
            let mut lines = state.statement.lines();
            lines.sort_by_key(|line| line.number);
            Truth {
                now,
                rows: lines.iter().map(truth::row).collect(),
                attempts: state.journal.attempts(),
                loads: state.journal.loads(),
                forgotten: state.journal.forgotten(),
                locked: state.access.locked(),
                session_since: state.access.session_since(),
            }
        })
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct History {
    rows: usize,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct StatusChange {
    receipt: String,
    status: String,
}

#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields, default)]
struct Expiry {
    after_loads: u32,
}

type Channel = Extracted<SideChannel>;

pub(super) fn routes(channel: SideChannel) -> Router {
    Router::new()
        .route("/_control/payments", post(payments))
        .route("/_control/history", post(history))
        .route("/_control/status", post(status))
        .route(
            "/_control/markup",
            post(async |Extracted(channel): Channel, Json(markup)| channel.set_markup(markup)),
        )
        .route("/_control/sessions/expire", post(expire))
        .route(
            "/_control/otp",
            get(async |Extracted(channel): Channel| Json(json!({ "code": channel.sent_code() }))),
        )
        .route(
            "/_control/unlock",
            post(async |Extracted(channel): Channel| channel.unlock()),
        )
        .route(
            "/_control/faults",
            post(add_fault).delete(async |Extracted(channel): Channel| channel.clear_faults()),
        )
        .route("/_control/config", post(config))
        .route(
            "/_control/truth",
            get(async |Extracted(channel): Channel| Json(channel.truth())),
        )
        .with_state(channel)
}

async fn payments(Extracted(channel): Channel, Json(posting): Json<Posting>) -> Response {
    answer(
        channel
            .post_payment(&posting)
            .map(|receipt| json!({ "receipt": receipt })),
    )
}

async fn history(Extracted(channel): Channel, Json(history): Json<History>) -> Response {
    answer(channel.seed_history(history.rows).map(|()| json!({})))
}

async fn status(Extracted(channel): Channel, Json(change): Json<StatusChange>) -> Response {
    answer(
        channel
            .set_status(&change.receipt, &change.status)
            .map(|()| json!({})),
    )
}

async fn expire(Extracted(channel): Channel, Json(expiry): Json<Expiry>) {
    channel.expire_session(expiry.after_loads);
}

async fn add_fault(Extracted(channel): Channel, Json(rule): Json<FaultRule>) -> Response {
    answer(
        channel
            .add_fault(rule)
            .then(|| json!({}))
            .ok_or("too many faults are set"),
    )
}

async fn config(Extracted(channel): Channel, Json(change): Json<Map<String, Value>>) -> Response {
    answer(channel.set_config(change).map(|()| json!({})))
}

fn answer<E: std::fmt::Display>(result: Result<Value, E>) -> Response {
    match result {
        Ok(value) => Json(value).into_response(),
        Err(error) => (
            StatusCode::UNPROCESSABLE_ENTITY,
            Json(json!({ "error": error.to_string() })),
        )
            .into_response(),
    }
}
