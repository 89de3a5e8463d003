//! `kill -9` of the agent at random moments, with a real browser.

use std::collections::HashSet;
use std::time::Duration;

use chrono::TimeDelta;
use tillwatch::clock::Clock;
use tillwatch::demo::portal::PortalConfig;
use tillwatch::demo::traffic;
use tokio::time::{Instant, interval};

use super::oracle::{missing, payments, verify, within_cap};
use super::stage::{Cast, Stage};

const KILLS: u32 = 50;
const CAP: u32 = 10;
const WINDOW_S: u32 = 20;
const SEED: u64 = 20_261_121;

#[tokio::test]
async fn fifty_kills_lose_nothing_double_nothing_and_leave_no_browser() {
    let since = Clock::System.now() - TimeDelta::days(1);
    let stage = Stage::set(
        vec![Cast {
            knobs: PortalConfig {
                login_cap: CAP,
                login_window_s: WINDOW_S,
                rows_per_page: 50,
                // A kept session serves a start or two: the others sign in, so that kills meet that too.
                absolute_timeout_s: 3,
                ..PortalConfig::default()
            },
            keys: format!(
                "poll = \"1s\"\nlook_back = \"2m\"\nsince = \"{}\"\ncap = {{ logins = {CAP}, per = \"{WINDOW_S}s\" }}\n\
                 reserve = 0\nspacing = \"100ms\"",
                since.to_rfc3339()
            ),
            ..Cast::kilima()
        }],
        "",
    )
    .await;
    stage.portal().seed_history(40).unwrap();
    // Each start reads again down to its watermark: a short look-back and long pages keep lives short.
    let posting = tokio::spawn({
        let portal = stage.portal().clone();
        async move {
            let (mut pace, mut last_receipt) = (interval(Duration::from_millis(600)), None);
            for turn in 0.. {
                pace.tick().await;
                traffic::post_next(&portal, turn, &mut last_receipt).unwrap();
            }
        }
    });
    let span = start_to_first_payment(&stage).await;
    let mut dead: HashSet<i32> = HashSet::new();
    let mut dice = SEED;
    for kill in 0..KILLS {
        let stopped = stops(&stage);
        let agent = stage.start();
        reach_a_step(&stage, &mut dice, stopped).await;
        agent
            .kill_after(span.mul_f64(random(&mut dice) / 2.0))
            .await;
        dead.extend(leftovers(&stage, &dead, kill));
    }
    posting.abort();
    let stopped = stops(&stage);
    let agent = stage.start();
    let is_out = || missing(&stage.events(), &stage.portal().truth(), since) == 0;
    until(&stage, "everything is out", stopped, is_out).await;
    let old = stage
        .processes()
        .into_iter()
        .filter(|p| dead.contains(&p.group));
    assert_eq!(old.count(), 0, "older than the last start");
    assert_eq!(agent.stop().await, 0);

    let truth = stage.portal().truth();
    verify(&stage.events(), &truth, since, &[]);
    let most = within_cap(&truth, CAP, WINDOW_S);
    println!(
        "{KILLS} kills, {span:?} from a start to a payment; {} payments, {} logins, at most {most} in {WINDOW_S} s",
        payments(&truth, since),
        truth.attempts.len()
    );
    assert!(
        truth.attempts.len() > KILLS as usize / 5,
        "too few sign-ins"
    );
    stage.is_bare().await;
}

/// Waits until this start has come to a step drawn at random, so that every step is hit on a busy machine too.
async fn reach_a_step(stage: &Stage, dice: &mut u64, stopped: usize) {
    let (events, signed_in) = (stage.events().len(), signings(stage));
    match (random(dice) * 4.0) as u32 {
        0 => {}
        1 => {
            let is_new = || stage.processes().iter().any(|process| process.is_driver());
            stage.until("a driver is there", is_new).await;
        }
        2 => {
            // Told between the ledger and the click.
            let is_new = || signings(stage) > signed_in;
            until(stage, "a sign-in begins", stopped, is_new).await;
        }
        _ => {
            let is_new = || stage.events().len() > events;
            until(stage, "a payment comes out", stopped, is_new).await;
        }
    }
}

/// As [`Stage::until`], with a person at hand: after a kill in the middle of a sign-in the account waits, and after two it is
/// stopped, for nobody knows what the portal said.
async fn until(stage: &Stage, what: &str, stopped: usize, mut is_so: impl FnMut() -> bool) {
    let mut met = false;
    let either = || {
        met = is_so();
        met || stops(stage) > stopped
    };
    stage.until(what, either).await;
    if !met {
        let done = stage.command(&["resume", "kilima"]).output().await.unwrap();
        assert!(done.status.success(), "{done:?}\n{}", stage.log());
        stage.until(what, is_so).await;
    }
}

fn stops(stage: &Stage) -> usize {
    let log = stage.log();
    let waits = "nobody knows what the portal said to the last sign-in";
    log.matches("ERROR stopped:").count() + log.matches(waits).count()
}

fn signings(stage: &Stage) -> usize {
    stage.log().matches("signing in").count()
}

/// What the machine takes today.
async fn start_to_first_payment(stage: &Stage) -> Duration {
    let began = Instant::now();
    let agent = stage.start();
    stage
        .until("the first payment is out", || !stage.events().is_empty())
        .await;
    let span = began.elapsed();
    agent.kill_after(Duration::ZERO).await;
    span
}

/// Process groups right after a kill. Where a new browser was begun, none of an older start may live.
fn leftovers(stage: &Stage, dead: &HashSet<i32>, kill: u32) -> Vec<i32> {
    let living: Vec<i32> = stage
        .processes()
        .iter()
        .map(|process| process.group)
        .collect();
    let (old, new): (Vec<i32>, Vec<i32>) =
        living.into_iter().partition(|group| dead.contains(group));
    assert!(
        new.is_empty() || old.is_empty(),
        "kill {kill}: {old:?} survived a start"
    );
    new
}

/// splitmix64, as a share of one.
fn random(state: &mut u64) -> f64 {
    *state = state.wrapping_add(0x9E37_79B9_7F4A_7C15);
    let mut mixed = *state;
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    let bits = u32::try_from((mixed ^ (mixed >> 31)) >> 32).unwrap();
    f64::from(bits) / f64::from(u32::MAX)
}
