//! Takes the steps of a selector file, one after the other.
//!
//! A step never goes where the file does not say: an element that is not there ends the list, and the page as it stands
//! then has the verdict.

use std::sync::Arc;
use std::time::Duration;

use super::browser::{Browser, down};
use super::form::{self, Place, StepError};
use super::frames;
use crate::portal::PortalError;
use crate::selectors::{Dialog, Portal, Step, Value};

/// How long a dialog that the file expects may take to open. Most portals open it only if there is something to ask.
const DIALOG: Duration = Duration::from_secs(2);

/// A list of steps and what it needs.
pub(super) struct Script<'a> {
    /// The steps.
    pub(super) steps: &'a [Step],
    /// Their key in the file.
    pub(super) key: &'static str,
    /// The portal.
    pub(super) portal: &'a Arc<Portal>,
    /// How long an element may take to appear.
    pub(super) limit: Duration,
    /// What stands for a placeholder.
    pub(super) text: &'a (dyn Fn(Value) -> &'a str + Sync),
}

/// How a list of steps ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Walked {
    /// All were taken.
    Through,
    /// An element was not there. `sent`: some step before it may have made the portal answer with another page.
    Missing { error: PortalError, sent: bool },
}

impl Browser {
    /// Takes the steps.
    ///
    /// # Errors
    /// Whatever ends a step, but for an element that is not there.
    pub(super) async fn walk(&mut self, script: &Script<'_>) -> Result<Walked, StepError> {
        self.leave_frames().await?;
        let (mut sent, mut sent_password) = (false, false);
        let mut typed_password = false;
        for (index, step) in script.steps.iter().enumerate() {
            if !matches!(step, Step::Dialog(_)) {
                let after = script.steps.get(index + 1..).unwrap_or_default();
                self.session.expect_dialogs(dialogs(after));
            }
            if step.sends() || matches!(step, Step::Visit { .. }) {
                match self.loads.take().await {
                    // A form on several pages: the credential is sent, and the answer to it will not be known.
                    Err(error) if sent_password => return Err(down(&error.to_string())),
                    taken => taken?,
                }
            }
            // Before the click: an answer that is lost may still be a sign-in.
            self.may_be_signed_in |= typed_password && step.sends();
            match self.take_step(script, index, step).await {
                Err(StepError::Portal(error @ PortalError::ElementMissing { .. })) => {
                    return Ok(Walked::Missing { error, sent });
                }
                other => other?,
            }
            sent_password |= typed_password && step.sends();
            sent |= step.sends() || matches!(step, Step::Visit { .. });
            typed_password |= step.types(Value::Password);
        }
        Ok(Walked::Through)
    }

    async fn take_step(
        &mut self,
        script: &Script<'_>,
        index: usize,
        step: &Step,
    ) -> Result<(), StepError> {
        let (pin, limit) = (&script.portal.origin, script.limit);
        let named = format!("{}[{index}].{}", script.key, step.key());
        let place = |css| Place { css, step: &named };
        let session = &self.session;
        match step {
            Step::Fill { field, value } => {
                form::fill(session, place(field), (script.text)(*value), pin, limit).await
            }
            Step::Choose { list, option } => {
                form::choose(session, place(list), option, pin, limit).await
            }
            Step::Click { element } => {
                self.document = form::click(session, place(element), pin, limit).await?;
                Ok(())
            }
            Step::Press { key, field } => {
                self.document = form::press(session, place(field), *key, pin, limit).await?;
                Ok(())
            }
            Step::Visit { path } => {
                let url = pin
                    .join(path)
                    .ok_or_else(|| down("a path of the selector file leaves the origin"))?;
                self.leave_frames().await?;
                self.session.goto(&url).await?;
                self.after_load(limit, script.portal).await.map(drop)
            }
            Step::Wait { element } => form::wait(session, place(element), pin, limit).await,
            Step::Frame { frame: None } => self.leave_frames().await,
            Step::Frame { frame: Some(css) } => {
                self.in_frame = true;
                frames::enter(session, place(css), pin, limit).await
            }
            Step::Dialog(dialog) => {
                session.await_dialog(dialog, DIALOG.min(limit)).await?;
                Ok(())
            }
        }
    }

    /// Out of any frame.
    pub(super) async fn leave_frames(&mut self) -> Result<(), StepError> {
        if self.in_frame {
            frames::leave(&self.session).await?;
            self.in_frame = false;
        }
        Ok(())
    }
}

/// The dialogs that the file expects right after a step.
fn dialogs(after: &[Step]) -> Vec<Dialog> {
    after
        .iter()
        .map_while(|step| {
            if let Step::Dialog(dialog) = step {
                Some(dialog.clone())
            } else {
                None
            }
        })
        .collect()
}
