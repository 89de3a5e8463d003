//! Faults of the program that this simulation found, each as the smallest run that shows it.

use std::time::Duration;

use chrono::TimeDelta;
use tillwatch::schedule::Quiet;

use crate::profile::Profile;
use crate::run::one;

fn keeps_its_promises(profile: Profile) {
    let (_, verdict) = one(profile);
    assert_eq!(verdict.broken, Vec::<String>::new());
}

/// A reading that ended at its limit of pages counted as complete: the watermark passed what it had not read.
#[test]
fn a_reading_cut_short_is_a_gap_and_the_watermark_stays_before_it() {
    let mut profile = Profile::calm(3);
    profile.lasts = Duration::from_secs(86_400);
    profile.poll = Duration::from_secs(600);
    profile.mean_arrival = Duration::from_secs(240);
    profile.max_pages = 2;
    let (outcome, verdict) = one(profile);
    let broken = verdict.broken.iter();
    let false_ones: Vec<_> = broken.filter(|b| b.contains("watermark")).collect();
    assert_eq!(false_ones, Vec::<&String>::new());
    let gap = |line: &crate::sinks::Arrived| line.json.contains("\"account.gap\"");
    assert!(outcome.file.iter().any(gap), "nobody was told of the hole");
}

/// A late row came in below the first page while older pages were read: the row that slid over the end of a page was
/// counted as a twin of itself and told twice. Only a portal without references has it.
#[test]
fn a_row_that_slides_over_the_end_of_a_page_is_no_twin() {
    for seed in 0..6 {
        let mut profile = Profile::calm(seed);
        profile.lasts = Duration::from_secs(2 * 3600);
        profile.rules.references = false;
        profile.rules.cap = 30;
        profile.rules.idle = Duration::from_secs(3600);
        profile.poll = Duration::from_secs(10);
        // Every reading is a sweep of some pages, and takes a while.
        profile.sweep = profile.poll;
        profile.look_back = Duration::from_secs(900);
        profile.mean_arrival = Duration::from_secs(20);
        profile.faults.slow = 50;
        keeps_its_promises(profile);
    }
}

/// A sweep went back by the look-back only, although the last complete reading was longer ago: what came in between was
/// lost unless the agent was started again, and what had been told changed its status without a word.
#[test]
fn an_outage_longer_than_the_look_back_is_read_up() {
    let mut profile = Profile::calm(1);
    profile.new_password = true;
    profile.look_back = Duration::from_secs(3600);
    profile.rules.references = true;
    keeps_its_promises(profile);
}

/// A first reading went back by the look-back only, although the account was to be told from an instant before it: what
/// came in between was lost, under a watermark that said otherwise.
#[test]
fn a_first_start_reads_from_the_instant_it_was_given() {
    let mut profile = Profile::calm(5);
    profile.lasts = Duration::from_secs(86_400);
    profile.look_back = Duration::from_secs(3600);
    profile.first_start = profile.lasts / 2;
    profile.rules.references = false;
    keeps_its_promises(profile);
}

/// After a lost browser or a restart it met the page of somebody else's sign-in as any other, and signed in at once.
#[test]
fn the_portal_is_left_to_somebody_else_also_after_a_restart() {
    keeps_its_promises(Profile::draw(6, None));
}

/// Three sessions that ended by age, or that the portal dropped, and the idle time had to be learned again by three more
/// logins: one that had gone idle was signed in for again all day.
#[test]
fn an_idle_time_once_learned_is_not_forgotten() {
    keeps_its_promises(Profile::draw(11, None));
}

/// What was left of the last share of page loads was used beside the shares of a whole hour.
#[test]
fn page_loads_left_from_before_do_not_come_on_top_of_an_hour() {
    keeps_its_promises(Profile::draw(22, None));
}

/// A restart told a hole as closed that was still there, for it counted as found only then; and told it again later.
#[test]
fn a_hole_that_outlives_a_restart_is_not_told_as_closed() {
    keeps_its_promises(Profile::draw(1, None));
}

/// What sessions had taught was forgotten at each restart: three more went idle every time.
#[test]
fn an_idle_time_once_learned_outlives_restarts() {
    let mut profile = Profile::calm(4);
    profile.lasts = Duration::from_secs(4 * 86_400);
    profile.poll = Duration::from_secs(600);
    profile.mean_crash = Some(Duration::from_secs(4 * 3600));
    profile.rules.idle = Duration::from_secs(300);
    profile.rules.absolute = Duration::from_secs(30 * 86_400);
    profile.rules.cap = 30;
    keeps_its_promises(profile);
}

/// A clock that had been ahead was put right: readings went down to an instant that had not come yet, so that one cut short
/// by an error was followed by one that stopped at its first known rows, under a watermark that said "complete".
#[test]
fn a_clock_that_was_ahead_does_not_shorten_the_readings_after_it() {
    for seed in [4, 14] {
        let mut profile = Profile::calm(seed);
        profile.lasts = Duration::from_secs(86_400);
        profile.rules.references = true;
        profile.rules.idle = Duration::from_secs(3600);
        profile.clock_steps = true;
        profile.poll = Duration::from_secs(300);
        profile.sweep = Duration::from_secs(4 * 3600);
        profile.look_back = Duration::from_secs(3 * 3600);
        // Two to three pages a reading, and some of them fail.
        profile.mean_arrival = Duration::from_secs(30);
        profile.faults.down = 10;
        let (_, verdict) = one(profile);
        let broken = verdict.broken.iter();
        let false_ones: Vec<_> = broken.filter(|b| b.contains("watermark")).collect();
        assert_eq!(false_ones, Vec::<&String>::new(), "seed {seed}");
    }
}

/// A hole beyond what one reading takes stayed for good, although its days can be asked for.
#[test]
fn a_hole_is_filled_by_date_and_told_as_closed() {
    let mut profile = Profile::calm(3);
    profile.rules.references = true;
    profile.rules.idle = Duration::from_secs(3600);
    profile.lasts = Duration::from_secs(2 * 86_400);
    profile.poll = Duration::from_secs(600);
    profile.mean_arrival = Duration::from_secs(240);
    profile.look_back = Duration::from_secs(86_400);
    // The first reading alone goes back so far: the day has more rows than one reading takes.
    profile.sweep = Duration::from_secs(3 * 86_400);
    profile.first_start = Duration::from_secs(12 * 3600);
    // One reading takes less than the rows until then, and more than those of the day that ended before.
    profile.max_pages = 28;
    let (outcome, verdict) = one(profile);
    // A status that changes later is met by a sweep alone.
    let broken = verdict.broken.iter();
    let lost: Vec<_> = broken
        .filter(|b| b.contains("told") || b.contains("watermark"))
        .collect();
    assert_eq!(lost, Vec::<&String>::new());
    let gaps = outcome.file.iter().filter_map(|line| {
        let event: serde_json::Value = serde_json::from_str(&line.json).expect("JSON");
        let data = &event["data"];
        (event["type"] == "account.gap").then(|| (data["state"].to_string(), line.at))
    });
    let gaps: Vec<(String, Duration)> = gaps.collect();
    let [(open, opened), (closed, filled)] = &gaps[..] else {
        panic!("{gaps:?}");
    };
    assert_eq!((&**open, &**closed), ("\"open\"", "\"closed\""));
    assert!(
        *filled - *opened < Duration::from_secs(2 * 3600),
        "{gaps:?}"
    );
}

/// Its oldest day, read down to where it had to be and no further, was told as a hole that ended before it began.
#[test]
fn history_that_is_read_to_its_oldest_instant_shows_no_hole() {
    let mut profile = Profile::calm(5);
    profile.rules.references = true;
    profile.lasts = Duration::from_secs(86_400);
    profile.poll = Duration::from_secs(600);
    profile.mean_arrival = Duration::from_secs(240);
    profile.look_back = Duration::from_secs(2 * 3600);
    profile.rules.idle = Duration::from_secs(3600);
    profile.new_password = true;
    profile.secret_after = Duration::from_secs(8 * 3600);
    let (outcome, verdict) = one(profile);
    assert_eq!(verdict.broken, Vec::<String>::new());
    let gap = |line: &&crate::sinks::Arrived| line.json.contains("\"account.gap\"");
    let gaps: Vec<_> = outcome.file.iter().filter(gap).collect();
    assert!(gaps.is_empty(), "{gaps:?}");
}

/// A reversal that is a row of its own is told also where what it takes back lies before the look-back.
#[test]
fn a_reversal_of_a_payment_older_than_the_look_back_is_told() {
    let mut profile = Profile::calm(7);
    profile.rules.references = true;
    profile.rules.idle = Duration::from_secs(3600);
    profile.lasts = Duration::from_secs(2 * 86_400);
    profile.poll = Duration::from_secs(120);
    profile.sweep = Duration::from_secs(300);
    // Reversals come after ten seconds to an hour.
    profile.look_back = Duration::from_secs(60);
    profile.mean_arrival = Duration::from_secs(240);
    let (outcome, verdict) = one(profile);
    let reversals = |line: &&crate::sinks::Arrived| line.json.contains("\"payment.reversed\"");
    let told = outcome.file.iter().filter(reversals).count();
    assert!(told > 10, "{told} reversals were told");
    let broken = verdict.broken.iter();
    let untold: Vec<_> = broken.filter(|b| b.starts_with("the reversal")).collect();
    assert_eq!(untold, Vec::<&String>::new());
}

/// History that is read beside what is new went on into quiet hours, for as long as half a pause; and where a pause was longer
/// than the look-back, it began anew after each, and its oldest days were never told.
#[test]
fn history_ends_where_quiet_hours_begin_and_goes_on_after_a_long_pause() {
    let mut profile = Profile::calm(5);
    profile.lasts = Duration::from_secs(21 * 86_400);
    profile.first_start = Duration::from_secs(20 * 86_400);
    profile.look_back = Duration::from_secs(3600);
    (profile.poll, profile.sweep) = (Duration::from_secs(3 * 3600), Duration::from_secs(3 * 3600));
    profile.rules.references = true;
    profile.rules.idle = Duration::from_secs(6 * 3600);
    profile.rules.absolute = Duration::from_secs(86_400);
    // A day of history takes some minutes, so that half a pause takes ten of them.
    profile.mean_arrival = Duration::from_secs(1800);
    profile.page_takes = Some(Duration::from_secs(45));
    let calendar = profile.rules.calendar;
    let starts = calendar.began.with_timezone(&calendar.zone).time();
    let from = starts + TimeDelta::minutes(30);
    let to = from + TimeDelta::hours(4);
    profile.rules.quiet = Some(Quiet { from, to });
    let (outcome, verdict) = one(profile);
    assert_eq!(outcome.books.disturbed_quiet, Vec::<Duration>::new());
    assert_eq!(verdict.broken, Vec::<String>::new());
}
