//! From the outbox to a sink: what arrives when sinks fail before or after their write, and when the agent stops.

#![expect(clippy::unwrap_used, reason = "tests")]

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};

use tillwatch::clock::Clock;
use tillwatch::delivery::{DeliveryError, Ended, Progress, run};
use tillwatch::event::{Cursor, Epoch, Line};
use tillwatch::sink::file::{FileSink, told};
use tillwatch::sink::stdout::StdoutSink;
use tillwatch::sink::{Sink, SinkError};
use tillwatch::store::Store;
use tokio::sync::{Notify, watch};

use crate::told::{commit_payments, watermark};

/// What the next delivery meets.
#[derive(Clone, Copy)]
enum Fault {
    BeforeTheWrite,
    AfterTheWrite,
    NeverAnswers,
}

/// A sink whose write ends when the test says so.
struct Gated {
    begun: Arc<Notify>,
    go_on: Arc<Notify>,
}

impl Sink for Gated {
    async fn check(&mut self) -> Result<(), SinkError> {
        Ok(())
    }

    async fn resume(&mut self, acknowledged: Option<Cursor>) -> Result<Option<Cursor>, SinkError> {
        Ok(acknowledged)
    }

    async fn deliver(&mut self, _batch: &[Line]) -> Result<(), SinkError> {
        self.begun.notify_one();
        self.go_on.notified().await;
        Ok(())
    }
}

/// A sink that remembers nothing, with planned faults.
struct Planned {
    faults: VecDeque<Fault>,
    // What arrived: the test looks at it while the worker owns the sink.
    got: Arc<Mutex<Vec<u64>>>,
}

impl Planned {
    fn new(faults: impl Into<VecDeque<Fault>>) -> (Self, Arc<Mutex<Vec<u64>>>) {
        let got = Arc::new(Mutex::new(Vec::new()));
        let faults = faults.into();
        let sink = Self {
            faults,
            got: Arc::clone(&got),
        };
        (sink, got)
    }
}

fn refusal() -> SinkError {
    SinkError::Io {
        path: "planned".into(),
        action: "written",
        source: std::io::ErrorKind::StorageFull.into(),
    }
}

impl Sink for Planned {
    async fn check(&mut self) -> Result<(), SinkError> {
        Ok(())
    }

    async fn resume(&mut self, acknowledged: Option<Cursor>) -> Result<Option<Cursor>, SinkError> {
        Ok(acknowledged)
    }

    async fn deliver(&mut self, batch: &[Line]) -> Result<(), SinkError> {
        let fault = self.faults.pop_front();
        match fault {
            Some(Fault::BeforeTheWrite) => return Err(refusal()),
            Some(Fault::NeverAnswers) => std::future::pending().await,
            Some(Fault::AfterTheWrite) | None => {}
        }
        let sequences = batch.iter().map(|line| line.cursor.sequence);
        self.got.lock().unwrap().extend(sequences);
        match fault {
            Some(_) => Err(refusal()),
            None => Ok(()),
        }
    }
}

struct Bench {
    dir: tempfile::TempDir,
    store: Store,
    stop: watch::Sender<bool>,
}

impl Bench {
    async fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let store = Store::open(&dir.path().join("state"), Clock::System)
            .await
            .unwrap();
        let stop = watch::Sender::new(false);
        Self { dir, store, stop }
    }

    fn start<S: Sink + 'static>(
        &self,
        name: &'static str,
        sink: S,
    ) -> (
        tokio::task::JoinHandle<Result<Ended, DeliveryError>>,
        watch::Receiver<Progress>,
    ) {
        let (sender, progress) = watch::channel(Progress::default());
        let (store, stop) = (self.store.clone(), self.stop.subscribe());
        let worker = tokio::spawn(async move { run(name, sink, store, sender, stop).await });
        (worker, progress)
    }
}

async fn all_told(progress: &mut watch::Receiver<Progress>, newest: u64) {
    let done = progress.wait_for(|progress| progress.acknowledged == newest);
    done.await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn every_event_arrives_in_order_whatever_the_sink_does() {
    let bench = Bench::new().await;
    let newest = commit_payments(&bench.store, 0..150).await;
    let faults = [
        Fault::BeforeTheWrite,
        Fault::AfterTheWrite,
        Fault::BeforeTheWrite,
    ];
    let (sink, got) = Planned::new(faults);
    let (_worker, mut progress) = bench.start("planned", sink);
    all_told(&mut progress, newest).await;

    let got = got.lock().unwrap().clone();
    let batch = 1..=100;
    let expected: Vec<u64> = batch.clone().chain(batch).chain(101..=newest).collect();
    assert_eq!(
        got, expected,
        "only the batch of unknown outcome comes twice"
    );
}

#[tokio::test(start_paused = true)]
async fn a_dead_sink_holds_back_nobody_and_says_why() {
    let bench = Bench::new().await;
    let (dead, nothing) = Planned::new(vec![Fault::BeforeTheWrite; 1000]);
    let (_dead_worker, mut dead_progress) = bench.start("dead", dead);
    let (sink, got) = Planned::new([]);
    let (_worker, mut progress) = bench.start("alive", sink);
    for round in 0..5 {
        let newest = commit_payments(&bench.store, round..round + 1).await;
        all_told(&mut progress, newest).await;
    }
    assert_eq!(
        got.lock().unwrap().len() as u64,
        *bench.store.newest().borrow()
    );
    let failing = dead_progress
        .wait_for(|progress| progress.failures > 3)
        .await
        .unwrap()
        .clone();
    assert!(failing.failure.is_some());
    assert_eq!(failing.acknowledged, 0);
    assert!(nothing.lock().unwrap().is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_sink_that_never_answers_does_not_hold_up_the_end() {
    let bench = Bench::new().await;
    commit_payments(&bench.store, 0..1).await;
    let (sink, _) = Planned::new([Fault::NeverAnswers]);
    let (worker, _progress) = bench.start("hung", sink);
    bench.stop.send_replace(true);
    assert_eq!(worker.await.unwrap().unwrap(), Ended::Stopped);
    assert_eq!(bench.store.cursor("hung").await.unwrap(), None);
}

#[tokio::test(start_paused = true)]
async fn the_batch_in_hand_is_acknowledged_before_the_end() {
    let bench = Bench::new().await;
    let newest = commit_payments(&bench.store, 0..3).await;
    let (begun, go_on) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
    let sink = Gated {
        begun: Arc::clone(&begun),
        go_on: Arc::clone(&go_on),
    };
    let (worker, _progress) = bench.start("gated", sink);
    begun.notified().await;
    bench.stop.send_replace(true);
    go_on.notify_one();
    assert_eq!(worker.await.unwrap().unwrap(), Ended::Stopped);
    let kept = bench.store.cursor("gated").await.unwrap();
    assert_eq!(kept.map(|cursor| cursor.sequence), Some(newest));
}

#[tokio::test(start_paused = true)]
async fn a_restart_goes_on_after_the_last_acknowledgement() {
    let bench = Bench::new().await;
    let newest = commit_payments(&bench.store, 0..3).await;
    let (sink, got) = Planned::new([]);
    let (worker, mut progress) = bench.start("planned", sink);
    all_told(&mut progress, newest).await;
    bench.stop.send_replace(true);
    assert_eq!(worker.await.unwrap().unwrap(), Ended::Stopped);

    bench.stop.send_replace(false);
    let (sink, again) = Planned::new([]);
    let (_worker, mut progress) = bench.start("planned", sink);
    let newest = commit_payments(&bench.store, 3..4).await;
    all_told(&mut progress, newest).await;
    let all = [got.lock().unwrap().clone(), again.lock().unwrap().clone()].concat();
    assert_eq!(all, (1..=newest).collect::<Vec<u64>>());
}

#[tokio::test(start_paused = true)]
async fn a_file_gets_each_event_once_when_the_acknowledgement_was_lost() {
    let bench = Bench::new().await;
    let newest = commit_payments(&bench.store, 0..120).await;
    let path = bench.dir.path().join("events.ndjson");
    // A crash after the write and before the acknowledgement: the file knows, the store does not.
    let written = bench.store.outbox_after(0, 70).await.unwrap();
    FileSink::new(path.clone(), u64::MAX)
        .deliver(&written)
        .await
        .unwrap();

    let (_worker, mut progress) = bench.start("file", FileSink::new(path.clone(), u64::MAX));
    all_told(&mut progress, newest).await;
    let mut sequences = Vec::new();
    told(&path, |told| sequences.push(told.cursor.sequence)).unwrap();
    assert_eq!(sequences, (1..=newest).collect::<Vec<u64>>());
}

#[tokio::test(start_paused = true)]
async fn a_file_of_another_epoch_gets_this_epoch_from_its_beginning() {
    let bench = Bench::new().await;
    let path = bench.dir.path().join("events.ndjson");
    let other = Epoch(bench.store.epoch().0 ^ 1);
    let before = [watermark(other.0, 1), watermark(other.0, 2)];
    FileSink::new(path.clone(), u64::MAX)
        .deliver(&before)
        .await
        .unwrap();

    let newest = commit_payments(&bench.store, 0..2).await;
    let (_worker, mut progress) = bench.start("file", FileSink::new(path.clone(), u64::MAX));
    all_told(&mut progress, newest).await;
    let mut sequences = Vec::new();
    told(&path, |told| sequences.push(told.cursor.sequence)).unwrap();
    let expected: Vec<u64> = [1, 2].into_iter().chain(1..=newest).collect();
    assert_eq!(sequences, expected);
}

#[tokio::test(start_paused = true)]
async fn a_store_put_back_by_hand_is_not_believed() {
    let bench = Bench::new().await;
    let newest = commit_payments(&bench.store, 0..2).await;
    let path = bench.dir.path().join("events.ndjson");
    let ahead = watermark(bench.store.epoch().0, newest + 1);
    FileSink::new(path.clone(), u64::MAX)
        .deliver(&[ahead])
        .await
        .unwrap();

    let (worker, _progress) = bench.start("file", FileSink::new(path, u64::MAX));
    let ended = worker.await.unwrap();
    assert!(
        matches!(ended, Err(DeliveryError::Ahead { .. })),
        "{ended:?}"
    );
}

#[tokio::test]
async fn a_closed_reader_ends_the_worker_and_keeps_the_cursor() {
    let bench = Bench::new().await;
    let newest = commit_payments(&bench.store, 0..2).await;
    let (reader, writer) = std::io::pipe().unwrap();
    let sink = StdoutSink::writing_to(writer).unwrap();
    let (worker, mut progress) = bench.start("stdout", sink);
    all_told(&mut progress, newest).await;
    drop(reader);
    commit_payments(&bench.store, 2..3).await;
    assert_eq!(worker.await.unwrap().unwrap(), Ended::ReaderGone);
    let kept = bench.store.cursor("stdout").await.unwrap();
    assert_eq!(kept.map(|cursor| cursor.sequence), Some(newest));
}
