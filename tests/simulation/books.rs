//! The far side's truth: rows as the portal books and shows them, and its answer to every sign-in. In true time.

use std::collections::VecDeque;
use std::fmt::Write;
use std::time::Duration;

use tillwatch::schedule::Quiet;

use crate::dice::Dice;
use crate::far_time::Calendar;
use crate::sessions::{Cause, Sessions, Standing, Visitor};

/// Rows on one page.
pub const PAGE: usize = 8;
/// What was begun before the quiet hours may take so long, a code that is waited for included.
const LAST_TURN: Duration = Duration::from_secs(900);
/// Wrong passwords that lock the user.
const LOCK_AFTER: u32 = 3;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    Payment,
    Withdrawal,
    Charge,
    Reversal,
}

#[derive(Debug, Clone)]
pub struct Row {
    pub reference: String,
    pub kind: Kind,
    pub cents: i64,
    pub status: &'static str,
    /// The money moved: a running balance counts it for ever.
    pub settled: bool,
    pub created: Duration,
    pub completed: Option<Duration>,
    /// The first instant at which it stood on the pages as completed.
    pub shown_completed: Option<Duration>,
    pub linked: Option<String>,
    /// Appeared below rows that were shown before.
    pub late: bool,
    /// Place among the rows of one second.
    order: u64,
    /// A page that showed it as completed was read to its end.
    pub read: bool,
}

impl Row {
    /// Its times, as printed, are times that the portal's clock showed once.
    pub fn is_clear(&self, calendar: &Calendar) -> bool {
        let completed = self.completed.is_some_and(|at| calendar.is_twice(at));
        !completed && !calendar.is_twice(self.created)
    }

    fn place(&self) -> u64 {
        self.completed.unwrap_or(self.created).as_secs()
    }
}

/// What the portal allows.
#[derive(Debug, Clone)]
pub struct Rules {
    pub cap: usize,
    pub per: Duration,
    pub idle: Duration,
    pub absolute: Duration,
    /// Shows a receipt number and a running balance.
    pub references: bool,
    /// Takes no dates and shows the rows of the day alone.
    pub today_only: bool,
    /// A session is good in the browser that signed in, and in no other.
    pub bound: bool,
    /// The agent is told the idle time.
    pub states_idle: bool,
    /// For how long the agent leaves the portal to somebody who signed in as the same user.
    pub yield_for: Duration,
    /// Pages that the agent may ask for in any hour.
    pub page_loads: u32,
    pub calendar: Calendar,
    /// Sign-ins of a thousand that a one-time code is asked for.
    pub codes: u64,
    /// What it does while somebody else is signed in as the same user.
    pub refuses: Refuses,
    /// Hours in which it is not to be asked for anything.
    pub quiet: Option<Quiet>,
}

/// What a portal does with a second session of a user.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refuses {
    /// Lets it in and ends the first.
    Nobody,
    /// Shows no form.
    AtTheForm,
    /// Says so after the click.
    AfterTheClick,
}

impl Rules {
    /// For how long it has been quiet at `at`.
    pub fn quiet_for(&self, at: Duration) -> Option<Duration> {
        let quiet = self.quiet?;
        let local = self.calendar.wall(at).with_timezone(&self.calendar.zone);
        quiet.left(&local)?;
        let since = local.time() - quiet.from;
        let day = chrono::TimeDelta::days(1);
        let since = if since < chrono::TimeDelta::zero() {
            since + day
        } else {
            since
        };
        since.to_std().ok()
    }

    /// Was it quiet at any time from `from` to `to`?
    pub fn was_quiet(&self, from: Duration, to: Duration) -> bool {
        const STEP: Duration = Duration::from_secs(600);
        let steps = to.saturating_sub(from).as_secs().div_ceil(STEP.as_secs());
        let mut steps = (0..=u32::try_from(steps).expect("few")).map(|n| (from + STEP * n).min(to));
        self.quiet.is_some() && steps.any(|at| self.quiet_for(at).is_some())
    }
}

/// The portal says what only a person can put right.
#[derive(Debug, Clone, Copy)]
pub struct Demand {
    pub at: Duration,
    pub what: Answer,
}

/// A wrong password that somebody typed.
#[derive(Debug, Clone)]
pub struct Wrong {
    pub password: String,
    pub at: Duration,
    /// When the page that says so reached an agent that lived to write it down.
    pub told: Option<Duration>,
}

#[derive(Debug)]
pub struct Books {
    pub rules: Rules,
    pub password: String,
    pub rows: Vec<Row>,
    pub sessions: Sessions,
    pub wrong: Vec<Wrong>,
    /// Demands that reached the agent.
    pub demands: Vec<Demand>,
    /// Attempts whose answer did not reach the agent, or one that died with it in hand.
    pub unanswered: u64,
    /// The attempt that is under way since its form was asked for, or that was until the agent got its answer then.
    under_way: Option<Option<Duration>>,
    /// Until then whoever signs in is shown a captcha.
    pub captcha_until: Duration,
    /// The browser in which one stands.
    pub captcha_in: Option<u64>,
    /// The session of the person who solved it.
    pub solved: Option<u64>,
    /// The one-time code that was sent last and not typed yet.
    pub code: Option<String>,
    /// Codes that were sent.
    pub codes_sent: u64,
    pub over_cap: bool,
    pub locked: bool,
    /// Pages asked for in the last hour, and the most in any.
    loads: VecDeque<Duration>,
    pub most_loads: usize,
    pub page_loads: u64,
    /// Pages asked for when it had been quiet for long.
    pub disturbed_quiet: Vec<Duration>,
    /// Until then the statement is a table with nothing in it.
    pub bare_until: Duration,
    wrong_in_a_row: u32,
    window: VecDeque<Duration>,
    next_reference: u64,
    next_order: u64,
    /// Rows newest first, each with its balance; made anew when something changed.
    shown: Option<Vec<(usize, i64)>>,
}

/// What the portal answers to a sign-in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Answer {
    Welcome(u64),
    WrongPassword,
    Captcha,
    Code,
    WrongCode,
    /// Somebody else is signed in as this user.
    Elsewhere,
    TooMany,
    Locked,
}

impl Books {
    pub fn new(rules: Rules) -> Self {
        Self {
            rules,
            password: "first-password".to_owned(),
            rows: Vec::new(),
            sessions: Sessions::default(),
            wrong: Vec::new(),
            demands: Vec::new(),
            unanswered: 0,
            under_way: None,
            captcha_until: Duration::ZERO,
            captcha_in: None,
            solved: None,
            code: None,
            codes_sent: 0,
            over_cap: false,
            locked: false,
            loads: VecDeque::new(),
            most_loads: 0,
            page_loads: 0,
            disturbed_quiet: Vec::new(),
            bare_until: Duration::ZERO,
            wrong_in_a_row: 0,
            window: VecDeque::new(),
            next_reference: 0,
            next_order: 0,
            shown: None,
        }
    }

    fn take_order(&mut self) -> u64 {
        self.next_order += 1;
        self.next_order
    }

    /// A new row at `now`; its reference encodes nothing.
    pub fn post(&mut self, dice: &mut Dice, kind: Kind, now: Duration, late_by: Duration) -> usize {
        self.next_reference += 1;
        let scrambled = self.next_reference.wrapping_mul(0x9E37_79B1) & 0xFFFF_FFFF;
        let completed = now.saturating_sub(late_by);
        let order = self.take_order();
        self.rows.push(Row {
            reference: format!("U{scrambled:08X}"),
            kind,
            cents: i64::try_from(dice.between(1, 5000) * 10).expect("small"),
            status: "Completed",
            settled: true,
            created: completed,
            completed: Some(completed),
            shown_completed: Some(now),
            linked: None,
            late: !late_by.is_zero(),
            order,
            read: false,
        });
        self.shown = None;
        self.rows.len() - 1
    }

    /// The row changes its status; a pending one that ends moves up to where it ended.
    pub fn turn(&mut self, index: usize, status: &'static str, now: Duration) {
        let order = self.take_order();
        let row = &mut self.rows[index];
        if row.status == "Pending" {
            (row.completed, row.order) = (Some(now), order);
            row.settled = status == "Completed";
            row.shown_completed = row.settled.then_some(now);
        }
        row.status = status;
        self.shown = None;
    }

    /// The row never was completed: it is pending, or has expired.
    pub fn never_completed(&mut self, index: usize, status: &'static str) {
        let row = &mut self.rows[index];
        (row.status, row.settled, row.shown_completed) = (status, false, None);
        if status == "Pending" {
            row.completed = None;
        }
        self.shown = None;
    }

    /// The agent died at `now`: an answer that it had only just got is not on its disk.
    pub fn agent_died(&mut self, now: Duration) {
        let in_hand = |at: Duration| now.saturating_sub(at) <= Duration::from_millis(5);
        let under_way = self.under_way.take();
        self.unanswered += u64::from(under_way.is_some_and(|until| until.is_none_or(in_hand)));
        if let Some(wrong) = self.wrong.last_mut() {
            wrong.told = wrong.told.filter(|at| !in_hand(*at));
        }
        self.captcha_in = None;
        self.sessions.disturb(now);
    }

    /// A page of any kind is asked for.
    pub fn load(&mut self, now: Duration) {
        let hour = Duration::from_secs(3600);
        let over = |at: &Duration| now.saturating_sub(*at) >= hour;
        while self.loads.front().is_some_and(over) {
            self.loads.pop_front();
        }
        self.loads.push_back(now);
        self.most_loads = self.most_loads.max(self.loads.len());
        let is_quiet = self
            .rules
            .quiet_for(now)
            .is_some_and(|since| since > LAST_TURN);
        self.disturbed_quiet.extend(is_quiet.then_some(now));
    }

    /// The sign-in form is shown.
    pub fn show_form(&mut self) {
        self.under_way = Some(None);
    }

    /// The answer to the attempt that is under way was lost.
    pub fn lose_answer(&mut self) {
        self.unanswered += u64::from(self.under_way.take().is_some());
    }

    /// The agent has an answer to its attempt, which is over `at` then at the latest.
    pub fn answered(&mut self, at: Duration) {
        self.under_way = self.under_way.map(|_| Some(at));
    }

    /// A sign-in arrives.
    pub fn sign_in(&mut self, password: &str, visitor: &Visitor, now: Duration) -> Answer {
        self.sessions.attempt(visitor, &self.rules, now);
        while self
            .window
            .front()
            .is_some_and(|first| now.saturating_sub(*first) >= self.rules.per)
        {
            self.window.pop_front();
        }
        if self.locked {
            return Answer::Locked;
        }
        if self.window.len() >= self.rules.cap {
            self.over_cap = true;
            self.locked = true;
            return Answer::TooMany;
        }
        self.window.push_back(now);
        if password != self.password {
            self.wrong.push(Wrong {
                password: password.to_owned(),
                at: now,
                told: None,
            });
            self.sessions.refused(Cause::Refused);
            self.wrong_in_a_row += 1;
            self.locked |= self.wrong_in_a_row >= LOCK_AFTER;
            return Answer::WrongPassword;
        }
        self.wrong_in_a_row = 0;
        if now < self.captcha_until {
            self.sessions.refused(Cause::Captcha);
            return Answer::Captcha;
        }
        if self.rules.refuses != Refuses::Nobody && self.sessions.other_is_in(now) {
            self.sessions.turned_away(now);
            return Answer::Elsewhere;
        }
        let tries = self.sessions.attempts.len() as u64;
        if Dice::new(tries).chance(self.rules.codes) {
            self.codes_sent += 1;
            let code = (self.codes_sent * 7_919 + 123_456) % 1_000_000;
            self.code = Some(format!("{code:06}"));
            self.sessions.refused(Cause::Code);
            return Answer::Code;
        }
        Answer::Welcome(self.sessions.begin(visitor.browser, now))
    }

    /// Somebody types a one-time code: each is good for one try.
    pub fn sign_in_with(&mut self, code: &str, visitor: &Visitor, now: Duration) -> Answer {
        if self.code.take().as_deref() == Some(code) {
            Answer::Welcome(self.sessions.begin(visitor.browser, now))
        } else {
            Answer::WrongCode
        }
    }

    /// A person finishes the sign-in where the captcha stands; `false` where none does any more.
    pub fn solve(&mut self, now: Duration) -> bool {
        let Some(browser) = self.captcha_in.take() else {
            return false;
        };
        self.solved = Some(self.sessions.begin(browser, now));
        self.captcha_until = now;
        true
    }

    /// The agent lets go of all it has of a session.
    pub fn forgotten(&mut self, visitor: &Visitor, now: Duration) {
        self.sessions.forgotten(visitor, &self.rules, now);
    }

    /// Somebody else signs in as the same user.
    pub fn kick(&mut self, now: Duration, until: Duration) {
        self.sessions.kick(&self.rules, now, until);
        self.sessions.other_kicked = None;
    }

    /// Who asks for the statement?
    pub fn visit(&mut self, visitor: &Visitor, now: Duration) -> Standing {
        self.under_way = None;
        self.sessions.visit(visitor, &self.rules, now)
    }

    /// Page `number` (from 0) of the rows of the seconds `from..to`, newest first. `completed` gets the rows that stand
    /// on it as completed.
    pub fn page(
        &mut self,
        number: usize,
        from: u64,
        to: u64,
        completed: &mut Vec<usize>,
    ) -> String {
        self.page_loads += 1;
        let all = self.shown.take().unwrap_or_else(|| self.sorted());
        let place = |(index, _): &(usize, i64)| self.rows[*index].place();
        let first = all.partition_point(|row| place(row) >= to);
        let end = all.partition_point(|row| place(row) >= from);
        let shown = &all[first..end];
        let mut html = String::from("<html><body><div id=operator>AGENT</div><table id=t>");
        html.push_str(HEADER);
        for (index, balance) in shown.iter().skip(number * PAGE).take(PAGE) {
            self.row(&mut html, &self.rows[*index], *balance);
            if self.rows[*index].status == "Completed" {
                completed.push(*index);
            }
        }
        html.push_str("</table>");
        if shown.is_empty() {
            html.push_str("<p id=empty>No records</p>");
        }
        if (number + 1) * PAGE < shown.len() {
            html.push_str("<a id=next href=x>Next</a>");
        }
        html.push_str("</body></html>");
        self.shown = Some(all);
        html
    }

    fn row(&self, html: &mut String, row: &Row, balance: i64) {
        let time = |at: Option<Duration>| {
            let local = |at| self.rules.calendar.local(at);
            at.map(local).unwrap_or_default()
        };
        let money = |cents: i64| {
            let sign = if cents < 0 { "-" } else { "" };
            format!("{sign}{}.{:02}", cents.abs() / 100, cents.abs() % 100)
        };
        let credit = matches!(row.kind, Kind::Payment);
        let kind = match row.kind {
            Kind::Payment => "Pay",
            Kind::Withdrawal => "Withdraw",
            Kind::Charge => "Charge",
            Kind::Reversal => "Reversal",
        };
        let shown = self.rules.references;
        write!(
            html,
            "<tr><td>{}</td><td>{}</td><td>{}</td><td>{}</td><td>{}</td><td>{}</td><td>{}</td><td>{kind}</td><td>{}</td></tr>",
            if shown { row.reference.as_str() } else { "" },
            time(row.completed),
            time(Some(row.created)),
            row.status,
            if credit { money(row.cents) } else { String::new() },
            if credit { String::new() } else { money(-row.cents) },
            if shown && row.settled { money(balance) } else { String::new() },
            row.linked.as_deref().unwrap_or_default(),
        )
        .expect("a string takes all");
    }

    /// Newest first, each with the balance after it.
    fn sorted(&self) -> Vec<(usize, i64)> {
        let mut all: Vec<(usize, i64)> = (0..self.rows.len()).map(|index| (index, 0)).collect();
        all.sort_by_key(|(index, _)| (self.rows[*index].place(), self.rows[*index].order));
        let mut balance = 10_000_000;
        for (index, after) in &mut all {
            let row = &self.rows[*index];
            if row.settled {
                balance += if row.kind == Kind::Payment {
                    row.cents
                } else {
                    -row.cents
                };
            }
            *after = balance;
        }
        all.reverse();
        all
    }
}

/// The statement's first row.
pub const HEADER: &str = "<tr><th>Ref</th><th>Time</th><th>Begun</th><th>Status</th><th>In</th><th>Out</th>\
    <th>Balance</th><th>Type</th><th>Linked</th></tr>";
