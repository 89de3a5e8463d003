//! The account's selector file is looked at before each turn: a good change is taken, with the session as it is; of a bad one
//! people are told, and the file from before stays in force.

use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};

use super::Agent;
use crate::config::{Resolved, SelectorFile};
use crate::diagnostic::Diagnostics;
use crate::portal::Portal;
use crate::selectors::recipe;

/// A file that was written less than this ago may still be being written.
const REST: TimeDelta = TimeDelta::seconds(1);

/// The file changed.
struct Changed {
    text: Arc<str>,
    read: Result<Resolved, Diagnostics>,
}

impl<P: Portal> Agent<P> {
    /// Takes the file where it is another one than at the last look.
    pub(super) async fn look_at_file(&mut self) {
        let Some(file) = self.account.file.clone() else {
            return;
        };
        let (looked, now) = (self.looked_at.clone(), self.edges.clock.now());
        let look = tokio::task::spawn_blocking(move || look(&file, &looked, now));
        let Ok(Some(Changed { text, read })) = look.await else {
            return;
        };
        self.looked_at = text;
        match read {
            Ok(resolved) if resolved.portal.origin != self.account.selectors.origin => {
                let why = "it has another `origin`, which takes a restart";
                self.say_wrong_file(why, why);
            }
            Ok(resolved) => self.take_file(resolved),
            Err(mistakes) => {
                let first = mistakes.iter().next().map(|mistake| mistake.line());
                self.say_wrong_file(&first.unwrap_or_default(), &mistakes.to_string());
            }
        }
    }

    fn take_file(&mut self, resolved: Resolved) {
        self.life.state_idle(resolved.portal.session.idle);
        self.account.selectors = resolved.portal;
        self.account.about = resolved.account;
        self.edges.portal.read_by(&self.account.selectors);
        self.memory.forget_page();
        // Rows that were put aside may be understood now.
        self.sweeps = true;
        let version = recipe::version(&self.account.selectors.text);
        let account = self.account.about.name.as_str();
        tracing::info!(
            account,
            version,
            "the selector file changed and is in force from now on"
        );
        self.waited_in = None;
        self.say_file();
    }

    /// Says which file is in force.
    pub(super) fn say_file(&self) {
        let version = recipe::version(&self.account.selectors.text);
        self.edges.seat.update(|status| {
            status.selectors = version;
            status.selectors_wrong = None;
        });
    }

    fn say_wrong_file(&self, short: &str, whole: &str) {
        let account = self.account.about.name.as_str();
        tracing::error!(
            account,
            "the selector file changed and is not taken, the one from before stays in force:\n{whole}"
        );
        let wrong = Some(short.to_owned());
        self.edges
            .seat
            .update(|status| status.selectors_wrong = wrong);
    }
}

/// `None`: nothing changed, or somebody is at it.
fn look(file: &SelectorFile, looked: &str, now: DateTime<Utc>) -> Option<Changed> {
    match file.text() {
        Ok(text) if text == looked => None,
        Ok(_) if file.written_within(REST, now) => None,
        Ok(text) => Some(Changed {
            read: file.resolve(&text),
            text: text.into(),
        }),
        // Told once, as long as it cannot be read.
        Err(_) if looked.is_empty() => None,
        Err(unreadable) => Some(Changed {
            read: Err(unreadable.into()),
            text: Arc::default(),
        }),
    }
}
