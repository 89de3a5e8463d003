//! May a credential be used: the breaker of each account, as the store keeps it.

use super::{Breaker, CredentialFingerprint, Store, StoreError, commit};
use crate::payment::AccountName;

impl Store {
    /// The breaker of `account`. One without a record is [`Breaker::Missing`].
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn breaker(&self, account: &AccountName) -> Result<Breaker, StoreError> {
        let account = account.clone();
        self.run(move |db, _| db.breaker(&account)).await
    }

    /// The breakers of other accounts than `account` that are about this `credential`: of the same portal user and password.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn breakers_elsewhere(
        &self,
        account: &AccountName,
        credential: CredentialFingerprint,
    ) -> Result<Vec<Breaker>, StoreError> {
        let account = account.clone();
        self.run(move |db, _| db.breakers_elsewhere(&account, credential))
            .await
    }

    /// A person says that the credential of `account` may be used: closes its breaker, and those of other accounts of the same
    /// portal user and password that the portal would refuse for the same reason.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn allow_credential(&self, account: &AccountName) -> Result<(), StoreError> {
        let account = account.clone();
        self.run(move |db, _| commit::close_breaker(db, &account, Breaker::is_of_portal_user))
            .await
    }

    /// The portal has answered: closes the breaker of `account`, and ends the doubt of others about the same credential.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn close_breaker(&self, account: &AccountName) -> Result<(), StoreError> {
        let account = account.clone();
        self.run(move |db, _| commit::close_breaker(db, &account, Breaker::is_doubt))
            .await
    }

    /// Sets the breaker of `account`.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn set_breaker(
        &self,
        account: &AccountName,
        breaker: Breaker,
    ) -> Result<(), StoreError> {
        let account = account.clone();
        self.run(move |db, _| commit::set_breaker(db, &account, &breaker))
            .await
    }

    /// 32 random bytes, made once: the salt of [`CredentialFingerprint`]s.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn credential_salt(&self) -> Result<[u8; 32], StoreError> {
        self.run(|db, _| Ok(db.salt())).await
    }
}
