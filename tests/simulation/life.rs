//! One life of the agent: the real store, gate, loop and deliveries, from a start to a crash or an orderly end.

use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tillwatch::agent::{Account, Agent, Edges, Limits, Seat};
use tillwatch::clock::Clock;
use tillwatch::delivery::{self, DeliveryError, Ended, Progress};
use tillwatch::event::AccountRef;
use tillwatch::login::budget;
use tillwatch::login::code::Desk;
use tillwatch::login::credentials::Sources;
use tillwatch::login::gate::Gates;
use tillwatch::login::ledger::LedgerKey;
use tillwatch::one_time_code::{By, Codes};
use tillwatch::page_loads::PageLoads;
use tillwatch::past::Unread;
use tillwatch::payment::{AccountName, OperatorAccount};
use tillwatch::portal::Taped;
use tillwatch::portal::pool::Pool;
use tillwatch::schedule::Pace;
use tillwatch::selectors;
use tillwatch::sign_in;
use tillwatch::status::Status;
use tillwatch::store::Store;
use tokio::sync::{mpsc, watch};
use tokio::task::{JoinHandle, JoinSet};

use crate::codes;
use crate::dice::Dice;
use crate::people::{self, Patience, secret};
use crate::portal::{SimPortal, Site};
use crate::profile::Profile;
use crate::sinks::{Held, Memory, SimSink};
use crate::watch::{self as onlooker, Diary};

const NAME: &str = "sim";

pub fn account_name() -> AccountName {
    AccountName::new(NAME).expect("a name")
}

pub fn account_ref() -> AccountRef {
    AccountRef {
        name: account_name(),
        portal: "sim".to_owned(),
        operator: OperatorAccount {
            operator: "sim".to_owned(),
            number: "600123".to_owned(),
        },
        account_key: "organisationid".to_owned(),
        selector_format: "sim@1".to_owned(),
    }
}

/// What lives longer than the agent.
#[derive(Clone)]
pub struct Around {
    pub profile: Profile,
    pub site: Site,
    pub selectors: Arc<selectors::Portal>,
    /// The consumer that remembers, and the one that does not.
    pub file: Held,
    pub plain: Held,
    pub sink_faults: Arc<Mutex<(u64, u64)>>,
    pub diary: Diary,
    /// Holds the secret, and a state directory per life.
    pub root: PathBuf,
    /// Nothing befalls the world any more, and what is left of it is read at any hour.
    pub is_calm: bool,
}

pub struct Life {
    pub tasks: JoinSet<Result<(), String>>,
    pub began: Duration,
    store: Store,
    stop: watch::Sender<bool>,
    board: watch::Sender<Vec<Status>>,
    progress: Vec<watch::Receiver<Progress>>,
    forwarder: Option<JoinHandle<()>>,
}

impl Life {
    /// Starts on the state directory `state`.
    pub async fn begin(around: &Around, state: PathBuf, dice: &mut Dice) -> Self {
        let clock = around.site.clock.clone();
        let crash = around.site.crash.clone();
        let store = Store::open_observed(&state, Clock::Virtual(clock.clone()), move |step| {
            crash.step(step);
        });
        let store = store.await.unwrap_or_else(|error| panic!("{error}"));
        let (stop, stopped) = watch::channel(false);
        let mut life = Self {
            tasks: JoinSet::new(),
            began: clock.elapsed(),
            store,
            stop,
            board: watch::Sender::new(Vec::new()),
            progress: Vec::new(),
            forwarder: None,
        };
        for (sink, memory, held) in [
            ("file", Memory::Own, &around.file),
            ("plain", Memory::None, &around.plain),
        ] {
            let worker = SimSink {
                held: held.clone(),
                memory,
                dice: dice.fork(),
                faults: around.sink_faults.clone(),
                crash: around.site.crash.clone(),
                clock: clock.clone(),
            };
            let (sender, receiver) = watch::channel(Progress::default());
            life.progress.push(receiver);
            let (store, stopped) = (life.store.clone(), stopped.clone());
            life.tasks.spawn(async move {
                delivered(delivery::run(sink, worker, store, sender, stopped).await)
            });
        }
        let (orders, ordered) = mpsc::channel(1);
        let desk = Desk::new(Clock::Virtual(clock.clone()), None);
        let agent = life.agent(
            around,
            state,
            ordered,
            stopped.clone(),
            (desk.clone(), dice),
        );
        let agent = agent.await;
        if around.profile.rules.codes > 0 {
            let drawn = Dice::new(around.profile.seed ^ life.began.as_secs() ^ 0xC0DE);
            let forward = codes::forward(
                life.board.subscribe(),
                (
                    around.site.books.clone(),
                    clock.clone(),
                    around.diary.clone(),
                ),
                desk,
                drawn,
            );
            // Aborted with the others: whoever forwards codes waits for as long as there is an agent.
            life.forwarder = Some(tokio::spawn(forward));
        }
        let patience = if around.profile.late {
            let drawn = around.profile.seed ^ life.began.as_secs();
            Patience::Late(Dice::new(drawn))
        } else {
            Patience::Prompt
        };
        let diary = around.diary.clone();
        let person = people::look_after(
            orders,
            life.board.subscribe(),
            (around.site.books.clone(), clock.clone(), diary.clone()),
            around.root.clone(),
            patience,
            stopped.clone(),
        );
        let look = onlooker::look(life.board.subscribe(), clock, diary, stopped.clone());
        life.tasks.spawn(async move {
            agent
                .run(stopped, false)
                .await
                .map_err(|error| error.to_string())
        });
        life.tasks.spawn(async move {
            person.await;
            Ok(())
        });
        life.tasks.spawn(async move {
            look.await;
            Ok(())
        });
        life
    }

    async fn agent(
        &self,
        around: &Around,
        state: PathBuf,
        orders: mpsc::Receiver<tillwatch::control::Ordered>,
        stop: watch::Receiver<bool>,
        (desk, dice): (Desk, &mut Dice),
    ) -> Agent<SimPortal> {
        let (profile, site) = (&around.profile, &around.site);
        let clock = Clock::Virtual(site.clock.clone());
        // What is left at the end is read at any hour.
        let ends = around.is_calm;
        let key = LedgerKey::of("https://sim.example", "600123", "agent");
        let ledger = key.as_str().to_owned();
        let rules = budget::Rules::new(
            u32::try_from(profile.rules.cap).expect("small"),
            profile.rules.per,
            profile.reserve,
            Duration::from_secs(5),
        );
        let expectation = sign_in::expected_ledger(&self.store, &account_name(), &ledger).await;
        let mut gates = Gates::new(state.join("ledger"), clock.clone());
        let gate = gates
            .open(key, &rules.expect("rules"), expectation.expect("a mark"))
            .await
            .unwrap_or_else(|error| panic!("{error}"));
        let account = Account {
            about: account_ref(),
            user: "agent".to_owned(),
            selectors: around.selectors.clone(),
            file: None,
            sources: Sources::of(NAME, Some(&secret(&around.root))),
            attended: profile.attended.clone().filter(|_| !ends),
            person_wait: Duration::from_secs(1_800),
            pace: Pace {
                poll: profile.poll,
                look_back: profile.look_back,
                sweep: profile.sweep,
                overlap: 8,
                max_pages: profile.max_pages,
                yield_for: profile.rules.yield_for,
                quiet: profile.rules.quiet.filter(|_| !ends).into_iter().collect(),
            },
            since: Some(profile.rules.calendar.began),
            sign_out_at_stop: false,
        };
        let loads = PageLoads::open(
            &state.join("page-loads/sim"),
            profile.rules.page_loads,
            clock.clone(),
            stop,
        );
        let edges = Edges {
            portal: Taped::new(SimPortal::new(
                site.clone(),
                dice.fork(),
                profile.rules.calendar.began.date_naive(),
                &state,
                loads.unwrap_or_else(|error| panic!("{error}")),
            )),
            store: self.store.clone(),
            gate,
            codes: Codes::new(By::Given, desk, codes::WAIT, codes::VALID),
            ledger,
            clock,
            pool: Pool::of(1),
            orders,
            seat: Seat::take(&self.board, &account_name(), profile.poll),
        };
        let limits = Limits {
            sinks: vec!["file".to_owned(), "plain".to_owned()],
            outbox: 1_000_000,
        };
        let agent = Agent::begin(account, limits, edges).await;
        agent.unwrap_or_else(|error| panic!("{error}"))
    }

    pub fn polls(&self) -> u64 {
        self.board.borrow().iter().map(|status| status.polls).sum()
    }

    /// Ends once no day of the history is put off.
    pub fn history_is_read(&self) -> impl Future<Output = ()> + use<> {
        let mut board = self.board.subscribe();
        async move {
            let is_read = |all: &Vec<Status>| all.iter().all(|status| status.days_unread == 0);
            board.wait_for(is_read).await.expect("the board stays");
        }
    }

    /// What lies in quarantine, as text.
    pub async fn aside(&self) -> Vec<String> {
        let held = self.store.quarantine(Some(&account_name())).await;
        let rows = held.expect("the quarantine").into_iter();
        rows.map(|held| held.row.cells.join(" ")).collect()
    }

    /// The history that is put off still, where a person was told that it cannot be read.
    pub async fn told_unread(&self) -> Option<Unread> {
        let is_told = |status: &Status| status.history_fails.is_some();
        let is_told = self.board.borrow().iter().any(is_told);
        let account = self.store.account(&account_name()).await;
        account.expect("the account").filter(|_| is_told)?.unread
    }

    /// Ends where it stands.
    pub async fn crash(mut self) {
        if let Some(forwarder) = self.forwarder.take() {
            forwarder.abort();
        }
        self.tasks.shutdown().await;
    }

    /// Ends in good order: what is in the outbox reaches both sinks.
    pub async fn settle(mut self) {
        let newest = *self.store.newest().borrow();
        for progress in &mut self.progress {
            let told = progress.wait_for(|progress| progress.acknowledged >= newest);
            told.await.expect("a worker");
        }
        if let Some(forwarder) = self.forwarder.take() {
            forwarder.abort();
        }
        self.stop.send_replace(true);
        while let Some(ended) = self.tasks.join_next().await {
            ended.expect("no panic").expect("a good end");
        }
    }
}

fn delivered(ended: Result<Ended, DeliveryError>) -> Result<(), String> {
    match ended {
        Ok(Ended::Stopped) => Ok(()),
        Ok(Ended::ReaderGone) => Err("the reader went away".to_owned()),
        Err(error) => Err(error.to_string()),
    }
}
