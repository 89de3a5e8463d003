//! Tables: what changes a skeleton, and what does not.

#![expect(clippy::unwrap_used, reason = "a test")]

use super::*;
use crate::event::AccountRef;
use crate::selectors::{Portal, file};
use crate::understand::{Understood, table_page};

const HEADERS: [&str; 13] = [
    "Receipt No.",
    "Completion Time",
    "Initiation Time",
    "Details",
    "Transaction Status",
    "Paid In",
    "Withdrawn",
    "Balance",
    "Balance Confirmed",
    "Reason Type",
    "Other Party Info",
    "Linked Transaction ID",
    "A/C No.",
];

/// The table of a page of Kilima.
#[derive(Clone)]
struct Table {
    headers: Vec<String>,
    rows: Vec<Vec<String>>,
}

fn row(number: usize) -> Vec<String> {
    let cells = [
        &format!("UKL{number}AB12CD"),
        "21-11-2026 12:02:58",
        "21-11-2026 12:02:51",
        "Payment of JANE D.",
        "Completed",
        &format!("{}.00", 100 + number),
        "",
        &format!("{}.50", 9_000 + number),
        "true",
        "Pay Bill Online",
        "254722***000 - JANE D.",
        "",
        "acc 9900",
    ];
    cells.map(ToOwned::to_owned).to_vec()
}

impl Table {
    fn of(rows: usize) -> Self {
        Self {
            headers: HEADERS.map(str::to_owned).to_vec(),
            rows: (0..rows).map(row).collect(),
        }
    }

    fn with(&self, change: impl FnOnce(&mut Self)) -> Self {
        let mut changed = self.clone();
        change(&mut changed);
        changed
    }

    /// A column more, before column `at`.
    fn insert(&mut self, at: usize, header: &str, cell: &str) {
        self.headers.insert(at, header.to_owned());
        for row in &mut self.rows {
            row.insert(at, cell.to_owned());
        }
    }

    fn html(&self) -> String {
        let line = |cells: &[String], tag: &str| {
            let cells: String = cells.iter().map(|cell| format!("<{tag}>{cell}")).collect();
            format!("<tr>{cells}</tr>")
        };
        let rows: String = self.rows.iter().map(|row| line(row, "td")).collect();
        format!(
            "<div id=operator><b id=operator-name>JANE D.</b></div><table id=statement>{}{rows}</table>",
            line(&self.headers, "th")
        )
    }
}

fn account(portal: &Portal) -> AccountRef {
    crate::trial::account(portal, Some("600123"))
}

/// By the selector file `text`.
fn read_by(text: &str, html: &str) -> Skeleton {
    let portal = file::parse("kilima", "kilima.toml", text).unwrap();
    let now = "2026-11-21T10:00:00Z".parse().unwrap();
    match table_page(&portal, &account(&portal), html, now) {
        Ok(Understood::Table(page)) => page.skeleton,
        Ok(Understood::Not(session)) => unreachable!("{session:?}"),
        Err(trouble) => Skeleton::of_trouble(&trouble).unwrap(),
    }
}

fn skeleton(table: &Table) -> Skeleton {
    read_by(include_str!("../../selectors/kilima.toml"), &table.html())
}

#[test]
fn data_rows_and_single_oddities_change_nothing() {
    let usual = Table::of(8);
    let before = skeleton(&usual);
    assert_eq!((before.rows, before.understood), (8, 8));
    for (what, table) in [
        ("fewer rows", Table::of(1)),
        ("more rows", Table::of(300)),
        (
            "other data",
            usual.with(|table| {
                for row in &mut table.rows {
                    row[0].push('9');
                    row[3] = "Something of nobody".to_owned();
                    row[5] = "17,300.25".to_owned();
                    row[10] = "254700***999 - JOHN D.".to_owned();
                }
            }),
        ),
        ("one odd row", usual.with(|table| table.rows[3].truncate(2))),
        (
            "one amount that is none",
            usual.with(|table| table.rows[3][5] = "n/a".to_owned()),
        ),
        (
            "the header among the data",
            usual.with(|table| {
                table.rows.insert(4, table.headers.clone());
            }),
        ),
        (
            "another way to write a title",
            usual.with(|table| {
                table.headers[5] = "\u{a0}PAID \t In\u{ad} ".to_owned();
            }),
        ),
    ] {
        assert_eq!(skeleton(&table).against(&before), None, "{what}");
    }
}

#[test]
fn every_change_of_a_column_is_one_and_says_what_was_done() {
    let usual = Table::of(8);
    let before = skeleton(&usual);
    for (said, table) in [
        (
            "new: `Channel`",
            usual.with(|table| table.insert(4, "Channel", "app")),
        ),
        (
            "gone: `Details`",
            usual.with(|table| {
                table.headers.remove(3);
                table.rows.iter_mut().for_each(|row| drop(row.remove(3)));
            }),
        ),
        (
            "`Details` is now `Remarks`",
            usual.with(|table| table.headers[3] = "Remarks".to_owned()),
        ),
        (
            "columns stand in another order",
            usual.with(|table| {
                table.headers.swap(3, 9);
                table.rows.iter_mut().for_each(|row| row.swap(3, 9));
            }),
        ),
        (
            "new: `Balance`",
            usual.with(|table| table.insert(12, "Balance", "1.00")),
        ),
    ] {
        let now = skeleton(&table);
        let changes = now.against(&before).unwrap();
        let columns = Changes {
            columns: true,
            ..Changes::default()
        };
        assert_eq!(changes, columns, "{said}");
        assert_eq!(now.columns.difference(&before.columns), said);
        assert_eq!(now.understood, 8, "{said}");
    }
}

#[test]
fn a_column_that_the_file_needs_makes_the_page_unreadable_and_shows_what_is_there() {
    let usual = Table::of(8);
    let before = skeleton(&usual);
    let now = skeleton(&usual.with(|table| table.headers[5] = "Received".to_owned()));
    assert!(now.against(&before).unwrap().unreadable);
    assert_eq!(
        now.columns.difference(&before.columns),
        "`Paid In` is now `Received`"
    );
    let gone = read_by(
        include_str!("../../selectors/kilima.toml"),
        "<div id=operator><b id=operator-name>JANE D.</b></div>",
    );
    assert!(gone.against(&before).unwrap().unreadable);
    assert_eq!(gone.columns, Columns::default());
}

#[test]
fn rows_that_are_no_longer_understood_are_a_change_and_more_of_them_are_not_another() {
    let usual = Table::of(8);
    let before = skeleton(&usual);
    let odd = |count: usize| {
        skeleton(&usual.with(|table| {
            (table.rows.iter_mut().take(count)).for_each(|row| row[5] = "n/a".to_owned());
        }))
    };
    let (two, all) = (odd(2), odd(8));
    assert!(two.against(&before).unwrap().fewer);
    assert_eq!(all.against(&two), None);
    // What gets better is no change.
    assert_eq!(before.against(&all), None);
}

#[test]
fn a_word_that_no_map_has_is_a_change_once() {
    let usual = Table::of(8);
    let before = skeleton(&usual);
    let says = |word: &str| skeleton(&usual.with(|table| table.rows[2][4] = word.to_owned()));
    let changes = says("Quibbled").against(&before).unwrap();
    assert_eq!((changes.words.len(), changes.fewer), (1, false));
    assert_eq!(
        says("Quibbled at 12:03").words,
        says("Quibbled at 23:59").words
    );
    assert_eq!(says("quibbled").against(&says("Quibbled")), None);
    assert!(says("Parked").against(&says("Quibbled")).is_some());
    let many = skeleton(&Table::of(30).with(|table| {
        for (number, row) in table.rows.iter_mut().enumerate() {
            row[4] = "x".repeat(number + 1);
        }
    }));
    assert_eq!(many.words.len(), MAX_WORDS);
}

#[test]
fn without_headers_the_cells_of_a_row_are_counted() {
    let row = |cells: usize| Row {
        number: 1,
        fields: BTreeMap::new(),
        cells: vec![String::new(); cells],
        problem: None,
    };
    let of = |rows: &[usize]| {
        let rows: Vec<Row> = rows.iter().map(|cells| row(*cells)).collect();
        Skeleton::of(&[], rows.iter().map(|row| (row, None)))
    };
    let before = of(&[5; 20]);
    assert_eq!(before.columns.cells, Some(5));
    assert!(of(&[6; 20]).against(&before).unwrap().columns);
    for same in [&[5; 3][..], &[6; 2], &[5, 6, 5, 6], &[]] {
        assert_eq!(of(same).against(&before), None, "{same:?}");
    }
    let mut one_odd = vec![5; 19];
    one_odd.push(2);
    assert_eq!(of(&one_odd).against(&before), None);
}

#[test]
fn of_the_pages_of_one_reading_the_one_that_differs_counts() {
    let usual = skeleton(&Table::of(8));
    let other = skeleton(&Table::of(8).with(|table| table.insert(4, "Channel", "app")));
    for (first, second) in [(&usual, &other), (&other, &usual)] {
        let mut joined = first.clone();
        joined.join(second.clone(), Some(&usual.columns));
        assert_eq!(joined.columns, other.columns);
        assert_eq!((joined.rows, joined.understood), (16, 16));
    }
}

#[test]
fn titles_are_bounded_and_say_nothing_of_numbers() {
    let titles: Vec<String> = (0..500)
        .map(|at| format!("Column of account 60012{at}"))
        .collect();
    let skeleton = Skeleton::of(&titles, std::iter::empty());
    assert_eq!(skeleton.columns.titles.len(), MAX_HEADERS);
    assert!(!skeleton.columns.titles.concat().contains("60012"));
    let at = |day: &str| {
        let titles = [format!("Balance on {day}-11-2026")];
        Skeleton::of(&titles, std::iter::empty())
    };
    assert_eq!(at("1").against(&at("21")), None);
}
