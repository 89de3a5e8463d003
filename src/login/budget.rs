//! May a sign-in be attempted now, and if not, when? Pure: the ledger's entries and `now` in, a verdict out.
//!
//! - Counted is what lies in the window: `per` and a margin, because two sends `per` apart may arrive closer.
//! - Time between two entries is `CLOCK_BOOTTIME` within one boot. Only across a reboot does the wall clock
//!   decide, from the last entry before it to the first one after it, and never less than the time since that
//!   boot. So a wall clock that is moved while the agent runs changes nothing, and the one step that can still
//!   be believed is one made between the last entry of a boot and the first entry of the next.
//! - The pause between attempts grows with the share of the budget used, towards what spreads the rest evenly
//!   until the oldest attempt leaves the window: a burst of early expiries slows us down, it does not blind us.

use std::time::Duration;

use chrono::{DateTime, Utc};

/// Added to `per`: how much closer two sign-ins may arrive at the portal than they were sent.
pub const MARGIN: Duration = Duration::from_secs(5);

/// An instant in both of the machine's clocks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stamp {
    /// What the wall clock says; people and drifting hosts move it.
    pub wall: DateTime<Utc>,
    /// This boot of the machine.
    pub boot: BootId,
    /// `CLOCK_BOOTTIME`: since boot, suspend included; nobody moves it.
    pub since_boot: Duration,
}

/// Names one boot: the kernel's random boot id.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct BootId(pub String);

impl Stamp {
    /// Time that passed from `earlier` to this stamp, as well as it can be known; never negative.
    #[must_use]
    pub fn since(&self, earlier: &Stamp) -> Duration {
        if self.boot == earlier.boot {
            return self.since_boot.saturating_sub(earlier.since_boot);
        }
        let wall = (self.wall - earlier.wall).to_std().unwrap_or_default();
        wall.max(self.since_boot)
    }

    /// Whether the wall clock was moved by more than `tolerance` between `earlier` and this stamp.
    /// `false` across a reboot, where nobody can tell.
    #[must_use]
    pub fn stepped(&self, earlier: &Stamp, tolerance: Duration) -> bool {
        if self.boot != earlier.boot {
            return false;
        }
        let passed = self.since(earlier);
        match (self.wall - earlier.wall).to_std() {
            Ok(wall) => wall.abs_diff(passed) > tolerance,
            Err(_) => true,
        }
    }
}

/// What an entry takes from the budget.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cost {
    /// Nothing: the entry only ties the clocks together.
    Nothing,
    /// One attempt, whatever became of it.
    One,
    /// Everything: what was spent is not known, or the portal says that its cap is reached.
    Window,
}

/// One line of the ledger, oldest first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// Attempts ever made by this portal user, this one included.
    pub number: u64,
    /// What it takes.
    pub cost: Cost,
    /// When it was written, which is before the click.
    pub at: Stamp,
}

/// The cap and how it is used. Valid by construction.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rules {
    cap: u32,
    per: Duration,
    reserve: u32,
    spacing: Duration,
}

/// Numbers that make no budget.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RulesError {
    /// No attempt would ever be allowed.
    #[error(
        "a cap of {cap} logins with a reserve of {reserve} leaves none for the agent: lower `reserve`"
    )]
    NothingLeft {
        /// `cap.logins`.
        cap: u32,
        /// `reserve`.
        reserve: u32,
    },
    /// A window without length.
    #[error("`cap.per` must be longer than nothing, e.g. \"1h\"")]
    NoPeriod,
    /// Attempts without a pause.
    #[error("`spacing` must be at least 1 ms, e.g. \"5s\"")]
    NoSpacing,
}

/// Whether an attempt may be made at the instant asked about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// Now.
    Go,
    /// Not before this time has passed; then ask again.
    Wait {
        /// How long.
        wait: Duration,
        /// What is waited for.
        why: Why,
    },
}

/// What an attempt waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Why {
    /// The pause between attempts.
    Spacing,
    /// The cap, less the reserve, is used up.
    Cap,
    /// The whole window counts as spent.
    WindowSpent,
    /// Another account signs in as the same portal user.
    Turn,
}

impl Why {
    /// The word in status and logs.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Why::Spacing => "spacing",
            Why::Cap => "cap",
            Why::WindowSpent => "window-spent",
            Why::Turn => "turn",
        }
    }
}

impl Rules {
    /// `cap` attempts in any rolling `per`, of which `reserve` are kept for people, `spacing` apart.
    ///
    /// # Errors
    /// When no attempt would ever be possible, or `per` or `spacing` is nothing.
    pub fn new(
        cap: u32,
        per: Duration,
        reserve: u32,
        spacing: Duration,
    ) -> Result<Self, RulesError> {
        if reserve >= cap {
            return Err(RulesError::NothingLeft { cap, reserve });
        }
        if per.is_zero() {
            return Err(RulesError::NoPeriod);
        }
        if spacing < Duration::from_millis(1) {
            return Err(RulesError::NoSpacing);
        }
        Ok(Self {
            cap,
            per,
            reserve,
            spacing,
        })
    }

    /// The portal's cap.
    #[must_use]
    pub fn cap(&self) -> u32 {
        self.cap
    }

    /// What the agent allows itself of the cap.
    #[must_use]
    pub fn limit(&self) -> u32 {
        self.cap - self.reserve
    }

    /// The shortest pause.
    #[must_use]
    pub fn spacing(&self) -> Duration {
        self.spacing
    }

    /// How long an attempt counts.
    #[must_use]
    pub fn window(&self) -> Duration {
        self.per + MARGIN
    }

    /// The pause after the last of `used` attempts, the oldest of which leaves the window in `relief`.
    fn pause(&self, used: u32, relief: Duration) -> Duration {
        let left = self.limit().saturating_sub(used).max(1);
        let even = relief / left;
        let stretch = even.saturating_sub(self.spacing);
        self.spacing + stretch * used.min(self.limit()) / self.limit()
    }
}

/// Each entry with its age, oldest first.
fn ages<'a>(now: &Stamp, entries: &'a [Entry]) -> Vec<(Duration, &'a Entry)> {
    let mut aged = Vec::with_capacity(entries.len());
    let (mut later, mut age) = (now, Duration::ZERO);
    for entry in entries.iter().rev() {
        age += later.since(&entry.at);
        later = &entry.at;
        aged.push((age, entry));
    }
    aged.reverse();
    aged
}

/// The entries that still matter: from the oldest that is inside `window` on.
#[must_use]
pub fn in_window<'a>(now: &Stamp, entries: &'a [Entry], window: Duration) -> &'a [Entry] {
    let first = ages(now, entries)
        .iter()
        .position(|(age, entry)| entry.cost != Cost::Nothing && *age < window);
    match first {
        Some(first) => entries.get(first..).unwrap_or_default(),
        None => &[],
    }
}

/// Attempts inside the window; the limit or more when the whole window counts as spent.
#[must_use]
pub fn used(now: &Stamp, entries: &[Entry], rules: &Rules) -> u32 {
    let mut used: u32 = 0;
    for (age, entry) in ages(now, entries) {
        if age < rules.window() {
            used = match entry.cost {
                Cost::Nothing => used,
                Cost::One => used.saturating_add(1),
                Cost::Window => used.max(rules.limit()),
            };
        }
    }
    used
}

/// Decides on one attempt at `now`.
#[must_use]
pub fn decide(now: &Stamp, entries: &[Entry], rules: &Rules) -> Verdict {
    let (window, limit) = (rules.window(), rules.limit());
    let mut attempts = Vec::new();
    let mut verdict = Verdict::Go;
    for (age, entry) in ages(now, entries) {
        match entry.cost {
            Cost::Nothing => {}
            Cost::One if age < window => attempts.push(age),
            Cost::One => {}
            Cost::Window => verdict = later(verdict, window, age, Why::WindowSpent),
        }
    }
    let used = u32::try_from(attempts.len()).unwrap_or(u32::MAX);
    if let Some(over) = used.checked_sub(limit)
        && let Some(age) = attempts.get(over as usize)
    {
        verdict = later(verdict, window, *age, Why::Cap);
    }
    if let (Some(oldest), Some(newest)) = (attempts.first(), attempts.last()) {
        let pause = rules.pause(used, window.saturating_sub(*oldest));
        verdict = later(verdict, pause, *newest, Why::Spacing);
    }
    verdict
}

/// The later of `verdict` and "when `age` has reached `until`".
fn later(verdict: Verdict, until: Duration, age: Duration, why: Why) -> Verdict {
    let wait = until.saturating_sub(age);
    match verdict {
        Verdict::Go if wait.is_zero() => Verdict::Go,
        Verdict::Wait { wait: longer, .. } if longer >= wait => verdict,
        Verdict::Go | Verdict::Wait { .. } => Verdict::Wait { wait, why },
    }
}

#[cfg(test)]
mod tests;
