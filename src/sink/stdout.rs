//! Events as lines on standard output: at least once. A reader that went away ends it.
//!
//! The writing thread is one of its own, not of the runtime's pool: a reader that stalls may block it for ever, and
//! must not hold up the end of the program.

use std::io::{self, Write};
use std::path::PathBuf;
use std::sync::mpsc;

use tokio::sync::oneshot;

use super::{Line, Sink, SinkError};
use crate::event::Cursor;

/// Lines on a stream.
#[derive(Debug)]
pub struct StdoutSink {
    writer: mpsc::SyncSender<Job>,
}

#[derive(Debug)]
struct Job {
    bytes: Vec<u8>,
    done: oneshot::Sender<io::Result<()>>,
}

impl StdoutSink {
    /// On any stream whose writes may block.
    ///
    /// # Errors
    /// When no thread can be started.
    pub fn writing_to(mut out: impl Write + Send + 'static) -> Result<Self, SinkError> {
        let (writer, jobs) = mpsc::sync_channel::<Job>(1);
        std::thread::Builder::new()
            .name("stdout".to_owned())
            .spawn(move || {
                let mut torn = Vec::new();
                for job in jobs {
                    let result = write_lines(&mut out, &mut torn, &job.bytes);
                    // Nobody waits any more: the program ends.
                    job.done.send(result).ok();
                }
            })
            .map_err(|source| failed("opened", source))?;
        Ok(Self { writer })
    }
}

impl Sink for StdoutSink {
    async fn check(&mut self) -> Result<(), SinkError> {
        Ok(())
    }

    async fn resume(&mut self, acknowledged: Option<Cursor>) -> Result<Option<Cursor>, SinkError> {
        Ok(acknowledged)
    }

    async fn deliver(&mut self, batch: &[Line]) -> Result<(), SinkError> {
        let mut bytes = Vec::with_capacity(batch.iter().map(|line| line.json.len() + 1).sum());
        for line in batch {
            bytes.extend_from_slice(line.json.as_bytes());
            bytes.push(b'\n');
        }
        let (done, result) = oneshot::channel();
        let job = Job { bytes, done };
        // One job is in hand at a time, so the channel has room unless an earlier delivery was dropped half-way.
        let sent = self.writer.try_send(job).map_err(|_| stalled());
        let written = match sent {
            Ok(()) => result.await.unwrap_or_else(|_| Err(stalled())),
            Err(error) => Err(error),
        };
        written.map_err(|source| match source.kind() {
            io::ErrorKind::BrokenPipe => SinkError::Closed,
            _ => failed("written", source),
        })
    }
}

/// Writes `lines`, after the rest of a line that an earlier failure left torn: the reader never sees half a line.
fn write_lines(out: &mut impl Write, torn: &mut Vec<u8>, lines: &[u8]) -> io::Result<()> {
    let mut in_line = !torn.is_empty();
    let bytes = [std::mem::take(torn).as_slice(), lines].concat();
    let mut left = bytes.as_slice();
    while !left.is_empty() {
        let failure = match out.write(left) {
            Ok(0) => io::ErrorKind::WriteZero.into(),
            Ok(count) => {
                let (written, rest) = left.split_at(count);
                in_line = !written.ends_with(b"\n");
                left = rest;
                continue;
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => error,
        };
        if in_line {
            torn.extend(
                left.split_inclusive(|&byte| byte == b'\n')
                    .next()
                    .unwrap_or_default(),
            );
        }
        return Err(failure);
    }
    out.flush()
}

fn stalled() -> io::Error {
    io::Error::new(
        io::ErrorKind::WouldBlock,
        "the reader has not taken the batch before",
    )
}

fn failed(action: &'static str, source: io::Error) -> SinkError {
    SinkError::Io {
        path: PathBuf::from("standard output"),
        action,
        source,
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test")]
mod tests {
    use std::fs::File;
    use std::io::{BufRead, BufReader};

    use super::*;
    use crate::event::Epoch;

    fn lines(range: std::ops::Range<u64>) -> Vec<Line> {
        let line = |sequence| Line {
            cursor: Cursor {
                epoch: Epoch(1),
                sequence,
            },
            json: format!("{{\"sequence\":{sequence}}}"),
        };
        range.map(line).collect()
    }

    #[tokio::test]
    async fn a_batch_arrives_as_whole_lines_in_order() {
        let (reader, writer) = io::pipe().unwrap();
        let mut sink = StdoutSink::writing_to(writer).unwrap();
        sink.deliver(&lines(1..4)).await.unwrap();
        sink.deliver(&lines(4..5)).await.unwrap();
        drop(sink);
        let got: Vec<String> = BufReader::new(reader).lines().map(Result::unwrap).collect();
        let told: Vec<String> = lines(1..5).into_iter().map(|line| line.json).collect();
        assert_eq!(got, told);
    }

    #[tokio::test]
    async fn a_closed_reader_is_told_apart_from_other_failures() {
        let (reader, writer) = io::pipe().unwrap();
        let mut sink = StdoutSink::writing_to(writer).unwrap();
        drop(reader);
        let refused = sink.deliver(&lines(1..2)).await;
        assert!(matches!(refused, Err(SinkError::Closed)), "{refused:?}");
    }

    /// Takes `room` bytes, then fails once, then takes everything.
    struct Short {
        room: usize,
        failed: bool,
        got: std::sync::mpsc::Sender<Vec<u8>>,
    }

    impl Write for Short {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            if self.room == 0 && !self.failed {
                self.failed = true;
                return Err(io::ErrorKind::StorageFull.into());
            }
            let count = if self.failed {
                bytes.len()
            } else {
                bytes.len().min(self.room)
            };
            self.room = self.room.saturating_sub(count);
            self.got
                .send(bytes.iter().copied().take(count).collect())
                .unwrap();
            Ok(count)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[tokio::test]
    async fn a_torn_line_is_finished_before_the_batch_is_repeated() {
        let batch = lines(1..3);
        let whole: usize = batch.iter().map(|line| line.json.len() + 1).sum();
        for room in 0..whole {
            let (got, pieces) = std::sync::mpsc::channel();
            let short = Short {
                room,
                failed: false,
                got,
            };
            let mut sink = StdoutSink::writing_to(short).unwrap();
            sink.deliver(&batch).await.unwrap_err();
            sink.deliver(&batch).await.unwrap();
            drop(sink);
            let text = String::from_utf8(pieces.into_iter().flatten().collect()).unwrap();
            let told: Vec<&str> = text.lines().collect();
            let whole: Vec<&str> = batch.iter().map(|line| line.json.as_str()).collect();
            assert!(told.ends_with(&whole), "{room}: {told:?}");
            assert!(
                told.iter().all(|line| whole.contains(line)),
                "{room}: {told:?}"
            );
        }
    }

    #[tokio::test]
    async fn a_full_disk_behind_the_stream_is_an_ordinary_failure() {
        let full = File::options().write(true).open("/dev/full").unwrap();
        let mut sink = StdoutSink::writing_to(full).unwrap();
        let refused = sink.deliver(&lines(1..2)).await;
        assert!(
            matches!(
                refused,
                Err(SinkError::Io {
                    action: "written",
                    ..
                })
            ),
            "{refused:?}"
        );
    }
}
