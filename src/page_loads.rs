//! How often one account asks its portal for a page: never more in any rolling hour than the portal's file allows,
//! counted on disk like logins, over restarts and clock steps.
//!
//! Loads are taken from the hour in *shares* of a sixtieth, each written before the first load of it and counted until
//! an hour after its last: a load costs no write of its own, and a crash costs the rest of the shares that were begun. Time is told as for logins (`login::budget`), and like
//! there the pause grows as the hour is used up, so that a busy account slows down and never stops for long.

mod written;

use std::fs::{self, DirBuilder};
use std::io;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, AtomicUsize, Ordering};
use std::time::Duration;

use tokio::sync::{Mutex, MutexGuard, watch};

use crate::clock::{Clock, Stamp};
use crate::login::budget::{Cost, Entry, Rules, RulesError, Verdict, decide, in_window};
use crate::portal::PortalError;

const HOUR: Duration = Duration::from_hours(1);
/// Shares of an hour.
const SHARES: u32 = 60;
/// Between two shares at least; the portal's own rhythm is the poll interval.
const SPACING: Duration = Duration::from_millis(1);

/// The loads could not be counted, so no page is asked for.
#[derive(Debug, thiserror::Error)]
pub enum PageLoadsError {
    /// The file system says no.
    #[error("could not {what} the count of page loads {} ({source}): no page is asked for without it", path.display())]
    Io {
        /// `read`, `write`.
        what: &'static str,
        /// The file.
        path: PathBuf,
        /// The cause.
        source: io::Error,
    },
    /// The runtime is going down.
    #[error("the agent is stopping")]
    Stopping,
}

impl From<PageLoadsError> for PortalError {
    fn from(error: PageLoadsError) -> Self {
        PortalError::Uncounted {
            reason: error.to_string(),
        }
    }
}

/// The loads of one account. Cheap to clone; all clones are one count.
#[derive(Debug, Clone)]
pub struct PageLoads {
    // A lock, because the browser and its keepers count together; held only while a share is taken.
    state: Arc<Mutex<State>>,
    /// How many pages wait for their load.
    waiting: Arc<AtomicUsize>,
    /// What the selector file allows, which may change while others wait.
    per_hour: Arc<AtomicU32>,
    stop: watch::Receiver<bool>,
}

/// How an account's hour stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Hour {
    /// Loads that count for it now.
    pub used: u32,
    /// All that it has.
    pub most: u32,
    /// A page waits for its load, so long at the most.
    pub waits: Option<Duration>,
}

/// A page that waits, until dropped.
struct Waits<'a>(&'a AtomicUsize);

impl<'a> Waits<'a> {
    fn begin(waiting: &'a AtomicUsize) -> Self {
        waiting.fetch_add(1, Ordering::Relaxed);
        Self(waiting)
    }
}

impl Drop for Waits<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

#[derive(Debug, Clone)]
struct State {
    path: PathBuf,
    clock: Clock,
    rules: Rules,
    /// Loads in one share.
    share: u32,
    left: u32,
    shares: Vec<Entry>,
    /// How many of the last ones have, or had when they were written, loads left.
    open: usize,
}

impl PageLoads {
    /// Opens the count at `path`, beginning it when there is none. One that cannot be believed counts as a whole hour
    /// spent.
    ///
    /// # Errors
    /// When it cannot be read or written.
    pub fn open(
        path: &Path,
        per_hour: u32,
        clock: Clock,
        stop: watch::Receiver<bool>,
    ) -> Result<Self, PageLoadsError> {
        let io = |what| {
            move |source| PageLoadsError::Io {
                what,
                path: path.to_owned(),
                source,
            }
        };
        let (share, rules) =
            shares_of(per_hour).map_err(|error| io("read")(io::Error::other(error)))?;
        if let Some(dir) = path.parent() {
            let mut make = DirBuilder::new();
            make.recursive(true).mode(0o700);
            make.create(dir).map_err(io("write"))?;
        }
        let (shares, open) = match fs::read_to_string(path) {
            Ok(text) => written::parse(&text).unwrap_or_else(|| {
                tracing::warn!(file = %path.display(), "the count of page loads cannot be read: the hour counts as used");
                let used = Entry {
                    number: 0,
                    cost: Cost::Window,
                    at: clock.stamp(),
                };
                (vec![used], 0)
            }),
            Err(error) if error.kind() == io::ErrorKind::NotFound => (Vec::new(), 0),
            Err(error) => return Err(io("read")(error)),
        };
        Ok(Self {
            state: Arc::new(Mutex::new(State {
                path: path.to_owned(),
                clock,
                rules,
                share,
                left: 0,
                shares,
                open,
            })),
            waiting: Arc::default(),
            per_hour: Arc::new(AtomicU32::new(per_hour)),
            stop,
        })
    }

    /// So many in any rolling hour from now on; what was loaded counts on.
    pub fn allow(&self, per_hour: u32) {
        self.per_hour.store(per_hour, Ordering::Relaxed);
    }

    async fn state(&self) -> MutexGuard<'_, State> {
        let mut state = self.state.lock().await;
        state.follow(self.per_hour.load(Ordering::Relaxed));
        state
    }

    /// Returns when one page may be loaded; it is counted then.
    ///
    /// # Errors
    /// When it could not be written, and when the agent stops meanwhile.
    pub async fn take(&self) -> Result<(), PageLoadsError> {
        self.once_there_are(1).await?.left -= 1;
        Ok(())
    }

    /// Returns when so many pages may be loaded without a pause, as a sign-in must be: what is typed in does not wait for the hour.
    ///
    /// # Errors
    /// As for [`PageLoads::take`].
    pub async fn reserve(&self, pages: u32) -> Result<(), PageLoadsError> {
        self.once_there_are(pages).await.map(drop)
    }

    /// How the hour stands.
    pub async fn hour(&self) -> Hour {
        let state = self.state().await;
        let now = state.clock.stamp();
        let shares = in_window(&now, &state.shares, state.rules.window());
        let one = |entry: &Entry| match entry.cost {
            Cost::Nothing => 0,
            Cost::One => state.share,
            Cost::Window => state.most(),
        };
        let taken: u32 = shares.iter().map(one).sum();
        let waits = self.waiting.load(Ordering::Relaxed) > 0;
        let left = match state.verdict() {
            Verdict::Go => Duration::ZERO,
            Verdict::Wait { wait, .. } => wait,
        };
        Hour {
            used: taken.saturating_sub(state.left).min(state.most()),
            most: state.most(),
            waits: waits.then_some(left),
        }
    }

    async fn once_there_are(&self, pages: u32) -> Result<MutexGuard<'_, State>, PageLoadsError> {
        let mut stop = self.stop.clone();
        loop {
            let mut state = self.state().await;
            if state.left >= pages.min(state.most()) {
                return Ok(state);
            }
            let wait = match state.verdict() {
                Verdict::Go => {
                    let share = state.clone();
                    let taken = tokio::task::spawn_blocking(move || share.with_one_more()).await;
                    *state = taken.map_err(|_| PageLoadsError::Stopping)??;
                    continue;
                }
                Verdict::Wait { wait, .. } => wait,
            };
            drop(state);
            let _waits = Waits::begin(&self.waiting);
            tokio::select! {
                () = tokio::time::sleep(wait) => {}
                Ok(_) = stop.wait_for(|stops| *stops) => return Err(PageLoadsError::Stopping),
            }
        }
    }
}

/// Loads in one share of an hour that has so many, and how many shares it has.
fn shares_of(per_hour: u32) -> Result<(u32, Rules), RulesError> {
    let share = (per_hour / SHARES).max(1);
    let rules = Rules::new((per_hour / share).max(1), HOUR, 0, SPACING)?;
    Ok((share, rules))
}

impl State {
    /// The shares that were taken, as shares of an hour of this length: no load is counted less than before.
    fn follow(&mut self, per_hour: u32) {
        // No hour at all is none that a selector file can state.
        let Ok((share, rules)) = shares_of(per_hour) else {
            return;
        };
        let size = |share: u32| usize::try_from(share).unwrap_or(usize::MAX);
        let (before, now) = (size(self.share), size(share));
        if now != before {
            self.stamp_open(&self.clock.stamp());
        }
        if now < before {
            let each = before.div_ceil(now);
            let shares = self.shares.iter();
            self.shares = shares
                .flat_map(|share| std::iter::repeat_n(share.clone(), each))
                .collect();
        } else if now > before && self.shares.iter().all(|share| share.cost == Cost::One) {
            let groups = self.shares.rchunks(now / before);
            let newest = groups.filter_map(|group| group.last().cloned());
            let mut shares: Vec<Entry> = newest.collect();
            shares.reverse();
            self.shares = shares;
        }
        if now != before {
            self.open = size(self.left.div_ceil(share));
        }
        (self.share, self.rules) = (share, rules);
    }

    /// All that an hour has.
    fn most(&self) -> u32 {
        self.rules.cap().saturating_mul(self.share)
    }

    fn verdict(&self) -> Verdict {
        decide(&self.clock.stamp(), &self.shares, &self.rules)
    }

    /// Loads of the open shares may have been made until now: they count for an hour from here on.
    fn stamp_open(&mut self, now: &Stamp) {
        let open = self.shares.iter_mut().rev().take(self.open.max(1));
        for share in open.filter(|it| it.cost == Cost::One) {
            share.at = now.clone();
        }
    }

    fn with_one_more(mut self) -> Result<Self, PageLoadsError> {
        let now = self.clock.stamp();
        self.stamp_open(&now);
        let mut shares = in_window(&now, &self.shares, self.rules.window()).to_vec();
        let number = shares.last().map_or(0, |last| last.number) + 1;
        shares.push(Entry {
            number,
            cost: Cost::One,
            at: now,
        });
        let left = self.left + self.share;
        let open = usize::try_from(left.div_ceil(self.share)).unwrap_or(usize::MAX);
        written::replace(&self.path, &written::print(&shares, open)).map_err(|source| {
            PageLoadsError::Io {
                what: "write",
                path: self.path.clone(),
                source,
            }
        })?;
        (self.shares, self.left, self.open) = (shares, left, open);
        Ok(self)
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test")]
mod tests;
