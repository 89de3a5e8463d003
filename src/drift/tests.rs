//! When a change is told, and when it is over.

#![expect(clippy::unwrap_used, reason = "a test")]

use super::*;

const USUAL: [&str; 3] = ["Date", "Amount", "Status"];

fn page(titles: &[&str]) -> Skeleton {
    Skeleton {
        columns: Columns {
            titles: titles.iter().map(|title| (*title).to_owned()).collect(),
            cells: None,
        },
        rows: 10,
        understood: 10,
        ..Skeleton::default()
    }
}

fn with_word(titles: &[&str], word: u64) -> Skeleton {
    Skeleton {
        understood: 9,
        words: BTreeSet::from([word]),
        ..page(titles)
    }
}

fn unreadable(titles: &[&str]) -> Skeleton {
    Skeleton {
        rows: 0,
        understood: 0,
        is_unreadable: true,
        ..page(titles)
    }
}

fn poor(titles: &[&str]) -> Skeleton {
    Skeleton {
        understood: 4,
        ..page(titles)
    }
}

/// "No rows", as some portals say it: without a header.
fn empty() -> Skeleton {
    Skeleton::default()
}

fn now() -> DateTime<Utc> {
    "2026-11-21T10:00:00Z".parse().unwrap()
}

struct Story(Known);

impl Story {
    fn begin() -> Self {
        Self(Known::first(&page(&USUAL)).unwrap())
    }

    /// Without rows in quarantine.
    fn sees(&mut self, shown: &Skeleton) -> News {
        self.0.look(shown, false, now())
    }

    fn sees_aside(&mut self, shown: &Skeleton) -> News {
        self.0.look(shown, true, now())
    }

    /// The page is as it was, for as long as it takes to believe it.
    fn goes_back(&mut self) {
        for _ in 1..BACK {
            assert_eq!(self.sees(&page(&USUAL)), News::Nothing);
        }
        assert_eq!(self.sees(&page(&USUAL)), News::Over);
    }

    fn level(&self) -> u32 {
        self.0.report().map_or(0, |report| report.level)
    }
}

#[test]
fn a_column_more_is_told_once_and_is_over_when_it_goes() {
    let mut story = Story::begin();
    let wider = page(&["Date", "Amount", "Fee", "Status"]);
    assert_eq!(story.sees(&page(&USUAL)), News::Nothing);
    assert_eq!(story.sees(&wider), News::Changed);
    for shown in [&wider, &empty(), &wider] {
        assert_eq!(story.sees(shown), News::Nothing);
    }
    let report = story.0.report().unwrap();
    assert_eq!(report.what, "the portal's page changed, new: `Fee`");
    assert_eq!(
        report.columns(),
        "before: Date | Amount | Status; after: Date | Amount | Fee | Status"
    );
    assert!(!report.costs_rows);
    story.goes_back();
    assert_eq!(story.0.report(), None);
    assert_eq!(story.sees(&wider), News::Changed);
}

#[test]
fn old_and_new_pages_in_turn_are_one_change() {
    let mut story = Story::begin();
    let renamed = unreadable(&["Date", "Paid", "Status"]);
    assert_eq!(story.sees(&renamed), News::Changed);
    for turn in 0..=98 {
        let shown = if turn % 7 == 0 {
            &renamed
        } else {
            &page(&USUAL)
        };
        assert_eq!(story.sees(shown), News::Nothing);
    }
    story.goes_back();
}

#[test]
fn a_file_that_finds_cells_by_place_ends_the_change_and_its_watch_goes_on() {
    let by_place = |cells: usize| Skeleton {
        columns: Columns {
            titles: Vec::new(),
            cells: Some(cells),
        },
        ..page(&USUAL)
    };
    let mut story = Story::begin();
    let renamed = ["Date", "Paid", "Status"];
    assert_eq!(story.sees(&unreadable(&renamed)), News::Changed);
    assert_eq!(story.sees(&by_place(3)), News::Over);
    assert_eq!(story.sees(&by_place(4)), News::Changed);
    // Without a change before.
    let mut story = Story::begin();
    assert_eq!(story.sees(&by_place(3)), News::Nothing);
    assert_eq!(story.sees(&by_place(4)), News::Changed);
}

#[test]
fn another_change_within_is_told_and_one_that_was_told_is_not() {
    let mut story = Story::begin();
    let (wider, moved) = (
        page(&["Date", "Amount", "Fee", "Status"]),
        page(&["Amount", "Date", "Status"]),
    );
    assert_eq!(story.sees(&wider), News::Changed);
    assert_eq!(story.sees(&moved), News::Changed);
    assert_eq!(story.level(), 2);
    for shown in [&wider, &moved, &wider] {
        assert_eq!(story.sees(shown), News::Nothing);
    }
    assert_eq!(story.level(), 2);
    // Ever new ones are told no further.
    for number in 0..100 {
        story.sees(&page(&["Date", &"x".repeat(number + 1)]));
    }
    assert!(story.level() <= MAX_TOLD as u32 + 1);
}

#[test]
fn a_column_that_is_gone_is_over_once_the_file_was_corrected() {
    let mut story = Story::begin();
    let renamed = ["Date", "Paid", "Status"];
    assert_eq!(story.sees(&unreadable(&renamed)), News::Changed);
    assert_eq!(story.sees(&unreadable(&renamed)), News::Nothing);
    let report = story.0.report().unwrap();
    assert!(report.costs_rows);
    assert!(
        report.what.contains("`Amount` is now `Paid`"),
        "{}",
        report.what
    );
    assert!(!story.0.clone().accept(), "nothing can be read yet");
    assert_eq!(story.sees(&page(&renamed)), News::Over);
    assert_eq!(story.sees(&page(&renamed)), News::Nothing);
    assert_eq!(story.0.usual.columns, page(&renamed).columns);
}

#[test]
fn a_word_is_told_once_and_is_over_when_its_rows_are_understood() {
    let mut story = Story::begin();
    assert_eq!(story.sees_aside(&with_word(&USUAL, 1)), News::Changed);
    assert_eq!(story.sees_aside(&with_word(&USUAL, 1)), News::Nothing);
    // Its row went on to another page, and lies in quarantine.
    assert_eq!(story.sees_aside(&page(&USUAL)), News::Nothing);
    assert_eq!(story.sees_aside(&with_word(&USUAL, 2)), News::Changed);
    assert!(story.0.report().unwrap().what.contains("2 words"));
    assert_eq!(story.sees(&page(&USUAL)), News::Over);
    assert_eq!(story.sees_aside(&with_word(&USUAL, 1)), News::Changed);
}

#[test]
fn rows_that_are_not_understood_are_told_and_over_when_they_are() {
    let mut story = Story::begin();
    assert_eq!(story.sees_aside(&poor(&USUAL)), News::Changed);
    assert!(
        story
            .0
            .report()
            .unwrap()
            .what
            .ends_with("6 of 10 rows were not understood")
    );
    assert_eq!(story.sees_aside(&poor(&USUAL)), News::Nothing);
    assert_eq!(story.sees_aside(&page(&USUAL)), News::Over);
}

#[test]
fn a_person_may_take_the_page_for_the_usual_one() {
    let mut story = Story::begin();
    let wider = ["Date", "Amount", "Fee", "Status"];
    assert!(!story.0.accept());
    story.sees_aside(&with_word(&wider, 7));
    assert!(story.0.accept());
    for shown in [&page(&wider), &with_word(&wider, 7)] {
        assert_eq!(story.sees_aside(shown), News::Nothing);
    }
    assert_eq!(story.sees(&page(&USUAL)), News::Changed);
}

#[test]
fn nothing_is_known_of_a_page_that_cannot_be_read_or_says_nothing() {
    assert_eq!(Known::first(&unreadable(&USUAL)), None);
    assert_eq!(Known::first(&empty()), None);
    // An export without rows may have no header, and a page of one row says nothing of its cells.
    let mut known = Known::first(&Skeleton {
        rows: 1,
        understood: 1,
        ..empty()
    })
    .unwrap();
    assert_eq!(known.look(&page(&USUAL), false, now()), News::Nothing);
    assert_eq!(known.usual.columns, page(&USUAL).columns);
    assert_eq!(known.look(&page(&["Date"]), false, now()), News::Changed);
}
