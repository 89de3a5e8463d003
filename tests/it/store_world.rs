//! A store of some hundred commits with its file sink, and the damage that is done to copies of it.

use std::fs;
use std::path::{Path, PathBuf};

use chrono::{DateTime, TimeDelta, Utc};
use tempfile::TempDir;
use tillwatch::clock::{Clock, VirtualClock};
use tillwatch::event::{AccountRef, EventType, Line, source};
use tillwatch::payment::{
    AccountName, Direction, OperatorAccount, Payment, PaymentId, Status, TransactionType,
};
use tillwatch::sink::Sink;
use tillwatch::sink::file::{FileSink, told};
use tillwatch::store::{GapsFound, History, KnownAccount, Reading, Sources, Store};

pub const COMMITS: u32 = 200;
pub const PER_COMMIT: u32 = 3;

/// In memory where there is such a place: the tests are about what is written, and sync after each of thousands of
/// writes.
pub fn scratch() -> TempDir {
    tempfile::tempdir_in("/dev/shm").unwrap_or_else(|_| tempfile::tempdir().unwrap())
}

pub fn start() -> DateTime<Utc> {
    "2026-11-21T09:00:00Z".parse().unwrap()
}

pub fn clock() -> Clock {
    Clock::Virtual(VirtualClock::starting_at(start()))
}

pub fn account() -> AccountRef {
    AccountRef {
        name: AccountName::new("kilima-main").unwrap(),
        portal: "kilima".to_owned(),
        operator: OperatorAccount {
            operator: "kilima".to_owned(),
            number: "600123".to_owned(),
        },
        account_key: "organisationid".to_owned(),
        selector_format: "kilima@1".to_owned(),
    }
}

pub fn payment(number: u32) -> Payment {
    let mut id = [0; 16];
    id[..4].copy_from_slice(&number.to_be_bytes());
    let completion = start() + TimeDelta::seconds(number.into());
    Payment {
        id: PaymentId(id),
        reference: Some(format!("UKL{number:07}")),
        kind: None,
        status: Status::Completed,
        status_text: "Completed".to_owned(),
        transaction_type: TransactionType::MerchantPay,
        sub_type: None,
        direction: Direction::Credit,
        amount: (100 + number).into(),
        fee: None,
        currency: "KES".to_owned(),
        counterparty: Vec::new(),
        payer_name: Some("JANE D.".to_owned()),
        customer_reference_raw: Some(format!("acc {number}")),
        completion_date: Some(completion.fixed_offset()),
        creation_date: None,
        balance_after: None,
        original_reference: None,
        original_id: None,
    }
}

/// What the portal shows from payment `from` up to, not including, `to`.
pub fn reading(from: u32, to: u32) -> Reading {
    Reading {
        account: account(),
        read_at: start() + TimeDelta::seconds(to.into()),
        payments: (from..to).map(payment).collect(),
        quarantined: Vec::new(),
        understood: Vec::new(),
        watermark: None,
        read_through: None,
        gaps: GapsFound::default(),
    }
}

pub fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        if entry.path().is_dir() {
            copy(&entry.path(), &to.join(entry.file_name()));
        } else {
            fs::copy(entry.path(), to.join(entry.file_name())).unwrap();
        }
    }
}

/// A store of some hundred commits, and the file sink that was told of them.
pub struct World {
    pub dir: TempDir,
    /// What it told, line by line.
    pub lines: Vec<Line>,
    /// Payments on the portal.
    pub posted: u32,
}

impl World {
    pub fn state(&self) -> PathBuf {
        self.dir.path().join("state")
    }

    pub fn sink_file(&self) -> PathBuf {
        self.dir.path().join("payments.ndjson")
    }

    pub async fn new() -> Self {
        let mut world = Self {
            dir: scratch(),
            lines: Vec::new(),
            posted: 0,
        };
        let store = Store::open(&world.state(), clock()).await.unwrap();
        store.begin_account(&account().name, start()).await.unwrap();
        for _ in 0..COMMITS {
            world.posted += PER_COMMIT;
            let known = world.posted.saturating_sub(5 * PER_COMMIT);
            store.commit(reading(known, world.posted)).await.unwrap();
        }
        world.lines = deliver(&store, &world.sink_file()).await;
        world
    }

    /// Does the store in `dir` hold all of it?
    pub async fn is_whole(&self, store: &Store) -> bool {
        let ids: Vec<_> = (0..self.posted).map(|number| payment(number).id).collect();
        let known = store.known(ids).await.unwrap();
        let lines = store.outbox_after(0, 10_000).await.unwrap();
        let cursor = store.cursor("file").await.unwrap();
        known.len() == self.posted as usize
            && known.values().all(|seen| seen.told.is_some())
            && lines == self.lines
            && cursor == self.lines.last().map(|line| line.cursor)
    }

    pub fn sources(&self) -> Sources {
        let mut history = History::default();
        told(&self.sink_file(), |told| history.add(told)).unwrap();
        Sources {
            histories: vec![history],
            ..without_file_sink()
        }
    }
}

pub fn without_file_sink() -> Sources {
    Sources {
        accounts: vec![KnownAccount {
            name: account().name,
            source: source(&account()),
            since: None,
        }],
        sinks: vec!["file".to_owned()],
        histories: Vec::new(),
        since: None,
    }
}

/// Delivers everything to the file sink and acknowledges it. Gives the whole outbox.
pub async fn deliver(store: &Store, file: &Path) -> Vec<Line> {
    let mut sink = FileSink::new(file.to_owned(), 1 << 30);
    let resumed = sink
        .resume(store.cursor("file").await.unwrap())
        .await
        .unwrap();
    let after = resumed
        .filter(|cursor| cursor.epoch == store.epoch())
        .map_or(0, |cursor| cursor.sequence);
    let lines = store.outbox_after(after, 10_000).await.unwrap();
    sink.deliver(&lines).await.unwrap();
    if let Some(line) = lines.last() {
        store.acknowledge("file", line.cursor).await.unwrap();
    }
    store.outbox_after(0, 10_000).await.unwrap()
}

/// Ids of the `payment.received` lines of the file, in order.
pub fn received_in(file: &Path) -> Vec<String> {
    let mut ids = Vec::new();
    told(file, |told| {
        if told.event_type == EventType::Received {
            ids.push(told.id);
        }
    })
    .unwrap();
    ids
}

pub fn ids(to: u32) -> Vec<String> {
    (0..to)
        .map(|number| payment(number).id.to_string())
        .collect()
}

/// Numbers from a seed, the same on every run (Knuth's MMIX constants).
pub struct Dice(pub u64);

impl Dice {
    pub fn below(&mut self, limit: u64) -> u64 {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % limit
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Damage {
    Truncated,
    Zeroed,
    BitFlipped,
    WitnessBitFlipped,
}

pub const DAMAGES: [Damage; 4] = [
    Damage::Truncated,
    Damage::Zeroed,
    Damage::BitFlipped,
    Damage::WitnessBitFlipped,
];

impl Damage {
    pub fn apply(self, dir: &Path, dice: &mut Dice) {
        let path = match self {
            Damage::WitnessBitFlipped => dir.join("witness"),
            Damage::Truncated | Damage::Zeroed | Damage::BitFlipped => largest(&dir.join("store")),
        };
        let mut bytes = fs::read(&path).unwrap();
        let length = bytes.len();
        // The file's unused end is zero: damage there would be none.
        let used = bytes.iter().rposition(|byte| *byte != 0).unwrap() + 1;
        let at = |dice: &mut Dice, limit: usize| usize::try_from(dice.below(limit as u64)).unwrap();
        match self {
            Damage::Truncated => bytes.truncate(used - 1 - at(dice, used / 2)),
            Damage::Zeroed => {
                let from = used - 1 - at(dice, used / 2);
                bytes[from..].fill(0);
                assert_eq!(bytes.len(), length);
            }
            Damage::BitFlipped | Damage::WitnessBitFlipped => {
                bytes[at(dice, used)] ^= 1 << dice.below(8);
            }
        }
        fs::write(&path, bytes).unwrap();
    }
}

pub fn largest(dir: &Path) -> PathBuf {
    fs::read_dir(dir)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.is_file())
        .max_by_key(|path| path.metadata().unwrap().len())
        .unwrap()
}
