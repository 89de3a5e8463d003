//! Tests: what sessions that ended teach, and what they do not.

use super::*;

const S: fn(u64) -> Duration = Duration::from_secs;

fn unlearned(stated_idle: Option<Duration>) -> Life {
    Life::new(stated_idle, Learned::default())
}

/// Lives `sessions` sessions at a portal with these timeouts, polled every `poll`.
fn lived(sessions: u32, poll: Duration, idle: Duration, absolute: Duration) -> (Life, Duration) {
    let mut life = unlearned(None);
    let mut now = S(1000);
    for _ in 0..sessions {
        let began = now;
        life.signed_in(now);
        let mut last = now;
        loop {
            now += life.touch_every().map_or(poll, |every| every.min(poll));
            if now - last >= idle || now - began >= absolute {
                life.ended(now);
                break;
            }
            last = now;
            life.sign_of_life(now);
            if now - began > S(86_400) {
                return (life, now);
            }
        }
    }
    (life, now)
}

#[test]
fn a_session_that_ends_when_idle_is_touched_in_time() {
    let (life, now) = lived(20, S(600), S(300), S(1_000_000));
    assert!(now > S(86_400), "it lives on: {life:?}");
    assert!(life.touch_every().is_some_and(|every| every < S(300)));
}

#[test]
fn ends_by_age_do_not_unteach_the_idle_time() {
    let (life, _) = lived(12, S(600), S(300), S(4 * 3600));
    let touch = life.touch_every();
    assert!(touch.is_some_and(|every| every < S(300)), "{life:?}");
    assert!(
        matches!(life.pattern(), Pattern::FixedAge(_)),
        "and the age is known too: {life:?}"
    );
}

#[test]
fn sessions_dropped_at_once_do_not_leave_the_later_ones_to_end() {
    for (stated, every) in [(Some(S(120)), Some(S(72))), (None, None)] {
        let mut life = unlearned(stated);
        let mut now = S(1000);
        for idle in [4, 11, 14] {
            life.signed_in(now);
            now += S(idle);
            life.ended(now);
        }
        assert_eq!(life.touch_every(), every);
        let ends = (0..12).take_while(|_| {
            life.signed_in(now);
            let pause = life.touch_every().map_or(S(600), |every| every.min(S(600)));
            now += pause;
            if pause >= S(120) {
                life.ended(now);
            } else {
                life.sign_of_life(now);
            }
            pause >= S(120)
        });
        assert!(ends.count() < 12, "it is never held: {life:?}");
    }
}

/// Touched ever more often it would be signed in to for ever.
#[test]
fn a_session_that_no_touch_holds_is_left_to_end() {
    let (life, _) = lived(30, S(600), S(30), S(1_000_000));
    assert_eq!(life.touch_every(), None, "{life:?}");
}

#[test]
fn a_pause_with_a_failed_page_in_it_was_not_outlived() {
    let (mut life, now) = lived(6, S(600), S(300), S(1_000_000));
    let touch = life.touch_every();
    life.signed_in(now);
    life.asked(now + S(200));
    life.sign_of_life(now + S(400));
    assert!(touch.is_some_and(|every| every < S(300)));
    assert!(life.touch_every().is_some_and(|every| every < S(300)));
}

#[test]
fn a_session_dropped_at_once_does_not_unteach_the_idle_time() {
    let (mut life, now) = lived(3, S(600), S(300), S(1_000_000));
    life.signed_in(now);
    life.ended(now + S(4));
    assert_eq!(life.touch_every(), Some(S(300)));
}

/// A portal that drops sessions now and then, whose failures make the pauses before it is noticed long.
#[test]
fn sessions_dropped_after_shorter_pauses_do_not_unteach_the_idle_time() {
    let (mut life, mut now) = lived(6, S(600), S(300), S(1_000_000));
    let learned = life.touch_every();
    for pause in 0..100 {
        now += S(1000);
        life.signed_in(now);
        life.ended(now + S(200 + pause % 90));
    }
    assert!(life.learned().ended_idle.len() < 20, "{life:?}");
    now += S(1000);
    life.signed_in(now);
    life.sign_of_life(now + S(290));
    assert!(learned.is_some_and(|every| every < S(300)));
    assert!(
        life.touch_every().is_some_and(|every| every < S(300)),
        "{life:?}"
    );
}

#[test]
fn a_longer_pause_that_a_session_outlives_unteaches_the_idle_time() {
    let (mut life, now) = lived(4, S(600), S(300), S(1_000_000));
    life.signed_in(now);
    life.sign_of_life(now + S(700));
    assert_eq!(life.touch_every(), None);
}

#[test]
fn a_stated_idle_time_keeps_the_first_session_alive() {
    let mut life = unlearned(Some(S(300)));
    assert_eq!(life.touch_every(), Some(S(180)));
    life.signed_in(S(0));
    assert_eq!(life.touch_every(), Some(S(180)));
    assert_eq!(unlearned(Some(S(10))).touch_every(), None, "not worth it");
}

#[test]
fn an_end_at_a_fixed_age_is_foreseen() {
    let (mut life, now) = lived(4, S(30), S(600), S(1800));
    assert_eq!(life.pattern(), Pattern::FixedAge(S(1770)));
    life.signed_in(now);
    assert_eq!(life.left(now), Some(S(1770)));
    assert_eq!(life.left(now + S(1000)), Some(S(770)));
    assert_eq!(life.touch_every(), None);
    assert_eq!(life.hold_back(now, S(133)), None, "old enough");
}

#[test]
fn sessions_that_die_early_spread_the_sign_ins_evenly() {
    let (mut life, now) = lived(3, S(10), S(3), S(1_000_000));
    assert_eq!(life.pattern(), Pattern::OneReading);
    life.signed_in(now);
    life.ended(now + S(10));
    assert_eq!(life.hold_back(now + S(10), S(133)), Some(S(123)));
    assert_eq!(life.hold_back(now + S(133), S(133)), None);
}

/// Four sessions that end at 1800 s, polled every 30 s; in each the agent is started anew, or loses its browser,
/// after `until` seconds.
fn restarted(until: u64) -> Life {
    let (mut life, mut now) = (unlearned(None), S(1000));
    for _ in 0..4 {
        let began = now;
        life.signed_in(now);
        while now - began < S(1800) {
            if now - began == S(until) {
                life.forget();
                life.brought_back(now, now - began);
            }
            life.sign_of_life(now);
            now += S(30);
        }
        life.ended(now);
    }
    life
}

#[test]
fn a_fixed_age_is_learned_from_the_sign_in_and_not_from_the_restart() {
    for until in [30, 900, 1770] {
        let life = restarted(until);
        assert_eq!(life.pattern(), Pattern::FixedAge(S(1770)), "{until}");
    }
    // Not even the clock goes so far back: the machine was started again.
    let mut life = restarted(900);
    life.brought_back(S(10), S(1500));
    assert_eq!(life.age(S(10)), Some(S(1500)));
    assert_eq!(life.left(S(20)), Some(S(260)));
    // The same session in another browser.
    life.brought_back(S(30), S(7));
    assert_eq!(life.age(S(30)), Some(S(1520)));
}

#[test]
fn what_was_learned_is_known_in_the_next_run() {
    let (life, _) = lived(4, S(600), S(300), S(1_000_000));
    let (touch, pattern) = (life.touch_every(), life.pattern());
    let mut next = Life::new(None, life.learned().clone());
    assert_eq!((next.touch_every(), next.pattern()), (touch, pattern));
    assert!(touch.is_some());
    assert_eq!(next.age(S(10)), None, "but no session is on");
    next.signed_in(S(10));
    next.sign_of_life(S(700));
    assert_eq!(next.touch_every(), None, "and what one outlives unteaches");
}

#[test]
fn a_session_that_ended_while_nobody_looked_teaches_nothing() {
    let mut life = unlearned(None);
    for _ in 0..4 {
        life.brought_back(S(100), S(50_000));
        life.ended(S(110));
    }
    assert_eq!(life.pattern(), Pattern::Lasting);
    assert_eq!(life.age(S(120)), None);
}

#[test]
fn one_early_end_changes_nothing() {
    let (life, now) = lived(1, S(10), S(3), S(1_000_000));
    assert_eq!(life.pattern(), Pattern::Lasting);
    assert_eq!(life.hold_back(now, S(133)), None);
}

#[test]
fn what_somebody_else_ended_teaches_nothing() {
    let mut life = unlearned(None);
    for start in 0..5 {
        life.signed_in(S(start * 100));
        life.forget();
        life.ended(S(start * 100 + 10));
    }
    assert_eq!(life.pattern(), Pattern::Lasting);
}
