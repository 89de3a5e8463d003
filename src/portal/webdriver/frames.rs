//! Frames: the way into one and out again.
//!
//! Inside, elements are found in the frame's document, and what is typed is checked against that document's origin. Pages are
//! read from the top, with the documents of the frames in place (`reading`).

use std::pin::pin;
use std::time::Duration;

use fantoccini::wd::WebDriverCompatibleCommand;
use hyper::Method;
use serde_json::json;
use tokio::time::sleep;
use url::{ParseError, Url};

use super::form::{POLL, Place, StepError, found, missing};
use super::reading::at_pin;
use super::session::{Failure, Session};
use crate::selectors::Origin;

/// "Switch To Frame" without one: the page that holds them all. fantoccini has no call for it.
#[derive(Debug, Clone)]
struct ToTop;

impl WebDriverCompatibleCommand for ToTop {
    fn endpoint(&self, base: &Url, session: Option<&str>) -> Result<Url, ParseError> {
        base.join(&format!("session/{}/frame", session.unwrap_or_default()))
    }

    fn method_and_body(&self, _url: &Url) -> (Method, Option<String>) {
        (Method::POST, Some(json!({ "id": null }).to_string()))
    }
}

/// Leaves every frame.
pub(super) async fn leave(session: &Session) -> Result<(), Failure> {
    session.issue(ToTop).await.map(drop)
}

/// Enters the frame, once it holds a document of the pinned origin.
///
/// # Errors
/// When it holds one of another origin, or none within `limit`.
pub(super) async fn enter(
    session: &Session,
    place: Place<'_>,
    pin: &Origin,
    limit: Duration,
) -> Result<(), StepError> {
    let mut deadline = pin!(sleep(limit));
    loop {
        let (frame, _) = found(session, place, pin, limit).await?;
        match entered(session, &frame).await {
            // Before its document comes, a frame holds an empty one.
            Ok(Some(url)) if url.scheme() != "about" => {
                return at_pin(&url, pin).map_err(StepError::Portal);
            }
            Ok(_) => session.to_parent_frame().await?,
            Err(Failure::Refused { .. }) => leave(session).await?,
            Err(gone @ Failure::Gone(_)) => return Err(gone.into()),
        }
        tokio::select! {
            () = sleep(POLL) => {}
            () = &mut deadline => return Err(missing(place)),
        }
    }
}

async fn entered(
    session: &Session,
    frame: &fantoccini::elements::Element,
) -> Result<Option<Url>, Failure> {
    session.enter_frame(frame).await?;
    let script = "return document.readyState === 'loading' ? null : document.location.href";
    let href = session.execute(script, Vec::new()).await?;
    Ok(href.as_str().and_then(|href| Url::parse(href).ok()))
}
