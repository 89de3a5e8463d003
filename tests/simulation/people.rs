//! What people do: step the wall clock, change the password, sign in elsewhere, look after a stopped account.

use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use chrono::TimeDelta;
use tillwatch::clock::VirtualClock;
use tillwatch::control::{Order, Ordered};
use tillwatch::session::Outcome;
use tillwatch::status::{Halt, State, Status};
use tokio::sync::{mpsc, oneshot, watch};
use tokio::time::sleep;

use crate::dice::Dice;
use crate::far_time::until;
use crate::portal::{Shared, lock};
use crate::sessions::Cause;
use crate::watch::{Deed, Diary, Trouble, note};

const MINUTE: Duration = Duration::from_secs(60);
const HOUR: Duration = Duration::from_secs(3600);

/// A span of true time in which the agent's wall clock was wrong.
#[derive(Debug, Clone, Copy)]
pub struct Step {
    pub from: Duration,
    /// `None` while it is in force.
    pub to: Option<Duration>,
    pub by: TimeDelta,
}

#[derive(Debug, Clone, Default)]
pub struct Steps(Arc<Mutex<Vec<Step>>>);

impl Steps {
    pub fn all(&self) -> Vec<Step> {
        self.0.lock().expect("steps").clone()
    }

    pub fn begin(&self, from: Duration, by: TimeDelta) {
        let step = Step { from, to: None, by };
        self.0.lock().expect("steps").push(step);
    }

    pub fn end(&self, to: Duration) {
        if let Some(step) = self.0.lock().expect("steps").last_mut() {
            step.to = Some(to);
        }
    }

    /// Did anybody move the clock at `since` or after it?
    pub fn any_since(&self, since: Duration) -> bool {
        let steps = self.0.lock().expect("steps");
        let last = steps.last();
        last.is_some_and(|step| step.to.unwrap_or(step.from) >= since)
    }
}

/// A person steps the wall clock and puts it right again.
pub async fn steps(clock: VirtualClock, mut dice: Dice, end: Duration, log: Steps) {
    loop {
        until(
            &clock,
            clock.elapsed() + dice.arrival(Duration::from_secs(20_000)),
        )
        .await;
        let from = clock.elapsed();
        if from >= end {
            return;
        }
        let by = TimeDelta::seconds(i64::try_from(dice.between(10, 7200)).expect("small"));
        let by = if dice.chance(600) { by } else { -by };
        log.begin(from, by);
        clock.step(by);
        let lasts = dice.arrival(Duration::from_secs(1800)).min(2 * HOUR);
        until(&clock, (from + lasts).min(end)).await;
        clock.step(-by);
        log.end(clock.elapsed());
    }
}

/// The portal's password changes at `at`; whoever knows it writes it into the file `later`.
pub async fn change_password(
    (books, clock, diary): (Shared, VirtualClock, Diary),
    root: PathBuf,
    at: Duration,
    later: Duration,
) {
    until(&clock, at).await;
    {
        let mut books = lock(&books);
        books.password = "second-password".to_owned();
        if books.sessions.end(Cause::NewPassword, clock.elapsed()) {
            let trouble = Trouble {
                from: clock.elapsed(),
                to: at + later,
                what: Outcome::WrongPassword,
            };
            note(&diary, |seen| seen.troubles.push(trouble));
        }
    }
    until(&clock, at + later).await;
    write_secret(&root, "second-password");
    let now = clock.elapsed();
    note(&diary, |seen| seen.deeds.push((now, Deed::ChangedSecret)));
}

/// For some time the portal shows a captcha to whoever signs in.
pub async fn captchas(
    (books, clock, diary): (Shared, VirtualClock, Diary),
    mut dice: Dice,
    mean: Duration,
    end: Duration,
) {
    loop {
        until(&clock, clock.elapsed() + dice.arrival(mean)).await;
        let now = clock.elapsed();
        if now >= end {
            return;
        }
        let lasts = dice.log_between(10 * MINUTE, 3 * HOUR);
        let mut books = lock(&books);
        books.captcha_until = (now + lasts).min(end);
        if dice.chance(600) && books.sessions.end(Cause::Dropped, now) {
            let trouble = Trouble {
                from: now,
                to: books.captcha_until,
                what: Outcome::CaptchaRequired,
            };
            note(&diary, |seen| seen.troubles.push(trouble));
        }
    }
}

/// Somebody signs in as the same user now and then, and again when the agent's sign-in has ended that.
pub async fn others(
    books: Shared,
    clock: VirtualClock,
    mut dice: Dice,
    mean: Duration,
    end: Duration,
) {
    loop {
        until(&clock, clock.elapsed() + dice.arrival(mean)).await;
        let stays = clock.elapsed() + dice.log_between(2 * MINUTE, HOUR);
        while clock.elapsed() < stays.min(end) {
            let now = clock.elapsed();
            lock(&books).kick(now, stays.min(end));
            while clock.elapsed() < stays.min(end) && lock(&books).sessions.other_kicked.is_none() {
                until(&clock, clock.elapsed() + MINUTE).await;
            }
            if dice.chance(500) {
                break;
            }
            until(&clock, clock.elapsed() + dice.arrival(3 * MINUTE)).await;
        }
        if clock.elapsed() >= end {
            return;
        }
    }
}

pub fn secret(root: &Path) -> PathBuf {
    root.join("secret")
}

pub fn write_secret(root: &Path, text: &str) {
    let aside = root.join("secret.new");
    let mut options = std::fs::OpenOptions::new();
    options.write(true).create(true).truncate(true).mode(0o600);
    let mut file = options.open(&aside).expect("a secret file");
    std::io::Write::write_all(&mut file, text.as_bytes()).expect("written");
    std::fs::rename(aside, secret(root)).expect("renamed");
}

/// How soon whoever looks after the account acts.
#[derive(Debug, Clone)]
pub enum Patience {
    /// At a look every ten minutes.
    Prompt,
    /// Minutes to hours after the status said so.
    Late(Dice),
}

impl Patience {
    fn pause(&self) -> Duration {
        match self {
            Patience::Prompt => 10 * MINUTE,
            Patience::Late(_) => MINUTE,
        }
    }

    fn takes(&mut self) -> Duration {
        match self {
            Patience::Prompt => Duration::ZERO,
            Patience::Late(dice) => dice.log_between(MINUTE, 2 * HOUR),
        }
    }
}

/// Looks at the account, and puts right what only a person can, once its password is right.
pub async fn look_after(
    orders: mpsc::Sender<Ordered>,
    board: watch::Receiver<Vec<Status>>,
    (books, clock, diary): (Shared, VirtualClock, Diary),
    root: PathBuf,
    mut patience: Patience,
    mut stop: watch::Receiver<bool>,
) {
    let mut acts_at = None;
    loop {
        tokio::select! {
            () = sleep(patience.pause()) => {}
            _ = stop.wait_for(|stop| *stop) => return,
        }
        let state = board.borrow().first().map(|status| status.state.clone());
        let halt = match state {
            // A new password is noticed without anybody.
            Some(State::Stopped(Halt::Outcome(Outcome::WrongPassword))) => None,
            Some(State::Stopped(halt)) => Some(halt),
            _ => None,
        };
        let Some(halt) = halt else {
            acts_at = None;
            continue;
        };
        let now = clock.elapsed();
        let typed = std::fs::read_to_string(secret(&root)).expect("the secret");
        if now < *acts_at.get_or_insert_with(|| now + patience.takes())
            || typed != lock(&books).password
        {
            continue;
        }
        acts_at = None;
        let captcha = halt == Halt::Outcome(Outcome::CaptchaRequired);
        let deed = if captcha && lock(&books).solve(now) {
            // The agent looks every ten seconds; whoever has just signed in leaves it alone.
            Deed::SolvedCaptcha
        } else {
            let (answer, _) = oneshot::channel();
            orders.send((Order::Resume, answer)).await.ok();
            Deed::Resumed(halt)
        };
        note(&diary, |seen| seen.deeds.push((now, deed)));
    }
}
