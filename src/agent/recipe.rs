//! A changed selector file may give known payments other ids, and so tell history again: it is compared with the file from before,
//! dry, and stops the account, alone, until a person says that it may.
//!
//! The file is on record before the first payment is told by it, so that a crash, or the file from before put back, finds the
//! one to compare with.

use super::Agent;
use crate::control::Answer;
use crate::portal::Portal;
use crate::reading::{ReadError, Reader};
use crate::release::portal_of;
use crate::selectors;
use crate::selectors::recipe::Recipe;
use crate::status::Halt;
use crate::store::{ReadBy, Refused};

/// The file in force as it is put on record.
fn record(portal: &selectors::Portal) -> ReadBy {
    ReadBy {
        file: portal.text.to_string(),
        zone: portal.zone.name().to_owned(),
        currency: portal.currency.clone(),
        refused: None,
    }
}

impl<P: Portal> Agent<P> {
    /// Why the file in force may not be read by, if a comparison has shown it.
    pub(super) fn held_back(&self) -> Option<Halt> {
        let refused = self.read_by.as_ref()?.refused.as_ref()?;
        let is_this = refused.recipe == Recipe::of(&self.account.selectors).as_str();
        (is_this && !refused.allowed).then_some(Halt::HistoryAgain {
            again: refused.again,
            of: refused.of,
        })
    }

    /// Before a reading: is the file in force the one on record, or one that gives the same ids? Then it is on record.
    pub(super) async fn meet_recipe(
        &mut self,
        stop: &(dyn Fn() -> bool + Sync),
    ) -> Result<(), ReadError> {
        let in_force = record(&self.account.selectors);
        if let Some(kept) = self.read_by.clone() {
            let kept_file = ReadBy {
                refused: None,
                ..kept.clone()
            };
            if kept_file == in_force && kept.refused.is_none() {
                return Ok(());
            }
            if kept_file != in_force {
                self.judge_recipe(&kept, stop).await?;
            }
        }
        self.keep_read_by(in_force).await
    }

    async fn judge_recipe(
        &mut self,
        kept: &ReadBy,
        stop: &(dyn Fn() -> bool + Sync),
    ) -> Result<(), ReadError> {
        let recipe = Recipe::of(&self.account.selectors);
        let before = portal_of(&self.account.selectors.name, kept);
        let is_same = before
            .as_ref()
            .is_some_and(|before| Recipe::of(before) == recipe);
        let refused = kept.refused.as_ref();
        if is_same || refused.is_some_and(|one| one.allowed && one.recipe == recipe.as_str()) {
            return Ok(());
        }
        self.sweeps = true;
        let (plan, covered) = self.comparison();
        let mut reader = Reader {
            account: &self.account.about,
            selectors: &self.account.selectors,
            portal: &mut self.edges.portal,
            store: &self.edges.store,
            clock: &self.edges.clock,
            stop,
            memory: &mut self.memory,
        };
        let history = reader.compare(&plan, before.as_ref(), covered).await?;
        let (again, of) = (history.again, history.of);
        let account = self.account.about.name.as_str();
        if again == 0 {
            tracing::info!(
                account,
                payments = of,
                "the changed selector file tells nothing again"
            );
            return Ok(());
        }
        let refused = Refused {
            recipe: recipe.as_str().to_owned(),
            again,
            of,
            allowed: false,
        };
        self.keep_read_by(ReadBy {
            refused: Some(refused),
            ..kept.clone()
        })
        .await?;
        Err(ReadError::HistoryAgain { again, of })
    }

    async fn keep_read_by(&mut self, read_by: ReadBy) -> Result<(), ReadError> {
        let name = &self.account.about.name;
        self.edges.store.set_read_by(name, read_by.clone()).await?;
        self.read_by = Some(read_by);
        Ok(())
    }

    /// What whoever resumes the account hears.
    pub(super) fn goes_on(&self) -> String {
        let name = &self.account.about.name;
        match self.held_back() {
            Some(halt) => format!("{name} stays stopped: {}", halt.advice()),
            None => format!("{name} goes on"),
        }
    }

    /// A person says that history may be told again.
    pub(super) async fn emit_again(&mut self) -> Answer {
        let name = self.account.about.name.clone();
        match self.edges.store.allow_history(&name).await {
            Ok(Some(read_by)) => {
                self.read_by = Some(read_by);
                self.schedule.wake_at(self.edges.clock.monotonic());
                Answer::Done(format!("{name} goes on and emits again what its file says"))
            }
            Ok(None) => Answer::Refused(format!("nothing of {name} would be emitted again")),
            Err(error) => Answer::Refused(format!("failed: {error}")),
        }
    }
}
