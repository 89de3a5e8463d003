//! Judges what the agent cost: every sign-in at its cause, every deed of a person at the portal's demand, how soon it
//! said that a person is needed, and how fresh it was.

use std::collections::BTreeMap;
use std::time::Duration;

use tillwatch::session::Outcome as SignIn;
use tillwatch::status::Halt;

use crate::books::{Answer, Refuses};
use crate::codes::{self, Fate};
use crate::profile::DAY;
use crate::sessions::{Attempt, Cause};
use crate::watch::{Deed, Trouble};
use crate::world::Outcome;
use crate::{freshness, hours};

const MINUTE: Duration = Duration::from_secs(60);
/// A session that must be touched more often than every 20 s is left to end.
const HOLDABLE: Duration = Duration::from_secs(40);
/// Ends in a row that the agent takes for a pattern.
const PATTERN: u32 = 3;
/// An answer that the agent had only just got when it died is not on its disk.
const IN_HAND: Duration = Duration::from_millis(5);
/// How often the agent looks whether a person has finished a sign-in.
const LOOK: Duration = Duration::from_secs(10);

/// What was promised and not kept.
pub fn broken(outcome: &Outcome) -> Vec<String> {
    let mut broken = budget(outcome);
    broken.extend(refused_passwords(outcome));
    broken.extend(causes(outcome));
    broken.extend(learning(outcome));
    broken.extend(people(outcome));
    broken.extend(notices(outcome));
    broken.extend(hours::broken(outcome));
    broken.extend(freshness::broken(outcome));
    let sessions = &outcome.books.sessions;
    if sessions.thrown_away > hours::replacements(outcome) {
        broken.push("a session that lives was thrown away".to_owned());
    }
    for at in &sessions.fought {
        broken.push(format!(
            "at {at:?} it fought with somebody else over the session"
        ));
    }
    if outcome.profile.rules.refuses == Refuses::AtTheForm {
        let in_vain = sessions.in_vain.iter();
        broken
            .extend(in_vain.map(|at| format!("at {at:?} it signed in past a form that was shut")));
    }
    let (most, allowed) = (outcome.books.most_loads, outcome.profile.rules.page_loads);
    if most > usize::try_from(allowed).expect("small") {
        broken.push(format!("{most} page loads in an hour, {allowed} allowed"));
    }
    broken
}

/// No more than the cap less the reserve in any rolling window, and never locked.
fn budget(outcome: &Outcome) -> Vec<String> {
    let (books, profile) = (&outcome.books, &outcome.profile);
    let limit = books.rules.cap - usize::try_from(profile.reserve).expect("small");
    let mut broken = Vec::new();
    if let Some((first, last)) = crowd(&books.sessions.attempts, limit, books.rules.per) {
        broken.push(format!(
            "over the cap: {} sign-ins from {first:?} to {last:?}, at most {limit} in {:?}",
            limit + 1,
            books.rules.per
        ));
    }
    if books.over_cap {
        broken.push("the portal's own cap was met".to_owned());
    }
    if books.locked {
        broken.push("the user was locked".to_owned());
    }
    broken
}

/// The first stretch shorter than `within` with more than `most` attempts.
fn crowd(attempts: &[Attempt], most: usize, within: Duration) -> Option<(Duration, Duration)> {
    attempts.windows(most + 1).find_map(|window| {
        let (first, last) = (window.first()?.at, window.last()?.at);
        (last - first < within).then_some((first, last))
    })
}

/// No refused password again, until it is another one: one answer may be lost, on its way or with the agent that had it in
/// hand, and none is asked for again after it was told.
fn refused_passwords(outcome: &Outcome) -> Vec<String> {
    let mut tries: BTreeMap<&str, (u32, Option<Duration>)> = BTreeMap::new();
    let mut broken = Vec::new();
    for wrong in &outcome.books.wrong {
        let (unanswered, told) = tries.entry(&wrong.password).or_default();
        let at = wrong.at;
        if let Some(told) = told {
            broken.push(format!("refused at {told:?}, and typed again at {at:?}"));
        }
        if *unanswered > 1 {
            broken.push(format!(
                "a wrong password was typed for the third time at {at:?}"
            ));
        }
        *unanswered += u32::from(wrong.told.is_none());
        *told = told.or(wrong.told);
    }
    broken
}

/// A session is signed in for once in its whole life, and whatever ended it earlier is known.
fn causes(outcome: &Outcome) -> Vec<String> {
    let attempts = &outcome.books.sessions.attempts;
    let mut broken = Vec::new();
    let needless = attempts.iter().filter(|it| it.cause == Cause::Needless);
    let replacements = usize::try_from(hours::replacements(outcome)).expect("few");
    for needless in needless.skip(replacements) {
        broken.push(format!("a sign-in at {:?} beside a session", needless.at));
    }
    let unforced = |attempt: &&Attempt| matches!(attempt.cause, Cause::First | Cause::Age);
    let unforced: Vec<Attempt> = attempts.iter().filter(unforced).copied().collect();
    let most = a_day(outcome.profile.rules.absolute);
    if let Some((first, last)) = crowd(&unforced, most, DAY) {
        broken.push(format!(
            "more than {most} unforced sign-ins from {first:?} to {last:?}"
        ));
    }
    broken
}

/// Sessions that follow each other through one day, rounded up.
pub fn a_day(absolute: Duration) -> usize {
    let sessions = DAY.as_nanos().div_ceil(absolute.as_nanos());
    usize::try_from(sessions).expect("few")
}

/// A session that can be kept from going idle is, once that is known: with each store of the agent as many ends as show a
/// pattern, and as many each time the guess is halved. A restart forgets none of it.
fn learning(outcome: &Outcome) -> Vec<String> {
    let (rules, poll) = (&outcome.profile.rules, outcome.profile.poll);
    if rules.idle < HOLDABLE {
        return Vec::new();
    }
    let halvings = (0..32).find(|n| poll / 2_u32.pow(*n) < rules.idle);
    let most = if rules.states_idle || outcome.profile.page_takes.is_some() {
        0
    } else {
        PATTERN * (1 + halvings.unwrap_or(32))
    };
    // What an end had taught when the agent died at once was not on its disk.
    let noted = |end: &&crate::sessions::End| {
        let mut deaths = outcome.deaths.iter();
        !deaths.any(|death| (end.at..=end.at + IN_HAND).contains(death))
    };
    let mut stores: BTreeMap<u64, Vec<Duration>> = BTreeMap::new();
    for end in outcome.books.sessions.ends.iter().filter(noted) {
        if end.cause == Cause::Idle {
            stores.entry(end.store).or_default().push(end.at);
        }
    }
    let over = stores
        .into_iter()
        .filter(|(_, idle)| idle.len() > most as usize);
    over.map(|(store, idle)| {
        let (after, times) = (rules.idle, idle.len());
        format!(
            "store {store}: {times} sessions went idle ({after:?}, poll {poll:?}) at {idle:?}, at most {most}"
        )
    })
    .collect()
}

/// What people did is what the portal, a lost store or a lost answer asked for.
fn people(outcome: &Outcome) -> Vec<String> {
    let count = |counts: &dyn Fn(Deed) -> bool| {
        // What the agent had not noticed when it died has to be done again.
        let lasting = |(at, deed): (Duration, Deed)| {
            let noticed = match deed {
                Deed::SolvedCaptcha => at + LOOK + IN_HAND,
                Deed::ChangedSecret | Deed::Resumed(_) => at + IN_HAND,
            };
            let mut deaths = outcome.deaths.iter();
            !deaths.any(|death| (at..=noticed).contains(death))
        };
        let deeds = outcome.seen.deeds.iter();
        deeds
            .filter(|done| counts(done.1) && lasting(**done))
            .count() as u64
    };
    let demands = |what: Answer| {
        let demands = outcome.books.demands.iter();
        demands.filter(|demand| demand.what == what).count() as u64
    };
    let codes = |fates: &[Fate]| {
        let codes = outcome.seen.codes.iter();
        codes.filter(|(_, fate)| fates.contains(fate)).count() as u64
    };
    let resumed = |outcome| Deed::Resumed(Halt::Outcome(outcome));
    let captcha = resumed(SignIn::CaptchaRequired);
    let others = |deed| match deed {
        Deed::ChangedSecret
        | Deed::SolvedCaptcha
        | Deed::Resumed(Halt::BreakerLost | Halt::HistoryAgain { .. }) => false,
        Deed::Resumed(Halt::Outcome(outcome)) => !matches!(
            outcome,
            SignIn::CaptchaRequired | SignIn::Unknown | SignIn::OtpRequired | SignIn::WrongCode
        ),
        // Nobody imports sessions here.
        Deed::Resumed(Halt::SessionRefused) => true,
    };
    let lost = Deed::Resumed(Halt::BreakerLost);
    let changed = u64::from(outcome.profile.new_password);
    let unanswered = outcome.books.unanswered;
    [
        ("secrets", count(&|it| it == Deed::ChangedSecret), changed),
        (
            "captchas",
            count(&|it| it == Deed::SolvedCaptcha || it == captcha),
            demands(Answer::Captcha),
        ),
        (
            "lost breakers",
            count(&|it| it == lost),
            outcome.befell.rebuilds,
        ),
        // One more try is made after the first.
        (
            "lost answers",
            2 * count(&|it| it == resumed(SignIn::Unknown)),
            unanswered,
        ),
        (
            "codes that did not come",
            count(&|it| it == resumed(SignIn::OtpRequired)),
            codes(&[Fate::Late, Fate::Never]),
        ),
        (
            "wrong codes",
            count(&|it| it == resumed(SignIn::WrongCode)),
            demands(Answer::WrongCode),
        ),
        ("other deeds", count(&others), 0),
    ]
    .into_iter()
    .filter(|(_, done, forced)| done > forced)
    .map(|(what, done, forced)| format!("people were asked too often: {what}, {done} for {forced}"))
    .collect()
}

/// What only a person can put right stands in the status within a minute or two polls.
fn notices(outcome: &Outcome) -> Vec<String> {
    let most = notice_within(outcome);
    let mut broken = Vec::new();
    for demand in &outcome.books.demands {
        let halt = Halt::Outcome(match demand.what {
            Answer::WrongPassword => SignIn::WrongPassword,
            Answer::Captcha => SignIn::CaptchaRequired,
            Answer::WrongCode => SignIn::WrongCode,
            Answer::Code => SignIn::OtpRequired,
            Answer::Welcome(_) | Answer::Elsewhere | Answer::TooMany | Answer::Locked => continue,
        });
        let code = |fates: &[Fate]| {
            let mut codes = outcome.seen.codes.iter();
            let asked = demand.at..=demand.at + IN_HAND;
            codes.any(|(at, fate)| asked.contains(at) && fates.contains(fate))
        };
        // A code is asked for in the status at once, and a person only when none came.
        if demand.what == Answer::Code && code(&[Fate::InTime, Fate::Wrong, Fate::Outdated]) {
            continue;
        }
        let missed = demand.what == Answer::Code && code(&[Fate::Late, Fate::Never]);
        let most = if missed { most + codes::WAIT } else { most };
        let in_time = |at: &Duration| (demand.at..=demand.at + most).contains(at);
        let (halts, naps) = (outcome.seen.halts.iter(), outcome.seen.naps.iter());
        let said = halts.clone().any(|(at, said)| *said == halt && in_time(at));
        let away = outcome.deaths.iter().any(in_time) || naps.clone().any(|(at, _)| in_time(at));
        // The world may end before it must be said.
        let judged = demand.at + most <= outcome.lasted;
        if !said && !away && judged {
            broken.push(format!("{demand:?} did not stand in the status in time"));
        }
    }
    broken
}

pub fn notice_within(outcome: &Outcome) -> Duration {
    MINUTE.max(2 * outcome.profile.poll)
}

/// From each trouble to the status that says it; one that passed before the agent signed in is none.
pub fn noticed_after(outcome: &Outcome) -> Vec<Duration> {
    let after = |trouble: &Trouble| {
        let mut halts = outcome.seen.halts.iter();
        let halt = Halt::Outcome(trouble.what);
        let (at, _) = halts.find(|(at, said)| *at >= trouble.from && *said == halt)?;
        (*at <= trouble.to).then(|| *at - trouble.from)
    };
    outcome.seen.troubles.iter().filter_map(after).collect()
}
