//! `GET /v1/events`: the outbox as server-sent events, at least once, from where the client says.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::sync::Arc;

use axum::Json;
use axum::extract::{Query, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{IntoResponse, Response};
use futures_util::stream;
use serde::{Deserialize, Serialize};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};

use super::{Http, Limits, refusal};
use crate::event::{Cursor, Line, parse_told};
use crate::store::{Store, StoreError};

/// Events read from the store at once, and so held for one client at most.
const BATCH: usize = 100;

/// What all streams share.
#[derive(Clone)]
pub(super) struct Streams {
    store: Store,
    limits: Limits,
    places: Arc<Semaphore>,
    stop: watch::Receiver<bool>,
}

impl Streams {
    pub(super) fn new(http: &Http, stop: watch::Receiver<bool>) -> Self {
        Self {
            store: http.store.clone(),
            limits: http.limits,
            places: Arc::new(Semaphore::new(http.limits.clients)),
            stop,
        }
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Asked {
    after: Option<String>,
}

/// `Last-Event-ID`, else `?after=`: a cursor, or `start` for the oldest event kept. Neither: new events only.
///
/// The first event, `replay`, says where the stream really begins. 400: no cursor; 409: a cursor of another epoch, or
/// ahead of this store, with where to resume; 503: too many clients.
pub(super) async fn stream(
    State(streams): State<Streams>,
    Query(asked): Query<Asked>,
    headers: HeaderMap,
) -> Response {
    let Ok(place) = Arc::clone(&streams.places).try_acquire_owned() else {
        return refusal(
            StatusCode::SERVICE_UNAVAILABLE,
            "too many streams are open: close one, or come back later",
        );
    };
    // An EventSource repeats the URL it was made with, so the header is the newer word.
    let last_id = headers.get("last-event-id").map(|id| id.to_str());
    let requested = match last_id {
        Some(Ok(id)) => Some(id.to_owned()),
        Some(Err(_)) => return bad_cursor(),
        None => asked.after,
    };
    match begin(&streams, requested, place).await {
        Ok(reader) => {
            let keep_alive = KeepAlive::new().interval(streams.limits.keep_alive);
            let events = stream::unfold(reader, |mut reader| async {
                let event = reader.next().await?;
                Some((Ok::<_, Infallible>(event), reader))
            });
            Sse::new(events).keep_alive(keep_alive).into_response()
        }
        Err(answer) => answer,
    }
}

/// Where a stream begins.
#[derive(Serialize)]
struct Replay {
    /// What was asked for; null for new events only.
    requested: Option<String>,
    /// The first event that can follow.
    from: String,
    /// The oldest event kept.
    oldest: String,
    /// False when events between `requested` and `from` are no longer kept.
    complete: bool,
}

/// The answer to a cursor that is not of this store's events.
#[derive(Serialize)]
struct Elsewhere {
    epoch: String,
    resume_from: String,
    message: &'static str,
}

async fn begin(
    streams: &Streams,
    requested: Option<String>,
    place: OwnedSemaphorePermit,
) -> Result<Reader, Response> {
    let store = &streams.store;
    // Marked as seen before anything is read, so that what is committed from here on wakes the stream.
    let newest_known = store.newest();
    let newest = *newest_known.borrow();
    let oldest = store
        .oldest_kept()
        .await
        .map_err(|error| unavailable(&error))?;
    let at = |sequence| Cursor {
        epoch: store.epoch(),
        sequence,
    };
    let after = match requested.as_deref() {
        None => newest,
        Some("start") => oldest - 1,
        Some(text) => {
            let cursor: Cursor = text.parse().map_err(|_| bad_cursor())?;
            if cursor.epoch != store.epoch() {
                return Err(elsewhere(
                    at(oldest - 1),
                    "the cursor is of another life of the store: every event kept in this one follows `resume_from`, \
                     under the ids they always had",
                ));
            }
            if cursor.sequence > newest {
                return Err(elsewhere(
                    at(newest),
                    "the cursor is ahead of every event of this store: an older state was put back by hand",
                ));
            }
            cursor.sequence
        }
    };
    let from = (after + 1).max(oldest);
    let replay = Replay {
        requested,
        from: at(from).to_string(),
        oldest: at(oldest).to_string(),
        complete: from == after + 1,
    };
    Ok(Reader {
        store: store.clone(),
        newest: newest_known,
        stop: streams.stop.clone(),
        replay: Some(replay),
        after: from - 1,
        batch: VecDeque::new(),
        _place: place,
    })
}

/// One client's stream.
struct Reader {
    store: Store,
    newest: watch::Receiver<u64>,
    stop: watch::Receiver<bool>,
    /// To be told before the next event.
    replay: Option<Replay>,
    /// The last sequence told, or the one before the first.
    after: u64,
    batch: VecDeque<Line>,
    _place: OwnedSemaphorePermit,
}

impl Reader {
    /// The next event; `None` ends the stream, and the client comes back with the last id it got.
    async fn next(&mut self) -> Option<Event> {
        loop {
            if *self.stop.borrow() {
                return None;
            }
            if let Some(replay) = self.replay.take() {
                return self.replay_event(&replay);
            }
            if let Some(line) = self.batch.front() {
                if line.cursor.sequence > self.after + 1 {
                    self.skip_to(line.cursor);
                    continue;
                }
                let line = self.batch.pop_front()?;
                self.after = line.cursor.sequence;
                return Some(event(&line));
            }
            match self.store.outbox_after(self.after, BATCH).await {
                Ok(batch) if batch.is_empty() => tokio::select! {
                    changed = self.newest.changed() => changed.ok()?,
                    _ = self.stop.wait_for(|stop| *stop) => return None,
                },
                Ok(batch) => self.batch = batch.into(),
                Err(error) => {
                    tracing::warn!(%error, "an event stream ends because the store gave no events");
                    return None;
                }
            }
        }
    }

    /// The id makes a client that reconnects before its first event come back to where it began.
    fn replay_event(&self, replay: &Replay) -> Option<Event> {
        let told = Cursor {
            epoch: self.store.epoch(),
            sequence: self.after,
        };
        let event = Event::default().event("replay").id(told.to_string());
        event.json_data(replay).ok()
    }

    /// Events were dropped from the outbox while this client was behind: it is told, as at the start.
    fn skip_to(&mut self, next: Cursor) {
        let asked = Cursor {
            sequence: self.after,
            ..next
        };
        self.replay = Some(Replay {
            requested: Some(asked.to_string()),
            from: next.to_string(),
            oldest: next.to_string(),
            complete: false,
        });
        self.after = next.sequence - 1;
    }
}

fn event(line: &Line) -> Event {
    let event = Event::default().id(line.cursor.to_string());
    let event = match parse_told(&line.json) {
        Ok(told) => event.event(told.event_type.as_str()),
        Err(_) => event,
    };
    event.data(&line.json)
}

fn bad_cursor() -> Response {
    refusal(
        StatusCode::BAD_REQUEST,
        "a cursor is the `id` of an event of this stream, `<epoch>-<sequence>`, or `start`",
    )
}

fn elsewhere(resume: Cursor, message: &'static str) -> Response {
    let answer = Elsewhere {
        epoch: resume.epoch.to_string(),
        resume_from: resume.to_string(),
        message,
    };
    (StatusCode::CONFLICT, Json(answer)).into_response()
}

fn unavailable(error: &StoreError) -> Response {
    refusal(StatusCode::SERVICE_UNAVAILABLE, &error.to_string())
}
