//! What a run of many seeds met, in one line, and the proof that every kind of fault came.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use crate::accounting::{a_day, notice_within, noticed_after};
use crate::books::Refuses;
use crate::codes::Fate;
use crate::freshness::fresh_minutes;
use crate::oracle::Verdict;
use crate::profile::DAY;
use crate::sessions::Cause;
use crate::watch::Deed;
use crate::world::Outcome;

/// Fast enough for payments to be known within a minute.
const FAST: Duration = Duration::from_secs(30);
const MINUTE: Duration = Duration::from_secs(60);

/// Why an agent that does what it can signs in.
const CAUSES: [Cause; 14] = [
    Cause::First,
    Cause::Age,
    Cause::Idle,
    Cause::IdleAfterFault,
    Cause::Dropped,
    Cause::Kicked,
    Cause::NewPassword,
    Cause::Refused,
    Cause::Captcha,
    Cause::Code,
    Cause::TurnedAway,
    Cause::Browser,
    Cause::Restart,
    Cause::Unproved,
];

#[derive(Debug, Default)]
pub struct Totals {
    pub time: Duration,
    counts: BTreeMap<&'static str, u64>,
    crashes: BTreeMap<&'static str, u64>,
    /// Sign-ins that ages of sessions alone allow.
    unforced: u64,
    /// Minutes, and fresh ones: within a minute where polls are fast, and within two polls everywhere.
    minutes: [(u64, u64); 2],
    /// From a trouble to its notice, as a share of the time allowed from the answer that shows it, and as it was.
    noticed: Vec<Duration>,
    in_time: u64,
    /// Seeds at whose end a person has been told that history cannot be read.
    pub unread: u64,
}

/// Crashes that a default run must meet.
const POINTS: [&str; 8] = [
    "after the click",
    "before a sink's write",
    "after a sink's write",
    "before the flush",
    "before the fsync",
    "before the witness",
    "after the witness",
    "anywhere",
];

impl Totals {
    pub fn add(&mut self, outcome: &Outcome, verdict: &Verdict) {
        self.time += outcome.lasted;
        let (befell, came, books) = (&outcome.befell, &outcome.came, &outcome.books);
        let (rules, seen) = (&outcome.profile.rules, &outcome.seen);
        let deeds = |deed: fn(&Deed) -> bool| seen.deeds.iter().filter(|(_, it)| deed(it)).count();
        let codes = |fate: Fate| seen.codes.iter().filter(|it| it.1 == fate).count() as u64;
        self.figures(outcome);
        self.unread += u64::from(outcome.unread.is_some());
        let count = |of: usize| of as u64;
        for (what, how_many) in [
            ("seeds", 1),
            ("polls", outcome.polls),
            ("page loads", books.page_loads),
            ("payments", count(verdict.received)),
            ("updates", count(verdict.updated)),
            ("reversals", count(verdict.reversed)),
            ("watermarks judged", count(verdict.watermarks)),
            ("logins", count(books.sessions.attempts.len())),
            ("wrong passwords", count(books.wrong.len())),
            ("rebuilds", befell.rebuilds),
            ("lost ledgers", befell.lost_ledgers),
            ("old ledgers", befell.old_ledgers),
            ("reboots", befell.reboots),
            ("downtimes", befell.downtimes),
            ("clock steps", count(outcome.stepped.len())),
            ("failed loads", came.failed_loads),
            ("strange pages", came.strangers),
            ("pages without table", came.no_tables),
            ("bare tables", came.bare),
            ("expired sessions", came.expired),
            ("kept sessions restored", came.restored),
            ("captchas", came.captchas),
            ("captchas solved in the browser", came.solved),
            (
                "secrets changed",
                count(deeds(|it| *it == Deed::ChangedSecret)),
            ),
            (
                "orders of people",
                count(deeds(|it| matches!(it, Deed::Resumed(_)))),
            ),
            ("stops", count(seen.halts.len())),
            ("kicks by others", books.sessions.kicks),
            ("naps of the machine", count(seen.naps.len())),
            (
                "steps of a zone",
                u64::from(rules.calendar.zone != chrono_tz::Africa::Nairobi),
            ),
            ("rows put aside", count(outcome.aside.len())),
            ("waits for a page load", came.slowed),
            (
                "portals that bind sessions to a browser",
                u64::from(rules.bound),
            ),
            (
                "portals that state their idle time",
                u64::from(rules.states_idle),
            ),
            ("quiet hours", u64::from(rules.quiet.is_some())),
            (
                "attended hours",
                u64::from(outcome.profile.attended.is_some()),
            ),
            (
                "slow links",
                u64::from(outcome.profile.page_takes.is_some()),
            ),
            (
                "portals that refuse a second session after the click",
                u64::from(rules.refuses == Refuses::AfterTheClick),
            ),
            ("forms shut for somebody else", came.closed_forms),
            ("codes in time", codes(Fate::InTime)),
            ("codes late", codes(Fate::Late)),
            ("codes of the sign-in before", codes(Fate::Outdated)),
            ("codes that never came", codes(Fate::Never)),
            ("wrong codes", codes(Fate::Wrong)),
            ("late people", u64::from(outcome.profile.late)),
            ("repeats to the forgetful sink", repeats(outcome)),
        ] {
            *self.counts.entry(what).or_default() += how_many;
        }
        for cause in CAUSES {
            let attempts = books.sessions.attempts.iter();
            let how_many = attempts.filter(|it| it.cause == cause).count();
            *self.counts.entry(cause.as_str()).or_default() += count(how_many);
        }
        for point in &outcome.crashes {
            *self.crashes.entry(point.as_str()).or_default() += 1;
        }
    }

    fn figures(&mut self, outcome: &Outcome) {
        let days = outcome.lasted.as_secs_f64() / DAY.as_secs_f64();
        let a_day = a_day(outcome.profile.rules.absolute) as f64;
        self.unforced += (days * a_day).ceil() as u64;
        let poll = outcome.profile.poll;
        let ages = [(poll <= FAST).then_some(MINUTE), Some(2 * poll)];
        for (sum, age) in self.minutes.iter_mut().zip(ages) {
            let (minutes, fresh) = age.map_or((0, 0), |age| fresh_minutes(outcome, age));
            *sum = (sum.0 + minutes, sum.1 + fresh);
        }
        let noticed = noticed_after(outcome);
        let in_time = noticed.iter().filter(|it| **it <= notice_within(outcome));
        self.in_time += in_time.count() as u64;
        self.noticed.extend(noticed);
    }

    pub fn days(&self) -> f64 {
        self.time.as_secs_f64() / DAY.as_secs_f64()
    }

    /// Kinds of things that never happened.
    pub fn missing(&self) -> Vec<&'static str> {
        let counts = self.counts.iter().filter(|(_, count)| **count == 0);
        let crashes = POINTS
            .iter()
            .filter(|point| !self.crashes.contains_key(*point));
        counts
            .map(|(what, _)| *what)
            .chain(crashes.copied())
            .collect()
    }
}

fn repeats(outcome: &Outcome) -> u64 {
    let mut seen = std::collections::HashSet::new();
    let lines = outcome.plain.iter();
    lines.filter(|line| !seen.insert(&line.json)).count() as u64
}

impl fmt::Display for Totals {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:.1} virtual days", self.days())?;
        for (what, count) in &self.counts {
            write!(f, ", {count} {what}")?;
        }
        let all: u64 = self.crashes.values().sum();
        write!(f, ", {all} crashes (")?;
        for (index, (point, count)) in self.crashes.iter().enumerate() {
            let comma = if index == 0 { "" } else { ", " };
            write!(f, "{comma}{count} {point}")?;
        }
        write!(f, ")")?;
        self.say_figures(f)
    }
}

impl Totals {
    fn say_figures(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let count = |what: &str| self.counts.get(what).copied().unwrap_or_default();
        let unforced = count(Cause::First.as_str()) + count(Cause::Age.as_str());
        let (logins, allowed) = (count("logins"), self.unforced);
        let forced = logins - unforced;
        let a_day = logins as f64 / self.days();
        writeln!(f)?;
        writeln!(
            f,
            "{a_day:.1} logins a day: {unforced} unforced, at most {allowed} by the age of sessions, and {forced} forced"
        )?;
        let share = |(minutes, fresh): (u64, u64)| match minutes {
            0 => "0 of 0".to_owned(),
            _ => format!("{:.1} %", 100.0 * fresh as f64 / minutes as f64),
        };
        let [minute, polls] = self.minutes.map(share);
        writeln!(
            f,
            "{minute} of minutes fresh within 60 s where polls are 30 s or faster, {polls} within two polls everywhere"
        )?;
        let mut noticed = self.noticed.clone();
        noticed.sort();
        let at = |share: usize| noticed.get(noticed.len() * share / 100).copied();
        let unread = self.unread;
        writeln!(
            f,
            "{unread} seeds end with history that cannot be read, told to a person"
        )?;
        write!(
            f,
            "{} troubles noticed, {} of them within a minute or two polls; half of them after {:?}, nine of ten after {:?}, all after {:?}",
            noticed.len(),
            self.in_time,
            at(50).unwrap_or_default(),
            at(90).unwrap_or_default(),
            noticed.last().copied().unwrap_or_default()
        )
    }
}
