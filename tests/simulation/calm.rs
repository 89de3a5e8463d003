//! What the agent does for a portal that behaves: how fresh its lines are, and at which pace it signs in.

use std::time::Duration;

use crate::profile::{NO_REUSE, Profile};
use crate::run::one;
use crate::{accounting, freshness};

const S: fn(u64) -> Duration = Duration::from_secs;

/// The slowest way of a payment that is just missed: a poll interval; then, when the session has ended, a refused page,
/// the sign-in page, the click and its answer; then the pages of a sweep (one is enough for what is new); then a sink.
const PAGE: Duration = Duration::from_millis(400);
const CLICK: Duration = Duration::from_millis(300);
const SINK: Duration = Duration::from_millis(200);

#[test]
fn a_payment_is_told_within_a_poll_of_being_visible() {
    for seed in 0..8 {
        let mut profile = Profile::calm(seed);
        profile.lasts = (profile.poll * 200).clamp(S(2 * 3600), S(86_400));
        profile.mean_arrival = S(300);
        profile.rules.references = true;
        // Sessions end more rarely than the budget allows a sign-in.
        profile.rules.cap = 30;
        profile.rules.idle = S(1800);
        profile.rules.absolute = S(3600);
        profile.reserve = 2;
        let poll = profile.poll;
        let (outcome, verdict) = one(profile);
        assert_eq!(verdict.broken, Vec::<String>::new(), "seed {seed}");
        assert!(
            verdict.delays.len() > 10,
            "seed {seed}: hardly any payments"
        );
        // A reading in progress, a sweep at the longest, comes before the poll that finds it.
        let pages = u32::try_from(outcome.books.rows.len().div_ceil(crate::books::PAGE) + 1);
        let sweep = PAGE * pages.expect("small");
        let most = poll + sweep + 4 * PAGE + CLICK + 2 * SINK;
        let slowest = verdict.delays.iter().max().copied().unwrap_or_default();
        assert!(
            slowest <= most,
            "seed {seed}: {slowest:?} at a poll of {poll:?}, at most {most:?}"
        );
    }
}

#[test]
fn without_session_reuse_logins_settle_at_one_each_two_minutes_and_polls_go_on() {
    let mut profile = Profile::calm(1);
    let (begins, ends) = (S(2 * 86_400), S(3 * 86_400));
    profile.lasts = ends;
    profile.poll = S(10);
    profile.sweep = S(7200);
    profile.mean_arrival = S(2400);
    profile.rules.cap = 30;
    profile.rules.idle = NO_REUSE;
    profile.rules.absolute = S(86_400);
    profile.reserve = 0;
    let (outcome, verdict) = one(profile);
    assert_eq!(verdict.broken, Vec::<String>::new());
    let attempts = outcome.books.sessions.attempts.iter();
    let attempts = attempts.map(|attempt| attempt.at);
    let settled: Vec<Duration> = attempts.filter(|at| (begins..ends).contains(at)).collect();
    let pauses: Vec<Duration> = settled.windows(2).map(|pair| pair[1] - pair[0]).collect();
    let bounds = (pauses.iter().min().copied(), pauses.iter().max().copied());
    // 30 in a window of an hour and a few seconds: one each 120 s and a little, a reading or so apart.
    assert!(
        bounds.0 >= Some(S(100)) && bounds.1 <= Some(S(140)),
        "pauses between {bounds:?}"
    );
    assert!(
        (700..=720).contains(&settled.len()),
        "{} sign-ins a day",
        settled.len()
    );
    assert!(
        outcome.polls >= 3 * 700,
        "{} readings in three days",
        outcome.polls
    );
}

#[test]
fn with_session_reuse_one_login_lasts_as_long_as_the_session() {
    let mut profile = Profile::calm(2);
    profile.lasts = S(86_400);
    profile.poll = S(30);
    profile.rules.idle = S(600);
    profile.rules.absolute = S(4 * 3600);
    let (outcome, verdict) = one(profile);
    assert_eq!(verdict.broken, Vec::<String>::new());
    let day: Vec<_> = outcome
        .books
        .sessions
        .attempts
        .iter()
        .filter(|attempt| attempt.at < S(86_400))
        .collect();
    assert_eq!(day.len(), 6, "one sign-in each four hours");
}

#[test]
fn a_session_that_would_go_idle_between_polls_is_kept_alive_once_that_is_known() {
    let mut profile = Profile::calm(3);
    profile.lasts = S(2 * 86_400);
    profile.poll = S(600);
    profile.rules.idle = S(300);
    profile.rules.absolute = S(30 * 86_400);
    let (outcome, verdict) = one(profile);
    assert_eq!(verdict.broken, Vec::<String>::new());
    // Three ends are a pattern; after them, one session lasts.
    let attempts = outcome.books.sessions.attempts.len();
    assert!(
        (4..=5).contains(&attempts),
        "{attempts} sign-ins in two days"
    );
}

#[test]
fn a_session_that_ends_by_age_does_not_make_it_forget_the_idle_time() {
    let mut profile = Profile::calm(4);
    profile.lasts = S(4 * 86_400);
    profile.poll = S(600);
    profile.rules.idle = S(300);
    profile.rules.absolute = S(4 * 3600);
    profile.rules.cap = 30;
    let (outcome, verdict) = one(profile);
    assert_eq!(verdict.broken, Vec::<String>::new());
    let attempts = outcome.books.sessions.attempts.len();
    // Three go idle before that is known; then six a day.
    assert!(attempts <= 28, "{attempts} sign-ins in four days");
}

/// At midnight the rows that are known go from the page, and for a while there are none.
#[test]
fn a_portal_that_shows_today_alone_is_believed_when_it_is_empty_after_midnight() {
    let mut profile = Profile::calm(5);
    profile.lasts = S(4 * 86_400);
    profile.poll = S(60);
    profile.mean_arrival = S(3600);
    profile.rules.today_only = true;
    profile.rules.references = true;
    profile.rules.cap = 30;
    profile.rules.idle = S(1800);
    profile.rules.absolute = S(30 * 86_400);
    let poll = profile.poll;
    let (outcome, verdict) = one(profile);
    assert_eq!(verdict.broken, Vec::<String>::new());
    let slowest = verdict.delays.iter().max().copied().unwrap_or_default();
    assert!(verdict.delays.len() > 50, "hardly any payments");
    assert!(slowest < poll + S(10), "{slowest:?} after {poll:?}");
    assert_eq!(outcome.books.sessions.attempts.len(), 1);
}

/// Nothing but the portal's own doing: a poll and a few pages lie between it and the status.
#[test]
fn a_trouble_stands_in_the_status_within_a_minute_or_two_polls() {
    let mut noticed = 0;
    for seed in 0..12 {
        let mut profile = Profile::calm(seed);
        profile.lasts = (profile.poll * 200).clamp(S(6 * 3600), S(86_400));
        profile.rules.cap = 30;
        profile.rules.idle = S(3600);
        profile.rules.absolute = S(86_400);
        profile.captchas = seed % 2 == 0;
        profile.new_password = !profile.captchas;
        let (outcome, verdict) = one(profile);
        assert_eq!(verdict.broken, Vec::<String>::new(), "seed {seed}");
        let all = accounting::noticed_after(&outcome);
        noticed += all.len();
        let most = accounting::notice_within(&outcome);
        let late: Vec<_> = all.iter().filter(|after| **after > most).collect();
        assert_eq!(late, Vec::<&Duration>::new(), "seed {seed}: {most:?}");
    }
    assert!(noticed >= 12, "only {noticed} troubles");
}

#[test]
fn every_minute_is_fresh_where_polls_are_fast_and_the_portal_behaves() {
    for seed in 0..4 {
        let mut profile = Profile::calm(seed);
        profile.lasts = S(6 * 3600);
        profile.poll = S(10 + 5 * seed);
        profile.rules.cap = 30;
        profile.rules.idle = S(600);
        profile.rules.absolute = S(3600);
        let (outcome, verdict) = one(profile);
        assert_eq!(verdict.broken, Vec::<String>::new(), "seed {seed}");
        let (minutes, fresh) = freshness::fresh_minutes(&outcome, S(60));
        assert_eq!((minutes, fresh), (359, 359), "seed {seed}");
    }
}
