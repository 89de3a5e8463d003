//! Somebody, or a program, who is sent the one-time codes and passes them on: mostly in time.

use std::time::Duration;

use tillwatch::clock::VirtualClock;
use tillwatch::login::code::{Desk, Given};
use tillwatch::status::{State, Status};
use tokio::sync::watch;
use tokio::time::sleep;

use crate::dice::Dice;
use crate::portal::{Shared, lock};
use crate::watch::{Diary, note};

/// How long the agent waits for a code, and how long one that was given counts.
pub const WAIT: Duration = Duration::from_secs(300);
pub const VALID: Duration = Duration::from_secs(120);
/// Who passes a code on while it is waited for takes no longer.
const IN_TIME: Duration = Duration::from_secs(240);

/// What becomes of a code that the agent waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fate {
    InTime,
    /// Given when the agent had given up.
    Late,
    /// The next sign-in asks for its own code and is given the late one.
    Outdated,
    Never,
    Wrong,
}

/// Passes codes on for as long as the agent lives.
pub async fn forward(
    mut board: watch::Receiver<Vec<Status>>,
    (books, clock, diary): (Shared, VirtualClock, Diary),
    desk: Desk,
    mut dice: Dice,
) {
    let waits = |all: &Vec<Status>| {
        let mut all = all.iter();
        all.any(|status| matches!(status.state, State::WaitsForCode { .. }))
    };
    loop {
        if board.wait_for(waits).await.is_err() {
            return;
        }
        let asked = clock.elapsed();
        let fate = match dice.below(100) {
            0..74 => Fate::InTime,
            74..87 => Fate::Late,
            87..94 => Fate::Never,
            _ => Fate::Wrong,
        };
        note(&diary, |seen| seen.codes.push((asked, fate)));
        let code = lock(&books).code.clone().unwrap_or_default();
        let longest = if fate == Fate::Late {
            1800
        } else {
            IN_TIME.as_secs()
        };
        let wait = Duration::from_secs(dice.between(5, longest));
        let (wait, code) = match fate {
            Fate::InTime => (wait, code),
            Fate::Wrong => (wait, "not-it".to_owned()),
            Fate::Late | Fate::Outdated | Fate::Never => {
                if board.wait_for(|all| !waits(all)).await.is_err() {
                    return;
                }
                if fate == Fate::Never {
                    continue;
                }
                let mut given_at = tokio::time::Instant::now() + wait;
                let asked_again = tokio::time::timeout_at(given_at, board.wait_for(waits));
                match asked_again.await.map(|asked| asked.is_ok()) {
                    Ok(true) => {
                        let again = clock.elapsed();
                        note(&diary, |seen| seen.codes.push((again, Fate::Outdated)));
                        given_at = given_at.min(tokio::time::Instant::now() + IN_TIME);
                    }
                    Ok(false) => return,
                    Err(_) => {}
                }
                (given_at - tokio::time::Instant::now(), code)
            }
        };
        sleep(wait).await;
        let awaited = fate != Fate::Late || waits(&board.borrow());
        let taken = desk.give(&Given::new(code));
        assert_eq!(taken.is_ok(), awaited, "{fate:?}: {taken:?}");
        if board.wait_for(|all| !waits(all)).await.is_err() {
            return;
        }
    }
}
