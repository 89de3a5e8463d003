//! Budget over invented instants: the cap under every clock, the pause, the forecast.
#![expect(clippy::unwrap_used, reason = "tests")]

use super::*;
use chrono::TimeDelta;
use proptest::prelude::*;

/// A machine whose true time is known: what the portal would count by.
struct Machine {
    elapsed: Duration,
    wall_step: TimeDelta,
    boot: u32,
    booted: Duration,
    entries: Vec<Entry>,
    /// True instants of the attempts.
    attempts: Vec<Duration>,
}

impl Machine {
    fn new() -> Self {
        Self {
            elapsed: Duration::ZERO,
            wall_step: TimeDelta::zero(),
            boot: 1,
            booted: Duration::from_secs(0),
            entries: Vec::new(),
            attempts: Vec::new(),
        }
    }

    fn now(&self) -> Stamp {
        let epoch = DateTime::from_timestamp(1_795_000_000, 0).unwrap();
        Stamp {
            wall: epoch + self.wall_step + TimeDelta::from_std(self.elapsed).unwrap(),
            boot: BootId(self.boot.to_string()),
            since_boot: self.elapsed - self.booted,
        }
    }

    fn write(&mut self, cost: Cost) {
        let at = self.now();
        let number = self.attempts.len() as u64;
        self.entries.push(Entry { number, cost, at });
    }

    /// What the gate does when asked: an attempt if it may be.
    fn demand(&mut self, rules: &Rules) -> Verdict {
        let verdict = decide(&self.now(), &self.entries, rules);
        if verdict == Verdict::Go {
            self.attempts.push(self.elapsed);
            self.write(Cost::One);
        }
        verdict
    }

    fn open(&mut self, rules: &Rules) {
        self.entries = in_window(&self.now(), &self.entries, rules.window()).to_vec();
        self.write(Cost::Nothing);
    }

    /// The most attempts in any rolling `per`, by true time.
    fn worst(&self, per: Duration) -> usize {
        let count = |from: &Duration| {
            let inside = |at: &&Duration| *at >= from && **at - *from <= per;
            self.attempts.iter().filter(inside).count()
        };
        self.attempts.iter().map(count).max().unwrap_or(0)
    }
}

fn hourly(cap: u32, reserve: u32) -> Rules {
    Rules::new(
        cap,
        Duration::from_secs(3600),
        reserve,
        Duration::from_secs(5),
    )
    .unwrap()
}

/// True instants of the attempts of a caller that always wants one.
fn greedy(machine: &mut Machine, rules: &Rules, hours: u64) -> Vec<Duration> {
    let end = machine.elapsed + Duration::from_secs(hours * 3600);
    while machine.elapsed < end {
        if let Verdict::Wait { wait, .. } = machine.demand(rules) {
            machine.elapsed += wait;
        }
    }
    machine.attempts.clone()
}

fn pauses(attempts: &[Duration]) -> Vec<Duration> {
    attempts.windows(2).map(|pair| pair[1] - pair[0]).collect()
}

#[test]
fn a_portal_that_needs_a_login_per_poll_settles_at_one_per_two_minutes() {
    let rules = hourly(30, 0);
    let mut machine = Machine::new();
    let attempts = greedy(&mut machine, &rules, 48);
    let all = pauses(&attempts);
    let day_two = all.iter().skip(30 * 24);
    let settled: Vec<_> = day_two.map(Duration::as_secs).collect();
    assert!(settled.len() > 690, "{} pauses in a day", settled.len());
    assert!(
        settled.iter().all(|pause| (100..=150).contains(pause)),
        "{settled:?}"
    );
    let longest = all.iter().max().unwrap();
    assert!(
        *longest < Duration::from_secs(360),
        "blind for {longest:?} at the start"
    );
    assert!(machine.worst(Duration::from_secs(3600)) <= 30);
}

#[test]
fn the_reserve_is_left_to_people() {
    let rules = hourly(30, 3);
    let mut machine = Machine::new();
    greedy(&mut machine, &rules, 12);
    assert_eq!(machine.worst(Duration::from_secs(3600)), 27);
}

#[test]
fn two_early_expiries_cost_seconds_not_minutes() {
    let rules = hourly(30, 3);
    let mut machine = Machine::new();
    let attempts = greedy(&mut machine, &rules, 1);
    let first: Vec<_> = pauses(&attempts)
        .into_iter()
        .take(2)
        .map(|pause| pause.as_secs())
        .collect();
    assert_eq!(first, [9, 15]);
}

#[test]
fn the_window_is_longer_than_the_period() {
    let rules = Rules::new(1, Duration::from_secs(60), 0, Duration::from_secs(1)).unwrap();
    let mut machine = Machine::new();
    machine.demand(&rules);
    machine.elapsed += Duration::from_secs(60);
    let wait = MARGIN;
    let why = Why::Cap;
    assert_eq!(machine.demand(&rules), Verdict::Wait { wait, why });
    machine.elapsed += MARGIN;
    assert_eq!(machine.demand(&rules), Verdict::Go);
}

#[test]
fn a_spent_window_waits_it_out_whole() {
    let rules = hourly(30, 3);
    let mut machine = Machine::new();
    machine.write(Cost::Window);
    machine.elapsed += Duration::from_secs(600);
    let wait = Duration::from_secs(3005);
    let why = Why::WindowSpent;
    assert_eq!(machine.demand(&rules), Verdict::Wait { wait, why });
    assert_eq!(used(&machine.now(), &machine.entries, &rules), 27);
    machine.elapsed += wait;
    assert_eq!(machine.demand(&rules), Verdict::Go);
}

#[test]
fn a_wall_clock_set_back_by_years_across_a_reboot_waits_one_window_at_most() {
    let rules = hourly(1, 0);
    let mut machine = Machine::new();
    machine.wall_step = TimeDelta::days(2000);
    machine.demand(&rules);
    machine.boot += 1;
    machine.booted = machine.elapsed;
    machine.wall_step = TimeDelta::zero();
    machine.open(&rules);
    let Verdict::Wait { wait, .. } = machine.demand(&rules) else {
        panic!("an attempt was let through");
    };
    assert_eq!(wait, rules.window());
    machine.elapsed += wait;
    assert_eq!(machine.demand(&rules), Verdict::Go);
}

#[test]
fn a_clock_set_right_in_one_boot_does_not_age_its_attempts_in_the_next() {
    let rules = hourly(1, 0);
    let mut machine = Machine::new();
    machine.wall_step = TimeDelta::days(-3);
    machine.demand(&rules);
    let before = machine.now();
    machine.wall_step = TimeDelta::zero();
    assert!(machine.now().stepped(&before, Duration::from_secs(1)));
    machine.write(Cost::Nothing);
    machine.elapsed += Duration::from_secs(60);
    machine.boot += 1;
    machine.booted = machine.elapsed;
    machine.open(&rules);
    let wait = rules.window() - Duration::from_secs(60);
    let why = Why::Cap;
    assert_eq!(machine.demand(&rules), Verdict::Wait { wait, why });
}

#[test]
fn rules_that_allow_nothing_are_refused() {
    let hour = Duration::from_secs(3600);
    let second = Duration::from_secs(1);
    let (cap, reserve) = (3, 3);
    assert_eq!(
        Rules::new(cap, hour, reserve, second),
        Err(RulesError::NothingLeft { cap, reserve })
    );
    assert_eq!(
        Rules::new(3, Duration::ZERO, 0, second),
        Err(RulesError::NoPeriod)
    );
    assert_eq!(
        Rules::new(3, hour, 0, Duration::ZERO),
        Err(RulesError::NoSpacing)
    );
}

#[derive(Debug, Clone)]
enum Act {
    /// Time passes, then a sign-in is wanted as often as it is allowed at this instant.
    Demand { after_s: u64 },
    /// The process starts again.
    Restart,
    /// Somebody moves the wall clock; the gate notices at its next look.
    Step { by_s: i64 },
    /// The machine is down for a while, its wall clock goes on.
    Reboot { down_s: u64 },
}

fn act() -> impl Strategy<Value = Act> {
    prop_oneof![
        12 => (0..400u64).prop_map(|after_s| Act::Demand { after_s }),
        2 => Just(Act::Restart),
        2 => (-20_000..20_000i64).prop_map(|by_s| Act::Step { by_s }),
        1 => (0..900u64).prop_map(|down_s| Act::Reboot { down_s }),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]
    #[test]
    fn no_rolling_period_ever_holds_more_than_the_cap(
        cap in 2..12u32,
        reserve in 0..2u32,
        acts in prop::collection::vec(act(), 1..400),
    ) {
        let rules = Rules::new(cap, Duration::from_secs(3600), reserve, Duration::from_secs(5)).unwrap();
        let mut machine = Machine::new();
        machine.open(&rules);
        for act in acts {
            match act {
                Act::Demand { after_s } => {
                    machine.elapsed += Duration::from_secs(after_s);
                    for _ in 0..=cap {
                        machine.demand(&rules);
                    }
                }
                Act::Restart => machine.open(&rules),
                Act::Step { by_s } => {
                    let before = machine.now();
                    machine.wall_step += TimeDelta::seconds(by_s);
                    if machine.now().stepped(&before, Duration::from_secs(1)) {
                        machine.write(Cost::Nothing);
                    }
                }
                Act::Reboot { down_s } => {
                    machine.elapsed += Duration::from_secs(down_s);
                    machine.boot += 1;
                    machine.booted = machine.elapsed;
                    machine.open(&rules);
                }
            }
        }
        prop_assert!(machine.worst(Duration::from_secs(3600)) <= (cap - reserve) as usize);
    }
}
