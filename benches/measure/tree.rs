//! CPU time and memory of a process with everything that it started, from `/proc`.

use std::collections::{HashMap, HashSet};
use std::fs;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::Duration;

/// `sysconf(_SC_CLK_TCK)`: 100 on every Linux that Chromium runs on.
const TICKS_PER_S: f64 = 100.0;
/// A process that ends between two looks loses what it did since the last.
const LOOK: Duration = Duration::from_millis(40);
/// Reading memory maps costs the measured machine more than reading times.
const LOOKS_PER_WEIGHING: u32 = 20;

/// One process as it was seen last.
struct Seen {
    parent: u32,
    started: u64,
    ticks: u64,
}

/// What was seen of the tree so far.
#[derive(Default)]
struct Sums {
    /// By pid and start: a pid may come again.
    ticks: HashMap<(u32, u64), u64>,
    peak_kib: u64,
}

/// Watches a tree from its root on, also what has left it since.
pub struct Watch {
    root: u32,
    // Shared with the thread that looks; held for a sum or a copy.
    sums: Arc<Mutex<Sums>>,
}

impl Watch {
    /// Looks at `root` and all below it until the root is gone.
    pub fn of(root: u32) -> Self {
        // See the field.
        let sums = Arc::new(Mutex::new(Sums::default()));
        let shared = Arc::clone(&sums);
        thread::spawn(move || {
            for turn in 0_u32.. {
                let tree = tree(root);
                if tree.is_empty() {
                    return;
                }
                add(&shared, &tree);
                if turn.is_multiple_of(LOOKS_PER_WEIGHING) {
                    let weight = weight(tree.keys());
                    let mut sums = shared.lock().unwrap_or_else(PoisonError::into_inner);
                    sums.peak_kib = sums.peak_kib.max(weight);
                }
                thread::sleep(LOOK);
            }
        });
        Self { root, sums }
    }

    /// CPU seconds of all of it since it began.
    pub fn cpu_s(&self) -> f64 {
        add(&self.sums, &tree(self.root));
        let sums = self.sums.lock().unwrap_or_else(PoisonError::into_inner);
        sums.ticks.values().sum::<u64>() as f64 / TICKS_PER_S
    }

    /// Proportional set size now, in MiB.
    pub fn pss_mib(&self) -> f64 {
        weight(tree(self.root).keys()) as f64 / 1024.0
    }

    /// The largest so far, in MiB.
    pub fn peak_mib(&self) -> f64 {
        let now = weight(tree(self.root).keys());
        let mut sums = self.sums.lock().unwrap_or_else(PoisonError::into_inner);
        sums.peak_kib = sums.peak_kib.max(now);
        sums.peak_kib as f64 / 1024.0
    }

    /// Forgets the peak, to measure the time from here on.
    pub fn forget_peak(&self) {
        self.sums
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .peak_kib = 0;
    }

    /// How many processes live.
    pub fn processes(&self) -> usize {
        tree(self.root).len()
    }
}

fn add(sums: &Mutex<Sums>, tree: &HashMap<u32, Seen>) {
    let mut sums = sums.lock().unwrap_or_else(PoisonError::into_inner);
    for (pid, seen) in tree {
        sums.ticks.insert((*pid, seen.started), seen.ticks);
    }
}

/// Every living process at or below `root`.
fn tree(root: u32) -> HashMap<u32, Seen> {
    let mut all: HashMap<u32, Seen> = fs::read_dir("/proc")
        .into_iter()
        .flatten()
        .filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok())
        .filter_map(|pid| Some((pid, seen(pid)?)))
        .collect();
    let mut within = HashSet::from([root]);
    loop {
        let more: Vec<u32> = all
            .iter()
            .filter(|(pid, seen)| within.contains(&seen.parent) && !within.contains(pid))
            .map(|(pid, _)| *pid)
            .collect();
        if more.is_empty() {
            break;
        }
        within.extend(more);
    }
    all.retain(|pid, _| within.contains(pid));
    all
}

/// proc(5): `pid (name) state ppid … utime(14) stime(15) … starttime(22)`.
fn seen(pid: u32) -> Option<Seen> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    let fields: Vec<&str> = stat.rsplit_once(')')?.1.split_whitespace().collect();
    let number = |at: usize| fields.get(at)?.parse::<u64>().ok();
    Some(Seen {
        parent: fields.get(1)?.parse().ok()?,
        started: number(19)?,
        ticks: number(11)? + number(12)?,
    })
}

fn weight<'a>(pids: impl Iterator<Item = &'a u32>) -> u64 {
    pids.filter_map(|pid| {
        let maps = fs::read_to_string(format!("/proc/{pid}/smaps_rollup")).ok()?;
        let line = maps.lines().find_map(|line| line.strip_prefix("Pss:"))?;
        line.split_whitespace().next()?.parse::<u64>().ok()
    })
    .sum()
}
