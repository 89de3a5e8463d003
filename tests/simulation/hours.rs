//! Judges hours: in which a person is at hand, and in which the portal is left alone.

use std::time::Duration;

use crate::profile::DAY;
use crate::world::Outcome;

/// From the look at the clock to the click: the sign-in page is loaded in between, however slowly.
const TO_THE_CLICK: Duration = Duration::from_secs(120);

/// What was promised and not kept.
pub fn broken(outcome: &Outcome) -> Vec<String> {
    let mut broken = Vec::new();
    for at in &outcome.books.disturbed_quiet {
        broken.push(format!("a page was asked for at {at:?}, in quiet hours"));
    }
    let calendar = &outcome.profile.rules.calendar;
    let Some(hours) = &outcome.profile.attended else {
        return broken;
    };
    let open = |at: Duration| hours.closed_for(calendar.wall(at), calendar.zone).is_none();
    let attempts = outcome.books.sessions.attempts.iter().map(|it| it.at);
    for at in attempts.filter(|at| *at < outcome.profile.lasts) {
        if !open(at) && !open(at.saturating_sub(TO_THE_CLICK)) {
            broken.push(format!("a sign-in at {at:?}, when nobody was at hand"));
        }
    }
    broken
}

/// Sessions that may be replaced while they live: what would end while nobody is at hand, once before the hours of a day
/// close.
pub fn replacements(outcome: &Outcome) -> u64 {
    let days = outcome.lasted.as_secs().div_ceil(DAY.as_secs()) + 1;
    if outcome.profile.attended.is_some() {
        days
    } else {
        0
    }
}
