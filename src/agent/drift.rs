//! Watches how the portal's pages are built: a change is told, kept with its evidence, and over when the pages are
//! understood again.

use std::sync::Arc;

use super::Agent;
use crate::drift::{Known, News};
use crate::event::AccountRef;
use crate::evidence::{self, Exhibit};
use crate::portal::Portal;
use crate::reading::Shown;
use crate::release::{self, ReleaseError};
use crate::selectors;

impl<P: Portal> Agent<P> {
    /// After a reading, whatever came of it.
    pub(super) async fn look_at_structure(&mut self) {
        let Some(shown) = self.memory.take_shown() else {
            return;
        };
        let before = self.structure.clone();
        let (now, has_aside) = (self.edges.clock.now(), self.memory.has_aside());
        let news = match &mut self.structure {
            None => {
                self.structure = Known::first(&shown.skeleton);
                News::Nothing
            }
            Some(known) => known.look(&shown.skeleton, has_aside, now),
        };
        match news {
            News::Nothing => {}
            News::Changed => self.tell_change(shown).await,
            News::Over => tracing::info!(
                account = self.account.about.name.as_str(),
                "the portal's pages are understood again"
            ),
        }
        if self.structure != before {
            self.keep_structure().await;
        }
    }

    async fn tell_change(&mut self, shown: Shown) {
        let Some(report) = self.structure.as_ref().and_then(Known::report) else {
            return;
        };
        let exhibit = Exhibit {
            account: self.account.about.clone(),
            portal: self.account.selectors.clone(),
            page: shown.page,
            report: report.clone(),
            at: self.edges.clock.now(),
        };
        let account = self.account.about.name.as_str();
        let kept = evidence::keep(self.edges.store.dir(), exhibit, &mut self.edges.portal).await;
        let kept = match kept {
            Ok(directory) => Some(directory.display().to_string()),
            Err(error) => {
                tracing::warn!(account, %error, "what the page looked like could not be kept");
                None
            }
        };
        let evidence = kept.as_deref().unwrap_or("none");
        tracing::warn!(account, evidence, "{}; {}", report.what, report.columns());
        if let Some(drift) = self
            .structure
            .as_mut()
            .and_then(|known| known.drift.as_mut())
        {
            drift.evidence = kept.or(drift.evidence.take());
        }
    }

    /// Without the record the agent goes on as well; a restart then takes the page as it is for the usual one.
    async fn keep_structure(&mut self) {
        self.show_structure();
        let Some(known) = self.structure.clone() else {
            return;
        };
        let name = &self.account.about.name;
        let origin = self.account.selectors.origin.to_string();
        let kept = self.edges.store.set_structure(name, &origin, known).await;
        if let Err(error) = kept {
            tracing::warn!(account = name.as_str(), "{error}");
        }
    }

    /// On the board, and to the next reading.
    pub(super) fn show_structure(&mut self) {
        let usual = self.structure.as_ref().map(|known| &known.usual);
        self.memory.expect(usual);
        let report = self.structure.as_ref().and_then(Known::report);
        self.edges.seat.update(|status| status.drift = report);
    }

    /// Rows in quarantine are understood again by `portal`, the selector file as it is now, and told.
    pub(super) async fn release(
        &mut self,
        account: &AccountRef,
        portal: &Arc<selectors::Portal>,
    ) -> Result<String, String> {
        if account.operator != self.account.about.operator {
            return Err(format!(
                "the running agent has {} as another operator account than the config: restart the agent",
                account.name
            ));
        }
        if !release::gives_known_ids(portal, self.read_by.as_ref()) {
            return Err(ReleaseError::NotCompared.to_string());
        }
        let store = &self.edges.store;
        let released = release::release(store, account, portal, self.edges.clock.now()).await;
        let mut said = released.as_ref().map_err(ToString::to_string)?.to_string();
        let held = store.quarantine(Some(&self.account.about.name)).await;
        let held = held.map_err(|error| error.to_string())?;
        self.memory.holds(held.into_iter().map(|held| held.row.key));
        let leaves_words = released.is_ok_and(|released| released.leaves_words());
        if !leaves_words && self.structure.as_mut().is_some_and(Known::accept) {
            self.keep_structure().await;
            said.push_str(release::ACCEPTED);
        }
        Ok(said)
    }
}
