//! Judges how fresh the agent was: how long ago its last complete reading was begun, minute by minute.

use std::time::Duration;

use crate::books::PAGE;
use crate::watch::Read;
use crate::world::Outcome;

const MINUTE: Duration = Duration::from_secs(60);
/// The longest that a page takes where nothing is wrong.
const PAGE_TAKES: Duration = Duration::from_millis(400);

/// Whole minutes of the world, and those in which the last complete reading was begun no longer than `age` ago.
pub fn fresh_minutes(outcome: &Outcome, age: Duration) -> (u64, u64) {
    let minutes = minutes(outcome);
    let fresh = minutes
        .iter()
        .filter(|(at, last)| is_fresh(*at, last.as_ref(), age));
    (minutes.len() as u64, fresh.count() as u64)
}

/// Each minute, with the last complete reading before it.
fn minutes(outcome: &Outcome) -> Vec<(Duration, Option<Read>)> {
    let mut readings = outcome.seen.readings.iter().peekable();
    let (mut minutes, mut last) = (Vec::new(), None);
    let mut at = outcome.profile.first_start + MINUTE;
    while at < outcome.profile.lasts {
        while let Some(read) = readings.next_if(|read| read.ended <= at) {
            last = Some(*read);
        }
        minutes.push((at, last));
        at += MINUTE;
    }
    minutes
}

fn is_fresh(at: Duration, last: Option<&Read>, age: Duration) -> bool {
    last.is_some_and(|read| at.saturating_sub(read.began) <= age)
}

/// No minute is stale unless something withheld a reading since the last one: a fault, a stop of the agent or its
/// machine, the end of a session (sign-ins are rationed and may need a person), quiet hours, a stepped clock, a share of
/// page loads that was used up. How long each of these may withhold it is bounded elsewhere, by the cap, by what people are
/// asked for and by the payments that arrive; that nothing else does is bounded here, in every world.
pub fn broken(outcome: &Outcome) -> Vec<String> {
    let age = MINUTE.max(2 * outcome.profile.poll) + 3 * reading(outcome);
    let withheld = withheld(outcome);
    let excused = |at: Duration, last: Option<Read>| {
        let since = last.map_or(outcome.profile.first_start, |read| read.began);
        let next = withheld.partition_point(|it| *it < since);
        withheld.get(next).is_some_and(|it| *it <= at) || outcome.profile.rules.was_quiet(since, at)
    };
    let stale = minutes(outcome)
        .into_iter()
        .find(|(at, last)| !is_fresh(*at, last.as_ref(), age) && !excused(*at, *last));
    let said = |(at, last)| format!("stale at {at:?} for no reason: last read {last:?}");
    stale.map(said).into_iter().collect()
}

/// What a reading may take that begins again as often as it may, because rows moved.
fn reading(outcome: &Outcome) -> Duration {
    let pages = outcome.books.rows.len().div_ceil(PAGE) + 1;
    let page = outcome.profile.page_takes.unwrap_or(PAGE_TAKES);
    let again = if outcome.profile.rules.references {
        1
    } else {
        4
    };
    page * again * u32::try_from(pages).expect("few")
}

/// Instants at which something began or ended that withholds readings.
fn withheld(outcome: &Outcome) -> Vec<Duration> {
    let (sessions, seen) = (&outcome.books.sessions, &outcome.seen);
    let mut all = sessions.disturbances.clone();
    all.extend(&outcome.deaths);
    all.extend(sessions.ends.iter().map(|end| end.at));
    all.extend(sessions.attempts.iter().map(|attempt| attempt.at));
    all.extend(seen.naps.iter().flat_map(|(from, to)| [*from, *to]));
    all.extend(seen.halts.iter().map(|(at, _)| *at));
    let steps = outcome.stepped.iter();
    all.extend(steps.flat_map(|step| [Some(step.from), step.to].into_iter().flatten()));
    all.sort();
    all
}
