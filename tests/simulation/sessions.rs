//! The portal's sessions: who is signed in, why a session ended, and why each sign-in of the agent had to be.

use std::time::Duration;

use crate::books::Rules;

/// Whoever has just come in stands on no form that was loaded before.
const A_WHILE: Duration = Duration::from_secs(120);

/// Why an attempt had to be made: how the session before it was lost.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Cause {
    /// There never was one.
    First,
    /// The portal ends every session at this age.
    Age,
    /// It was idle for too long, and nothing had come between the agent's readings.
    Idle,
    /// It was idle for too long, after a fault, a stop of the agent or its machine, or a pause that the portal demands.
    IdleAfterFault,
    /// The portal dropped it.
    Dropped,
    /// Somebody signed in as the same user.
    Kicked,
    /// The password was changed.
    NewPassword,
    /// The attempt before was refused.
    Refused,
    /// The attempt before met a captcha.
    Captcha,
    /// The attempt before was asked for a one-time code, which did not come or was wrong.
    Code,
    /// The attempt before was turned away: somebody else was signed in.
    TurnedAway,
    /// It lives, but went with its browser before it could be kept, or is bound to it.
    Browser,
    /// The same, with the agent's process.
    Restart,
    /// It lives, but no page proved it over several tries.
    Unproved,
    /// It lives and the agent could have gone on with it.
    Needless,
}

impl Cause {
    pub fn as_str(self) -> &'static str {
        match self {
            Cause::First => "logins: first",
            Cause::Age => "logins: age",
            Cause::Idle => "logins: idle",
            Cause::IdleAfterFault => "logins: idle after a fault",
            Cause::Dropped => "logins: dropped by the portal",
            Cause::Kicked => "logins: kicked out",
            Cause::NewPassword => "logins: password changed",
            Cause::Refused => "logins: refused before",
            Cause::Captcha => "logins: captcha before",
            Cause::Code => "logins: code before",
            Cause::TurnedAway => "logins: turned away before",
            Cause::Browser => "logins: browser lost",
            Cause::Restart => "logins: restarted",
            Cause::Unproved => "logins: unproved",
            Cause::Needless => "logins: needless",
        }
    }
}

/// A sign-in as it arrived.
#[derive(Debug, Clone, Copy)]
pub struct Attempt {
    pub at: Duration,
    pub cause: Cause,
}

/// What the portal knows of the browser that asks.
#[derive(Debug, Clone, Copy)]
pub struct Visitor {
    pub cookie: Option<u64>,
    pub browser: u64,
    /// How the browser before this one was lost.
    pub gone: Cause,
}

/// What a visitor of the statement is to the portal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    In,
    Out,
    /// Was signed in until somebody else signed in as this user.
    Elsewhere,
}

#[derive(Debug, Clone)]
struct Session {
    cookie: u64,
    browser: u64,
    since: Duration,
    used: Duration,
    /// The agent has kept it, and lived on.
    kept: bool,
    /// Another browser went on with it: its end teaches the agent nothing.
    adopted: bool,
}

/// A session that ended, and with which store: what it taught is kept there.
#[derive(Debug, Clone, Copy)]
pub struct End {
    /// When the portal, being asked, found that it was over.
    pub at: Duration,
    pub store: u64,
    pub cause: Cause,
}

#[derive(Debug, Default)]
pub struct Sessions {
    pub attempts: Vec<Attempt>,
    pub ends: Vec<End>,
    pub life: u64,
    /// Stores that the agent has had.
    pub store: u64,
    /// Sessions that live and that the agent threw away.
    pub thrown_away: u64,
    /// Sign-ins while the portal was to be left to somebody else.
    pub fought: Vec<Duration>,
    pub kicks: u64,
    /// Browsers that the agent has started.
    pub browsers: u64,
    current: Option<Session>,
    /// Why there is none.
    ended: Option<Cause>,
    /// The last instant at which something came between the agent's readings.
    disturbed: Duration,
    /// All of them.
    pub disturbances: Vec<Duration>,
    next_cookie: u64,
    kicked: Option<u64>,
    /// The agent had seen a page of the session that was kicked: without one it cannot know that it had been let in.
    was_seen: bool,
    /// Until when the agent is to leave the portal alone, and in which of its lives it was told so.
    yields: Option<(Duration, u64, u64)>,
    /// Somebody else is signed in, from then until then.
    other_since: Duration,
    other_until: Duration,
    /// When the agent was told last that somebody else is in, and in which of its lives.
    turned_away: Option<(Duration, u64)>,
    /// Attempts while somebody else had been in for a while.
    pub in_vain: Vec<Duration>,
    /// When the agent's sign-in ended the session of somebody else.
    pub other_kicked: Option<Duration>,
}

impl Sessions {
    /// Something other than the agent's own pace comes between two readings.
    pub fn disturb(&mut self, now: Duration) {
        self.disturbed = self.disturbed.max(now);
        self.disturbances.push(now);
    }

    pub fn next_life(&mut self, now: Duration) {
        self.life += 1;
        self.disturb(now);
    }

    /// Says whether there was one.
    pub fn end(&mut self, cause: Cause, at: Duration) -> bool {
        let was_on = self.current.take().is_some();
        if was_on {
            let store = self.store;
            self.ends.push(End { at, store, cause });
            self.ended = Some(cause);
        }
        was_on
    }

    /// Ends the session when its time is over.
    fn lapse(&mut self, rules: &Rules, now: Duration) {
        let Some(session) = &self.current else {
            return;
        };
        let (idle, age) = (session.used + rules.idle, session.since + rules.absolute);
        if now < idle.min(age) {
            return;
        }
        let forced =
            session.adopted || self.disturbed >= session.used || rules.was_quiet(session.used, now);
        let cause = match (age < idle, forced) {
            (true, _) => Cause::Age,
            (false, true) => Cause::IdleAfterFault,
            (false, false) => Cause::Idle,
        };
        self.end(cause, now);
    }

    fn is_of(&self, visitor: &Visitor, rules: &Rules) -> bool {
        self.current.as_ref().is_some_and(|session| {
            visitor.cookie == Some(session.cookie)
                && (!rules.bound || visitor.browser == session.browser)
        })
    }

    /// Somebody asks for the statement. Being asked keeps a session alive.
    pub fn visit(&mut self, visitor: &Visitor, rules: &Rules, now: Duration) -> Standing {
        self.lapse(rules, now);
        if self.is_of(visitor, rules)
            && let Some(session) = &mut self.current
        {
            session.used = now;
            session.adopted |= visitor.browser != session.browser;
            return Standing::In;
        }
        match (visitor.cookie, self.kicked) {
            (Some(cookie), Some(kicked)) if cookie == kicked => {
                let told = self
                    .yields
                    .is_some_and(|(_, life, of)| life == self.life && of == cookie);
                if !told && self.was_seen {
                    self.yields = Some((now + rules.yield_for, self.life, cookie));
                }
                Standing::Elsewhere
            }
            _ => Standing::Out,
        }
    }

    /// The agent has kept the session of `cookie`, or had every reason to; or dropped what it kept of it.
    pub fn keeps(&mut self, cookie: Option<u64>, is_kept: bool) {
        if let Some(session) = &mut self.current
            && cookie == Some(session.cookie)
        {
            session.kept = is_kept;
        }
    }

    /// The agent keeps nothing more of what `visitor` has.
    pub fn forgotten(&mut self, visitor: &Visitor, rules: &Rules, now: Duration) {
        self.lapse(rules, now);
        self.thrown_away += u64::from(self.is_of(visitor, rules));
    }

    /// An attempt arrives: why it had to be.
    pub fn attempt(&mut self, visitor: &Visitor, rules: &Rules, now: Duration) {
        self.lapse(rules, now);
        let cause = match &self.current {
            Some(_) if self.is_of(visitor, rules) => Cause::Needless,
            Some(session) if session.kept && !rules.bound => Cause::Needless,
            Some(_) => visitor.gone,
            None => self.ended.unwrap_or(Cause::First),
        };
        let life = self.life;
        self.attempts.push(Attempt { at: now, cause });
        let fights = self
            .yields
            .is_some_and(|(until, told, _)| told == life && now < until);
        let again = self
            .turned_away
            .is_some_and(|(at, told)| told == life && now < at + rules.yield_for);
        self.fought.extend((fights || again).then_some(now));
    }

    /// Is somebody else signed in as this user?
    pub fn other_is_in(&self, now: Duration) -> bool {
        now < self.other_until
    }

    /// An attempt met somebody else's session.
    pub fn turned_away(&mut self, now: Duration) {
        self.refused(Cause::TurnedAway);
        if now > self.other_since + A_WHILE {
            self.in_vain.push(now);
        }
    }

    /// The agent was told so.
    pub fn told_of_other(&mut self, now: Duration) {
        self.turned_away = Some((now, self.life));
    }

    /// It was not let in.
    pub fn refused(&mut self, cause: Cause) {
        if self.current.is_none() {
            self.ended = Some(cause);
        }
    }

    /// It was let in, or a person finished it.
    pub fn begin(&mut self, browser: u64, now: Duration) -> u64 {
        if now < self.other_until {
            self.other_until = now;
            self.other_kicked = Some(now);
        }
        self.next_cookie += 1;
        self.current = Some(Session {
            cookie: self.next_cookie,
            browser,
            since: now,
            used: now,
            kept: false,
            adopted: false,
        });
        self.next_cookie
    }

    /// Somebody else signs in as the same user and stays until `until`.
    pub fn kick(&mut self, rules: &Rules, now: Duration, until: Duration) {
        self.lapse(rules, now);
        if let Some(session) = &self.current {
            self.kicked = Some(session.cookie);
            self.was_seen = session.used > session.since;
            self.kicks += 1;
            self.end(Cause::Kicked, now);
        }
        if !self.other_is_in(now) {
            self.other_since = now;
        }
        self.other_until = until;
    }
}
