//! How long sessions of an account live, learned from those that ended: when to touch the portal so that one goes on,
//! and when sign-ins are to be spread because none does. Pure; instants are monotonic time.
//!
//! A session outlives the process that began it: its age counts from the sign-in, whoever kept the instant. So does what was
//! learned: it is about the portal, and [`Learned`] is kept over restarts, sign-outs and the ends of sessions.

use std::time::Duration;

/// Ends that are remembered; a pattern is believed when all of them show it.
const PATTERN: usize = 3;
/// A session that needs to be touched more often than this is left to end.
const TOUCH_AT_LEAST: Duration = Duration::from_secs(20);

/// How one session ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct End {
    /// From the sign-in to its last sign of life: it lived at least so long.
    pub lived: Duration,
    /// From its last sign of life to the page that said it was over.
    pub idle: Duration,
}

/// What the sessions so far have taught. Kept between runs; times are spans, so that no clock matters.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Learned {
    /// The longest pause that a session was seen to outlive.
    pub outlived: Duration,
    /// The last ends, oldest first, as many as make a pattern.
    pub ends: Vec<End>,
    /// The pauses that sessions ended after, shortest first, each longer than any that one outlived; of each
    /// magnitude the longest, as many as make a pattern: a session that was dropped after a shorter pause than the
    /// portal's does not push out one that shows the portal's.
    pub ended_idle: Vec<Duration>,
}

impl Learned {
    fn note_idle(&mut self, idle: Duration) {
        self.ended_idle.push(idle);
        self.ended_idle.sort();
        let mut kept: Vec<Duration> = Vec::with_capacity(self.ended_idle.len());
        for idle in self.ended_idle.drain(..).rev() {
            let pattern = kept.len().checked_sub(PATTERN).map(|first| kept[first]);
            if pattern.is_none_or(|first| magnitude(first) != magnitude(idle)) {
                kept.push(idle);
            }
        }
        kept.reverse();
        self.ended_idle = kept;
    }
}

/// A span to within a quarter of its power of two.
fn magnitude(span: Duration) -> (u32, u128) {
    let millis = span.as_millis().max(4);
    let power = millis.ilog2();
    (power, millis >> (power - 2))
}

/// A session and its age at one instant: the sign-in itself may lie before the monotonic clock's origin.
#[derive(Debug, Clone, Copy)]
struct Aged {
    at: Duration,
    age: Duration,
}

impl Aged {
    fn new(at: Duration) -> Self {
        let age = Duration::ZERO;
        Self { at, age }
    }

    fn at(self, now: Duration) -> Duration {
        self.age + now.saturating_sub(self.at)
    }
}

/// What the ends so far have in common.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pattern {
    /// Too little is known, or nothing is wrong.
    Lasting,
    /// Sessions end at about this age, however busy they are.
    FixedAge(Duration),
    /// Sessions end when the portal is not asked for this long, or sooner.
    Idle(Duration),
    /// No session outlives the reading after its sign-in.
    OneReading,
}

/// The session that is on, and the last ones.
#[derive(Debug, Clone)]
pub struct Life {
    /// The portal's idle timeout, where its file states it.
    stated_idle: Option<Duration>,
    signed_in: Option<Aged>,
    last_sign: Option<Duration>,
    /// When a page was asked for last, also one that said nothing of the session: to the portal it may have been a sign
    /// of life.
    last_asked: Duration,
    last_sign_in: Option<Aged>,
    learned: Learned,
}

impl Life {
    /// No session is on; `learned` is what earlier runs have seen.
    #[must_use]
    pub fn new(stated_idle: Option<Duration>, learned: Learned) -> Self {
        Self {
            stated_idle,
            signed_in: None,
            last_sign: None,
            last_asked: Duration::ZERO,
            last_sign_in: None,
            learned,
        }
    }

    /// The file states another idle timeout, or none.
    pub fn state_idle(&mut self, stated: Option<Duration>) {
        self.stated_idle = stated;
    }

    /// What is worth keeping for the next run.
    #[must_use]
    pub fn learned(&self) -> &Learned {
        &self.learned
    }

    /// An attempt let us in.
    pub fn signed_in(&mut self, now: Duration) {
        self.signed_in = Some(Aged::new(now));
        self.last_sign_in = self.signed_in;
        self.last_sign = Some(now);
    }

    /// A session from before, which is `age` old, goes on if a page says so: until then nothing is known of its end. Without
    /// effect on one that is on.
    pub fn brought_back(&mut self, now: Duration, age: Duration) {
        if self.signed_in.is_none() {
            self.signed_in = Some(Aged { at: now, age });
            self.last_sign_in = self.signed_in;
            self.last_sign = None;
        }
    }

    /// A page bore the signed-in mark.
    pub fn sign_of_life(&mut self, now: Duration) {
        if let (Some(_), Some(last)) = (self.signed_in, self.last_sign) {
            let last = last.max(self.last_asked);
            self.learned.outlived = self.learned.outlived.max(now.saturating_sub(last));
            self.learned
                .ended_idle
                .retain(|idle| *idle > self.learned.outlived);
        }
        self.last_sign = Some(now);
    }

    /// A page was asked for, whatever came of it.
    pub fn asked(&mut self, now: Duration) {
        self.last_asked = now;
    }

    /// A page said that it is over. A session that somebody else ended, or that went with its browser, is
    /// [forgotten](Life::forget) instead: it says nothing about the portal's clock.
    pub fn ended(&mut self, now: Duration) {
        if let (Some(began), Some(last)) = (self.signed_in.take(), self.last_sign.take()) {
            let idle = now.saturating_sub(last);
            self.learned.ends.push(End {
                lived: began.at(last),
                idle,
            });
            if self.learned.ends.len() > PATTERN {
                self.learned.ends.remove(0);
            }
            if idle > self.learned.outlived {
                self.learned.note_idle(idle);
            }
        }
    }

    /// The session went, and not by the portal's clock.
    pub fn forget(&mut self) {
        self.signed_in = None;
        self.last_sign = None;
    }

    /// What the last ends show.
    #[must_use]
    pub fn pattern(&self) -> Pattern {
        if self.learned.ends.len() < PATTERN {
            return Pattern::Lasting;
        }
        let shortest = |of: fn(&End) -> Duration| self.learned.ends.iter().map(of).min();
        let longest = |of: fn(&End) -> Duration| self.learned.ends.iter().map(of).max();
        let (Some(idle), Some(least), Some(most)) = (
            shortest(|end| end.idle),
            shortest(|end| end.lived),
            longest(|end| end.lived + end.idle),
        ) else {
            return Pattern::Lasting;
        };
        let by_idleness = idle > self.learned.outlived;
        if by_idleness && idle / 2 < TOUCH_AT_LEAST && most < 2 * idle + TOUCH_AT_LEAST {
            return Pattern::OneReading;
        }
        if by_idleness {
            return Pattern::Idle(idle);
        }
        // Each end lies between the last sign of life and the page that told it; all of one age overlap there.
        let overlap = self
            .learned
            .ends
            .iter()
            .map(|end| end.lived + end.idle)
            .min();
        match (longest(|end| end.lived), overlap) {
            (Some(alive), Some(over)) if alive <= over => Pattern::FixedAge(least),
            (Some(_), Some(_) | None) | (None, _) => Pattern::Lasting,
        }
    }

    /// Touch the portal at least this often, and the session goes on.
    #[must_use]
    pub fn touch_every(&self) -> Option<Duration> {
        let stated = self.stated_idle.map(|idle| idle * 3 / 5);
        // One that somebody dropped right after its sign-in says nothing; nor do many after pauses for which nobody would touch
        // it: to believe them is to leave every session to end, which bears them out.
        let pauses = self.learned.ended_idle.iter();
        let mut pauses = pauses.filter(|idle| **idle >= TOUCH_AT_LEAST * 9 / 10);
        let believed = pauses.nth(PATTERN - 1);
        // Not at the very edge of what one has outlived: a page may take longer next time.
        let learned = believed.map(|idle| (*idle / 2).max(self.learned.outlived * 9 / 10));
        let both = stated.into_iter().chain(learned).min();
        both.filter(|every| *every >= TOUCH_AT_LEAST)
    }

    /// How old the session that is on is.
    #[must_use]
    pub fn age(&self, now: Duration) -> Option<Duration> {
        self.signed_in.map(|began| began.at(now))
    }

    /// How long until the session that is on will be over, where sessions end at a fixed age.
    #[must_use]
    pub fn left(&self, now: Duration) -> Option<Duration> {
        match (self.pattern(), self.age(now)) {
            (Pattern::FixedAge(end), Some(age)) => Some(end.saturating_sub(age)),
            (Pattern::FixedAge(_), None)
            | (Pattern::Lasting | Pattern::Idle(_) | Pattern::OneReading, _) => None,
        }
    }

    /// Where sessions die younger than `pace`, the evenly spread budget, the next sign-in comes a `pace` after the
    /// last one: how long that is from `now`.
    #[must_use]
    pub fn hold_back(&self, now: Duration, pace: Duration) -> Option<Duration> {
        let early = self.learned.ends.len() >= PATTERN
            && self
                .learned
                .ends
                .iter()
                .all(|end| end.lived + end.idle < pace);
        let last = self.last_sign_in.filter(|_| early)?;
        let wait = pace.saturating_sub(last.at(now));
        (!wait.is_zero()).then_some(wait)
    }
}

#[cfg(test)]
mod tests;
