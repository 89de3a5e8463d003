//! What a person asks of an account that runs: obeyed between two turns.

use tokio::sync::{mpsc, watch};

use super::Agent;
use crate::control::{Answer, Order, Ordered};
use crate::portal::Portal;
use crate::session::{Event, Stand};
use crate::store::{Breaker, StoreError};

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
                self.edges.portal.close().await;
                self.life.forget();
                self.say_import_dropped();
                self.say_not_recorded("it was paused");
                let paused = self.edges.store.set_paused(&name, true).await;
                if paused.is_ok() {
                    self.becomes(Event::Pause);
                }
                paused.map(|()| {
                    format!("{name} is paused and signed out; `tillwatch resume {name}` goes on")
                })
            }
            Order::Resume => self.resume().await.map(|()| self.goes_on()),
            Order::Poll if self.stand == Stand::Paused => Ok(format!(
                "{name} is paused and not read; `tillwatch resume {name}` goes on"
            )),
            Order::Poll => Ok(format!("{name} is read now")),
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
        if matches!(order, Order::Resume | Order::Poll) {
            self.schedule.wake_at(self.edges.clock.monotonic());
        }
        let said = match result {
            Ok(done) => Answer::Done(done),
            Err(error) => Answer::Refused(format!("failed: {error}")),
        };
        // Whoever asked may have gone away meanwhile.
        let _gone = answer.send(said);
    }

    async fn resume(&mut self) -> Result<(), StoreError> {
        let name = &self.account.about.name;
        self.edges.store.set_breaker(name, Breaker::Closed).await?;
        self.edges.store.set_paused(name, false).await?;
        self.becomes(Event::Resume);
        self.doubtful = false;
        self.person_asked = None;
        Ok(())
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
