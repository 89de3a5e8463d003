//! Two consumers: one that remembers what it got, as a file does, and one that only the agent remembers for.

use std::collections::HashSet;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tillwatch::clock::VirtualClock;
use tillwatch::event::{Cursor, Line, parse_told};
use tillwatch::sink::{Sink, SinkError};
use tokio::time::sleep;

use crate::crash::{Crash, Point};
use crate::dice::Dice;

/// A line as a consumer got it.
#[derive(Debug, Clone)]
pub struct Arrived {
    pub cursor: Cursor,
    pub json: String,
    /// True time.
    pub at: Duration,
}

/// What a consumer holds, in the order of arrival.
pub type Held = Arc<Mutex<Vec<Arrived>>>;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Memory {
    /// Answers `resume` from its own lines, and writes none of them twice.
    Own,
    /// Believes the store.
    None,
}

pub struct SimSink {
    pub held: Held,
    pub memory: Memory,
    pub dice: Dice,
    /// Thousandths of batches that fail, and that crash the agent.
    pub faults: Arc<Mutex<(u64, u64)>>,
    pub crash: Crash,
    pub clock: VirtualClock,
}

impl SimSink {
    fn refuse(&self) -> SinkError {
        SinkError::Io {
            path: "sim".into(),
            action: "written",
            source: std::io::ErrorKind::StorageFull.into(),
        }
    }

    fn write(&self, lines: &[Line]) {
        let at = self.clock.elapsed();
        let mut held = self.held.lock().expect("held");
        for line in lines {
            if self.memory == Memory::Own && stands_in(&held, line) {
                continue;
            }
            held.push(Arrived {
                cursor: line.cursor,
                json: line.json.clone(),
                at,
            });
        }
    }
}

/// As the file sink: nothing at or before its last line of an epoch, and nothing replayed that it has.
fn stands_in(held: &[Arrived], line: &Line) -> bool {
    let last = held.last().map(|last| last.cursor);
    if last.is_some_and(|last| {
        last.epoch == line.cursor.epoch && line.cursor.sequence <= last.sequence
    }) {
        return true;
    }
    if !line.json.contains("\"replayed\":true") {
        return false;
    }
    let id = |json: &str| parse_told(json).expect("an event").id;
    let known: HashSet<String> = held.iter().map(|held| id(&held.json)).collect();
    known.contains(&id(&line.json))
}

impl Sink for SimSink {
    async fn check(&mut self) -> Result<(), SinkError> {
        Ok(())
    }

    async fn resume(&mut self, acknowledged: Option<Cursor>) -> Result<Option<Cursor>, SinkError> {
        let held = self.held.lock().expect("held");
        match self.memory {
            Memory::Own => Ok(held.last().map(|last| last.cursor)),
            Memory::None => Ok(acknowledged),
        }
    }

    async fn deliver(&mut self, batch: &[Line]) -> Result<(), SinkError> {
        sleep(Duration::from_millis(self.dice.between(1, 200))).await;
        let (fail, crash) = *self.faults.lock().expect("faults");
        if self.dice.chance(crash) {
            self.crash.now(Point::BeforeWrite).await;
        }
        if self.dice.chance(fail) {
            return Err(self.refuse());
        }
        if self.dice.chance(fail) {
            // Some of it is written. Only whole lines: a torn one is the file sink's own test.
            let some = self.dice.below(batch.len() as u64 + 1);
            self.write(&batch[..usize::try_from(some).expect("small")]);
            return Err(self.refuse());
        }
        self.write(batch);
        if self.dice.chance(crash) {
            self.crash.now(Point::AfterWrite).await;
        }
        // Written, but the answer is lost.
        if self.dice.chance(fail) {
            return Err(self.refuse());
        }
        Ok(())
    }
}
