//! What somebody sees who looks at the status all the time: when it says that a person is needed, and how fresh it is.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use tillwatch::clock::{Clock, VirtualClock};
use tillwatch::session::Outcome;
use tillwatch::status::{Halt, State, Status};
use tokio::sync::watch;

use crate::codes::Fate;

/// A complete reading.
#[derive(Debug, Clone, Copy)]
pub struct Read {
    pub began: Duration,
    pub ended: Duration,
}

/// What a person did for the account.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Deed {
    ChangedSecret,
    SolvedCaptcha,
    /// Typed `tillwatch resume` at this halt.
    Resumed(Halt),
}

/// The portal ended the session, and signing in takes a person until it passes.
#[derive(Debug, Clone, Copy)]
pub struct Trouble {
    pub from: Duration,
    pub to: Duration,
    pub what: Outcome,
}

/// All of it, over all lives of the agent. In true time.
#[derive(Debug, Clone, Default)]
pub struct Seen {
    pub readings: Vec<Read>,
    /// One-time codes that the status said were waited for.
    pub codes: Vec<(Duration, Fate)>,
    /// The account began to be stopped.
    pub halts: Vec<(Duration, Halt)>,
    pub deeds: Vec<(Duration, Deed)>,
    pub troubles: Vec<Trouble>,
    /// The agent's machine stood still: from when to when.
    pub naps: Vec<(Duration, Duration)>,
}

/// Locked for one entry.
pub type Diary = Arc<Mutex<Seen>>;

pub fn note(diary: &Diary, entry: impl FnOnce(&mut Seen)) {
    entry(&mut diary.lock().expect("the diary"));
}

/// Looks until the agent ends.
pub async fn look(
    mut board: watch::Receiver<Vec<Status>>,
    machine: VirtualClock,
    diary: Diary,
    mut stop: watch::Receiver<bool>,
) {
    let clock = Clock::Virtual(machine.clone());
    let (mut polls, mut halted) = (0, None);
    loop {
        tokio::select! {
            changed = board.changed() => if changed.is_err() { return },
            _ = stop.wait_for(|stop| *stop) => return,
        }
        let Some(status) = board.borrow_and_update().first().cloned() else {
            continue;
        };
        let now = machine.elapsed();
        if let Some(read_at) = status.last_poll.filter(|_| status.polls != polls) {
            polls = status.polls;
            let took = (clock.now() - read_at).to_std().unwrap_or_default();
            let (began, ended) = (now.saturating_sub(took), now);
            note(&diary, |seen| seen.readings.push(Read { began, ended }));
        }
        let halt = match status.state {
            State::Stopped(halt) => Some(halt),
            _ => None,
        };
        if let Some(halt) = halt.filter(|_| halt != halted) {
            note(&diary, |seen| seen.halts.push((now, halt)));
        }
        halted = halt;
    }
}
