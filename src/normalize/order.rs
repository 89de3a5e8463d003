//! How the dates of a page are written, where one row alone does not say: day before month, or month before day. Pure.
//!
//! | on the page | then |
//! |---|---|
//! | two `formats` read a row as two instants, and one of the two fails on another row, or reads the future there | the other one counts |
//! | neither fails, and only one of them gives the page's own order | that one counts |
//! | neither says more | the rows are put aside (`DateError::TwoReadings`) |
//! | the only format breaks the page's order, and with day and month exchanged it would hold | the rows are put aside (`DateError::DayAndMonth`) |

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, FixedOffset, Utc};

use super::date::{self, DateError, Rule};
use super::reader::captured;
use crate::extract::Row;
use crate::selectors::{Field, Order, Portal};

/// What the page says about each date column of it.
#[derive(Debug, Default)]
pub(super) struct Dates(BTreeMap<Field, Verdict>);

#[derive(Debug)]
enum Verdict {
    /// Of the formats that contradict each other, only these count.
    Formats(Vec<String>),
    Exchanged,
}

impl Dates {
    pub fn of(portal: &Portal, rows: &[Row], now: DateTime<Utc>) -> Self {
        let columns = portal.fields.dates.iter();
        let verdicts = columns.filter_map(|(field, formats)| {
            let column = Column::new(portal, *field, rows, now);
            Some((*field, column.verdict(formats)?))
        });
        Self(verdicts.collect())
    }

    /// Reads one text of the column.
    ///
    /// # Errors
    /// See [`DateError`].
    pub fn read(
        &self,
        portal: &Portal,
        field: Field,
        text: &str,
        now: DateTime<Utc>,
    ) -> Result<DateTime<FixedOffset>, DateError> {
        let all = portal.fields.dates.get(&field).map(Vec::as_slice);
        let formats = match self.0.get(&field) {
            Some(Verdict::Formats(formats)) => formats,
            Some(Verdict::Exchanged) => return Err(DateError::DayAndMonth),
            None => all.unwrap_or_default(),
        };
        date::parse(text, rule(portal, formats), now)
    }
}

fn rule<'a>(portal: &Portal, formats: &'a [String]) -> Rule<'a> {
    Rule {
        formats,
        zone: portal.zone,
        clock_change: portal.fields.clock_change,
    }
}

/// The texts of one date column.
struct Column<'a> {
    portal: &'a Portal,
    texts: Vec<&'a str>,
    now: DateTime<Utc>,
}

impl<'a> Column<'a> {
    fn new(portal: &'a Portal, field: Field, rows: &'a [Row], now: DateTime<Utc>) -> Self {
        let capture = portal.fields.sources.get(&field);
        let capture = capture.and_then(|source| source.capture.as_ref());
        let texts = rows.iter().filter_map(|row| {
            let text = row.fields.get(&field)?.text.as_str();
            Some(capture.map_or(text, |regex| captured(regex, text)))
        });
        let blank = &portal.fields.blank;
        let is_blank = |text: &str| text.is_empty() || blank.iter().any(|blank| blank == text);
        Self {
            portal,
            texts: texts.filter(|text| !is_blank(text)).collect(),
            now,
        }
    }

    fn verdict(&self, formats: &[String]) -> Option<Verdict> {
        if let [only] = formats {
            let exchanged = exchanged(only)?;
            let is_doubtful = self.breaks(only)? > 0 && self.breaks(&exchanged)? == 0;
            return is_doubtful.then_some(Verdict::Exchanged);
        }
        let rivals = self.rivals(formats);
        if rivals.is_empty() {
            return None;
        }
        let possible = rivals.iter().filter(|rival| self.fits(rival, &rivals));
        let mut possible: Vec<_> = possible.copied().collect();
        if possible.len() > 1 {
            possible.retain(|format| self.breaks(format) == Some(0));
        }
        let [counts] = possible.as_slice() else {
            return None;
        };
        let kept = formats.iter();
        let kept = kept.filter(|format| *format == *counts || !rivals.contains(format));
        Some(Verdict::Formats(kept.cloned().collect()))
    }

    /// Formats that read some text as another instant than another format does.
    fn rivals<'f>(&self, formats: &'f [String]) -> BTreeSet<&'f String> {
        let mut rivals = BTreeSet::new();
        for text in &self.texts {
            let readings: Vec<_> = formats
                .iter()
                .filter_map(|format| Some((format, self.read(text, format)?)))
                .collect();
            let differ = readings.windows(2).any(|pair| match pair {
                [(_, one), (_, other)] => one != other,
                _ => false,
            });
            if differ {
                rivals.extend(readings.into_iter().map(|(format, _)| format));
            }
        }
        rivals
    }

    /// Does the format read every text that one of its rivals reads?
    fn fits(&self, format: &String, rivals: &BTreeSet<&String>) -> bool {
        self.texts.iter().all(|text| {
            self.read(text, format).is_some()
                || rivals.iter().all(|rival| self.read(text, rival).is_none())
        })
    }

    /// How often the texts that it reads leave the page's order; `None` when it does not read all.
    fn breaks(&self, format: &String) -> Option<usize> {
        let instants = self.texts.iter().map(|text| self.read(text, format));
        let instants = instants.collect::<Option<Vec<_>>>()?;
        let breaks = instants.windows(2).filter(|pair| match pair {
            [one, next] => match self.portal.table.order {
                Order::NewestFirst => one < next,
                Order::OldestFirst => one > next,
            },
            _ => false,
        });
        Some(breaks.count())
    }

    /// A plausible instant.
    fn read(&self, text: &str, format: &String) -> Option<DateTime<FixedOffset>> {
        let formats = std::slice::from_ref(format);
        date::parse(text, rule(self.portal, formats), self.now).ok()
    }
}

/// The format with day and month in each other's place, where both are numbers.
fn exchanged(format: &str) -> Option<String> {
    (format.contains("%d") && format.contains("%m")).then(|| {
        let format = format.replace("%d", "%\u{0}");
        format.replace("%m", "%d").replace("%\u{0}", "%m")
    })
}
