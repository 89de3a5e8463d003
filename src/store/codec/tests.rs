//! Every kind of record reads back; a newer format is refused.
#![expect(clippy::unwrap_used, reason = "a test")]

use super::*;

fn now() -> DateTime<Utc> {
    "2026-11-21T09:00:00.123456789Z".parse().unwrap()
}

#[test]
fn every_kind_of_record_reads_back_as_it_was_written() {
    let account = AccountName::new("kilima-main").unwrap();
    let state = AccountState {
        watermark: Some(now()),
        paused: true,
        read_through: Some(now()),
        unread: Some(Unread {
            from: now(),
            to: now(),
        }),
        gaps: vec![Gap {
            from: now(),
            to: now(),
            cause: GapCause::NoOverlap,
            before_reference: Some("UKL1".to_owned()),
        }],
        ..AccountState::begun(now())
    };
    assert_eq!(decode_account(&encode_account(&state)).unwrap(), state);

    let first_seen = DateTime::from_timestamp_millis(now().timestamp_millis()).unwrap();
    for status in Status::ALL {
        for told in [
            None,
            Some(LastTold {
                revision: 3,
                status,
                facts: Facts([9; 16]),
            }),
        ] {
            let seen = Seen {
                status,
                first_seen,
                told,
            };
            assert_eq!(decode_seen(&encode_seen(&seen)).unwrap(), seen);
        }
    }
    let open = Breaker::Open {
        credential: CredentialFingerprint([4; 4]),
        outcome: "wrong-password".to_owned(),
        since: now(),
    };
    let doubtful = Breaker::Doubtful {
        credential: CredentialFingerprint([4; 4]),
        since: now(),
    };
    for breaker in [Breaker::Closed, Breaker::Missing, doubtful, open] {
        assert_eq!(decode_breaker(&encode_breaker(&breaker)).unwrap(), breaker);
    }
    let row = QuarantinedRow {
        key: RowKey([0; 16]),
        cells: vec!["a".to_owned()],
        reason: "because".to_owned(),
        held: Some(HeldRow {
            headers: vec!["Amount".to_owned()],
            above: Vec::new(),
            slots: vec!["a".to_owned()],
            markup: "<tr><td>a</tr>".to_owned(),
            without_hidden: true,
            page: 1,
            number: 2,
        }),
    };
    let key = quarantine_key(&account, row.key);
    let read = decode_quarantined(&key, &encode_quarantined(&row, now())).unwrap();
    assert_eq!((read.account, read.row), (account, row));

    let of_before =
        b"\x01{\"first_seen\":\"2026-11-21T09:00:00Z\",\"reason\":\"r\",\"cells\":[\"a\"]}";
    let read = decode_quarantined(&key, of_before).unwrap();
    assert_eq!(
        (read.row.cells, read.row.held),
        (vec!["a".to_owned()], None)
    );

    let (told_at, line) =
        decode_outbox(Epoch(7), &outbox_key(42), &encode_outbox(now(), "{}")).unwrap();
    assert_eq!((told_at, line.json.as_str()), (first_seen, "{}"));
    assert_eq!(
        line.cursor,
        Cursor {
            epoch: Epoch(7),
            sequence: 42
        }
    );
}

#[test]
fn a_newer_format_is_refused_and_a_torn_record_is_damage() {
    let mut value = encode_account(&AccountState::begun(now()));
    value[0] = FORMAT + 1;
    assert!(matches!(
        decode_account(&value),
        Err(StoreError::Newer {
            record: "account",
            found: 2,
            known: 1
        })
    ));
    for torn in [&[][..], &[0], &[FORMAT], &[FORMAT, 2, 0]] {
        assert!(
            matches!(decode_seen(torn), Err(StoreError::Damaged { .. })),
            "{torn:?}"
        );
    }
}
