//! The file sink's claim: each event once, whatever stopped the agent and whoever moved the file.

#![expect(clippy::unwrap_used, reason = "tests")]

use std::fs::{self, File};
use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use tempfile::TempDir;
use tillwatch::event::{Cursor, Epoch, Line};
use tillwatch::sink::file::{FileSink, told};
use tillwatch::sink::{Sink, SinkError};

use crate::told::{payment, watermark};

const EPOCH: u16 = 0x2f9c;
const NO_LIMIT: u64 = u64::MAX;

struct Place {
    dir: TempDir,
}

impl Place {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        Self { dir }
    }

    fn path(&self) -> PathBuf {
        self.dir.path().join("events.ndjson")
    }

    /// A sink as a new process has it.
    fn sink(&self, rotate: u64) -> FileSink {
        FileSink::new(self.path(), rotate)
    }

    /// Sequences of every line in all files, in order.
    fn told(&self) -> Vec<u64> {
        let mut sequences = Vec::new();
        told(&self.path(), |told| sequences.push(told.cursor.sequence)).unwrap();
        sequences
    }

    /// Names in the directory without the lock file.
    fn files(&self) -> Vec<String> {
        let entries = fs::read_dir(self.dir.path()).unwrap();
        let mut names: Vec<String> = entries
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .filter(|name| !name.starts_with('.'))
            .collect();
        names.sort();
        names
    }
}

fn cursor(sequence: u64) -> Cursor {
    Cursor {
        epoch: Epoch(EPOCH),
        sequence,
    }
}

fn lines(sequences: std::ops::RangeInclusive<u64>) -> Vec<Line> {
    sequences
        .map(|sequence| watermark(EPOCH, sequence))
        .collect()
}

fn append(path: &Path, bytes: &[u8]) {
    let mut file = File::options().append(true).open(path).unwrap();
    file.write_all(bytes).unwrap();
}

#[tokio::test]
async fn a_line_torn_at_any_byte_is_dropped_and_written_again() {
    let third = format!("{}\n", watermark(EPOCH, 3).json);
    for cut in 0..third.len() {
        let place = Place::new();
        place.sink(NO_LIMIT).deliver(&lines(1..=2)).await.unwrap();
        append(&place.path(), &third.as_bytes()[..cut]);

        let mut sink = place.sink(NO_LIMIT);
        assert_eq!(sink.resume(Some(cursor(1))).await.unwrap(), Some(cursor(2)));
        sink.deliver(&lines(3..=4)).await.unwrap();
        assert_eq!(place.told(), [1, 2, 3, 4], "cut at {cut}");
    }
}

#[tokio::test]
async fn a_line_that_was_written_but_never_acknowledged_is_not_written_again() {
    let place = Place::new();
    place.sink(NO_LIMIT).deliver(&lines(1..=3)).await.unwrap();

    let mut sink = place.sink(NO_LIMIT);
    assert_eq!(sink.resume(None).await.unwrap(), Some(cursor(3)));
    // Not even when the agent asks for it.
    sink.deliver(&lines(2..=5)).await.unwrap();
    assert_eq!(place.told(), [1, 2, 3, 4, 5]);
}

#[tokio::test]
async fn an_acknowledged_event_is_not_written_again_when_its_file_was_taken_away() {
    let place = Place::new();
    let mut sink = place.sink(NO_LIMIT);
    sink.deliver(&lines(1..=3)).await.unwrap();
    drop(sink);
    fs::remove_file(place.path()).unwrap();

    let mut sink = place.sink(NO_LIMIT);
    assert_eq!(sink.resume(Some(cursor(3))).await.unwrap(), Some(cursor(3)));
    sink.deliver(&lines(3..=4)).await.unwrap();
    assert_eq!(place.told(), [4]);
}

#[tokio::test]
async fn full_files_are_moved_aside_under_their_first_cursor_and_resumed_across() {
    let place = Place::new();
    let two_lines = lines(1..=2)
        .iter()
        .map(|line| line.json.len() as u64 + 1)
        .sum();
    for sequence in 1..=5 {
        // A new process each time.
        let mut sink = place.sink(two_lines);
        sink.resume(None).await.unwrap();
        sink.deliver(&lines(1..=sequence)).await.unwrap();
    }
    assert_eq!(
        place.files(),
        [
            "events-2f9c-000000000000000001.ndjson",
            "events-2f9c-000000000000000003.ndjson",
            "events.ndjson"
        ]
    );
    assert_eq!(place.told(), [1, 2, 3, 4, 5]);
}

#[tokio::test]
async fn a_crash_between_moving_a_file_aside_and_making_the_next_repeats_nothing() {
    let place = Place::new();
    place.sink(NO_LIMIT).deliver(&lines(1..=3)).await.unwrap();
    let aside = place
        .dir
        .path()
        .join("events-2f9c-000000000000000001.ndjson");
    fs::rename(place.path(), aside).unwrap();

    let mut sink = place.sink(NO_LIMIT);
    assert_eq!(sink.resume(Some(cursor(1))).await.unwrap(), Some(cursor(3)));
    sink.deliver(&lines(2..=4)).await.unwrap();
    assert_eq!(place.told(), [1, 2, 3, 4]);
}

#[tokio::test]
async fn a_file_moved_away_or_emptied_by_logrotate_is_followed() {
    let place = Place::new();
    let mut sink = place.sink(NO_LIMIT);
    sink.deliver(&lines(1..=2)).await.unwrap();
    let moved = place.dir.path().join("events.ndjson.1");
    fs::rename(place.path(), &moved).unwrap();
    sink.deliver(&lines(3..=3)).await.unwrap();
    assert_eq!(place.told(), [3]);
    assert_eq!(fs::read_to_string(moved).unwrap().lines().count(), 2);

    File::options()
        .write(true)
        .truncate(true)
        .open(place.path())
        .unwrap();
    sink.deliver(&lines(3..=4)).await.unwrap();
    assert_eq!(place.told(), [4]);
}

#[tokio::test]
async fn half_a_batch_that_a_full_disk_let_through_is_cut_off_before_the_next_try() {
    let place = Place::new();
    let mut sink = place.sink(NO_LIMIT);
    sink.deliver(&lines(1..=2)).await.unwrap();
    append(&place.path(), b"{\"specversion\":\"1.0\",\"id\":\"wm_");
    sink.deliver(&lines(3..=4)).await.unwrap();
    assert_eq!(place.told(), [1, 2, 3, 4]);
}

#[tokio::test]
async fn pages_that_never_reached_the_disk_are_cut_off_only_where_nothing_told_is_lost() {
    let place = Place::new();
    place.sink(NO_LIMIT).deliver(&lines(1..=2)).await.unwrap();
    append(&place.path(), &[0; 4096]);
    append(
        &place.path(),
        format!("\n{}\n", watermark(EPOCH, 4).json).as_bytes(),
    );

    let lost = place.sink(NO_LIMIT).resume(Some(cursor(4))).await;
    assert!(
        matches!(lost, Err(SinkError::Foreign { line: 3, .. })),
        "{lost:?}"
    );

    let mut sink = place.sink(NO_LIMIT);
    assert_eq!(sink.resume(Some(cursor(2))).await.unwrap(), Some(cursor(2)));
    sink.deliver(&lines(3..=4)).await.unwrap();
    assert_eq!(place.told(), [1, 2, 3, 4]);
}

#[tokio::test]
async fn a_new_epoch_goes_on_in_the_same_file() {
    let place = Place::new();
    place.sink(NO_LIMIT).deliver(&lines(1..=3)).await.unwrap();

    let mut sink = place.sink(NO_LIMIT);
    assert_eq!(sink.resume(None).await.unwrap(), Some(cursor(3)));
    sink.deliver(&[watermark(0x0001, 1)]).await.unwrap();
    sink.deliver(&[watermark(0x0001, 1), watermark(0x0001, 2)])
        .await
        .unwrap();
    assert_eq!(place.told(), [1, 2, 3, 1, 2]);

    let acknowledged = Some(Cursor {
        epoch: Epoch(0x0001),
        sequence: 1,
    });
    drop(sink);
    let resumed = place.sink(NO_LIMIT).resume(acknowledged).await.unwrap();
    assert_eq!(
        resumed,
        Some(Cursor {
            epoch: Epoch(0x0001),
            sequence: 2
        })
    );
}

#[tokio::test]
async fn a_payment_told_again_after_a_rebuild_is_not_written_again() {
    let place = Place::new();
    let first = [payment(EPOCH, 1, 1, false), payment(EPOCH, 2, 2, false)];
    let rotate = first[0].json.len() as u64 + 1;
    let mut sink = place.sink(rotate);
    for line in first {
        sink.deliver(&[line]).await.unwrap();
    }
    drop(sink);

    let mut sink = place.sink(NO_LIMIT);
    let again = [
        payment(0x0001, 1, 1, true),
        payment(0x0001, 2, 3, true),
        payment(0x0001, 3, 2, true),
        payment(0x0001, 4, 3, true),
    ];
    sink.deliver(&again).await.unwrap();
    let mut ids = Vec::new();
    told(&place.path(), |told| {
        ids.extend(told.payment.map(|payment| payment.id.0[1]))
    })
    .unwrap();
    assert_eq!(ids, [1, 2, 3]);
}

#[tokio::test]
async fn a_file_that_is_not_ours_is_refused_and_left_alone() {
    let place = Place::new();
    fs::write(place.path(), "date,amount\n2026-11-21,100\n").unwrap();
    let mut sink = place.sink(NO_LIMIT);
    for refused in [
        sink.check().await.unwrap_err(),
        sink.resume(None).await.unwrap_err(),
        sink.deliver(&lines(1..=1)).await.unwrap_err(),
    ] {
        assert!(
            matches!(refused, SinkError::Foreign { line: 1, .. }),
            "{refused}"
        );
    }
    let text = fs::read_to_string(place.path()).unwrap();
    assert_eq!(text, "date,amount\n2026-11-21,100\n");
}

#[tokio::test]
async fn a_second_agent_is_kept_out() {
    let place = Place::new();
    let mut first = place.sink(NO_LIMIT);
    first.deliver(&lines(1..=1)).await.unwrap();
    let refused = place.sink(NO_LIMIT).resume(None).await;
    assert!(
        matches!(refused, Err(SinkError::InUse { .. })),
        "{refused:?}"
    );
    drop(first);
    place.sink(NO_LIMIT).resume(None).await.unwrap();
}

#[tokio::test]
async fn the_check_writes_nothing_and_finds_a_missing_directory() {
    let place = Place::new();
    place.sink(NO_LIMIT).check().await.unwrap();
    assert!(place.files().is_empty());
    let nowhere = place.dir.path().join("nowhere/events.ndjson");
    let refused = FileSink::new(nowhere, NO_LIMIT).check().await;
    assert!(
        matches!(
            refused,
            Err(SinkError::Io {
                action: "opened",
                ..
            })
        ),
        "{refused:?}"
    );
}

#[tokio::test]
async fn payments_are_readable_by_the_agent_alone() {
    let place = Place::new();
    place.sink(NO_LIMIT).deliver(&lines(1..=1)).await.unwrap();
    let mode = fs::metadata(place.path()).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
}
