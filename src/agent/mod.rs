//! The loop of one account: wait until it is due, read, sign in when the page asks for it, say how it stands.
//!
//! One task owns the account's portal, schedule and memory. It is interrupted only between steps.

use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};
use tokio::sync::{oneshot, watch};

use crate::control::Answer;
use crate::drift::Known;
use crate::normalize;
use crate::portal::Portal;
use crate::reading::{Done, Memory, ReadError};
use crate::retry;
use crate::schedule::Schedule;
use crate::selectors::Field;
use crate::session::{Act, Event, Learned, Life, Stand};
use crate::status::{State, Status};
use crate::store::{AccountState, Breaker, ReadBy, StoreError};

mod account;
mod drift;
mod failure;
mod file;
mod history;
mod import;
mod learned;
mod orders;
mod person;
mod plan;
mod recipe;
mod record;
mod say;
mod turn;

pub use account::{Account, Edges, Limits, Seat};
pub use failure::TurnError;
use failure::{LASTING, judge, reason};
use history::Holes;
use orders::ordered;

/// How a turn ended.
enum Turn {
    Read(Done),
    /// Nothing to do before this time has passed.
    Wait(Duration, State),
    /// Stopped in good order.
    Stopping,
}

/// The account's task.
pub struct Agent<P> {
    account: Account,
    limits: Limits,
    edges: Edges<P>,
    schedule: Schedule,
    memory: Memory,
    /// Instant of the last complete reading of this run.
    read_through: Option<DateTime<Utc>>,
    newest: Option<DateTime<Utc>>,
    watermark_told: Option<Duration>,
    failures: u32,
    /// Since when nothing but the browser or its WebDriver fails.
    no_browser_since: Option<Duration>,
    /// Tries in a row that a day of history could not be read.
    past_failures: u32,
    /// Holes that are read again by date.
    holes: Holes,
    polls: u64,
    /// The state that the last turns ended in, if not a reading: told once, not at every look.
    waited_in: Option<State>,
    /// The last sign-in had no outcome that is known; a page of the table settles that.
    doubtful: bool,
    /// A first page without rows was met once in this run.
    met_empty: bool,
    /// A page that is asked for without dates has shown rows of earlier days too.
    shows_earlier_days: bool,
    /// The portal edge has what opens a kept session.
    unlocked: bool,
    /// The last place came too late.
    crowded: bool,
    /// Since when a person is expected to finish a sign-in in our browser.
    person_asked: Option<Duration>,
    /// The session is one that a person imported, and no page has proved it yet.
    imported: bool,
    /// Who imported it waits to hear whether the portal takes it.
    import_asked: Option<oneshot::Sender<Answer>>,
    /// Somebody waits for a recording.
    wanted: Option<record::Wanted>,
    /// When the session that is on began.
    signed_in_at: Option<DateTime<Utc>>,
    /// The portal was left to somebody else since a page of our own session was read.
    has_yielded: bool,
    /// The selector file by which payments got their ids, and what was asked about another one.
    read_by: Option<ReadBy>,
    /// The text of the selector file at the last look.
    looked_at: Arc<str>,
    /// The next reading is a sweep: what it shows may mean something else now.
    sweeps: bool,
    known: AccountState,
    stand: Stand,
    life: Life,
    /// What of that is on disk.
    learned_kept: Learned,
    /// How the portal's pages are built.
    structure: Option<Known>,
}

impl<P: Portal> Agent<P> {
    /// Begins the account in the store when it is its first start.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn begin(
        account: Account,
        limits: Limits,
        edges: Edges<P>,
    ) -> Result<Self, StoreError> {
        // A payment of this very second, or minute, must not fall between two stools.
        let dates = &account.selectors.fields.dates;
        let completed = dates.get(&Field::CompletionDate);
        let formats = completed.map_or_else(|| dates.values().flatten().collect(), Vec::from_iter);
        let first_start = normalize::as_printed(edges.clock.now(), formats);
        let known = edges
            .store
            .begin_account(&account.about.name, account.since.unwrap_or(first_start))
            .await?;
        let held = edges.store.quarantine(Some(&account.about.name)).await?;
        let breaker = edges.store.breaker(&account.about.name).await?;
        let doubtful = matches!(breaker, Breaker::Doubtful { .. });
        let schedule = Schedule::starting(edges.clock.monotonic(), account.pace.sweep);
        let stand = if known.paused {
            Stand::Paused
        } else {
            Stand::SignedOut
        };
        let (name, origin) = (&account.about.name, account.selectors.origin.to_string());
        let learned_kept = edges.store.learned(name, &origin).await?;
        let life = Life::new(account.selectors.session.idle, learned_kept.clone());
        let structure = edges.store.structure(name, &origin).await?;
        let read_by = edges.store.read_by(name).await?;
        let mut agent = Self {
            read_by,
            looked_at: account.selectors.text.clone(),
            sweeps: false,
            account,
            limits,
            edges,
            schedule,
            memory: Memory::holding(
                held.into_iter().map(|held| held.row.key),
                known.gaps.iter().cloned(),
            ),
            read_through: None,
            newest: None,
            watermark_told: None,
            failures: 0,
            no_browser_since: None,
            past_failures: 0,
            holes: Holes::default(),
            polls: 0,
            waited_in: None,
            doubtful,
            met_empty: false,
            shows_earlier_days: false,
            unlocked: false,
            crowded: false,
            person_asked: None,
            imported: false,
            import_asked: None,
            wanted: None,
            signed_in_at: None,
            has_yielded: false,
            known,
            stand,
            life,
            learned_kept,
            structure,
        };
        agent.show_structure();
        agent.say_file();
        agent.say_unread();
        Ok(agent)
    }

    /// Runs until `stop` becomes true, or after one complete reading when `once`. The browser is ended at the end.
    ///
    /// # Errors
    /// When the store can take nothing more before a restart.
    pub async fn run(
        mut self,
        mut stop: watch::Receiver<bool>,
        once: bool,
    ) -> Result<(), TurnError> {
        while !*stop.borrow() {
            if self.stand.act() == Act::Rest {
                self.say(State::Paused, None).await;
                if once {
                    break;
                }
                let Some(()) = self.wait(None, &mut stop).await else {
                    break;
                };
                continue;
            }
            let now = self.edges.clock.monotonic();
            let due = self.schedule.next();
            if due > now {
                let Some(()) = self.wait(Some(due - now), &mut stop).await else {
                    break;
                };
                continue;
            }
            if let Some(left) = self.quiet_left() {
                self.say_not_recorded("it has its quiet hours");
                self.after(Ok(Turn::Wait(left, State::Quiet)), now).await;
                if once {
                    break;
                }
                continue;
            }
            if self.wants_place() {
                let Some(()) = self.await_place(due, &mut stop).await else {
                    break;
                };
                continue;
            }
            let stopping = stop.clone();
            let turn = self.turn(&|| *stopping.borrow()).await;
            if let Err(error) = &turn
                && error.is_final()
            {
                self.leave().await;
                return turn.map(drop);
            }
            self.then_record(&turn).await;
            let turn = match turn {
                Ok(Turn::Read(done)) => self.then_past(done, once, &|| *stopping.borrow()).await,
                other => other,
            };
            let goes_on = match &turn {
                Ok(Turn::Wait(_, State::WaitsForLogin { .. })) => true,
                Ok(Turn::Read(_)) => self.has_past(),
                Ok(Turn::Wait(..) | Turn::Stopping) | Err(_) => false,
            };
            let ended = once && !goes_on;
            self.after(turn, now).await;
            if ended {
                break;
            }
            if self.may_make_room() && self.edges.pool.is_wanted() {
                self.edges.portal.park().await;
            }
        }
        self.leave().await;
        Ok(())
    }

    /// The agent ends here: its session is kept for the next start, or ended.
    async fn leave(&mut self) {
        if self.account.sign_out_at_stop {
            self.edges.portal.close().await;
        } else {
            self.edges.portal.park().await;
        }
    }

    /// Waits for leave to have a browser, an order or the end. `None`: the end.
    async fn await_place(&mut self, due: Duration, stop: &mut watch::Receiver<bool>) -> Option<()> {
        let since = self.edges.clock.monotonic();
        let asked = self.import_asked.is_some() || self.wanted.is_some();
        let awaits = |awaits| move |status: &mut Status| status.awaits_browser = awaits;
        self.edges.seat.update(awaits(true));
        let came = tokio::select! {
            () = tokio::time::sleep(CROWD_PATIENCE), if asked => None,
            place = self.edges.pool.place(due) => {
                self.edges.portal.take_place(place);
                self.say_waited(self.edges.clock.monotonic().saturating_sub(since));
                Some(None)
            }
            ordered = ordered(&mut self.edges.orders, stop) => Some(Some(ordered)),
        };
        self.edges.seat.update(awaits(false));
        match came {
            Some(Some(ordered)) => self.obey(ordered?).await,
            Some(None) => {}
            None => {
                self.say_import_crowded();
                self.say_not_recorded("every browser is taken: raise `max_sessions`");
            }
        }
        Some(())
    }

    /// Waits for time, an order, another account's need or the end. `None`: the end.
    async fn wait(
        &mut self,
        time: Option<Duration>,
        stop: &mut watch::Receiver<bool>,
    ) -> Option<()> {
        let sleep = async {
            match time {
                Some(time) => tokio::time::sleep(time).await,
                None => std::future::pending().await,
            }
        };
        let next = self.schedule.next();
        let may_make_room = self.may_make_room();
        let wanted = async {
            if may_make_room {
                self.edges.pool.wanted(next).await;
            } else {
                std::future::pending().await
            }
        };
        tokio::select! {
            () = sleep => Some(()),
            () = wanted => {
                self.edges.portal.park().await;
                Some(())
            }
            ordered = ordered(&mut self.edges.orders, stop) => {
                self.obey(ordered?).await;
                Some(())
            }
        }
    }

    /// A browser in which a person may be in the middle of a sign-in is left to them.
    fn may_make_room(&self) -> bool {
        self.edges.portal.holds_place() && self.stand.act() != Act::Look
    }

    fn becomes(&mut self, event: Event) {
        let stand = self.stand.after(event);
        if stand != self.stand {
            let account = self.account.about.name.as_str();
            tracing::debug!(
                account,
                from = self.stand.as_str(),
                to = stand.as_str(),
                "session"
            );
        }
        self.stand = stand;
    }

    /// What is left of the hours in which the portal is not asked for anything.
    fn quiet_left(&self) -> Option<Duration> {
        let now = self.edges.clock.now();
        let now = now.with_timezone(&self.account.selectors.zone);
        let quiet = self.account.pace.quiet.iter();
        quiet.filter_map(|quiet| quiet.left(&now)).max()
    }

    async fn after(&mut self, turn: Result<Turn, TurnError>, began: Duration) {
        let now = self.edges.clock.monotonic();
        self.say_import_waits(&turn);
        match turn {
            Ok(Turn::Read(done)) => self.after_reading(&done, began, now).await,
            Ok(Turn::Wait(wait, state)) => {
                self.no_browser_since = None;
                let wait = self.backed_off(wait, &state);
                self.log_state(&state, wait);
                self.waited_in = Some(state.clone());
                self.schedule.wake_at(now + wait);
                let is_idle = self.leaves_browser_idle(&state);
                self.say(state, None).await;
                if is_idle {
                    self.edges.portal.park().await;
                }
            }
            Ok(Turn::Stopping) => {}
            Err(error) => self.after_failure(&error, now).await,
        }
    }

    async fn after_reading(&mut self, done: &Done, began: Duration, now: Duration) {
        self.failures = 0;
        self.no_browser_since = None;
        self.waited_in = None;
        self.person_asked = None;
        self.no_more_doubt().await;
        self.keep_learned().await;
        let swept = self.read_through.is_none() || self.schedule.sweep_is_due(began);
        self.polls += 1;
        self.schedule.read(began, now, swept, self.interval());
        self.sweeps = false;
        self.read_through = Some(done.read_at);
        self.newest = self.newest.max(done.newest);
        self.shows_earlier_days |= self.is_of_earlier_day(done);
        if let Some(days) = done.password_expires_in {
            self.attempt().password_expires(Some(days));
        }
        if done.watermark {
            self.watermark_told = Some(now);
        }
        tracing::debug!(
            account = self.account.about.name.as_str(),
            pages = done.pages,
            rows = done.rows,
            told = done.told,
            aside = done.aside,
            gaps = done.proved.gaps.len(),
            "read"
        );
        self.say(State::SignedIn, Some(done)).await;
    }

    /// A page of the table was read: whatever became of the last sign-in, the credential is good.
    async fn no_more_doubt(&mut self) {
        if !self.doubtful {
            return;
        }
        let name = &self.account.about.name;
        match self.edges.store.close_breaker(name).await {
            Ok(()) => self.doubtful = false,
            Err(error) => tracing::warn!(account = name.as_str(), "{error}"),
        }
    }

    async fn after_failure(&mut self, error: &TurnError, now: Duration) {
        self.failures = self.failures.saturating_add(1);
        self.met_empty |= matches!(error, TurnError::Read(ReadError::EmptyAgain));
        let (verdict, patience) = judge(error);
        let asked = error.of_portal().map(retry::asked_pause);
        let wait = retry::delay(verdict, self.failures, self.jitter(self.failures.into()))
            .max(asked.unwrap_or_default());
        // The portal is well, and its session is not to end for want of being asked.
        let is_well = matches!(error, TurnError::Read(ReadError::Moving));
        let touch = self.life.touch_every().filter(|_| is_well);
        let wait = touch.map_or(wait, |touch| wait.min(touch));
        let account = self.account.about.name.as_str();
        let (failures, retry_ms) = (self.failures, wait.as_millis());
        let person = patience.is_over(self.failures, &mut self.no_browser_since, now);
        let state = State::Failing {
            why: error.to_string(),
            person,
            reason: reason(error),
        };
        let lasting = self.failures == LASTING;
        if lasting || person && self.waited_in.as_ref() != Some(&state) {
            tracing::error!(account, failures, retry_ms, "{error}");
        } else {
            tracing::warn!(account, failures, retry_ms, "{error}");
        }
        self.waited_in = Some(state.clone());
        self.schedule.wake_at(now + wait);
        self.say(state, None).await;
    }

    /// Until the next reading: shorter where the session would end meanwhile, and never in step with other accounts.
    fn interval(&self) -> Duration {
        let poll = self.account.pace.poll;
        let every = self
            .life
            .touch_every()
            .map_or(poll, |touch| touch.min(poll));
        every.mul_f64(1.0 - 0.1 * self.jitter(self.polls))
    }

    /// Spreads the accounts' next tries; the same for the same number, so that a simulated run can be repeated.
    fn jitter(&self, number: u64) -> f64 {
        use std::hash::{DefaultHasher, Hash, Hasher};
        let mut hasher = DefaultHasher::new();
        (self.account.about.name.as_str(), number).hash(&mut hasher);
        f64::from(u16::try_from(hasher.finish() & 0xFFFF).unwrap_or_default()) / f64::from(u16::MAX)
    }
}

/// Whoever imported a session, or wants a recording, hears after this long that every browser is taken.
const CROWD_PATIENCE: Duration = Duration::from_secs(10);
/// A stopped account looks this often whether its credential changed.
const RECHECK: Duration = Duration::from_secs(10);

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test")]
mod tests;
