//! Typing and clicking, with the origin checked in the element's own document first.
//!
//! An element belongs to its document: a script that gets it as an argument runs in that document or fails as stale,
//! and so does the typing after it. So what was checked is what is typed into. Checked are the document itself and where the
//! form (or a button of it) sends what is typed. What a script of the pinned origin does with it cannot be
//! checked; that script could read the field anyway.

use std::pin::pin;
use std::time::Duration;

use fantoccini::elements::Element;
use serde::Deserialize;
use serde_json::json;
use tokio::time::sleep;
use url::Url;

use super::reading::at_pin;
use super::session::{Failure, Session};
use crate::page_loads::PageLoadsError;
use crate::portal::PortalError;
use crate::selectors::{Key, Origin};

/// How often a condition in the page is looked at.
pub(super) const POLL: Duration = Duration::from_millis(50);

/// The document's address and every address that the element's form can send to. `javascript:` stays in the
/// document. Prototype calls, because a field named `action` or `getAttribute` shadows the form's own.
const TARGETS: &str = r"
const element = arguments[0];
const here = document.location.href;
const targets = [here];
const attribute = (of, name) => Element.prototype.getAttribute.call(of, name);
const add = (address) => {
  if (address === null || address.trim() === '') return;
  try {
    const url = new URL(address, document.baseURI);
    if (url.protocol !== 'javascript:') targets.push(url.href);
  } catch (_) { targets.push('data:,no-address'); }
};
const form = element.form || element.closest('form');
if (form) {
  add(attribute(form, 'action'));
  for (const button of document.querySelectorAll('[formaction]')) {
    if (button.form === form) add(attribute(button, 'formaction'));
  }
}
return { document_id: String(performance.timeOrigin), targets };
";

/// Takes the option of this text, as a person does: the page's scripts hear of it.
const CHOOSE: &str = r"
const [list, wanted] = arguments;
const shown = (option) => option.textContent.replace(/\s+/g, ' ').trim();
const option = [...(list.options || [])].find((option) => shown(option) === wanted);
if (!option) return false;
option.selected = true;
for (const type of ['input', 'change']) list.dispatchEvent(new Event(type, { bubbles: true }));
return true;
";

/// Where in the page, and where in the selector file.
#[derive(Debug, Clone, Copy)]
pub(super) struct Place<'a> {
    /// As written in the file.
    pub(super) css: &'a str,
    /// Its key.
    pub(super) step: &'a str,
}

/// What ends a step.
#[derive(Debug)]
pub(super) enum StepError {
    /// The call.
    Call(Failure),
    /// What was found.
    Portal(PortalError),
}

impl From<PageLoadsError> for StepError {
    fn from(error: PageLoadsError) -> Self {
        StepError::Portal(error.into())
    }
}

impl From<Failure> for StepError {
    fn from(failure: Failure) -> Self {
        StepError::Call(failure)
    }
}

/// Types `text` into the field.
pub(super) async fn fill(
    session: &Session,
    place: Place<'_>,
    text: &str,
    pin: &Origin,
    limit: Duration,
) -> Result<(), StepError> {
    let (field, _) = found(session, place, pin, limit).await?;
    named(session.fill(&field, text).await, place)
}

/// Clicks the element. Gives the id of the document that was clicked in: what comes next is another one.
pub(super) async fn click(
    session: &Session,
    place: Place<'_>,
    pin: &Origin,
    limit: Duration,
) -> Result<String, StepError> {
    let (element, document_id) = found(session, place, pin, limit).await?;
    named(session.click(&element).await, place)?;
    Ok(document_id)
}

/// Presses a key in the field. Gives the id of the document, as `click`.
pub(super) async fn press(
    session: &Session,
    place: Place<'_>,
    key: Key,
    pin: &Origin,
    limit: Duration,
) -> Result<String, StepError> {
    let (field, document_id) = found(session, place, pin, limit).await?;
    let key = match key {
        Key::Enter => fantoccini::key::Key::Enter,
        Key::Tab => fantoccini::key::Key::Tab,
    };
    named(session.press(&field, key).await, place)?;
    Ok(document_id)
}

/// Takes the option with this text in the list of choices.
pub(super) async fn choose(
    session: &Session,
    place: Place<'_>,
    option: &str,
    pin: &Origin,
    limit: Duration,
) -> Result<(), StepError> {
    let (list, _) = found(session, place, pin, limit).await?;
    let chosen = session.execute(CHOOSE, vec![json!(list), json!(option)]);
    match chosen.await?.as_bool() {
        Some(true) => Ok(()),
        Some(false) | None => Err(missing(place)),
    }
}

/// Waits until the element is there.
pub(super) async fn wait(
    session: &Session,
    place: Place<'_>,
    pin: &Origin,
    limit: Duration,
) -> Result<(), StepError> {
    found(session, place, pin, limit).await.map(drop)
}

/// The element, in a document that is checked, waited for up to `limit`: a page's script may still be making it.
pub(super) async fn found(
    session: &Session,
    place: Place<'_>,
    pin: &Origin,
    limit: Duration,
) -> Result<(Element, String), StepError> {
    let mut deadline = pin!(sleep(limit));
    loop {
        if let Some(element) = session.find(place.css).await? {
            match targets(session, &element).await {
                Ok(reach) => {
                    check(&reach.targets, pin).map_err(StepError::Portal)?;
                    return Ok((element, reach.document_id));
                }
                // The page is just being replaced; the next one may have it too.
                Err(Failure::Refused {
                    code: "stale element reference",
                    ..
                }) => {}
                Err(failure) => return Err(failure.into()),
            }
        }
        tokio::select! {
            () = sleep(POLL) => {}
            () = &mut deadline => {
                return Err(missing(place));
            }
        }
    }
}

/// No such element.
pub(super) fn missing(place: Place<'_>) -> StepError {
    StepError::Portal(PortalError::ElementMissing {
        css: place.css.to_owned(),
        step: place.step.to_owned(),
    })
}

/// What the script answers.
#[derive(Deserialize)]
struct Reach {
    document_id: String,
    targets: Vec<String>,
}

async fn targets(session: &Session, element: &Element) -> Result<Reach, Failure> {
    let answer = session.execute(TARGETS, vec![json!(element)]).await?;
    serde_json::from_value(answer).map_err(|_| Failure::Refused {
        code: "an answer that the page changed",
        network: None,
    })
}

/// # Errors
/// The first address, the document's own before its form's, that is not of the pinned origin.
fn check(targets: &[String], pin: &Origin) -> Result<(), PortalError> {
    let no_page = PortalError::PortalDown {
        reason: "no page".to_owned(),
    };
    if targets.is_empty() {
        return Err(no_page);
    }
    for target in targets {
        at_pin(&Url::parse(target).map_err(|_| no_page.clone())?, pin)?;
    }
    Ok(())
}

/// Says which step of the file failed, with the code only.
fn named(result: Result<(), Failure>, place: Place<'_>) -> Result<(), StepError> {
    match result {
        Err(Failure::Refused {
            code,
            network: None,
        }) if code != "timeout" => Err(StepError::Portal(PortalError::PortalDown {
            reason: format!("`{}` of the selector file: {code}", place.step),
        })),
        other => Ok(other?),
    }
}
