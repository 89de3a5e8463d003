//! The only reader of time: system time, or virtual time under tests.
//!
//! An enum, not a trait: the simulation runs on tokio's paused time and steps the wall clock at will.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};

pub use crate::login::budget::{BootId, Stamp};

/// Where time comes from.
#[derive(Debug, Clone)]
pub enum Clock {
    /// The machine's clocks.
    System,
    /// tokio's (paused) clock plus a wall clock that tests move.
    Virtual(VirtualClock),
}

/// The clocks of a simulated machine over tokio's clock, with steps, reboots and suspends. tokio's timers are those of
/// `CLOCK_MONOTONIC`, which a suspend stops.
#[derive(Debug, Clone)]
pub struct VirtualClock {
    origin: tokio::time::Instant,
    // Shared between the clones of one clock; held only to copy three values.
    state: Arc<Mutex<VirtualState>>,
}

#[derive(Debug, Clone)]
struct VirtualState {
    wall_at_origin: DateTime<Utc>,
    boot: u64,
    booted: Duration,
    /// Time that passed while tokio's clock stood: counted by `CLOCK_BOOTTIME` and the wall clock.
    slept: Duration,
    /// Time that none of the machine's clocks saw.
    held: Duration,
}

impl VirtualClock {
    /// Starts at `wall`, on tokio's current instant, in boot 1.
    #[must_use]
    pub fn starting_at(wall: DateTime<Utc>) -> Self {
        Self {
            origin: tokio::time::Instant::now(),
            state: Arc::new(Mutex::new(VirtualState {
                wall_at_origin: wall,
                boot: 1,
                booted: Duration::ZERO,
                slept: Duration::ZERO,
                held: Duration::ZERO,
            })),
        }
    }

    fn state(&self) -> std::sync::MutexGuard<'_, VirtualState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Moves the wall clock by `by`, either way. `CLOCK_BOOTTIME` goes on.
    pub fn step(&self, by: TimeDelta) {
        self.state().wall_at_origin += by;
    }

    /// A new boot id; `CLOCK_BOOTTIME` begins again.
    pub fn reboot(&self) {
        let running = self.running();
        let mut state = self.state();
        state.boot += 1;
        state.booted = running;
    }

    /// The machine is suspended for `time`: `CLOCK_BOOTTIME` and the wall clock go on, timers do not.
    pub fn suspend(&self, time: Duration) {
        self.state().slept += time;
    }

    /// A host holds the whole machine for `time`: none of its clocks go on, and its wall clock is behind from then on.
    pub fn hold(&self, time: Duration) {
        self.state().held += time;
    }

    /// Time that really passed since the start, whatever the machine's clocks say.
    #[must_use]
    pub fn elapsed(&self) -> Duration {
        self.running() + self.state().held
    }

    /// Time since the start as `CLOCK_BOOTTIME` counts it.
    fn running(&self) -> Duration {
        self.origin.elapsed() + self.state().slept
    }

    fn stamp(&self) -> Stamp {
        let running = self.running();
        let state = self.state().clone();
        Stamp {
            wall: state.wall_at_origin + TimeDelta::from_std(running).unwrap_or(TimeDelta::MAX),
            boot: BootId(format!("virtual-{}", state.boot)),
            since_boot: running.saturating_sub(state.booted),
        }
    }
}

impl Clock {
    /// Wall time.
    #[must_use]
    pub fn now(&self) -> DateTime<Utc> {
        match self {
            Clock::System => Utc::now(),
            Clock::Virtual(clock) => clock.stamp().wall,
        }
    }

    /// Both clocks at once.
    #[must_use]
    pub fn stamp(&self) -> Stamp {
        match self {
            Clock::System => {
                let boot = system_boot();
                Stamp {
                    wall: Utc::now(),
                    boot: boot.id.clone(),
                    since_boot: boottime().saturating_sub(boot.began),
                }
            }
            Clock::Virtual(clock) => clock.stamp(),
        }
    }

    /// Time that nobody moves, from an arbitrary origin: for measuring how long something took.
    #[must_use]
    pub fn monotonic(&self) -> Duration {
        match self {
            Clock::System => boottime(),
            Clock::Virtual(clock) => clock.running(),
        }
    }
}

struct Boot {
    id: BootId,
    /// `CLOCK_BOOTTIME` when it began.
    began: Duration,
}

/// The kernel's boot id. Where it cannot be read this process is a boot of its own, which began now:
/// attempts of an earlier process are then judged by the wall clock.
fn system_boot() -> &'static Boot {
    static BOOT: std::sync::OnceLock<Boot> = std::sync::OnceLock::new();
    BOOT.get_or_init(
        || match std::fs::read_to_string("/proc/sys/kernel/random/boot_id") {
            Ok(id) if !id.trim().is_empty() => Boot {
                id: BootId(id.trim().to_owned()),
                began: Duration::ZERO,
            },
            Ok(_) | Err(_) => Boot {
                id: BootId(format!(
                    "process-{}-{}",
                    std::process::id(),
                    Utc::now().timestamp_micros()
                )),
                began: boottime(),
            },
        },
    )
}

fn boottime() -> Duration {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::Boottime);
    Duration::new(
        u64::try_from(time.tv_sec).unwrap_or_default(),
        u32::try_from(time.tv_nsec).unwrap_or_default(),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_suspend_is_seen_by_all_clocks_but_timers_and_a_held_machine_sees_nothing() {
        let began: DateTime<Utc> = DateTime::UNIX_EPOCH;
        let machine = VirtualClock::starting_at(began);
        let clock = Clock::Virtual(machine.clone());
        let (hour, second) = (Duration::from_secs(3600), Duration::from_secs(1));
        machine.suspend(hour);
        tokio::time::sleep(second).await;
        assert_eq!(clock.monotonic(), hour + second);
        assert_eq!(clock.stamp().since_boot, hour + second);
        assert_eq!(clock.now(), began + hour + second);
        machine.hold(hour);
        assert_eq!(clock.monotonic(), hour + second);
        assert_eq!(clock.now(), began + hour + second);
        assert_eq!(machine.elapsed(), 2 * hour + second);
    }
}
