//! The side channel: what a test may do to the portal and ask of it, by Rust call or over HTTP. No page links to it.
//!
//! | request | body (JSON; unknown keys are refused) | does |
//! |---|---|---|
//! | `POST /_control/payments` | a posting, as Kilima's | adds a row now; answers `{"receipt":"…"}` |
//! | `POST /_control/history` | `{"rows":30}` | adds a past of so many rows |
//! | `POST /_control/knobs` | any keys of [`Knobs`] | changes those knobs |
//! | `POST /_control/expire` | none | ends the open session |
//! | `POST /_control/occupy` | none | opens a session that nobody holds, as a crash leaves one |
//! | `GET /_control/code` | | the one-time code that is waited for: `{"code":"123456"}` |
//! | `GET /_control/truth` | | [`Truth`] |

use std::sync::Arc;

use axum::extract::State as Extracted;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::{Guest, Knobs, Verdict};
use crate::demo::portal::truth::{self, TruthRow};
use crate::demo::portal::{PostError, Posting};

/// What really happened.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Truth {
    /// Every row ever visible, in order of posting; where a portal numbers its rows, from 0.
    pub rows: Vec<TruthRow>,
    /// What every sign-in that was sent was told; `open` for those that were let in.
    pub attempts: Vec<Verdict>,
    /// Method and path of every request for a page.
    pub loads: Vec<String>,
    /// Whether a session is open.
    pub has_session: bool,
}

/// The side channel as Rust calls; cheap to clone.
#[derive(Clone)]
pub struct Channel(pub(super) Arc<Guest>);

impl Channel {
    /// Adds a row, visible from now on; answers its receipt.
    ///
    /// # Errors
    /// [`PostError`]; nothing is added then.
    pub fn post_payment(&self, posting: &Posting) -> Result<String, PostError> {
        self.0.with(|state, now| {
            let config = state.book_config();
            state.books.post(posting, now, &config)
        })
    }

    /// Adds a past of so many rows.
    ///
    /// # Errors
    /// [`PostError::Full`]; nothing is added then.
    pub fn seed_history(&self, rows: usize) -> Result<(), PostError> {
        self.0.with(|state, now| {
            let config = state.book_config();
            state.books.seed_history(rows, now, &config)
        })
    }

    /// Changes the knobs.
    pub fn turn(&self, change: impl FnOnce(&mut Knobs)) {
        self.0.with(|state, _| change(&mut state.knobs));
    }

    /// The knobs in force.
    #[must_use]
    pub fn knobs(&self) -> Knobs {
        self.0.with(|state, _| state.knobs.clone())
    }

    /// Ends the open session.
    pub fn expire(&self) {
        self.0.with(|state, _| state.session = None);
    }

    /// Puts so many announcements before the next pages of the open session.
    pub fn announce(&self, announcements: u32) {
        self.0.with(|state, _| {
            if let Some(session) = &mut state.session {
                session.announcements = announcements;
            }
        });
    }

    /// Opens a session that nobody holds.
    pub fn occupy(&self) {
        self.0.with(|state, _| state.open_session());
    }

    /// The one-time code that is waited for.
    #[must_use]
    pub fn code(&self) -> Option<String> {
        self.0.with(|state, _| state.code.clone())
    }

    /// What really happened up to now.
    #[must_use]
    pub fn truth(&self) -> Truth {
        self.0.with(|state, _| {
            let mut lines = state.books.lines();
            lines.sort_by_key(|line| line.number);
            Truth {
                rows: lines.iter().map(truth::row).collect(),
                attempts: state.attempts.clone(),
                loads: state.loads.clone(),
                has_session: state.session.is_some(),
            }
        })
    }

    /// Replaces the knobs named in `change`.
    fn change(&self, change: Map<String, Value>) -> Result<(), serde_json::Error> {
        self.0.with(|state, _| {
            let mut merged = serde_json::to_value(&state.knobs)?;
            if let Some(fields) = merged.as_object_mut() {
                fields.extend(change);
            }
            state.knobs = serde_json::from_value(merged)?;
            Ok(())
        })
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct History {
    rows: usize,
}

type Asked = Extracted<Channel>;

pub(super) fn routes(channel: Channel) -> Router {
    Router::new()
        .route(
            "/_control/payments",
            post(
                async |Extracted(channel): Asked, Json(posting): Json<Posting>| {
                    answer(
                        channel
                            .post_payment(&posting)
                            .map(|receipt| json!({ "receipt": receipt })),
                    )
                },
            ),
        )
        .route(
            "/_control/history",
            post(
                async |Extracted(channel): Asked, Json(history): Json<History>| {
                    answer(channel.seed_history(history.rows).map(|()| json!({})))
                },
            ),
        )
        .route(
            "/_control/knobs",
            post(
                async |Extracted(channel): Asked, Json(change): Json<Map<String, Value>>| {
                    answer(channel.change(change).map(|()| json!({})))
                },
            ),
        )
        .route(
            "/_control/expire",
            post(async |Extracted(channel): Asked| channel.expire()),
        )
        .route(
            "/_control/occupy",
            post(async |Extracted(channel): Asked| channel.occupy()),
        )
        .route(
            "/_control/code",
            get(async |Extracted(channel): Asked| Json(json!({ "code": channel.code() }))),
        )
        .route(
            "/_control/truth",
            get(async |Extracted(channel): Asked| Json(channel.truth())),
        )
        .with_state(channel)
}

fn answer<E: std::fmt::Display>(result: Result<Value, E>) -> Response {
    match result {
        Ok(value) => Json(value).into_response(),
        Err(error) => {
            let body = Json(json!({ "error": error.to_string() }));
            (StatusCode::UNPROCESSABLE_ENTITY, body).into_response()
        }
    }
}
