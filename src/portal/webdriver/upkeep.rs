//! A browser is replaced before it is worn out: after its age, and by what it holds of memory. Its session goes on.
//!
//! Memory is the proportional set size of driver and browser together (`Pss` of `/proc/<pid>/smaps_rollup`, proc(5)): what
//! their processes share counts once. A remote browser's memory is not ours to see; its age alone counts.

use std::fs;
use std::path::Path;
use std::time::Duration;

use rustix::process::Pid;

use super::WebDriverPortal;
use super::browser::Browser;
use crate::portal::PortalError;

/// Weighing reads the kernel's books on some ten processes.
const WEIGH_EVERY: Duration = Duration::from_secs(60);

impl WebDriverPortal {
    /// Ends a browser that has had its time, and keeps its session. One whose session could not be kept is left.
    pub(super) async fn retire(&mut self) {
        let now = self.settings.clock.monotonic();
        let Some(browser) = &mut self.browser else {
            return;
        };
        if browser.may_be_signed_in && (self.kept.key.is_none() || !browser.is_proved) {
            return;
        }
        let age = now.saturating_sub(*browser.opened_at.get_or_insert(now));
        let last = browser.weighed_at;
        let is_due = last.is_none_or(|at| now.saturating_sub(at) >= WEIGH_EVERY);
        let group = browser.driver.as_ref().map(super::Driver::group);
        let memory = match group.filter(|_| is_due) {
            Some(group) => {
                browser.weighed_at = Some(now);
                tokio::task::spawn_blocking(move || memory_of(group)).await
            }
            None => Ok(0),
        };
        let memory = memory.unwrap_or(0);
        if age < self.settings.max_age && memory < self.settings.max_memory {
            return;
        }
        tracing::info!(
            account = self.settings.owner.account,
            age_s = age.as_secs(),
            memory_mib = memory >> 20,
            "the browser is replaced; its session goes on"
        );
        self.park_browser().await;
    }
}

impl Browser {
    pub(super) fn noting_kills(mut self) -> Self {
        self.kills_before = kills();
        self
    }

    /// Why the browser is gone: lack of memory, where the kernel says so.
    pub(super) fn cause(&self, error: PortalError) -> PortalError {
        match (error, self.kills_before, kills()) {
            (PortalError::BrowserLost { reason }, Some(before), Some(now)) if now > before => {
                PortalError::OutOfMemory { reason }
            }
            (error, _, _) => error,
        }
    }
}

/// Processes of our control group that the kernel has killed for lack of memory (`oom_kill` of `memory.events`, cgroup v2). `None`
/// where the kernel does not say.
fn kills() -> Option<u64> {
    let ours = fs::read_to_string("/proc/self/cgroup").ok()?;
    let path = ours.lines().find_map(|line| line.strip_prefix("0::/"))?;
    let events = Path::new("/sys/fs/cgroup").join(path).join("memory.events");
    kills_in(&fs::read_to_string(events).ok()?)
}

fn kills_in(events: &str) -> Option<u64> {
    let mut lines = events.lines();
    lines.find_map(|line| line.strip_prefix("oom_kill ")?.parse().ok())
}

/// Bytes that the processes of `group` hold together. What cannot be read is gone.
fn memory_of(group: Pid) -> u64 {
    let Ok(entries) = fs::read_dir("/proc") else {
        return 0;
    };
    let pids = entries.filter_map(|entry| entry.ok()?.file_name().into_string().ok());
    pids.filter(|pid| pid.bytes().all(|byte| byte.is_ascii_digit()))
        .filter(|pid| group_of(pid) == Some(group))
        .filter_map(|pid| pss(&fs::read_to_string(format!("/proc/{pid}/smaps_rollup")).ok()?))
        .sum()
}

/// `pid (name) state ppid pgrp …`.
fn group_of(pid: &str) -> Option<Pid> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    let (_, after_name) = stat.rsplit_once(')')?;
    Pid::from_raw(after_name.split_whitespace().nth(2)?.parse().ok()?)
}

/// `Pss:              1234 kB`, in bytes.
fn pss(rollup: &str) -> Option<u64> {
    let line = rollup.lines().find_map(|line| line.strip_prefix("Pss:"))?;
    let kib: u64 = line.trim().strip_suffix(" kB")?.trim().parse().ok()?;
    Some(kib << 10)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_memory_of_a_process_group_is_in_the_kernels_books() {
        let rollup = "55d0-7ffe ---p 00000000 00:00 0   [rollup]\nRss:  900 kB\nPss:    512 kB\nPss_Dirty: 4 kB\n";
        assert_eq!(pss(rollup), Some(512 << 10));
        assert_eq!(pss(""), None);
        assert_eq!(
            kills_in("low 0\nhigh 3\nmax 9\noom 2\noom_kill 1\noom_group_kill 0\n"),
            Some(1)
        );
        assert!(memory_of(rustix::process::getpgrp()) > 1 << 20);
    }
}
