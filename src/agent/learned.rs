//! What the account's sessions have taught is kept: a restart must not cost the sign-ins that taught it.

use super::Agent;
use crate::portal::Portal;

impl<P: Portal> Agent<P> {
    /// Writes what was learned since the last time. Without it the agent goes on as well, and learns it again.
    pub(super) async fn keep_learned(&mut self) {
        let learned = self.life.learned();
        if *learned == self.learned_kept {
            return;
        }
        let learned = learned.clone();
        let (name, origin) = (
            &self.account.about.name,
            self.account.selectors.origin.to_string(),
        );
        tracing::debug!(
            account = name.as_str(),
            ends = ?learned.ended_idle,
            outlived = ?learned.outlived,
            "sessions have taught"
        );
        let kept = self.edges.store.set_learned(name, &origin, learned.clone());
        match kept.await {
            Ok(()) => self.learned_kept = learned,
            Err(error) => tracing::warn!(account = name.as_str(), "{error}"),
        }
    }
}
