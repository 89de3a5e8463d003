//! What a seed decides before anything happens.

use std::time::Duration;

use chrono::{NaiveTime, Timelike};
use tillwatch::attended::Attended;
use tillwatch::schedule::Quiet;

use crate::books::{Refuses, Rules};
use crate::dice::Dice;
use crate::far_time::{Calendar, ZONE_STEPS};
use crate::faults::Faults;

pub const DAY: Duration = Duration::from_secs(86_400);
/// An idle time that lets no session live until the next poll.
pub const NO_REUSE: Duration = Duration::from_secs(3);
const HOUR: Duration = Duration::from_secs(3600);
const MINUTE: Duration = Duration::from_secs(60);

/// Readings that one seed is worth: one that reads every few seconds lives for hours, another one for days.
const READINGS: u32 = 600;
/// The most that one seed of a given number of days reads.
const MOST_READINGS: u32 = 4_000;
/// Crashes at any instant of such a seed, on average: each start reads the store as a whole, which grows with the days.
const MOST_CRASHES: u32 = 100;
/// Thousandths of sign-ins, and of batches to sinks, that crash such a seed.
const MOST_CRASHES_OF_STEPS: (u64, u64) = (20, 2);
/// What a portal allows that allows more than anybody asks for.
const MANY_PAGES: u32 = 20_000;

#[derive(Debug, Clone)]
pub struct Profile {
    pub seed: u64,
    /// True time in which things happen; what is left then has time to settle.
    pub lasts: Duration,
    /// Until then the portal has payments and the agent is not there yet.
    pub first_start: Duration,
    pub poll: Duration,
    pub sweep: Duration,
    pub look_back: Duration,
    pub max_pages: usize,
    pub mean_arrival: Duration,
    /// `None`: it never crashes.
    pub mean_crash: Option<Duration>,
    pub rules: Rules,
    pub reserve: u32,
    pub faults: Faults,
    /// Thousandths of batches that fail, and that crash the agent.
    pub sink_faults: (u64, u64),
    pub clock_steps: bool,
    pub lost_ledgers: bool,
    pub rebuilds: bool,
    pub new_password: bool,
    /// Hours outside of which nobody is there for a sign-in.
    pub attended: Option<Attended>,
    /// The agent's machine is suspended now and then.
    pub naps: bool,
    /// Somebody else signs in as the same user.
    pub others: bool,
    pub captchas: bool,
    /// People take hours to answer.
    pub late: bool,
    /// How long after the portal's password the secret changes.
    pub secret_after: Duration,
    /// Every page takes this long.
    pub page_takes: Option<Duration>,
}

impl Profile {
    pub fn draw(seed: u64, days: Option<u32>) -> Self {
        // What came later draws from dice of its own: the older worlds stay as they are.
        let profile = Self::draw_plain(seed, days);
        let profile = if days.is_some() {
            profile.with_rarer_crashes()
        } else {
            profile
        };
        profile.with_a_peculiarity(&mut Dice::new(seed ^ 0x3C3C))
    }

    fn with_rarer_crashes(mut self) -> Self {
        let (sign_ins, batches) = MOST_CRASHES_OF_STEPS;
        self.faults.crash_in_submit = self.faults.crash_in_submit.min(sign_ins);
        self.sink_faults.1 = self.sink_faults.1.min(batches);
        self.mean_crash = self
            .mean_crash
            .map(|mean| mean.max(self.lasts / MOST_CRASHES));
        self
    }

    fn draw_plain(seed: u64, days: Option<u32>) -> Self {
        let mut dice = Dice::new(seed);
        let poll = dice.log_between(Duration::from_secs(5), 10 * MINUTE);
        let (poll, lasts) = match days {
            Some(days) => (poll.max(DAY * days / MOST_READINGS), DAY * days),
            None => (poll, (poll * READINGS).clamp(4 * HOUR, 6 * DAY)),
        };
        let rough = dice.chance(800);
        let some = |dice: &mut Dice, most: u64| if rough { dice.between(0, most) } else { 0 };
        Self {
            seed,
            lasts,
            poll,
            sweep: dice.log_between(15 * MINUTE, 2 * HOUR).max(poll),
            // A row may change for an hour, and an outage may last for more.
            look_back: 6 * HOUR,
            max_pages: 200,
            mean_arrival: dice.log_between(4 * MINUTE, 40 * MINUTE),
            mean_crash: Some(dice.log_between(40 * MINUTE, 12 * HOUR)),
            rules: Rules {
                cap: usize::try_from(dice.between(4, 30)).expect("small"),
                per: HOUR,
                idle: if dice.chance(200) {
                    NO_REUSE
                } else {
                    dice.log_between(2 * MINUTE, HOUR)
                },
                absolute: dice.log_between(10 * MINUTE, DAY),
                references: dice.chance(700),
                today_only: false,
                bound: false,
                states_idle: false,
                yield_for: 10 * MINUTE,
                page_loads: MANY_PAGES,
                calendar: Calendar::steady(),
                codes: 0,
                refuses: Refuses::Nobody,
                quiet: None,
            },
            reserve: u32::try_from(dice.between(0, 2)).expect("small"),
            faults: Faults {
                hang: some(&mut dice, 3),
                browser: some(&mut dice, 3),
                down: some(&mut dice, 10),
                stranger: some(&mut dice, 5),
                no_table: some(&mut dice, 5),
                bare: some(&mut dice, 10),
                slow: some(&mut dice, 10),
                expire: some(&mut dice, 10),
                crash_in_submit: some(&mut dice, 150),
            },
            sink_faults: (some(&mut dice, 60), some(&mut dice, 12)),
            clock_steps: dice.chance(400),
            lost_ledgers: dice.chance(300),
            rebuilds: dice.chance(300),
            new_password: dice.chance(200),
            first_start: Duration::ZERO,
            attended: None,
            naps: false,
            others: false,
            captchas: false,
            late: false,
            secret_after: 150 * MINUTE,
            page_takes: None,
        }
        .with_history(&mut dice)
        .with_company(&mut dice)
    }

    /// Rare worlds, one at a time, so that each can be bounded exactly.
    fn with_a_peculiarity(mut self, dice: &mut Dice) -> Self {
        let stays = self.first_start.is_zero();
        match dice.below(100) {
            0..6 if stays => self.with_quiet_hours(dice),
            6..14 if stays => self.with_attended_hours(dice),
            16..28 => {
                self.rules.codes = if dice.chance(300) { 1000 } else { 400 };
                self.naps = false;
                self
            }
            28..34 => self.with_a_slow_link(),
            34..42 => {
                self.others = true;
                let after = dice.chance(500);
                self.rules.refuses = if after {
                    Refuses::AfterTheClick
                } else {
                    Refuses::AtTheForm
                };
                self
            }
            _ => self,
        }
    }

    /// Hours are what the agent's own clock shows, so that clock is right.
    fn with_right_clock(mut self) -> Self {
        (self.clock_steps, self.naps) = (false, false);
        // An outage lasts for hours, and nobody looks for longer than a row may change.
        self.look_back = DAY;
        self
    }

    fn with_quiet_hours(mut self, dice: &mut Dice) -> Self {
        let time = |hour: u64| {
            let hour = u32::try_from(hour % 24).expect("small");
            NaiveTime::from_hms_opt(hour, 0, 0).expect("a time")
        };
        // Within the first hours, for some worlds last no longer.
        let began = self
            .rules
            .calendar
            .began
            .with_timezone(&self.rules.calendar.zone);
        let from = u64::from(began.hour()) + dice.between(1, 3);
        let to = from + dice.between(1, 4);
        let (from, to) = (time(from), time(to));
        self.rules.quiet = Some(Quiet { from, to });
        self.with_right_clock()
    }

    fn with_attended_hours(mut self, dice: &mut Dice) -> Self {
        let time = |hour: u64| {
            let hour = u32::try_from(hour).expect("small");
            NaiveTime::from_hms_opt(hour, 0, 0).expect("a time")
        };
        let opens = dice.between(6, 10);
        let closes = opens + dice.between(6, 10);
        self.attended = Attended::new("mon-sun", time(opens), time(closes)).ok();
        self.lasts = self.lasts.max(2 * DAY);
        self.poll = self.poll.max(self.lasts / READINGS);
        self.sweep = self.sweep.max(self.poll);
        self.with_right_clock()
    }

    /// Slow, and good enough to hold a session: every page takes 45 s.
    fn with_a_slow_link(mut self) -> Self {
        self.page_takes = Some(Duration::from_secs(45));
        self.poll = self.poll.max(2 * MINUTE);
        self.sweep = self.sweep.max(HOUR);
        self.rules.idle = self.rules.idle.max(3 * self.poll).max(HOUR);
        // Without references rows would move while they are read, for ever.
        self.rules.references = true;
        self.mean_arrival = self.mean_arrival.max(15 * MINUTE);
        self
    }

    /// Some accounts are to be read from an instant on that lies before their look-back when they start.
    fn with_history(mut self, dice: &mut Dice) -> Self {
        if dice.chance(250) {
            self.first_start = dice.log_between(self.look_back, 2 * self.look_back);
            self.lasts += self.first_start;
        }
        self
    }

    /// What other people, the machine and the calendar do, and what else portals ask for.
    fn with_company(mut self, dice: &mut Dice) -> Self {
        self.naps = dice.chance(250);
        self.others = dice.chance(250);
        self.captchas = dice.chance(250);
        self.rules.bound = dice.chance(100);
        self.rules.states_idle = dice.chance(250) && self.rules.idle > NO_REUSE;
        if dice.chance(150) {
            self.rules.page_loads = u32::try_from(dice.between(150, 1200)).expect("small");
            // Pages that wait for the hour are further apart than such a session lives: none but the first could be read.
            self.rules.idle = self.rules.idle.max(2 * MINUTE);
        }
        if dice.chance(250) {
            let step = ZONE_STEPS[usize::try_from(dice.below(6)).expect("small")];
            let here = self.lasts - self.first_start;
            let at = self.first_start + here.mul_f64(dice.between(10, 90) as f64 / 100.0);
            self.rules.calendar = Calendar::stepping(step, at);
        }
        if dice.chance(300) && self.first_start.is_zero() {
            self.late = true;
            // Nobody looks for longer than a row may change.
            self.look_back = DAY;
            let most = (8 * HOUR).min(self.lasts / 2);
            self.secret_after = dice.log_between(10 * MINUTE, most);
        }
        self
    }

    /// A portal that behaves, an agent that is left alone.
    pub fn calm(seed: u64) -> Self {
        let mut profile = Self::draw_plain(seed, None);
        profile.faults = Faults::default();
        profile.sink_faults = (0, 0);
        profile.mean_crash = None;
        profile.clock_steps = false;
        profile.lost_ledgers = false;
        profile.rebuilds = false;
        profile.new_password = false;
        (profile.naps, profile.others, profile.captchas) = (false, false, false);
        profile.late = false;
        profile.look_back = 6 * HOUR;
        profile.rules.bound = false;
        profile.rules.states_idle = false;
        profile.rules.page_loads = MANY_PAGES;
        profile.rules.calendar = Calendar::steady();
        profile.lasts -= profile.first_start;
        profile.first_start = Duration::ZERO;
        profile
    }
}
