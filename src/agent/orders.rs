//! What a person asks of an account that runs: obeyed between two turns.

use tokio::sync::{mpsc, watch};

use super::Agent;
use crate::control::{Answer, Order, Ordered};
use crate::payment::AccountName;
use crate::portal::{Left, Portal};
use crate::session::{Event, Stand};
use crate::status::State;
use crate::store::StoreError;

impl<P: Portal> Agent<P> {
    pub(super) async fn obey(&mut self, (order, answer): Ordered) {
        let name = self.account.about.name.clone();
        let result = match order {
            Order::Import { origin, session } => {
                return self.import(&origin, *session, answer).await;
            }
            Order::Record { pages } => return self.record_next(pages, answer),
            Order::EmitAgain => {
                let said = self.emit_again().await;
                // Whoever asked may have gone away meanwhile.
                let _gone = answer.send(said);
                return;
            }
            Order::Pause => {
                self.unlock().await;
                // Before the portal is asked, which takes its time: a start after a crash must not sign in beside a person.
                let paused = self.edges.store.set_paused(&name, true).await;
                let left = self.edges.portal.hand_over().await;
                self.life.forget();
                self.say_import_dropped();
                self.say_not_recorded("it was paused");
                if paused.is_ok() {
                    self.becomes(Event::Pause);
                }
                paused.map(|()| handed_over(&name, &left))
            }
            Order::Resume => self.resume().await.map(|()| self.goes_on()),
            Order::Poll => Ok(self.poll_now()),
            Order::Release { account, portal } => {
                let said = match self.release(&account, &portal).await {
                    Ok(released) => Answer::Done(released),
                    Err(why) => Answer::Refused(why),
                };
                // As below.
                let _gone = answer.send(said);
                return;
            }
        };
        if matches!(order, Order::Resume) {
            self.schedule.wake_at(self.edges.clock.monotonic());
        }
        let said = match result {
            Ok(done) => Answer::Done(done),
            Err(error) => Answer::Refused(format!("failed: {error}")),
        };
        // Whoever asked may have gone away meanwhile.
        let _gone = answer.send(said);
    }

    /// No pause that keeps the account from being locked is cut short by it, nor one that is somebody else's.
    fn poll_now(&mut self) -> String {
        let name = &self.account.about.name;
        if self.stand == Stand::Paused {
            return format!("{name} is paused and not read; `tillwatch resume {name}` goes on");
        }
        let now = self.edges.clock.monotonic();
        let waits = self.waited_in.as_ref();
        if let Some(state @ (State::Refused { .. } | State::Yields)) = waits {
            let left = self.schedule.next().saturating_sub(now).as_secs();
            let why = state.why().unwrap_or_default();
            return format!("{name} is left alone for another {left} s: {why}");
        }
        let said = match waits {
            None | Some(State::Failing { .. }) => format!("{name} is read now"),
            Some(state) => format!("{name} looks now whether it can go on: {}", state.word()),
        };
        self.schedule.wake_at(now);
        said
    }

    async fn resume(&mut self) -> Result<(), StoreError> {
        let name = &self.account.about.name;
        self.edges.store.allow_credential(name).await?;
        self.edges.store.set_paused(name, false).await?;
        self.becomes(Event::Resume);
        self.doubtful = false;
        self.person_asked = None;
        Ok(())
    }
}

/// What whoever paused the account hears.
fn handed_over(name: &AccountName, left: &Left) -> String {
    let goes_on = format!("`tillwatch resume {name}` goes on");
    match left {
        Left::SignedOut => format!("{name} is paused and signed out; {goes_on}"),
        Left::Nothing => {
            format!("{name} is paused; no session of it is known to be open; {goes_on}")
        }
        Left::Open(why) => format!(
            "{name} is paused, but not known to be signed out: {why}. The portal may hold the session until its idle timeout; {goes_on}"
        ),
    }
}

/// The next order. `None`: the end.
pub(super) async fn ordered(
    orders: &mut mpsc::Receiver<Ordered>,
    stop: &mut watch::Receiver<bool>,
) -> Option<Ordered> {
    loop {
        tokio::select! {
            changed = stop.changed() => {
                if changed.is_err() || *stop.borrow() {
                    return None;
                }
            }
            Some(ordered) = orders.recv() => return Some(ordered),
        }
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test")]
mod tests {
    use super::*;
    use crate::portal::{NoSession, NotOut, PortalError};

    #[test]
    fn whoever_pauses_hears_what_became_of_the_session() {
        let name = AccountName::new("kilima").unwrap();
        let said = |left| {
            let said = handed_over(&name, &left);
            let body = said.strip_suffix("; `tillwatch resume kilima` goes on");
            body.unwrap().to_owned()
        };
        assert_eq!(said(Left::SignedOut), "kilima is paused and signed out");
        let nothing = "kilima is paused; no session of it is known to be open";
        assert_eq!(said(Left::Nothing), nothing);
        let no_driver = PortalError::NoWebDriver {
            kind: NoSession::Refused,
            reason: "connection refused".to_owned(),
        };
        for (why, word) in [
            (NotOut::NoWay, "`sign_out`"),
            (NotOut::NoAnswer("timeout".to_owned()), "(timeout)"),
            (
                NotOut::NoBrowser(no_driver),
                "the WebDriver gives no session",
            ),
        ] {
            let said = said(Left::Open(why));
            assert!(said.contains(word), "{said}");
            assert!(said.contains("not known to be signed out"), "{said}");
            assert!(
                said.ends_with("hold the session until its idle timeout"),
                "{said}"
            );
        }
    }
}
