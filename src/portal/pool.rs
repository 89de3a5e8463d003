//! A bound on browsers: accounts over it take turns, the most overdue first.
//!
//! Who has a place keeps it, and its browser, as long as nobody waits. Who waits gets the place of the account with
//! nothing to do for longest, or the next that a turn leaves. Who says nothing keeps its place: so does an account in whose
//! browser a person is signing in.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::oneshot;

/// An instant, and a number that tells equal ones apart, in the order in which they came.
type Turn = (Duration, u64);

/// The places of all accounts.
#[derive(Debug, Clone)]
pub struct Pool {
    // Places pass between the tasks of accounts at any time; held for single looks, never across an await.
    state: Arc<Mutex<State>>,
}

#[derive(Debug)]
struct State {
    free: usize,
    waiting: BTreeMap<Turn, oneshot::Sender<Place>>,
    /// Who has a place and nothing to do until then.
    idle: BTreeMap<Turn, oneshot::Sender<()>>,
    next: u64,
}

impl State {
    fn turn(&mut self, at: Duration) -> Turn {
        self.next += 1;
        (at, self.next)
    }

    fn is_wanted(&self) -> bool {
        self.waiting.values().any(|sender| !sender.is_closed())
    }
}

/// Leave to have a browser, until dropped.
#[derive(Debug)]
pub struct Place {
    /// `None` once it was given on.
    pool: Option<Pool>,
}

/// Taken off the list when the holder stops waiting.
struct Idle {
    pool: Pool,
    turn: Turn,
}

impl Pool {
    /// So many browsers at most.
    #[must_use]
    pub fn of(places: usize) -> Self {
        let state = State {
            free: places,
            waiting: BTreeMap::new(),
            idle: BTreeMap::new(),
            next: 0,
        };
        Self {
            state: Arc::new(Mutex::new(state)),
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A place for an account that was due at `due` (monotonic). Waited for until there is one.
    pub async fn place(&self, due: Duration) -> Place {
        let coming = {
            let mut state = self.lock();
            if state.free > 0 {
                state.free -= 1;
                return self.given();
            }
            let turn = state.turn(due);
            let (sender, coming) = oneshot::channel();
            state.waiting.insert(turn, sender);
            while let Some((_, told)) = state.idle.pop_last()
                && told.send(()).is_err()
            {}
            coming
        };
        // The sender is dropped only after it was used: the list lives as long as we do.
        match coming.await {
            Ok(place) => place,
            Err(_) => std::future::pending().await,
        }
    }

    fn given(&self) -> Place {
        Place {
            pool: Some(self.clone()),
        }
    }

    /// Does an account wait for a place?
    #[must_use]
    pub fn is_wanted(&self) -> bool {
        self.lock().is_wanted()
    }

    /// Ends when somebody else is to have the place of the caller, who has one and nothing to do until `due`.
    pub async fn wanted(&self, due: Duration) {
        let (told, hears) = oneshot::channel();
        let turn = {
            let mut state = self.lock();
            if state.is_wanted() {
                return;
            }
            let turn = state.turn(due);
            state.idle.insert(turn, told);
            turn
        };
        let idle = Idle {
            pool: self.clone(),
            turn,
        };
        if hears.await.is_err() {
            std::future::pending::<()>().await;
        }
        drop(idle);
    }

    fn give_back(&self) {
        let mut state = self.lock();
        while let Some((_, sender)) = state.waiting.pop_first() {
            match sender.send(self.given()) {
                Ok(()) => return,
                // It waits no more.
                Err(mut place) => place.pool = None,
            }
        }
        state.free += 1;
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        if let Some(pool) = self.pool.take() {
            pool.give_back();
        }
    }
}

impl Drop for Idle {
    fn drop(&mut self) {
        self.pool.lock().idle.remove(&self.turn);
    }
}

#[cfg(test)]
mod tests {
    use std::pin::pin;

    use tokio::sync::mpsc;
    use tokio::task::yield_now;

    use super::*;

    const S: fn(u64) -> Duration = Duration::from_secs;

    /// Waits in a task of its own and says its name when it has its turn.
    fn waits(
        pool: &Pool,
        name: &'static str,
        due: u64,
        turns: &mpsc::UnboundedSender<&'static str>,
    ) {
        let (pool, turns) = (pool.clone(), turns.clone());
        tokio::spawn(async move {
            let _place = pool.place(S(due)).await;
            turns.send(name).ok();
            yield_now().await;
        });
    }

    #[tokio::test]
    async fn the_most_overdue_has_the_next_place() {
        let pool = Pool::of(1);
        let held = pool.place(S(1)).await;
        assert!(!pool.is_wanted());
        let (turns, mut had) = mpsc::unbounded_channel();
        for (name, due) in [("third", 30), ("first", 10), ("second", 20), ("last", 30)] {
            waits(&pool, name, due, &turns);
            yield_now().await;
        }
        assert!(pool.is_wanted());
        drop(held);
        for name in ["first", "second", "third", "last"] {
            assert_eq!(had.recv().await, Some(name));
        }
        assert!(!pool.is_wanted());
    }

    #[tokio::test]
    async fn who_has_nothing_to_do_for_longest_makes_room_and_the_others_keep_their_place() {
        let pool = Pool::of(2);
        let (_soon, late) = (pool.place(S(1)).await, pool.place(S(1)).await);
        let mut next = pin!(pool.place(S(5)));
        {
            let mut soon_wanted = pin!(pool.wanted(S(20)));
            let late_wanted = pool.wanted(S(90));
            tokio::select! {
                biased;
                () = &mut soon_wanted => panic!("the wrong one"),
                () = late_wanted => {}
                _ = &mut next => panic!("no place is free"),
            }
        }
        drop(late);
        let _next = next.await;
        assert!(!pool.is_wanted());
    }

    #[tokio::test]
    async fn a_place_that_was_waited_for_in_vain_is_not_lost() {
        let pool = Pool::of(1);
        let held = pool.place(S(1)).await;
        {
            let mut given_up = pin!(pool.place(S(2)));
            let is_ready = futures_util::poll!(&mut given_up).is_ready();
            assert!(!is_ready && pool.is_wanted());
        }
        assert!(!pool.is_wanted());
        let mut late = Box::pin(pool.place(S(3)));
        assert!(futures_util::poll!(&mut late).is_pending());
        // Given, and given up before it was looked at.
        drop(held);
        drop(late);
        let _free = pool.place(S(4)).await;
    }
}
