//! Lets an attempt through, or says when the next one is possible. One gate per portal user, shared by all
//! accounts that sign in as this user.
//!
//! The ledger is the authority: [`Gate::spend`] decides again, writes the attempt, and answers only when it is on
//! disk. `governor` paces attempts within this process as well, on a clock that nobody moves.

use std::collections::HashMap;
use std::collections::hash_map;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use governor::middleware::NoOpMiddleware;
use governor::state::{InMemoryState, NotKeyed};
use governor::{Quota, RateLimiter};
use tokio::sync::{Mutex, OwnedMutexGuard};

use super::budget::{Rules, RulesError, Stamp, Verdict, Why, decide, used};
use super::ledger::{Expectation, Found, Ledger, LedgerError, LedgerKey};
use crate::clock::Clock;
use crate::session::Outcome;

/// A wall clock that moved by more than this is noted in the ledger.
const STEP: Duration = Duration::from_secs(1);

type Limiter = RateLimiter<NotKeyed, InMemoryState, Clock, NoOpMiddleware<Duration>>;

impl governor::clock::Clock for Clock {
    type Instant = Duration;

    fn now(&self) -> Duration {
        self.monotonic()
    }
}

/// No attempt was let through.
#[derive(Debug, thiserror::Error)]
pub enum Refused {
    /// Too early; ask again after the wait.
    #[error("no sign-in for another {} s ({})", wait.as_secs(), why.as_str())]
    Wait {
        /// How long.
        wait: Duration,
        /// What for.
        why: Why,
    },
    /// The attempt could not be written, so it must not be made.
    #[error(transparent)]
    Ledger(#[from] LedgerError),
    /// The runtime is going down.
    #[error("the agent is stopping")]
    Stopping,
}

/// A gate could not be opened.
#[derive(Debug, thiserror::Error)]
pub enum GateError {
    /// See there.
    #[error(transparent)]
    Ledger(#[from] LedgerError),
    /// Two accounts sign in as one portal user under different rules.
    #[error(
        "another account signs in as the same portal user with another `cap`, `reserve` or `spacing`: make them equal"
    )]
    RulesDiffer,
    /// See there.
    #[error(transparent)]
    Rules(#[from] RulesError),
    /// The runtime is going down.
    #[error("the agent is stopping")]
    Stopping,
}

/// What is left, for status and logs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Forecast {
    /// Attempts inside the window.
    pub used: u32,
    /// What the agent allows itself: the cap less the reserve.
    pub limit: u32,
    /// The portal's cap.
    pub cap: u32,
    /// The pause that spreads the limit evenly over the window.
    pub even: Duration,
    /// Whether an attempt is possible now.
    pub verdict: Verdict,
    /// When the next one is possible, by the wall clock; the instant of asking when it is now.
    pub next: DateTime<Utc>,
}

/// The way to a sign-in. Cheap to clone; all clones are one gate.
#[derive(Debug, Clone)]
pub struct Gate {
    // A lock, because accounts of one portal user share the ledger. tokio's, because the guard moves into the
    // blocking thread that writes: a caller that goes away in the middle leaves a finished attempt, not half of one.
    state: Arc<Mutex<State>>,
    // A lock, because who has the turn keeps it over all the waits of a sign-in. Never waited for.
    turn: Arc<Mutex<Turn>>,
}

/// The right to sign in as the portal user, held by one account at a time.
#[derive(Debug, Default)]
pub struct Turn {
    /// Time step of the last one-time code that was typed (RFC 6238): no code is taken twice.
    pub code_step: Option<u64>,
}

#[derive(Debug)]
struct State {
    ledger: Ledger,
    rules: Rules,
    clock: Clock,
    limiter: Limiter,
}

impl Gate {
    /// The turn to sign in; `None` while another account of this portal user has it.
    #[must_use]
    pub fn turn(&self) -> Option<OwnedMutexGuard<Turn>> {
        Arc::clone(&self.turn).try_lock_owned().ok()
    }

    /// Does an account of this portal user sign in now?
    #[must_use]
    pub fn is_taken(&self) -> bool {
        self.turn.try_lock().is_err()
    }

    /// May an attempt be made now? Spends nothing. Also notes a moved wall clock, so ask at every poll.
    pub async fn ask(&self) -> Verdict {
        self.forecast().await.verdict
    }

    /// The same with numbers.
    pub async fn forecast(&self) -> Forecast {
        let state = self.state.lock().await;
        let now = state.clock.stamp();
        let forecast = state.forecast(&now);
        if state.stepped(&now) {
            drop(state);
            match self.write(|state, now| state.tie_clocks(now)).await {
                Ok(()) | Err(Refused::Stopping) => {}
                Err(error) => {
                    tracing::warn!(%error, "the moved wall clock could not be noted in the login ledger");
                }
            }
        }
        forecast
    }

    /// Spends one attempt: decides again, writes it, and answers with its number when it is on disk. Only then
    /// may the form be submitted.
    ///
    /// # Errors
    /// When it is too early, or the attempt could not be written.
    pub async fn spend(&self) -> Result<u64, Refused> {
        self.write(State::spend).await
    }

    /// Notes what became of the last attempt. "Too many logins" counts the whole window as spent: somebody else
    /// signs in as this user too.
    ///
    /// # Errors
    /// When it could not be written; the attempt itself is on disk.
    pub async fn note(&self, outcome: Outcome) -> Result<(), Refused> {
        self.write(move |state, now| {
            state.ledger.note(outcome, now)?;
            if outcome == Outcome::TooManyLogins {
                state.ledger.spend_window(now)?;
            }
            Ok(())
        })
        .await
    }

    /// Attempts ever made: the mark that the store is to keep beside the ledger.
    pub async fn mark(&self) -> u64 {
        self.state.lock().await.ledger.number()
    }

    /// Runs `job` on a blocking thread, with the gate held and the clock read there.
    async fn write<T: Send + 'static>(
        &self,
        job: impl FnOnce(&mut State, &Stamp) -> Result<T, Refused> + Send + 'static,
    ) -> Result<T, Refused> {
        let state = Arc::clone(&self.state).lock_owned().await;
        let run = move |mut state: OwnedMutexGuard<State>| {
            let now = state.clock.stamp();
            job(&mut state, &now)
        };
        joined(tokio::task::spawn_blocking(move || run(state)).await)
            .unwrap_or(Err(Refused::Stopping))
    }
}

impl State {
    fn spend(&mut self, now: &Stamp) -> Result<u64, Refused> {
        if self.stepped(now) {
            self.tie_clocks(now)?;
        }
        match decide(now, self.ledger.entries(), &self.rules) {
            Verdict::Go => {}
            Verdict::Wait { wait, why } => return Err(Refused::Wait { wait, why }),
        }
        if let Err(early) = self.limiter.check() {
            let wait = early.wait_time_from(self.clock.monotonic());
            let why = Why::Spacing;
            return Err(Refused::Wait { wait, why });
        }
        Ok(self.ledger.attempt(now)?)
    }

    fn forecast(&self, now: &Stamp) -> Forecast {
        let entries = self.ledger.entries();
        let verdict = decide(now, entries, &self.rules);
        let wait = match verdict {
            Verdict::Go => Duration::ZERO,
            Verdict::Wait { wait, .. } => wait,
        };
        let wait = TimeDelta::from_std(wait).unwrap_or(TimeDelta::MAX);
        Forecast {
            used: used(now, entries, &self.rules),
            limit: self.rules.limit(),
            cap: self.rules.cap(),
            even: self.rules.window() / self.rules.limit(),
            verdict,
            next: now.wall.checked_add_signed(wait).unwrap_or(now.wall),
        }
    }

    fn stepped(&self, now: &Stamp) -> bool {
        let last = self.ledger.entries().last();
        last.is_some_and(|last| now.stepped(&last.at, STEP))
    }

    fn tie_clocks(&mut self, now: &Stamp) -> Result<(), Refused> {
        tracing::warn!(wall = %now.wall, "the wall clock was moved; logins are counted by the time since boot");
        Ok(self.ledger.tie_clocks(now)?)
    }
}

/// A panic on the blocking thread goes on here; `None` when the runtime refused to run it.
fn joined<T>(result: Result<T, tokio::task::JoinError>) -> Option<T> {
    match result {
        Ok(value) => Some(value),
        Err(error) => match error.try_into_panic() {
            Ok(panic) => std::panic::resume_unwind(panic),
            Err(_cancelled) => None,
        },
    }
}

/// The gates of one agent: one per portal user. Each holds its ledger's lock until the registry and all clones of
/// the gate are dropped.
#[derive(Debug)]
pub struct Gates {
    dir: PathBuf,
    clock: Clock,
    open: HashMap<LedgerKey, (Rules, Gate)>,
}

impl Gates {
    /// `dir` holds the ledgers: `<state>/ledger`.
    #[must_use]
    pub fn new(dir: PathBuf, clock: Clock) -> Self {
        Self {
            dir,
            clock,
            open: HashMap::new(),
        }
    }

    /// The gate of one portal user, opened at the first call; a later account of the same user gets the same.
    ///
    /// # Errors
    /// When the ledger is held by another process or cannot be opened, or the rules are not those of the first.
    pub async fn open(
        &mut self,
        key: LedgerKey,
        rules: &Rules,
        expectation: Expectation,
    ) -> Result<Gate, GateError> {
        let vacant = match self.open.entry(key) {
            hash_map::Entry::Occupied(open) => {
                let (first, gate) = open.get();
                return if first == rules {
                    Ok(gate.clone())
                } else {
                    Err(GateError::RulesDiffer)
                };
            }
            hash_map::Entry::Vacant(vacant) => vacant,
        };
        let (dir, key, window) = (self.dir.clone(), vacant.key().clone(), rules.window());
        let clock = self.clock.clone();
        let opening = tokio::task::spawn_blocking(move || {
            let now = clock.stamp();
            Ledger::open(&dir, &key, expectation, window, &now)
        });
        let (ledger, found) = joined(opening.await).ok_or(GateError::Stopping)??;
        report(&ledger, found);
        let quota = Quota::with_period(rules.spacing()).ok_or(RulesError::NoSpacing)?;
        let gate = Gate {
            state: Arc::new(Mutex::new(State {
                ledger,
                rules: rules.clone(),
                clock: self.clock.clone(),
                limiter: RateLimiter::direct_with_clock(quota, self.clock.clone()),
            })),
            turn: Arc::default(),
        };
        vacant.insert((rules.clone(), gate.clone()));
        Ok(gate)
    }
}

fn report(ledger: &Ledger, found: Found) {
    let (path, how) = (ledger.path().display(), found.as_str());
    match found {
        Found::New | Found::Whole => tracing::debug!(%path, how, "login ledger opened"),
        Found::Torn => {
            tracing::warn!(%path, how, "the last line of the login ledger was torn and counts as one attempt");
        }
        Found::Missing | Found::Restored | Found::Damaged => {
            tracing::warn!(%path, how, "the login ledger cannot be believed: no sign-in until a whole window has passed");
        }
    }
}
