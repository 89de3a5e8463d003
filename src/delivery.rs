//! One worker per sink: deliver, then acknowledge. A slow or dead sink holds back nobody else.
//!
//! - A batch is acknowledged only after the sink said that it is as durable as it can make it.
//! - The next batch is read only after that acknowledgement is durable, so at most one batch is ever told twice.
//! - What a sink remembers counts when it is further than what the store remembers; it never counts as less.

use std::time::Duration;

use tokio::sync::watch;

use crate::event::{Cursor, Line};
use crate::retry::{Retried, Verdict, sink_verdict};
use crate::sink::{Sink, SinkError};
use crate::store::{Store, StoreError};

/// Events in a batch at most.
pub const BATCH: usize = 100;

/// How long a batch in hand may take once the program is to end. What is not acknowledged by then is told again.
const LAST_BATCH: Duration = Duration::from_secs(5);

/// A batch that takes longer is told to a person and to `/readyz`; it is waited for all the same.
const STALLED: Duration = Duration::from_secs(60);

/// Nothing else waits for the same sink, so its pauses need no spreading.
const NO_JITTER: f64 = 1.0;

/// How a worker ended in good order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ended {
    /// It was asked to; its cursor is kept.
    Stopped,
    /// Nobody reads the sink any more; its cursor is kept.
    ReaderGone,
}

/// Why a worker cannot go on.
#[derive(Debug, thiserror::Error)]
pub enum DeliveryError {
    /// The store gave no events or took no cursor.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The store was put back to an older state under its old epoch.
    #[error(
        "sink {sink} holds events up to {holds}, this store told only {newest} of that epoch: an older state was put \
         back by hand; restore it with `tillwatch store restore`, which begins a new epoch"
    )]
    Ahead {
        /// Name of the sink.
        sink: String,
        /// Its last event.
        holds: Cursor,
        /// The store's last sequence.
        newest: u64,
    },
}

/// How far a worker is: for status, readiness, and for waiting until all is told.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Progress {
    /// Last sequence acknowledged in this epoch; 0 when none was.
    pub acknowledged: u64,
    /// Failures since the last success; 0 when all is well.
    pub failures: u32,
    /// The last of them in words.
    pub failure: Option<String>,
}

/// Delivers the outbox to `sink` until `stop` turns true (or its sender is gone) or nobody reads the sink any more.
///
/// `name` is the sink's name in the config: its cursor is stored under it.
///
/// # Errors
/// [`DeliveryError`]: the program has to end.
pub async fn run<S: Sink>(
    name: &str,
    sink: S,
    store: Store,
    progress: watch::Sender<Progress>,
    mut stop: watch::Receiver<bool>,
) -> Result<Ended, DeliveryError> {
    let mut worker = Worker {
        name,
        sink,
        store,
        progress,
    };
    let mut newest = worker.store.newest();
    let mut next = Next::Resume;
    loop {
        let step = match next {
            Next::Resume => worker.resume().await,
            Next::Acknowledge(cursor) => worker.acknowledge(cursor).await,
            Next::After(sequence) => {
                let batch = worker.store.outbox_after(sequence, BATCH).await?;
                if batch.is_empty() {
                    tokio::select! {
                        changed = newest.changed() => if changed.is_ok() { continue },
                        () = stopped(&mut stop) => {}
                    }
                    return Ok(Ended::Stopped);
                }
                worker.deliver(&batch, &mut stop).await
            }
        };
        let pause = match step {
            Ok(then) => {
                next = then;
                None
            }
            Err(Failure::Fatal(error)) => return Err(error),
            Err(Failure::Late) => return Ok(Ended::Stopped),
            Err(Failure::Sink(error)) => match worker.failed(sink_verdict(&error), &error) {
                Some(pause) => Some(pause),
                None => return Ok(Ended::ReaderGone),
            },
            Err(Failure::Acknowledge(error)) => {
                worker.failed(Verdict::Wait(Retried::Delivery), &error)
            }
        };
        if let Some(pause) = pause {
            tokio::select! {
                () = tokio::time::sleep(pause) => {}
                () = stopped(&mut stop) => return Ok(Ended::Stopped),
            }
        }
        let in_hand = matches!(next, Next::Acknowledge(_));
        if *stop.borrow() && !in_hand {
            return Ok(Ended::Stopped);
        }
    }
}

/// What a worker does next.
#[derive(Debug, Clone, Copy)]
enum Next {
    /// Ask the sink where it stands.
    Resume,
    /// Deliver what comes after this sequence.
    After(u64),
    /// Remember that the sink has everything up to here.
    Acknowledge(Cursor),
}

async fn stopped(stop: &mut watch::Receiver<bool>) {
    // A sender that is gone cannot ask any more: it stops us too.
    stop.wait_for(|stop| *stop).await.ok();
}

/// Why a step was not made.
enum Failure {
    /// The sink's doing.
    Sink(SinkError),
    /// The disk under the store is full, or the like: it takes the cursor later.
    Acknowledge(StoreError),
    /// The program ends and the sink did not.
    Late,
    Fatal(DeliveryError),
}

struct Worker<'a, S> {
    name: &'a str,
    sink: S,
    store: Store,
    progress: watch::Sender<Progress>,
}

impl<S: Sink> Worker<'_, S> {
    /// Where does the sink stand?
    async fn resume(&mut self) -> Result<Next, Failure> {
        let epoch = self.store.epoch();
        let ours = |cursor: &Cursor| cursor.epoch == epoch;
        let kept = self.store.cursor(self.name).await.map_err(fatal)?;
        let kept = kept.filter(ours);
        let held = self.sink.resume(kept).await.map_err(Failure::Sink)?;
        let newest = *self.store.newest().borrow();
        let sequence = held.filter(ours).map_or(0, |held| held.sequence);
        let oldest = self.store.oldest_kept().await.map_err(fatal)?;
        if sequence + 1 < oldest {
            let sink = self.name;
            tracing::warn!(
                sink,
                sequence,
                oldest,
                "a sink begins behind the oldest event kept"
            );
        }
        match held.filter(ours) {
            Some(holds) if holds.sequence > newest => {
                let sink = self.name.to_owned();
                Err(Failure::Fatal(DeliveryError::Ahead {
                    sink,
                    holds,
                    newest,
                }))
            }
            Some(held) => Ok(Next::Acknowledge(held)),
            None => Ok(Next::After(0)),
        }
    }

    async fn deliver(
        &mut self,
        batch: &[Line],
        stop: &mut watch::Receiver<bool>,
    ) -> Result<Next, Failure> {
        let delivery = self.sink.deliver(batch);
        tokio::pin!(delivery);
        let delivered = tokio::select! {
            delivered = &mut delivery => delivered,
            () = tokio::time::sleep(STALLED) => {
                let sink = self.name;
                let stalled_s = STALLED.as_secs();
                tracing::error!(sink, stalled_s, "the sink does not take its events: is its reader alive?");
                self.progress.send_modify(|progress| {
                    progress.failure = Some("it has not taken a batch for a minute".to_owned());
                });
                tokio::select! {
                    delivered = &mut delivery => delivered,
                    () = stopped(stop) => return Err(Failure::Late),
                }
            }
            () = stopped(stop) => match tokio::time::timeout(LAST_BATCH, delivery).await {
                Ok(delivered) => delivered,
                Err(_) => return Err(Failure::Late),
            },
        };
        delivered.map_err(Failure::Sink)?;
        Ok(batch
            .last()
            .map_or(Next::Resume, |last| Next::Acknowledge(last.cursor)))
    }

    async fn acknowledge(&mut self, cursor: Cursor) -> Result<Next, Failure> {
        match self.store.acknowledge(self.name, cursor).await {
            Ok(()) => {
                self.progress.send_replace(Progress {
                    acknowledged: cursor.sequence,
                    failures: 0,
                    failure: None,
                });
                Ok(Next::After(cursor.sequence))
            }
            Err(error @ StoreError::Io { .. }) => Err(Failure::Acknowledge(error)),
            Err(
                error @ (StoreError::Engine(_)
                | StoreError::Damaged { .. }
                | StoreError::Newer { .. }
                | StoreError::Closed
                | StoreError::UnknownAccount(_)
                | StoreError::TargetExists { .. }
                | StoreError::BackupUnusable(_)),
            ) => Err(fatal(error)),
        }
    }

    /// Tells of a failure; the pause before the next try, or `None` when there is to be none.
    fn failed(&self, verdict: Verdict, error: &dyn std::error::Error) -> Option<Duration> {
        let mut failures = 0;
        self.progress.send_modify(|progress| {
            progress.failures = progress.failures.saturating_add(1);
            progress.failure = Some(error.to_string());
            failures = progress.failures;
        });
        let pause = verdict.delay(failures, NO_JITTER);
        let wait_ms = pause.unwrap_or_default().as_millis();
        let sink = self.name;
        match verdict {
            Verdict::Stop => tracing::info!(sink, %error, "nobody reads the sink any more"),
            Verdict::Wait(_) => {
                tracing::warn!(sink, %error, failures, wait_ms, "a sink took no events; they are kept and tried again");
            }
            Verdict::Tell(_) => {
                tracing::error!(sink, %error, failures, wait_ms, "a sink takes no events until a person acts");
            }
        }
        pause
    }
}

fn fatal(error: StoreError) -> Failure {
    Failure::Fatal(DeliveryError::Store(error))
}
