//! JavaScript dialogs: one that the file expects is answered as it says, any other is dismissed and told.
//!
//! The WebDriver leaves them open (`unhandledPromptBehavior` is `ignore`), so that its next call says that there is one.
//! Nobody but the file knows what the page asks: never is a dialog accepted by itself. Its text is not logged.

use std::sync::PoisonError;
use std::time::Duration;

use tokio::time::{sleep, timeout};

use super::form::POLL;
use super::session::{Failure, Session};
use crate::selectors::{Answer, Dialog};

impl Session {
    /// The dialogs that may open from now on, in place of those before.
    pub(super) fn expect_dialogs(&self, dialogs: Vec<Dialog>) {
        *self.dialogs.lock().unwrap_or_else(PoisonError::into_inner) = dialogs;
    }

    /// Waits until the dialog was answered, or until `limit`: it need not open.
    ///
    /// # Errors
    /// The session's.
    pub(super) async fn await_dialog(
        &self,
        dialog: &Dialog,
        limit: Duration,
    ) -> Result<(), Failure> {
        let rounds = limit.as_millis() / POLL.as_millis().max(1);
        for _ in 0..rounds {
            if !self.is_expected(dialog) {
                return Ok(());
            }
            self.answer_dialog().await?;
            sleep(POLL).await;
        }
        Ok(())
    }

    fn is_expected(&self, dialog: &Dialog) -> bool {
        let dialogs = self.dialogs.lock().unwrap_or_else(PoisonError::into_inner);
        dialogs
            .iter()
            .any(|other| other.text.as_str() == dialog.text.as_str())
    }

    /// The answer to a dialog of this text, which is expected once.
    fn answer_to(&self, text: &str) -> Option<Answer> {
        let mut dialogs = self.dialogs.lock().unwrap_or_else(PoisonError::into_inner);
        let at = dialogs
            .iter()
            .position(|dialog| dialog.text.is_match(text))?;
        Some(dialogs.remove(at).answer)
    }

    /// Answers the dialog that is open, if one is.
    ///
    /// # Errors
    /// The session's.
    pub(super) async fn answer_dialog(&self) -> Result<(), Failure> {
        let text = timeout(self.limit, self.client.get_alert_text()).await;
        let text = match self.settled("get alert text", text) {
            Ok(text) => text,
            Err(Failure::Refused { .. }) => return Ok(()),
            Err(gone) => return Err(gone),
        };
        let answer = self.answer_to(&text);
        let answered = match answer {
            Some(Answer::Accept) => timeout(self.limit, self.client.accept_alert()).await,
            Some(Answer::Dismiss) | None => timeout(self.limit, self.client.dismiss_alert()).await,
        };
        match answer {
            Some(_) => tracing::info!("the page opened a dialog; it was answered as the file says"),
            None => tracing::warn!(
                "the page opened a dialog that no step of the selector file expects; it was dismissed"
            ),
        }
        match self.settled("answer a dialog", answered) {
            // It closed by itself meanwhile.
            Ok(()) | Err(Failure::Refused { .. }) => Ok(()),
            Err(gone) => Err(gone),
        }
    }
}
