//! Who may in: the cap on sign-ins, the lock, and the one session a user may have.
//!
//! A sign-in attempt is one POST of the sign-in form, counted when it arrives and whatever comes of it. An attempt is
//! judged in this order: user locked, cap exceeded (which locks), form token, password (the last wrong one
//! allowed locks), session already open.

use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use std::collections::VecDeque;

use super::config::{PortalConfig, SecondLogin};
use super::dice::Dice;
use super::one_time_code::{OneTimeCodes, Verdict};

/// Ended sessions whose reason is still told to who comes with their cookie.
const ENDED_KEPT: usize = 256;

/// What came of a sign-in attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum LoginOutcome {
    /// A session was opened.
    SignedIn,
    /// Short code, user name or password is wrong.
    WrongPassword,
    /// The user is locked, or this wrong password locked it.
    Locked,
    /// One attempt more than the cap allows; the user is locked from now on.
    TooManyLogins,
    /// The password was right and a one-time code is asked for.
    OtpRequired,
    /// The code was wrong, too late, or typed before.
    WrongCode,
    /// Refused because the user has a session elsewhere.
    AlreadySignedIn,
    /// The form's token does not belong to the browser that sent it.
    BadCsrf,
    /// No verdict yet: the request is slowed or hangs, or a fault swallowed it. It counts.
    Unanswered,
}

/// Why a session ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ending {
    Expired,
    Elsewhere,
    /// It served the one statement that a session may load.
    Used,
    SignedOut,
}

/// What a page request's cookie stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Visitor {
    SignedIn { since: DateTime<Utc> },
    Ended(Ending),
    Stranger,
}

/// The fields of the sign-in form.
#[derive(Deserialize, Default)]
#[serde(default)]
pub(super) struct LoginForm {
    #[serde(rename = "shortCode")]
    pub short_code: String,
    #[serde(rename = "userName")]
    pub user: String,
    pub password: String,
    #[serde(rename = "csrfToken")]
    pub csrf: String,
}

struct Session {
    token: String,
    since: DateTime<Utc>,
    last_load: DateTime<Utc>,
    statement_begun: bool,
    loads_left: Option<u32>,
}

pub(super) struct Access {
    dice: Dice,
    form_secret: String,
    /// Arrivals that the cap may still count.
    arrivals: VecDeque<DateTime<Utc>>,
    wrong: u32,
    locked: bool,
    session: Option<Session>,
    ended: VecDeque<(String, Ending)>,
    codes: OneTimeCodes,
}

impl Access {
    /// `started` sets the tokens apart from those of an earlier portal of the same seed.
    pub fn new(seed: u64, started: DateTime<Utc>) -> Self {
        let mut dice = Dice::new(seed ^ started.timestamp_micros().unsigned_abs());
        let form_secret = dice.token();
        let (arrivals, ended) = (VecDeque::new(), VecDeque::new());
        Self {
            dice,
            form_secret,
            arrivals,
            wrong: 0,
            locked: false,
            session: None,
            ended,
            codes: OneTimeCodes::default(),
        }
    }

    pub fn locked(&self) -> bool {
        self.locked
    }

    /// Wrong passwords left before the lock.
    pub fn tries_left(&self, config: &PortalConfig) -> u32 {
        config.lock_after_wrong.saturating_sub(self.wrong)
    }

    /// What the administrator does for a locked user: the counts begin anew.
    pub fn unlock(&mut self) {
        (self.locked, self.wrong) = (false, 0);
        self.arrivals.clear();
    }

    pub fn new_visitor(&mut self) -> String {
        self.dice.token()
    }

    /// The form token of the browser with this sign-in cookie.
    pub fn form_token(&self, visitor: &str) -> String {
        let digest = Sha256::digest(format!("{}{visitor}", self.form_secret));
        digest
            .iter()
            .take(16)
            .map(|byte| format!("{byte:02x}"))
            .collect()
    }

    /// Counts an attempt on its arrival.
    pub fn arrive(&mut self, now: DateTime<Utc>) {
        self.arrivals.push_back(now);
    }

    /// Judges attempt number `attempt`, which [`Access::arrive`] counted. A session comes with its token, and so does
    /// the question for a one-time code.
    pub fn sign_in(
        &mut self,
        form: &LoginForm,
        visitor: Option<&str>,
        attempt: u64,
        now: DateTime<Utc>,
        config: &PortalConfig,
    ) -> (LoginOutcome, Option<String>) {
        let outcome = self.judge(form, visitor, now, config);
        if outcome != LoginOutcome::SignedIn {
            return (outcome, None);
        }
        match self.codes.ask(attempt, &mut self.dice, now, config) {
            Some(token) => (LoginOutcome::OtpRequired, Some(token)),
            None => (outcome, Some(self.begin(now))),
        }
    }

    /// Judges the code of who comes with this cookie: the attempt, what became of it, the session's token.
    pub fn give_code(
        &mut self,
        code: &str,
        token: Option<&str>,
        now: DateTime<Utc>,
        config: &PortalConfig,
    ) -> Option<(u64, LoginOutcome, Option<String>)> {
        match self.codes.judge(code, token, now, config) {
            (Verdict::Right, attempt) => {
                Some((attempt, LoginOutcome::SignedIn, Some(self.begin(now))))
            }
            (Verdict::Wrong, attempt) => Some((attempt, LoginOutcome::WrongCode, None)),
            (Verdict::Stranger, _) => None,
        }
    }

    /// The code that was sent and is owed now.
    pub fn sent_code(&self) -> Option<String> {
        self.codes.sent()
    }

    fn begin(&mut self, now: DateTime<Utc>) -> String {
        self.end(Ending::Elsewhere);
        let token = self.dice.token();
        self.session = Some(Session {
            token: token.clone(),
            since: now,
            last_load: now,
            statement_begun: false,
            loads_left: None,
        });
        token
    }

    fn judge(
        &mut self,
        form: &LoginForm,
        visitor: Option<&str>,
        now: DateTime<Utc>,
        config: &PortalConfig,
    ) -> LoginOutcome {
        let window = TimeDelta::seconds(config.login_window_s.into());
        self.arrivals.retain(|at| now - *at < window);
        if self.locked {
            return LoginOutcome::Locked;
        }
        if self.arrivals.len() > config.login_cap as usize {
            self.locked = true;
            return LoginOutcome::TooManyLogins;
        }
        if visitor.is_none_or(|visitor| self.form_token(visitor) != form.csrf) {
            return LoginOutcome::BadCsrf;
        }
        let known = form.short_code == config.short_code && form.user == config.user;
        if !known {
            return LoginOutcome::WrongPassword;
        }
        if form.password != config.password {
            self.wrong += 1;
            self.locked = self.wrong >= config.lock_after_wrong;
            return if self.locked {
                LoginOutcome::Locked
            } else {
                LoginOutcome::WrongPassword
            };
        }
        self.wrong = 0;
        self.expire(now, config);
        match (config.second_login, &self.session) {
            (SecondLogin::Refuse, Some(_)) => LoginOutcome::AlreadySignedIn,
            (SecondLogin::KickOut, _) | (SecondLogin::Refuse, None) => LoginOutcome::SignedIn,
        }
    }

    /// Who comes with this session cookie; counts as a page load of that session.
    pub fn visit(
        &mut self,
        token: Option<&str>,
        now: DateTime<Utc>,
        config: &PortalConfig,
    ) -> Visitor {
        self.expire(now, config);
        let Some(token) = token else {
            return Visitor::Stranger;
        };
        if let Some(session) = self
            .session
            .as_mut()
            .filter(|session| session.token == token)
        {
            match session.loads_left.as_mut() {
                Some(0) => self.end(Ending::Expired),
                loads_left => {
                    if let Some(left) = loads_left {
                        *left -= 1;
                    }
                    session.last_load = now;
                    return Visitor::SignedIn {
                        since: session.since,
                    };
                }
            }
        }
        let ending = self.ended.iter().rev().find(|(ended, _)| ended == token);
        ending.map_or(Visitor::Stranger, |(_, ending)| Visitor::Ended(*ending))
    }

    /// Whether the session may load this page of the statement; without reuse a second load ends it.
    pub fn begin_statement(&mut self, page: usize, config: &PortalConfig) -> bool {
        let Some(session) = self.session.as_mut() else {
            return false;
        };
        if !config.session_reuse && session.statement_begun && page <= 1 {
            self.end(Ending::Used);
            return false;
        }
        session.statement_begun = true;
        true
    }

    /// The last page of a statement was served: without reuse the session ends here.
    pub fn finish_statement(&mut self, config: &PortalConfig) {
        if !config.session_reuse {
            self.end(Ending::Used);
        }
    }

    pub fn sign_out(&mut self, token: Option<&str>) {
        if self
            .session
            .as_ref()
            .is_some_and(|session| Some(session.token.as_str()) == token)
        {
            self.end(Ending::SignedOut);
        }
    }

    /// Has the open session expire, after `after_loads` more page loads.
    pub fn expire_session(&mut self, after_loads: u32) {
        match self.session.as_mut() {
            Some(session) if after_loads > 0 => session.loads_left = Some(after_loads),
            Some(_) | None => self.end(Ending::Expired),
        }
    }

    pub fn session_since(&self) -> Option<DateTime<Utc>> {
        self.session.as_ref().map(|session| session.since)
    }

    /// Ends the open session if it was idle or open for too long.
    pub fn expire(&mut self, now: DateTime<Utc>, config: &PortalConfig) {
        let idle = TimeDelta::seconds(config.idle_timeout_s.into());
        let absolute = TimeDelta::seconds(config.absolute_timeout_s.into());
        let over =
            |session: &Session| now - session.last_load > idle || now - session.since > absolute;
        if self.session.as_ref().is_some_and(over) {
            self.end(Ending::Expired);
        }
    }

    fn end(&mut self, ending: Ending) {
        if let Some(session) = self.session.take() {
            self.ended.push_back((session.token, ending));
            if self.ended.len() > ENDED_KEPT {
                self.ended.pop_front();
            }
        }
    }
}
