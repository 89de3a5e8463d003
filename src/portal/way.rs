//! By which way the table is read: the cheapest that has given the same rows as a page in the browser. Pure.
//!
//! | event | at the way in use | then |
//! |---|---|---|
//! | a cheaper way gave the same rows, often enough | | go down to it |
//! | it gave other rows | | stay; prove it again after a pause, each longer than the one before |
//! | the way in use gave no table | not `navigate` | read by the next dearer way, at once |
//! | … and that gave the table | | the cheap way is to blame: a pause, and proofs anew |
//! | … and no way gave it | the session or the portal is over, not the way | go on with the cheap way afterwards |
//! | … but the session lasted only a few readings by it | | it may have ended the session: it is to blame |
//! | a sign-in, or many readings by `fetch` | | the way in use is compared with `navigate` once more |
//!
//! Pauses are counted in readings: what is compared costs page loads, and those come with readings.

use crate::selectors::Read;

/// A way to load a page of the table, dearest first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Way {
    /// The browser loads the page.
    Navigate,
    /// A script of the signed-in page fetches it.
    Fetch,
    /// No browser: an HTTP client with the session's cookies.
    Http,
}

impl Way {
    /// The word of selector files and logs.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Way::Navigate => "navigate",
            Way::Fetch => "fetch",
            Way::Http => "http",
        }
    }
}

/// How the first page of a reading is to be loaded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Task {
    /// By this way.
    Read(Way),
    /// By the way that is trusted, which counts, and for comparison by the other.
    Compare {
        /// Dearer.
        trusted: Way,
        /// Cheaper.
        candidate: Way,
    },
}

/// What a comparison showed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Compared {
    /// Both gave the same.
    Same,
    /// The trusted way gave the same before and after, the candidate something else.
    Different,
    /// The portal itself changed meanwhile: nothing was shown.
    Undecided,
}

/// A change of the way, to be logged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Change {
    /// From here on a cheaper one.
    Down(Way),
    /// The cheaper one is not trusted; proved again after so many readings.
    Distrusted {
        /// Which.
        way: Way,
        /// Readings.
        pause: u32,
    },
}

/// Comparisons that must show the same before a way is used: in a row, of one account.
const PROOFS: u32 = 3;
/// Readings before a distrusted way is proved again; doubled each time.
const FIRST_PAUSE: u32 = 20;
const LONGEST_PAUSE: u32 = 2_560;
/// A session that ends within so many readings by a way may have been ended by it.
const SETTLED: u32 = 10;
/// Readings by `fetch` between two comparisons with `navigate`.
const CHECK_EVERY: u32 = 200;

/// Where one account stands.
#[derive(Debug, Clone)]
pub struct Ladder {
    ways: &'static [Way],
    at: usize,
    needed: u32,
    proofs: u32,
    /// Readings until a cheaper way may be proved.
    rest: u32,
    pause: u32,
    /// Pages of the table by the way in use since it came into use or since the last sign-in.
    served: u32,
    check_due: bool,
    /// The way that gave no table, and its `served`, while dearer ones are tried.
    fallen: Option<(usize, u32)>,
}

impl Ladder {
    /// At the start: everything begins in the browser.
    #[must_use]
    pub fn new(read: Read, may_leave_browser: bool) -> Self {
        let ways: &[Way] = match (read, may_leave_browser) {
            (Read::Navigate, _) => &[Way::Navigate],
            (Read::Fetch, _) | (Read::Auto, false) => &[Way::Navigate, Way::Fetch],
            (Read::Http, _) => &[Way::Navigate, Way::Http],
            (Read::Auto, true) => &[Way::Navigate, Way::Fetch, Way::Http],
        };
        let needed = match read {
            Read::Auto | Read::Navigate => PROOFS,
            // Somebody said so: once is enough to know that it works at all.
            Read::Fetch | Read::Http => 1,
        };
        Self {
            ways,
            at: 0,
            needed,
            proofs: 0,
            // The first page of a run is wanted soon, and may be the only one.
            rest: 1,
            pause: FIRST_PAUSE,
            served: 0,
            check_due: false,
            fallen: None,
        }
    }

    /// The way in use.
    #[must_use]
    pub fn way(&self) -> Way {
        self.ways.get(self.at).copied().unwrap_or(Way::Navigate)
    }

    /// A reading begins.
    pub fn begin(&mut self) -> Task {
        let candidate = self.ways.get(self.at + 1).copied();
        match candidate {
            _ if self.fallen.is_some() => Task::Read(self.way()),
            _ if self.at > 0 && self.check_due => Task::Compare {
                trusted: Way::Navigate,
                candidate: self.way(),
            },
            Some(candidate) if self.rest == 0 => Task::Compare {
                trusted: self.way(),
                candidate,
            },
            Some(_) | None => {
                self.rest = self.rest.saturating_sub(1);
                Task::Read(self.way())
            }
        }
    }

    /// A comparison that `begin` asked for has come to its end.
    pub fn compared(&mut self, shown: Compared) -> Option<Change> {
        match (shown, self.check_due && self.at > 0) {
            (Compared::Undecided, _) => None,
            (Compared::Same, true) => {
                self.check_due = false;
                None
            }
            (Compared::Same, false) => {
                self.proofs += 1;
                if self.proofs < self.needed || self.at + 1 >= self.ways.len() {
                    return None;
                }
                self.at += 1;
                (self.proofs, self.served) = (0, 0);
                Some(Change::Down(self.way()))
            }
            (Compared::Different, is_check) => {
                let blamed = if is_check { self.at } else { self.at + 1 };
                Some(self.distrust(blamed))
            }
        }
    }

    /// The page given last was one of the table.
    pub fn table(&mut self) -> Option<Change> {
        if let Some((way, _)) = self.fallen.take() {
            return Some(self.distrust(way));
        }
        self.served = self.served.saturating_add(1);
        self.check_due |= self.way() == Way::Fetch && self.served.is_multiple_of(CHECK_EVERY);
        None
    }

    /// The way in use gave no page of the table. True: read again, by the way that is in use now.
    pub fn failed(&mut self) -> bool {
        if self.at > 0 {
            self.fallen.get_or_insert((self.at, self.served));
            self.at -= 1;
            return true;
        }
        if let Some((way, served)) = self.fallen.take() {
            if served >= SETTLED {
                self.at = way;
                self.served = served;
            } else {
                // Told when it is proved again: what is wrong now is told as what it is.
                self.distrust(way);
            }
        }
        false
    }

    /// A sign-in was submitted: a session of its own begins.
    pub fn signed_in(&mut self) {
        self.served = 0;
        self.check_due = self.at > 0;
        self.fallen = None;
    }

    fn distrust(&mut self, way: usize) -> Change {
        let blamed = self.ways.get(way).copied().unwrap_or(Way::Navigate);
        self.at = self.at.min(way.saturating_sub(1));
        (self.proofs, self.served) = (0, 0);
        self.needed = PROOFS;
        self.check_due = false;
        self.rest = self.pause;
        self.pause = (self.pause * 2).min(LONGEST_PAUSE);
        Change::Distrusted {
            way: blamed,
            pause: self.rest,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Plays `events` and tells what the ladder says, one line each.
    fn played(mut ladder: Ladder, events: &str) -> Vec<String> {
        let told = |change: Option<Change>| match change {
            None => "-".to_owned(),
            Some(Change::Down(way)) => format!("down to {}", way.as_str()),
            Some(Change::Distrusted { way, pause }) => {
                format!("{} rests {pause}", way.as_str())
            }
        };
        events
            .split_whitespace()
            .map(|event| match event {
                "begin" => match ladder.begin() {
                    Task::Read(way) => way.as_str().to_owned(),
                    Task::Compare { trusted, candidate } => {
                        format!("{} = {}?", trusted.as_str(), candidate.as_str())
                    }
                },
                "same" => told(ladder.compared(Compared::Same)),
                "different" => told(ladder.compared(Compared::Different)),
                "undecided" => told(ladder.compared(Compared::Undecided)),
                "table" => told(ladder.table()),
                "failed" => format!("again {}", ladder.failed()),
                "sign-in" => {
                    ladder.signed_in();
                    "-".to_owned()
                }
                _ => unreachable!("{event}"),
            })
            .collect()
    }

    /// After `readings` good ones, each of whose comparisons showed the same.
    fn after(read: Read, may_leave_browser: bool, readings: u32) -> Ladder {
        let mut ladder = Ladder::new(read, may_leave_browser);
        for _ in 0..readings {
            if let Task::Compare { .. } = ladder.begin() {
                ladder.compared(Compared::Same);
            }
            ladder.table();
        }
        ladder
    }

    #[test]
    fn each_setting_ends_at_the_cheapest_way_that_it_allows() {
        for (read, permitted, end) in [
            (Read::Navigate, true, Way::Navigate),
            (Read::Fetch, true, Way::Fetch),
            (Read::Http, false, Way::Http),
            (Read::Auto, false, Way::Fetch),
            (Read::Auto, true, Way::Http),
        ] {
            assert_eq!(Ladder::new(read, permitted).way(), Way::Navigate);
            assert_eq!(after(read, permitted, 50).way(), end, "{read:?}");
        }
    }

    #[test]
    fn auto_goes_down_a_step_after_three_equal_readings_in_a_row() {
        let events = "begin table begin same table begin undecided table begin same table begin same table begin";
        assert_eq!(
            played(Ladder::new(Read::Auto, true), events),
            [
                "navigate",
                "-",
                "navigate = fetch?",
                "-",
                "-",
                "navigate = fetch?",
                "-",
                "-",
                "navigate = fetch?",
                "-",
                "-",
                "navigate = fetch?",
                "down to fetch",
                "-",
                "fetch = http?",
            ]
        );
    }

    #[test]
    fn other_rows_make_a_pause_that_doubles_and_proofs_begin_anew() {
        let mut ladder = after(Read::Auto, false, 3);
        let mut pauses = Vec::new();
        for _ in 0..9 {
            while matches!(ladder.begin(), Task::Read(Way::Navigate)) {
                ladder.table();
            }
            match ladder.compared(Compared::Different) {
                Some(Change::Distrusted { way, pause }) => pauses.push((way, pause)),
                other => unreachable!("{other:?}"),
            }
        }
        let expected = [20, 40, 80, 160, 320, 640, 1_280, 2_560, 2_560];
        assert_eq!(pauses, expected.map(|pause| (Way::Fetch, pause)));
        let rest = "begin table ".repeat(2_560) + "begin same begin same begin same";
        let told = played(ladder, &rest);
        let last: Vec<&str> = told.iter().rev().take(6).map(String::as_str).collect();
        assert_eq!(
            last,
            [
                "down to fetch",
                "navigate = fetch?",
                "-",
                "navigate = fetch?",
                "-",
                "navigate = fetch?"
            ]
        );
    }

    #[test]
    fn a_way_that_gives_no_table_is_to_blame_where_a_dearer_one_does() {
        let ladder = after(Read::Auto, true, 40);
        assert_eq!(
            played(ladder, "begin failed begin table begin"),
            ["http", "again true", "fetch", "http rests 20", "fetch"]
        );
        let ladder = after(Read::Auto, true, 40);
        assert_eq!(
            played(ladder, "begin failed begin failed begin table begin"),
            [
                "http",
                "again true",
                "fetch",
                "again true",
                "navigate",
                "http rests 20",
                "navigate"
            ]
        );
    }

    #[test]
    fn a_session_that_ends_is_not_the_fault_of_a_way_it_lived_long_by() {
        let ladder = after(Read::Auto, true, 40);
        assert_eq!(
            played(
                ladder,
                "begin failed failed failed sign-in begin same table begin"
            ),
            [
                "http",
                "again true",
                "again true",
                "again false",
                "-",
                "navigate = http?",
                "-",
                "-",
                "http"
            ]
        );
    }

    #[test]
    fn a_session_that_ends_soon_after_a_sign_in_is() {
        let ladder = after(Read::Http, false, 40);
        let events = "sign-in begin same table begin table begin failed failed sign-in begin";
        assert_eq!(
            played(ladder, events),
            [
                "-",
                "navigate = http?",
                "-",
                "-",
                "http",
                "-",
                "http",
                "again true",
                "again false",
                "-",
                "navigate"
            ]
        );
    }

    #[test]
    fn fetch_is_compared_with_navigate_again_after_many_readings() {
        let ladder = after(Read::Auto, false, 2 + CHECK_EVERY);
        assert_eq!(
            played(ladder, "begin table begin different begin"),
            [
                "fetch",
                "-",
                "navigate = fetch?",
                "fetch rests 20",
                "navigate"
            ]
        );
    }
}
