//! The simulation: the real agent, gate, store and delivery under paused time, against a simulated portal and simulated
//! sinks. A seed decides everything that happens; the oracle judges at the far side.
//!
//! - `TILLWATCH_SIM_SEED=7 cargo test --test simulation whatever` replays one seed and shows the agent's log in true time.
//! - `TILLWATCH_SIM_SEEDS=0..2000` runs other seeds than the default ones.
//! - `TILLWATCH_SIM_DAYS=30` lets each seed last that many days, with polls rare enough for some 4,000 of them.
//! - Ten thousand days of accounts, some hours on two cores:
//!   `TILLWATCH_SIM_SEEDS=0..334 TILLWATCH_SIM_DAYS=30 cargo test --test simulation whatever`.
#![expect(clippy::expect_used, reason = "a test: what fails here fails the test")]

mod accounting;
mod attended;
mod books;
mod calm;
mod codes;
mod crash;
mod dice;
mod far_time;
mod faults;
mod freshness;
mod hours;
mod life;
mod oracle;
mod people;
mod portal;
mod profile;
mod recovery;
mod regressions;
mod run;
mod sessions;
mod sinks;
mod told;
mod totals;
mod traffic;
mod watch;
mod world;

/// A portal with receipt numbers and a running balance.
pub const REFERENCES: &str = include_str!("references.toml");
/// One with neither.
pub const NO_REFERENCES: &str = include_str!("no_references.toml");

/// Seeds of an ordinary run.
const SEEDS: std::ops::Range<u64> = 0..110;

#[test]
fn whatever_befalls_it_the_agent_keeps_its_promises() {
    let range = run::seeds().unwrap_or(SEEDS);
    let (totals, failures) = run::all(range.clone());
    // Past the harness, which shows the output of failed tests only.
    run::say(&format!("simulation, seeds {range:?}: {totals}\n"));
    assert!(failures.is_empty(), "{}", failures.join("\n"));
    if range == SEEDS {
        assert!(totals.days() >= 100.0, "only {:.1} days", totals.days());
        assert_eq!(totals.unread, 0, "seeds with unread history");
        assert_eq!(totals.missing(), Vec::<&str>::new(), "never happened");
    }
}
