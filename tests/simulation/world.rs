//! One seed: the agent's lives, one after the other, under paused time, and all that befalls them.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tillwatch::clock::VirtualClock;
use tillwatch::past::Unread;
use tillwatch::selectors;
use tokio::sync::mpsc;
use tokio::time::sleep;

use crate::books::Books;
use crate::crash::{Crash, Point, copy};
use crate::dice::Dice;
use crate::far_time::until;
use crate::faults::{Came, Faults};
use crate::life::{Around, Life};
use crate::people::{self, Step, Steps};
use crate::portal::{Site, lock};
use crate::profile::Profile;
use crate::recovery;
use crate::sinks::{Arrived, Held};
use crate::traffic::{self, Naps};
use crate::watch::{Diary, Seen};

/// What is left for the oracle.
pub struct Outcome {
    pub profile: Profile,
    pub books: Books,
    /// What the consumer that remembers got, and the one that does not.
    pub file: Vec<Arrived>,
    pub plain: Vec<Arrived>,
    pub crashes: Vec<Point>,
    pub befell: Befell,
    pub came: Came,
    pub polls: u64,
    pub stepped: Vec<Step>,
    pub seen: Seen,
    /// When each life of the agent ended but the last.
    pub deaths: Vec<Duration>,
    /// Texts of the cells of what lies in quarantine at the end.
    pub aside: Vec<String>,
    /// History that could not be read to the end, as a person was told.
    pub unread: Option<Unread>,
    pub lasted: Duration,
}

/// What happened between two lives.
#[derive(Debug, Clone, Copy, Default)]
pub struct Befell {
    pub rebuilds: u64,
    pub lost_ledgers: u64,
    pub old_ledgers: u64,
    pub reboots: u64,
    pub downtimes: u64,
}

/// What a small page budget has left of the history is read at the end within this.
const HISTORY: Duration = Duration::from_secs(3 * 86_400);

struct World {
    around: Around,
    dice: Dice,
    crashed: mpsc::UnboundedReceiver<Point>,
    steps: Steps,
    generation: u32,
    polls: u64,
    befell: Befell,
    deaths: Vec<Duration>,
    aside: Vec<String>,
    unread: Option<Unread>,
}

/// Lives through `profile` and gives what happened.
pub async fn live(profile: Profile, root: &Path) -> Outcome {
    let mut dice = Dice::new(profile.seed ^ 0xA5A5);
    let calendar = profile.rules.calendar;
    let clock = VirtualClock::starting_at(calendar.began);
    let (crash, crashed) = Crash::new();
    let text = if profile.rules.references {
        crate::REFERENCES
    } else {
        crate::NO_REFERENCES
    };
    let mut text = text.replace("Africa/Nairobi", calendar.zone.name());
    if profile.rules.states_idle {
        let idle = format!("[session]\nidle = \"{}s\"\n", profile.rules.idle.as_secs());
        text = text.replace("[session]\n", &idle);
    }
    if profile.rules.today_only {
        text = text.replace("?from={from}&to={to}", "");
        text = text.replace("path_date = \"%d-%m-%Y\"\n", "");
    }
    let selectors = selectors::file::parse("sim", "sim.toml", &text);
    let site = Site {
        books: Arc::new(Mutex::new(Books::new(profile.rules.clone()))),
        clock: clock.clone(),
        faults: Arc::new(Mutex::new(profile.faults.clone())),
        came: Arc::default(),
        crash,
        page_takes: profile.page_takes,
    };
    let around = Around {
        profile: profile.clone(),
        site: site.clone(),
        selectors: Arc::new(selectors.unwrap_or_else(|wrong| panic!("{wrong}"))),
        file: Held::default(),
        plain: Held::default(),
        sink_faults: Arc::new(Mutex::new(profile.sink_faults)),
        diary: Diary::default(),
        root: root.to_owned(),
        is_calm: false,
    };
    people::write_secret(root, "first-password");
    let steps = Steps::default();
    let traffic = tokio::spawn(far_side(&around, &steps, &mut dice));
    let mut world = World {
        around,
        dice: dice.fork(),
        crashed,
        steps,
        generation: 0,
        polls: 0,
        befell: Befell::default(),
        deaths: Vec::new(),
        aside: Vec::new(),
        unread: None,
    };
    world.lives().await;
    traffic.await.expect("the traffic came to its end");
    world.outcome()
}

/// Begins all that does not depend on the agent, and gives the traffic, which ends by itself.
fn far_side(around: &Around, steps: &Steps, dice: &mut Dice) -> impl Future<Output = ()> + use<> {
    let (profile, root) = (&around.profile, around.root.clone());
    let (books, clock) = (around.site.books.clone(), around.site.clock.clone());
    let ends = profile.lasts;
    let shared = || (books.clone(), clock.clone(), around.diary.clone());
    // What came later draws from dice of its own: the older worlds stay as they are.
    let mut later = Dice::new(profile.seed ^ 0x5A5A);
    let naps = profile.naps.then(|| Naps {
        dice: later.fork(),
        mean: ends / 6,
        steps: steps.clone(),
        may_hold: !profile.clock_steps,
        diary: around.diary.clone(),
    });
    let traffic = traffic::run(
        books.clone(),
        clock.clone(),
        dice.fork(),
        profile.mean_arrival,
        ends,
        naps,
    );
    if profile.clock_steps {
        let stepping = people::steps(clock.clone(), dice.fork(), ends, steps.clone());
        tokio::spawn(stepping);
    }
    if profile.new_password {
        let later = profile.secret_after;
        tokio::spawn(people::change_password(shared(), root, ends / 3, later));
    }
    if profile.captchas {
        tokio::spawn(people::captchas(shared(), later.fork(), ends / 4, ends));
    }
    if profile.others {
        let (books, clock, _) = shared();
        tokio::spawn(people::others(books, clock, later.fork(), ends / 6, ends));
    }
    traffic
}

impl World {
    fn state(&self) -> PathBuf {
        let name = format!("state-{}", self.generation);
        self.around.root.join(name)
    }

    fn now(&self) -> Duration {
        self.around.site.clock.elapsed()
    }

    /// Life after life until the traffic has ended and everything has settled.
    async fn lives(&mut self) {
        let profile = self.around.profile.clone();
        let calm = profile.lasts;
        // The first reading of the last life reads up everything; a whole window may have to pass before it.
        // Whoever is late is not later than that.
        let late = profile.rules.per * if profile.late { 3 } else { 0 };
        let end = calm + 2 * profile.rules.per + 2 * profile.poll + late;
        let clock = self.around.site.clock.clone();
        std::fs::create_dir(self.state()).expect("a state directory");
        until(&clock, profile.first_start).await;
        loop {
            let now = self.now();
            if now >= calm && !self.around.is_calm {
                self.calm_down();
            }
            lock(&self.around.site.books).sessions.next_life(now);
            let armed = self.arm();
            let mut life = Life::begin(&self.around, self.state(), &mut self.dice).await;
            let now = self.now();
            let next = match profile.mean_crash {
                Some(mean) if !self.around.is_calm => {
                    (now + self.dice.arrival(mean)).min(calm).max(now)
                }
                _ => end,
            };
            let history = life.history_is_read();
            let passes = async {
                until(&clock, next).await;
                if next == end {
                    tokio::select! {
                        () = history => {}
                        () = until(&clock, end + HISTORY) => {}
                    }
                }
            };
            let struck = tokio::select! {
                point = self.crashed.recv() => point,
                () = passes => None,
                ended = life.tasks.join_next() => panic!("a task of the agent ended: {ended:?}"),
            };
            self.polls += life.polls();
            let crash = self.around.site.crash.clone();
            let within = armed && !crash.disarm();
            if self.now() >= end {
                self.aside = life.aside().await;
                self.unread = life.told_unread().await;
                life.settle().await;
                return;
            }
            if struck.is_none() && !within {
                crash.note(Point::Anytime);
            }
            self.crash(life, within).await;
        }
    }

    /// Some lives end within a write of the store.
    fn arm(&mut self) -> bool {
        let profile = &self.around.profile;
        let armed = profile.mean_crash.is_some()
            && self.around.site.clock.elapsed() < profile.lasts
            && self.dice.chance(300);
        if armed {
            let most = if self.dice.chance(500) { 60 } else { 1500 };
            let steps = self.dice.between(1, most);
            let next = self
                .around
                .root
                .join(format!("state-{}", self.generation + 1));
            self.around.site.crash.arm(steps, self.state(), next);
        }
        armed
    }

    fn calm_down(&mut self) {
        self.around.is_calm = true;
        *self.around.site.faults.lock().expect("faults") = Faults::default();
        *self.around.sink_faults.lock().expect("faults") = (0, 0);
        let mut books = lock(&self.around.site.books);
        books.captcha_until = Duration::ZERO;
        // What is left is read and told at any hour.
        books.rules.quiet = None;
    }

    /// `copied`: the copy was taken at the very step that crashed.
    async fn crash(&mut self, life: Life, copied: bool) {
        let from = self.state();
        let before = self.generation.checked_sub(1);
        let before = before.map(|before| self.around.root.join(format!("state-{before}/ledger")));
        self.generation += 1;
        let to = self.state();
        let began = life.began;
        if !copied {
            // Nothing is in the middle of a write once paused time moves on.
            sleep(Duration::from_millis(1)).await;
            copy(&from, &to);
        }
        life.crash().await;
        let now = self.now();
        lock(&self.around.site.books).agent_died(now);
        self.deaths.push(now);
        // A second plug pulled in the same instant is the same crash.
        while self.crashed.try_recv().is_ok() {}
        self.befall(&to, before.as_deref(), began).await;
        if let Some(old) = self.generation.checked_sub(3) {
            let old = self.around.root.join(format!("state-{old}"));
            std::fs::remove_dir_all(old).expect("an old state");
        }
    }

    /// What else goes wrong while the agent is down.
    async fn befall(&mut self, state: &Path, ledger_before: Option<&Path>, began: Duration) {
        let profile = self.around.profile.clone();
        let ledger = state.join("ledger");
        let mut old_ledger = false;
        if profile.rebuilds && self.dice.chance(150) {
            if self.dice.chance(500) {
                std::fs::remove_dir_all(state.join("store")).expect("the store was there");
            }
            if self.dice.chance(500) && ledger.exists() {
                self.befell.lost_ledgers += 1;
                std::fs::remove_dir_all(&ledger).expect("the ledger was there");
            }
            recovery::rebuild(state, &self.around.file, &profile.rules.calendar);
            self.befell.rebuilds += 1;
            lock(&self.around.site.books).sessions.store += 1;
        } else if profile.lost_ledgers && self.dice.chance(150) && ledger.exists() {
            std::fs::remove_dir_all(&ledger).expect("the ledger was there");
            old_ledger = self.dice.chance(500) && ledger_before.is_some_and(Path::exists);
            if let Some(before) = ledger_before.filter(|_| old_ledger) {
                copy(before, &ledger);
                self.befell.old_ledgers += 1;
            } else {
                self.befell.lost_ledgers += 1;
            }
        }
        // Across a boot only the wall clock counts: nobody can know of a step that nobody has noted.
        let known_wall = !old_ledger && !self.steps.any_since(began);
        if known_wall && self.dice.chance(200) {
            self.around.site.clock.reboot();
            self.befell.reboots += 1;
        } else if self.now() < profile.lasts && self.dice.chance(200) {
            self.befell.downtimes += 1;
            let (least, most) = (Duration::from_secs(30), Duration::from_secs(5400));
            let back = self.now() + self.dice.log_between(least, most);
            until(&self.around.site.clock, back).await;
        }
    }

    fn outcome(self) -> Outcome {
        let lasted = self.now();
        let site = self.around.site;
        let (crashes, came) = (
            site.crash.struck.clone(),
            *site.came.lock().expect("counts"),
        );
        let crashes = crashes.lock().expect("crashes").clone();
        let mut books = site.books.lock().expect("books");
        let books = std::mem::replace(&mut *books, Books::new(self.around.profile.rules.clone()));
        let take = |held: &Held| std::mem::take(&mut *held.lock().expect("held"));
        Outcome {
            profile: self.around.profile,
            books,
            file: take(&self.around.file),
            plain: take(&self.around.plain),
            crashes,
            befell: self.befell,
            came,
            polls: self.polls,
            stepped: self.steps.all(),
            seen: std::mem::take(&mut *self.around.diary.lock().expect("the diary")),
            deaths: self.deaths,
            aside: self.aside,
            unread: self.unread,
            lasted,
        }
    }
}
