//! One turn of an account: read, and sign in when the page asks for it.

use super::{Agent, RECHECK, Turn, TurnError};
use crate::portal::Portal;
use crate::reading::{Done, ReadError, Reader};
use crate::session::Outcome;
use crate::sign_in::{Attempt, SignIn, SignInError};
use crate::status::State;
use crate::understand::Session;

impl<P: Portal> Agent<P> {
    pub(super) async fn turn(
        &mut self,
        stop: &(dyn Fn() -> bool + Sync),
    ) -> Result<Turn, TurnError> {
        let waiting = self.edges.store.outbox_depth(&self.limits.sinks).await?;
        if waiting >= self.limits.outbox {
            return Ok(Turn::Wait(self.account.poll, State::OutboxFull));
        }
        if matches!(self.waited_in, Some(State::Stopped(_)))
            && let Some(halt) = self.attempt().halted().await?
        {
            return Ok(Turn::Wait(RECHECK, State::Stopped(halt)));
        }
        self.unlock().await;
        self.edges.portal.open().await?;
        match self.read(stop).await {
            Err(ReadError::Session(Session::SignedOut)) => self.edges.portal.forget(),
            Err(ReadError::Session(Session::Refused(_))) => {}
            other => return self.kept(other).await,
        }
        self.say(State::SigningIn, None).await;
        match self.sign_in().await? {
            SignIn::In => {
                self.edges.portal.keep().await;
                let read = self.read(stop).await;
                self.kept(read).await
            }
            SignIn::Wait { wait, why } => Ok(Turn::Wait(wait, State::WaitsForLogin { why })),
            SignIn::Later { outcome, wait } => Ok(Turn::Wait(wait, State::Refused { outcome })),
            SignIn::Stopped { halt, is_news } => {
                if is_news {
                    self.waited_in = None;
                }
                let wait = self.account.poll.max(RECHECK);
                Ok(Turn::Wait(wait, State::Stopped(halt)))
            }
        }
    }

    /// Once: what was kept of a session opens with the account's secret. Without one there is only a login, which says so.
    pub(super) async fn unlock(&mut self) {
        if !self.unlocked
            && let Ok(credential) = self.attempt().credential().await
        {
            self.edges.portal.unlock(&credential);
            self.unlocked = true;
        }
    }

    /// A reading that succeeded has shown that the session lives.
    async fn kept(&mut self, read: Result<Done, ReadError>) -> Result<Turn, TurnError> {
        if read.is_ok() {
            self.edges.portal.keep().await;
        }
        finished(read)
    }

    fn attempt(&mut self) -> Attempt<'_, P> {
        Attempt {
            account: &self.account.about.name,
            number: &self.account.about.operator.number,
            user: &self.account.user,
            sources: &self.account.sources,
            selectors: &self.account.selectors,
            portal: &mut self.edges.portal,
            store: &self.edges.store,
            gate: &self.edges.gate,
            ledger: &self.edges.ledger,
            clock: &self.edges.clock,
        }
    }

    async fn sign_in(&mut self) -> Result<SignIn, SignInError> {
        let made = self.attempt().make().await;
        match made {
            Ok(SignIn::In) => self.doubtful = false,
            Ok(SignIn::Later {
                outcome: Outcome::Unknown,
                ..
            }) => self.doubtful = true,
            Ok(SignIn::Later { .. } | SignIn::Wait { .. } | SignIn::Stopped { .. }) | Err(_) => {}
        }
        if matches!(made, Ok(SignIn::In)) {
            let now = self.edges.clock.now();
            self.edges
                .seat
                .update(|status| status.signed_in_at = Some(now));
        }
        made
    }

    async fn read(&mut self, stop: &(dyn Fn() -> bool + Sync)) -> Result<Done, ReadError> {
        let plan = self.plan();
        let reader = Reader {
            account: &self.account.about,
            selectors: &self.account.selectors,
            portal: &mut self.edges.portal,
            store: &self.edges.store,
            clock: &self.edges.clock,
            stop,
            memory: &mut self.memory,
        };
        reader.read(&plan).await
    }
}

fn finished(read: Result<Done, ReadError>) -> Result<Turn, TurnError> {
    match read {
        Ok(done) => Ok(Turn::Read(done)),
        Err(ReadError::Stopped) => Ok(Turn::Stopping),
        Err(error) => Err(error.into()),
    }
}
