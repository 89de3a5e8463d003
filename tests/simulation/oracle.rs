//! Judges a seed at the far side alone: the portal's books against the consumers' lines, never our own ledger or store.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::time::Duration;

use chrono::{DateTime, Utc};

use crate::accounting;
use crate::books::{Kind, Row};
use crate::told::{Lines, Name, Told, gsma};
use crate::world::Outcome;

/// What a seed showed.
pub struct Verdict {
    /// Empty when every promise was kept.
    pub broken: Vec<String>,
    pub received: usize,
    pub updated: usize,
    pub reversed: usize,
    /// Watermarks that were held against the books.
    pub watermarks: usize,
    /// From the instant a payment was visible to its line.
    pub delays: Vec<Duration>,
}

struct Judge<'a> {
    outcome: &'a Outcome,
    references: bool,
    file: Lines,
    plain: Lines,
    broken: Vec<String>,
}

pub fn judge(outcome: &Outcome) -> Verdict {
    let mut judge = Judge {
        outcome,
        references: outcome.profile.rules.references,
        file: Lines::of(&outcome.file),
        plain: Lines::of(&outcome.plain),
        broken: Vec::new(),
    };
    judge.broken.extend(accounting::broken(outcome));
    judge.remembering();
    judge.forgetful();
    judge.payments();
    judge.updates();
    judge.reversals();
    judge.aside();
    let file = std::mem::replace(&mut judge.file, Lines { all: Vec::new() });
    let watermarks = judge.watermarks("file", &file);
    if outcome.befell.rebuilds == 0 {
        let plain = std::mem::replace(&mut judge.plain, Lines { all: Vec::new() });
        judge.watermarks("plain", &plain);
    }
    let delays = judge.delays(&file);
    Verdict {
        received: file.of_type("payment.received").count(),
        updated: file.of_type("payment.updated").count(),
        reversed: file.of_type("payment.reversed").count(),
        broken: judge.broken,
        watermarks,
        delays,
    }
}

impl Judge<'_> {
    /// Must this row have been told? Not where nobody can tell which of two times the page means.
    fn is_clear(&self, row: &Row) -> bool {
        row.is_clear(&self.outcome.profile.rules.calendar)
    }

    /// Does it lie in history of which a person was told that it cannot be read?
    fn is_told_unread(&self, row: &Row) -> bool {
        let at = row.completed.unwrap_or(row.created);
        let at = self.outcome.profile.rules.calendar.wall(at);
        let unread = self.outcome.unread.as_ref();
        unread.is_some_and(|unread| unread.from <= at && at < unread.to)
    }

    /// Every id once, sequences dense.
    fn remembering(&mut self) {
        let mut ids = HashSet::new();
        let mut last: BTreeMap<&str, u64> = BTreeMap::new();
        let mut broken = Vec::new();
        for told in &self.file.all {
            if !ids.insert(&told.id) {
                broken.push(format!(
                    "told twice to the one that remembers: {}",
                    told.json
                ));
            }
            let last = last.entry(&told.epoch).or_default();
            if told.sequence != *last + 1 {
                broken.push(format!(
                    "sequence {} after {last}: {}",
                    told.sequence, told.json
                ));
            }
            *last = told.sequence;
        }
        self.broken.extend(broken);
    }

    /// Everything at least once, repeats byte for byte, one payment per id over all epochs.
    fn forgetful(&mut self) {
        let mut broken = Vec::new();
        let mut lines: HashMap<(&str, u64), &Told> = HashMap::new();
        let mut facts: HashMap<&str, Vec<String>> = HashMap::new();
        for told in self.plain.all.iter().chain(&self.file.all) {
            let first = lines.entry((&told.epoch, told.sequence)).or_insert(told);
            if first.json != told.json {
                broken.push(format!("{} became {}", first.json, told.json));
            }
            let same = [
                "transactionReference",
                "amount",
                "currency",
                "completionDate",
                "direction",
            ]
            .map(|key| told.text(key).to_owned());
            let first = facts.entry(&told.id).or_insert_with(|| same.to_vec());
            if *first != same {
                broken.push(format!("one id, two payments: {first:?} and {}", told.json));
            }
        }
        let rebuilt = self.outcome.befell.rebuilds > 0;
        let newest = self.file.all.last().map(|told| told.epoch.clone());
        let ids = |lines: &Lines, epoch: Option<&String>| -> BTreeSet<String> {
            let all = lines.all.iter();
            all.filter(|told| epoch.is_none_or(|epoch| told.epoch == *epoch))
                .map(|told| told.id.clone())
                .collect()
        };
        // What the file held when the store was rebuilt counts as told to both.
        let epoch = newest.as_ref().filter(|_| rebuilt);
        let (file, plain) = (ids(&self.file, epoch), ids(&self.plain, epoch));
        for id in file.symmetric_difference(&plain).take(3) {
            broken.push(format!("{id} reached one consumer only"));
        }
        let payments = |lines: &Lines| -> BTreeSet<String> {
            lines
                .of_type("payment.received")
                .map(|(_, told)| told.id.clone())
                .collect()
        };
        let file = payments(&self.file);
        for (_, told) in self.plain.of_type("payment.received") {
            // Reversed before the rebuilt store read it: what the lost one told the other consumer nobody knows.
            let reversed = |row: &Row| {
                row.status == "Reversed" && row.reference == told.text("transactionReference")
            };
            let lost = rebuilt && self.outcome.books.rows.iter().any(reversed);
            if !file.contains(&told.id) && !lost {
                broken.push(format!("only the one that forgets got {}", told.json));
            }
        }
        self.broken.extend(broken);
    }

    /// Exactly the payments of the books, each with its amount and its instant.
    fn payments(&mut self) {
        let mut truth: BTreeMap<Name, Vec<&Row>> = BTreeMap::new();
        for row in &self.outcome.books.rows {
            if row.kind == Kind::Payment && row.shown_completed.is_some() && self.is_clear(row) {
                truth
                    .entry(Name::of(row, &self.outcome.profile.rules))
                    .or_default()
                    .push(row);
            }
        }
        let received = self.file.received(self.references);
        let calendar = self.outcome.profile.rules.calendar;
        let mut broken = Vec::new();
        for (name, rows) in &truth {
            let places = received.get(name).map_or(&[][..], Vec::as_slice);
            // One that was taken back before anybody read it as paid never was news.
            let must = rows
                .iter()
                .filter(|row| row.status == "Completed" || row.read)
                .filter(|row| !self.is_told_unread(row))
                .count();
            if !(must..=rows.len()).contains(&places.len()) {
                let at: Vec<Duration> = places
                    .iter()
                    .map(|place| self.file.all[*place].at)
                    .collect();
                broken.push(format!(
                    "{name:?}: told {} times at {at:?}, {must} to {} were right; {:?}",
                    places.len(),
                    rows.len(),
                    rows[0]
                ));
            }
            for place in places {
                let told = &self.file.all[*place];
                let as_booked = told.text("amount") == gsma(rows[0].cents)
                    && told.instant("completionDate")
                        == rows[0].completed.map(|at| calendar.printed(at))
                    && told.text("currency") == "KES"
                    && told.text("direction") == "credit"
                    && told.text("transactionStatus") == "completed";
                if !as_booked {
                    broken.push(format!("not as booked ({:?}): {}", rows[0], told.json));
                }
            }
        }
        for (name, places) in &received {
            if !truth.contains_key(name) {
                broken.push(format!(
                    "no such payment: {}",
                    self.file.all[places[0]].json
                ));
            }
        }
        self.broken.extend(broken);
    }

    /// A status that changed after telling was told with its last value.
    fn updates(&mut self) {
        let mut last: HashMap<&str, &str> = HashMap::new();
        for (_, told) in self.file.of_type("payment.updated") {
            last.insert(
                told.text("transactionReference"),
                told.text("transactionStatus"),
            );
        }
        let received = self.file.received(true);
        let mut broken = Vec::new();
        for row in self
            .outcome
            .books
            .rows
            .iter()
            .filter(|row| row.kind == Kind::Payment)
        {
            let told = received.contains_key(&Name::Reference(row.reference.clone()));
            let wanted = (row.status == "Reversed" && told).then_some("reversed");
            let updated = last.remove(row.reference.as_str());
            if updated != wanted {
                broken.push(format!(
                    "{} is {}, last update: {updated:?}",
                    row.reference, row.status
                ));
            }
        }
        if self.references {
            broken.extend(
                last.keys()
                    .map(|reference| format!("an update of nothing: {reference}")),
            );
        }
        self.broken.extend(broken);
    }

    /// Each reversal row once, naming what it took back.
    fn reversals(&mut self) {
        let received = self.file.received(true);
        let mut told: HashMap<&str, Vec<&Told>> = HashMap::new();
        for (_, event) in self.file.of_type("payment.reversed") {
            told.entry(event.text("transactionReference"))
                .or_default()
                .push(event);
        }
        let mut broken = Vec::new();
        for row in self
            .outcome
            .books
            .rows
            .iter()
            .filter(|row| row.kind == Kind::Reversal && self.is_clear(row))
        {
            let events = told.remove(row.reference.as_str()).unwrap_or_default();
            let original = row.linked.clone().expect("a reversal names its original");
            let place = received
                .get(&Name::Reference(original.clone()))
                .map(|places| places[0]);
            let id = place.map(|place| self.file.all[place].id.as_str());
            if events.is_empty() && self.is_told_unread(row) {
                continue;
            }
            let [event] = events[..] else {
                broken.push(format!(
                    "the reversal {} was told {} times",
                    row.reference,
                    events.len()
                ));
                continue;
            };
            let names = event.text("originalTransactionReference") == original
                && id.is_none_or(|id| event.text("originalEventId") == id)
                && event.text("amount") == gsma(row.cents);
            if !names {
                broken.push(format!("a reversal of {original} ({id:?}): {}", event.json));
            }
        }
        broken.extend(
            told.keys()
                .map(|reference| format!("no such reversal: {reference}")),
        );
        self.broken.extend(broken);
    }

    /// A payment whose time could be one of two was put aside, for a person to see.
    fn aside(&mut self) {
        let calendar = self.outcome.profile.rules.calendar;
        let rebuilt = self.outcome.befell.rebuilds > 0;
        let rows = self.outcome.books.rows.iter();
        let doubtful = |row: &&Row| row.read && row.kind == Kind::Payment && !self.is_clear(row);
        let missing = |row: &&Row| {
            let reference = self.references.then(|| row.reference.clone());
            let names = reference.or(row.completed.map(|at| calendar.local(at)));
            let names = names.unwrap_or_default();
            !self.outcome.aside.iter().any(|held| held.contains(&names))
        };
        let missing = rows.filter(doubtful).filter(missing);
        let broken: Vec<String> = missing
            .filter(|_| !rebuilt)
            .map(|row| format!("neither told nor put aside: {row:?}"))
            .collect();
        self.broken.extend(broken);
    }

    /// When "complete up to T" arrived, every payment visible by T had arrived. Gives how many were judged.
    fn watermarks(&mut self, consumer: &str, lines: &Lines) -> usize {
        let mut received = lines.received(self.references);
        for places in received.values_mut() {
            places.reverse();
        }
        let mut rows: Vec<&Row> = self.outcome.books.rows.iter().collect();
        rows.retain(|row| {
            let paid = row.kind == Kind::Payment && row.shown_completed.is_some();
            paid && !row.late && self.is_clear(row)
        });
        rows.sort_by_key(|row| row.shown_completed);
        // By visibility: up to which place in the lines all of them stood, and which of them stands there.
        let mut told_by: Vec<(Duration, usize, &Row)> = Vec::new();
        for row in rows {
            let place = received
                .get_mut(&Name::of(row, &self.outcome.profile.rules))
                .and_then(Vec::pop);
            let Some(visible) = row.shown_completed else {
                continue;
            };
            if place.is_none() && row.status == "Reversed" {
                continue; // taken back before anybody read it, or judged as a missing payment
            }
            let place = place.unwrap_or(usize::MAX);
            told_by.push(match told_by.last() {
                Some((_, before, last)) if *before >= place => (visible, *before, last),
                _ => (visible, place, row),
            });
        }
        let (mut judged, mut seen, mut broken) = (0, HashSet::new(), Vec::new());
        for (place, watermark) in lines.of_type("account.watermark") {
            let until = watermark.instant("until").expect("an instant");
            let stepped = self.was_stepped(until) || self.was_stepped(watermark.time);
            if !seen.insert(&watermark.id) || stepped {
                continue;
            }
            judged += 1;
            let until = self.outcome.profile.rules.calendar.since_start(until);
            let visible = told_by.partition_point(|(visible, _, _)| *visible <= until);
            if let Some((_, last, row)) = visible.checked_sub(1).map(|last| told_by[last])
                && last > place
            {
                let at = watermark.at;
                broken.push(format!("a false watermark at {at:?} ({consumer}) until {until:?}, proof {}: untold was {row:?}", watermark.text("proof")));
            }
            if until > watermark.at {
                broken.push(format!("a watermark of the future: {}", watermark.json));
            }
        }
        self.broken.extend(broken);
        judged
    }

    /// Was the wall clock wrong when it said `wall`?
    fn was_stepped(&self, wall: DateTime<Utc>) -> bool {
        self.outcome.stepped.iter().any(|step| {
            let at = self
                .outcome
                .profile
                .rules
                .calendar
                .since_start(wall - step.by);
            step.from <= at && step.to.is_none_or(|to| at <= to)
        })
    }

    fn delays(&self, lines: &Lines) -> Vec<Duration> {
        let mut received = lines.received(self.references);
        for places in received.values_mut() {
            places.reverse();
        }
        let rows = self.outcome.books.rows.iter();
        let delay = |row: &Row| {
            let place = received
                .get_mut(&Name::of(row, &self.outcome.profile.rules))?
                .pop()?;
            Some(lines.all[place].at.saturating_sub(row.shown_completed?))
        };
        rows.filter(|row| row.kind == Kind::Payment && self.is_clear(row))
            .filter_map(delay)
            .collect()
    }
}
