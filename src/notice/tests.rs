//! From how things stand to what is told.
#![expect(clippy::unwrap_used, reason = "tests")]

use super::*;
use crate::login::budget::Why;
use crate::session::Outcome;
use crate::status::{FILES_WRONG, Halt};

const S: fn(u64) -> Duration = Duration::from_secs;

fn now() -> DateTime<Utc> {
    "2026-11-21T09:00:00Z".parse().unwrap()
}

fn account() -> AccountName {
    AccountName::new("kilima").unwrap()
}

fn status(state: State) -> Status {
    let mut status = Status::starting(account(), S(30));
    status.state = state;
    status.last_poll = Some(now());
    status
}

/// What is wrong when the account is in this state, for the last time read `age` ago.
fn kinds(state: State, age: u64) -> Vec<Kind> {
    let mut status = status(state);
    status.last_poll = Some(now() - TimeDelta::from_std(S(age)).unwrap());
    let found = troubles(&facts(&[status], &BTreeMap::new(), &[]));
    found.into_keys().map(|key| key.kind).collect()
}

fn facts<'a>(
    statuses: &'a [Status],
    kept: &'a BTreeMap<AccountName, (u64, u64)>,
    sinks: &'a [(String, Option<String>)],
) -> Facts<'a> {
    Facts {
        statuses,
        kept,
        broken: &[],
        sinks,
        free: Some(LEAST_FREE),
        now: now(),
        began: now(),
    }
}

/// What is told when the account is in these states, a minute each.
fn told_of(states: Vec<State>) -> Vec<String> {
    let (none, mut watch, mut told) = (BTreeMap::new(), Watch::default(), Vec::new());
    for (minute, state) in states.into_iter().enumerate() {
        let statuses = [status(state)];
        let found = troubles(&facts(&statuses, &none, &[]));
        let at = S(60 * minute as u64);
        for notice in watch
            .look(found.clone(), &unsettled(&statuses, &[]), at)
            .into_iter()
            .chain(watch.look(found, &unsettled(&statuses, &[]), at + S(30)))
        {
            let word = if notice.solved { "solved" } else { "open" };
            told.push(format!("{word} {}", notice.key.kind.as_str()));
        }
    }
    told
}

#[test]
fn history_that_cannot_be_read_is_told_with_its_days_and_why() {
    let mut status = status(State::SignedIn);
    (status.days_unread, status.history_fails) = (3, Some("the page has no table".to_owned()));
    let found = troubles(&facts(&[status], &BTreeMap::new(), &[]));
    let (key, trouble) = found.first_key_value().unwrap();
    assert_eq!((found.len(), key.kind), (1, Kind::History));
    assert!(trouble.what.starts_with("history of 3 days"), "{trouble:?}");
    assert!(
        trouble.what.ends_with(": the page has no table"),
        "{trouble:?}"
    );
}

#[test]
fn a_restart_does_not_tell_that_history_is_read() {
    let mut fails = status(State::SignedIn);
    (fails.days_unread, fails.history_fails) = (3, Some("the page has no table".to_owned()));
    let found = |status: Status| troubles(&facts(&[status], &BTreeMap::new(), &[]));
    let mut before = Watch::default();
    let told = before.look(found(fails), &BTreeSet::new(), S(0));
    assert_eq!(told.len(), 1);
    let mut after = Watch::resume(before.told(), S(0));
    for at in [1, 10, 60] {
        let told = after.look(found(status(State::SignedIn)), &BTreeSet::new(), S(at));
        assert!(told.is_empty(), "{told:?}");
    }
}

#[test]
fn quiet_hours_do_not_solve_what_stopped_the_account() {
    let stopped = || State::Stopped(Halt::Outcome(Outcome::WrongPassword));
    let told = told_of(vec![
        stopped(),
        State::Quiet,
        State::SigningIn,
        stopped(),
        State::SignedIn,
    ]);
    assert_eq!(told, ["open stopped", "solved stopped"]);
}

#[test]
fn another_reason_to_stop_is_told_too() {
    let told = told_of(vec![
        State::Stopped(Halt::HistoryAgain { again: 1, of: 2 }),
        State::SigningIn,
        State::Stopped(Halt::Outcome(Outcome::WrongPassword)),
    ]);
    assert_eq!(told, ["open stopped", "open stopped"]);
}

#[test]
fn a_morning_after_quiet_hours_is_no_alarm() {
    let mut status = status(State::SigningIn);
    status.last_poll = Some(now() - TimeDelta::hours(8));
    status.due_since = Some(now());
    let none = BTreeMap::new();
    let found = troubles(&facts(&[status], &none, &[]));
    assert!(found.is_empty());
}

#[test]
fn a_changed_page_is_told_with_its_columns_and_again_when_it_changes_further() {
    let mut status = status(State::SignedIn);
    status.drift = Some(crate::drift::Report {
        since: now(),
        what: "the portal's page changed, new: `Fee`".to_owned(),
        before: vec!["Date".to_owned()],
        after: vec!["Date".to_owned(), "Fee".to_owned()],
        costs_rows: false,
        level: 1,
        evidence: Some("/state/evidence/kilima/1".to_owned()),
    });
    let none = BTreeMap::new();
    let mut watch = Watch::default();
    let mut told = |status: &Status, at: u64| -> Vec<String> {
        let found = troubles(&facts(std::slice::from_ref(status), &none, &[]));
        let notices = watch.look(found, &BTreeSet::new(), S(at));
        notices.iter().map(ToString::to_string).collect()
    };
    let first = told(&status, 0);
    assert_eq!(
        first,
        [
            "account kilima: the portal's page changed, new: `Fee`; before: Date; after: Date | Fee; see \
            /state/evidence/kilima/1. no row is lost: look whether the selector file still reads the right columns, \
            then run `tillwatch quarantine release kilima`"
        ]
    );
    assert_eq!(told(&status, 1), [""; 0]);
    status.drift.as_mut().unwrap().level = 2;
    assert_eq!(told(&status, 2).len(), 1);
    status.drift = None;
    told(&status, 3);
    assert!(told(&status, 60)[0].starts_with("account kilima: solved: "));
}

fn failing(person: bool) -> State {
    let why = "the portal does not answer as itself".to_owned();
    let reason = "portal".to_owned();
    State::Failing {
        why,
        person,
        reason,
    }
}

/// Fails in a way that needs a person.
fn fails_for(reason: &str, why: &str) -> State {
    State::Failing {
        why: why.to_owned(),
        person: true,
        reason: reason.to_owned(),
    }
}

/// An account that failed for so long that both notices are open, after a restart.
fn told_before() -> Watch {
    let mut fails = status(failing(true));
    fails.last_poll = Some(now() - TimeDelta::seconds(301));
    let found = troubles(&facts(&[fails], &BTreeMap::new(), &[]));
    let mut before = Watch::default();
    assert_eq!(before.look(found, &BTreeSet::new(), S(0)).len(), 2);
    Watch::resume(before.told(), S(0))
}

#[test]
fn only_a_reading_or_a_pause_ends_what_was_told_of_an_account_that_fails() {
    let refused = || State::Refused {
        outcome: Outcome::Unknown,
    };
    let code = || State::WaitsForCode {
        until: now(),
        given: false,
    };
    let unread = || [failing(false), refused(), State::Yields, code()];
    for end in [State::SignedIn, State::Paused] {
        let (none, mut watch) = (BTreeMap::new(), told_before());
        let mut look = |state: State, at: u64| {
            let mut status = status(state);
            status.last_poll = (status.state == State::SignedIn).then(now);
            let unsettled = unsettled(std::slice::from_ref(&status), &[]);
            let found = troubles(&facts(&[status], &none, &[]));
            watch.look(found, &unsettled, S(at)).len()
        };
        for (state, minute) in [State::Starting].into_iter().chain(unread()).zip(1..) {
            assert_eq!(look(state.clone(), 60 * minute), 0, "{state:?}");
            assert_eq!(look(state.clone(), 60 * minute + 30), 0, "{state:?}");
        }
        assert_eq!(look(end.clone(), 600), 0);
        assert_eq!(look(end, 610), 2);
    }
}

#[test]
fn an_account_whose_files_are_wrong_after_a_restart_is_not_read_by_that() {
    let broken = [Broken {
        account: account(),
        why: FILES_WRONG.to_owned(),
    }];
    let (none, mut watch) = (BTreeMap::new(), told_before());
    let mut told = Vec::new();
    for at in [1, 20, 60] {
        let mut facts = facts(&[], &none, &[]);
        facts.broken = &broken;
        told.extend(watch.look(troubles(&facts), &unsettled(&[], &broken), S(at)));
    }
    let told: Vec<(Kind, bool)> = told
        .iter()
        .map(|notice| (notice.key.kind, notice.solved))
        .collect();
    assert_eq!(told, [(Kind::Broken, false)]);
}

#[test]
fn a_stop_is_not_over_when_the_portal_fails_after_a_restart() {
    let stopped = || State::Stopped(Halt::Outcome(Outcome::WrongPassword));
    let told = told_of(vec![
        stopped(),
        State::Starting,
        failing(false),
        State::Yields,
        stopped(),
        State::SignedIn,
    ]);
    assert_eq!(told, ["open stopped", "solved stopped"]);
}

#[test]
fn a_code_is_asked_for_anew_after_the_last_one_failed() {
    let code = || State::WaitsForCode {
        until: now(),
        given: true,
    };
    let told = told_of(vec![code(), failing(false), code()]);
    assert_eq!(told, ["open code", "solved code", "open code"]);
}

#[test]
fn another_reason_to_fail_is_told_too_and_each_once_until_the_account_is_read() {
    let mut story = story();
    let secret = || fails_for("secret", "there is no secret");
    let element = |at: &str| fails_for("element", &format!("no element after {at} ms"));
    assert_eq!(story.look(1, secret(), 0), ["open failing"]);
    assert_eq!(story.look(60, secret(), 0), NOTHING);
    assert_eq!(story.look(60, element("17"), 0), ["open failing"]);
    for _ in 0..10 {
        assert_eq!(story.look(900, element("18"), 0), NOTHING);
        assert_eq!(story.look(900, secret(), 0), NOTHING);
    }
    // What a restart finds as it was is not told again.
    story.watch = Watch::resume(story.watch.told(), story.now);
    assert_eq!(story.look(60, element("19"), 0), NOTHING);
    assert_eq!(story.look(60, State::SignedIn, 0), NOTHING);
    assert_eq!(story.look(10, State::SignedIn, 0), ["solved failing"]);
    assert_eq!(story.look(60, secret(), 0), ["open failing"]);
}

#[test]
fn reasons_to_stop_are_told_by_turns_and_numbers_are_none() {
    let again = |again| State::Stopped(Halt::HistoryAgain { again, of: 100 });
    let wrong = State::Stopped(Halt::Outcome(Outcome::WrongPassword));
    let told = told_of(vec![again(1), again(2), wrong, again(2)]);
    assert_eq!(told, ["open stopped"; 3]);
}

#[test]
fn each_state_and_what_a_person_must_know_of_it() {
    let code = |given| State::WaitsForCode {
        until: now(),
        given,
    };
    let locked = State::Stopped(Halt::Outcome(Outcome::Locked));
    let waits = State::WaitsForLogin { why: Why::Cap };
    let refused = State::Refused {
        outcome: Outcome::AlreadySignedIn,
    };
    for (state, at_once, after_long) in [
        (State::Starting, vec![], vec![Kind::NotRead]),
        (State::SigningIn, vec![], vec![Kind::NotRead]),
        (State::SignedIn, vec![], vec![Kind::NotRead]),
        (code(true), vec![Kind::Code], vec![Kind::Code]),
        (code(false), vec![], vec![]),
        (State::Unattended { until: now() }, vec![], vec![]),
        (State::Quiet, vec![], vec![]),
        (State::Yields, vec![], vec![Kind::NotRead]),
        (waits, vec![], vec![Kind::NotRead]),
        (refused, vec![], vec![Kind::NotRead]),
        (locked, vec![Kind::Stopped], vec![Kind::Stopped]),
        (State::Paused, vec![], vec![]),
        (
            State::OutboxFull,
            vec![Kind::OutboxFull],
            vec![Kind::OutboxFull],
        ),
        (failing(false), vec![], vec![Kind::NotRead]),
        (
            failing(true),
            vec![Kind::Failing],
            vec![Kind::Failing, Kind::NotRead],
        ),
    ] {
        assert_eq!(kinds(state.clone(), 5), at_once, "{state:?}");
        assert_eq!(kinds(state.clone(), 301), after_long, "{state:?}");
    }
}

#[test]
fn what_is_not_of_an_accounts_state_is_told_too() {
    let sinks = [
        ("file".to_owned(), Some("no space left".to_owned())),
        ("stdout".to_owned(), None),
    ];
    let kept = BTreeMap::from([(account(), (17, 2))]);
    let mut statuses = [status(State::SignedIn)];
    statuses[0].password_expires_in = Some(2);
    let mut facts = facts(&statuses, &kept, &sinks);
    let broken = [Broken {
        account: AccountName::new("other").unwrap(),
        why: FILES_WRONG.to_owned(),
    }];
    (facts.free, facts.broken) = (Some(1 << 20), &broken);
    let found = troubles(&facts);
    let told: Vec<String> = found
        .into_iter()
        .map(|(key, trouble)| {
            let solved = false;
            let kind = key.kind.as_str();
            let level = trouble.level;
            let notice = Notice {
                key,
                trouble,
                solved,
            };
            format!("{kind} {level} {notice}")
        })
        .collect();
    assert_eq!(
        told,
        [
            "password-expires 2 account kilima: the portal says that the password expires in 2 days. change it at the portal, then change the secret",
            "quarantine 2 account kilima: 17 rows could not be understood and were put aside. run `tillwatch quarantine list`, correct the selector file, which is taken while running; `tillwatch quarantine release` tells what the portal no longer shows",
            "gaps 1 account kilima: 2 stretches of the history may lack payments. compare with the portal; what it shows within the look-back, or by date where it takes dates, comes by itself",
            "broken 1 account other: its files are wrong: `tillwatch check` lists what. correct that, then restart",
            "sink-dead 1 sink file: no space left. correct the sink: its events are kept meanwhile",
            "disk 1 1 MiB are free where the store lies. make room: nothing is told that cannot be written",
        ]
    );
}

/// The words of what is told at each look.
struct Story {
    watch: Watch,
    now: Duration,
}

impl Story {
    fn look(&mut self, after: u64, state: State, aside: u64) -> Vec<String> {
        self.now += S(after);
        let statuses = [status(state)];
        let kept = BTreeMap::from([(account(), (aside, 0))]);
        let found = troubles(&facts(&statuses, &kept, &[]));
        let notices = self.watch.look(found, &unsettled(&statuses, &[]), self.now);
        let words = notices.iter().map(|notice| {
            let word = if notice.solved { "solved" } else { "open" };
            format!("{word} {}", notice.key.kind.as_str())
        });
        words.collect()
    }
}

fn story() -> Story {
    Story {
        watch: Watch::default(),
        now: S(1_000),
    }
}

const NOTHING: [&str; 0] = [];

#[test]
fn trouble_is_told_once_and_again_when_it_is_over() {
    let mut story = story();
    let stopped = State::Stopped(Halt::Outcome(Outcome::WrongPassword));
    assert_eq!(story.look(1, State::SignedIn, 0), NOTHING);
    assert_eq!(story.look(1, stopped.clone(), 0), ["open stopped"]);
    assert_eq!(story.look(600, stopped, 0), NOTHING);
    // On its way in it is neither over nor new.
    assert_eq!(story.look(60, State::SigningIn, 0), NOTHING);
    assert_eq!(story.look(1, State::SignedIn, 0), NOTHING);
    assert_eq!(story.look(10, State::SignedIn, 0), ["solved stopped"]);
    assert_eq!(story.look(60, State::SignedIn, 0), NOTHING);
}

#[test]
fn trouble_that_comes_back_before_it_was_over_is_one() {
    let mut story = story();
    assert_eq!(story.look(1, failing(true), 0), ["open failing"]);
    assert_eq!(story.look(5, State::SignedIn, 0), NOTHING);
    assert_eq!(story.look(5, failing(true), 0), NOTHING);
    assert_eq!(story.look(5, State::SignedIn, 0), NOTHING);
    assert_eq!(story.look(9, State::SignedIn, 0), NOTHING);
    assert_eq!(story.look(1, State::SignedIn, 0), ["solved failing"]);
}

#[test]
fn a_quarantine_is_told_again_only_when_it_grows_much() {
    let mut story = story();
    let read = State::SignedIn;
    assert_eq!(story.look(1, read.clone(), 1), ["open quarantine"]);
    assert_eq!(story.look(1, read.clone(), 9), NOTHING);
    assert_eq!(story.look(1, read.clone(), 12), ["open quarantine"]);
    assert_eq!(story.look(1, read.clone(), 3), NOTHING);
    assert_eq!(story.look(1, read.clone(), 13), NOTHING);
    assert_eq!(story.look(1, read.clone(), 0), NOTHING);
    assert_eq!(story.look(10, read, 0), ["solved quarantine"]);
}

#[test]
fn after_a_restart_nothing_is_told_twice_and_what_is_over_is_told() {
    let mut before = story();
    let stopped = State::Stopped(Halt::Outcome(Outcome::Locked));
    assert_eq!(before.look(1, stopped.clone(), 0), ["open stopped"]);
    let mut after = Story {
        watch: Watch::resume(before.watch.told(), S(0)),
        now: S(0),
    };
    assert_eq!(after.look(60, State::Starting, 0), NOTHING);
    assert_eq!(after.look(1, stopped, 0), NOTHING);
    assert_eq!(after.look(1, State::SignedIn, 0), NOTHING);
    assert_eq!(after.look(10, State::SignedIn, 0), ["solved stopped"]);
}

#[test]
fn a_sink_that_stumbles_is_not_told() {
    let mut watch = Watch::default();
    let sink = |why: Option<&str>| [("file".to_owned(), why.map(str::to_owned))];
    let kept = BTreeMap::new();
    let mut look = |why, at| {
        let found = troubles(&facts(&[], &kept, &sink(why)));
        watch.look(found, &BTreeSet::new(), S(at)).len()
    };
    assert_eq!(look(Some("refused"), 0), 0);
    assert_eq!(look(None, 29), 0);
    assert_eq!(look(Some("refused"), 31), 0);
    assert_eq!(look(Some("refused"), 61), 1);
}
