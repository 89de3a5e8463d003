//! What people do: step the wall clock, change the password, look after a stopped account.

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
use crate::portal::{Shared, lock};

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

    /// Did anybody move the clock at `since` or after it?
    pub fn any_since(&self, since: Duration) -> bool {
        let steps = self.0.lock().expect("steps");
        let last = steps.last();
        last.is_some_and(|step| step.to.unwrap_or(step.from) >= since)
    }
}

/// A person steps the wall clock and puts it right again.
pub async fn steps(clock: VirtualClock, mut dice: Dice, until: Duration, log: Steps) {
    loop {
        sleep(dice.arrival(Duration::from_secs(20_000))).await;
        let from = clock.elapsed();
        if from >= until {
            return;
        }
        let by = TimeDelta::seconds(i64::try_from(dice.between(10, 7200)).expect("small"));
        let by = if dice.chance(600) { by } else { -by };
        log.0
            .lock()
            .expect("steps")
            .push(Step { from, to: None, by });
        clock.step(by);
        let lasts = dice.arrival(Duration::from_secs(1800));
        sleep(lasts.min(Duration::from_secs(7200)).min(until - from)).await;
        clock.step(-by);
        if let Some(step) = log.0.lock().expect("steps").last_mut() {
            step.to = Some(clock.elapsed());
        }
    }
}

/// The portal's password changes; the file follows hours later.
pub async fn change_password(books: Shared, root: PathBuf, at: Duration) {
    sleep(at).await;
    lock(&books).password = "second-password".to_owned();
    lock(&books).expire_session();
    sleep(Duration::from_secs(9000)).await;
    write_secret(&root, "second-password");
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

/// Every ten minutes somebody looks at the account and resumes it, once its password is right.
pub async fn look_after(
    orders: mpsc::Sender<Ordered>,
    board: watch::Receiver<Vec<Status>>,
    books: Shared,
    root: PathBuf,
    mut stop: watch::Receiver<bool>,
) {
    loop {
        tokio::select! {
            () = sleep(Duration::from_secs(600)) => {}
            _ = stop.wait_for(|stop| *stop) => return,
        }
        let state = board.borrow().first().map(|status| status.state.clone());
        let stopped = match state {
            // A new password is noticed without anybody.
            Some(State::Stopped(Halt::Outcome(Outcome::WrongPassword))) => false,
            Some(State::Stopped(_)) => true,
            _ => false,
        };
        let typed = std::fs::read_to_string(secret(&root)).expect("the secret");
        if stopped && typed == lock(&books).password {
            let (answer, _) = oneshot::channel();
            orders.send((Order::Resume, answer)).await.ok();
        }
    }
}
