//! What is known of a credential without a sign-in: a session that a person brought, a page that refuses.

use super::leave::Leave;
use super::{Attempt, SignInError};
use crate::portal::Portal;
use crate::session::Outcome;
use crate::status::{Halt, SESSION_REFUSED};
use crate::store::Breaker;

impl<P: Portal> Attempt<'_, P> {
    /// A session that a person imported is about to be tried: whatever comes of it, no sign-in follows by itself. A verdict
    /// on the credential stays.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn await_import(&self) -> Result<(), SignInError> {
        let Ok(credential) = self.credential().await else {
            // Nobody could sign in.
            return Ok(());
        };
        let stays = match self.store.breaker(self.account).await? {
            Breaker::Closed | Breaker::Doubtful { .. } => false,
            Breaker::Open { outcome, .. } => !Halt::from_word(&outcome).asks_person(),
            Breaker::Missing => true,
        };
        if stays {
            return Ok(());
        }
        self.set_breaker(Breaker::Open {
            credential: self.version(&credential).await?,
            outcome: SESSION_REFUSED.to_owned(),
            since: self.clock.now(),
        })
        .await
    }

    /// The portal took the imported session.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn import_taken(&self) -> Result<(), SignInError> {
        match self.store.breaker(self.account).await? {
            Breaker::Open { outcome, .. } if outcome == SESSION_REFUSED => {
                self.set_breaker(Breaker::Closed).await
            }
            Breaker::Open { .. }
            | Breaker::Closed
            | Breaker::Doubtful { .. }
            | Breaker::Missing => Ok(()),
        }
    }

    /// A page of the table says `outcome`: what a sign-in that ends so leaves behind.
    ///
    /// # Errors
    /// When there is no secret or the store fails.
    pub async fn refused(&self, outcome: Outcome) -> Result<(), SignInError> {
        let credential = self.credential().await?;
        let version = self.version(&credential).await?;
        self.follow(outcome, version, Leave::Free).await.map(drop)
    }
}
