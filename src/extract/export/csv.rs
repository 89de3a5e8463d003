//! CSV in any dialect: delimiter, quotes, line breaks in cells. Pure.

use csv_core::{ReadRecordResult, Reader, ReaderBuilder};

use super::writer::Writer;
use super::{ExportError, MAX_RECORD_BYTES};
use crate::extract::MAX_CELLS;

/// What stands between cells, the likeliest first.
const DELIMITERS: [u8; 4] = [b',', b';', b'\t', b'|'];
/// Records that are looked at to find it.
const SAMPLE: usize = 500;

/// The records as rows, each with as many cells as it has. Without a delimiter it is found among `DELIMITERS`; a text without
/// any is one of single cells, with the class `text`: a portal may say "no rows" in words.
pub(super) fn table(text: &str, delimiter: Option<u8>) -> Result<String, ExportError> {
    let (said, text) = said(text);
    let found = between_cells(text, delimiter.or(said))?;
    let mut writer = Writer::new(if found.is_some() { "csv" } else { "text" });
    let mut records = Records::new(text, found.unwrap_or(b','));
    while let Some(cells) = records.next()? {
        writer.row()?;
        for cell in cells {
            writer.cell("", cell)?;
        }
    }
    writer.finish("")
}

/// The same records with other cells: `made` of what stood in each.
pub(super) fn rewritten(
    text: &str,
    delimiter: Option<u8>,
    made: &mut dyn FnMut(&str) -> String,
) -> Result<String, ExportError> {
    let (said, rest) = said(text);
    let delimiter = between_cells(rest, delimiter.or(said))?.unwrap_or(b',');
    let mut records = Records::new(rest, delimiter);
    let mark = char::from(delimiter);
    let mut written = said.map_or_else(String::new, |said| format!("sep={}\n", char::from(said)));
    while let Some(cells) = records.next()? {
        for (number, cell) in cells.enumerate() {
            if number > 0 {
                written.push(mark);
            }
            let cell = made(cell);
            // A record of one empty cell would else be a blank line, which is none.
            let is_blank = number == 0 && cell.is_empty();
            let is_odd = |letter: char| {
                letter == mark
                    || matches!(letter, '"' | '\n' | '\r')
                    || DELIMITERS.map(char::from).contains(&letter)
            };
            if is_blank || cell.contains(is_odd) {
                written.push_str(&format!("\"{}\"", cell.replace('"', "\"\"")));
            } else {
                written.push_str(&cell);
            }
        }
        written.push('\n');
    }
    Ok(written)
}

/// Excel's own line `sep=;` before everything else, and the rest.
fn said(text: &str) -> (Option<u8>, &str) {
    let line = text.lines().next().unwrap_or_default();
    let said = line.strip_prefix("sep=").map(str::as_bytes);
    match said {
        Some([delimiter]) => (Some(*delimiter), text.get(line.len()..).unwrap_or_default()),
        Some(_) | None => (None, text),
    }
}

/// The delimiter that is known, or found.
fn between_cells(text: &str, known: Option<u8>) -> Result<Option<u8>, ExportError> {
    known.map_or_else(|| found(text), |known| Ok(Some(known)))
}

/// The delimiter by which the most records have the same number of cells, and the most cells of these; `None` where no record
/// has two.
fn found(text: &str) -> Result<Option<u8>, ExportError> {
    let mut best = None;
    let mut is_tied = false;
    for delimiter in DELIMITERS {
        let fit = fit(text, delimiter)?;
        match best {
            Some((known, _)) if known == fit => is_tied = true,
            Some((known, _)) if known > fit => {}
            Some(_) | None => {
                is_tied = false;
                best = fit.map(|fit| (Some(fit), delimiter));
            }
        }
    }
    match best {
        Some(_) if is_tied => Err(ExportError::Delimiter),
        best => Ok(best.map(|(_, delimiter)| delimiter)),
    }
}

/// How many records have the commonest number of cells above one, and that number.
fn fit(text: &str, delimiter: u8) -> Result<Option<(usize, usize)>, ExportError> {
    let mut counts = vec![0_usize; MAX_CELLS + 1];
    let mut records = Records::new(text, delimiter);
    for _ in 0..SAMPLE {
        let cells = match records.next() {
            Ok(Some(cells)) => cells.count(),
            Ok(None) => break,
            // By another delimiter it may be none.
            Err(ExportError::TooManyCells { .. }) => return Ok(None),
            Err(error) => return Err(error),
        };
        if let Some(count) = counts.get_mut(cells) {
            *count += 1;
        }
    }
    let several = counts.iter().enumerate().skip(2);
    let commonest = several
        .filter(|(_, count)| **count > 0)
        .max_by_key(|(cells, count)| (**count, *cells));
    Ok(commonest.map(|(cells, count)| (*count, cells)))
}

/// Reads record after record into buffers that do not grow.
struct Records<'t> {
    reader: Reader,
    delimiter: u8,
    /// Bytes that may still be looked at for quotes: a text full of open ones must not be read again for each line.
    looks: usize,
    rest: &'t [u8],
    text: Vec<u8>,
    ends: Vec<usize>,
    number: usize,
    is_over: bool,
}

impl<'t> Records<'t> {
    fn new(text: &'t str, delimiter: u8) -> Self {
        Self {
            reader: ReaderBuilder::new().delimiter(delimiter).build(),
            delimiter,
            looks: text.len() * LOOKS_PER_BYTE + MAX_RECORD_BYTES,
            rest: text.as_bytes(),
            text: vec![0; MAX_RECORD_BYTES],
            ends: vec![0; MAX_CELLS],
            number: 0,
            is_over: false,
        }
    }

    /// The next record's cells; blank lines are none. Where a quote is no quote but text that nobody escaped, the line is
    /// the record, so that no other is swallowed.
    fn next(&mut self) -> Result<Option<impl Iterator<Item = &str>>, ExportError> {
        let breaks = self.rest.iter().take_while(|byte| is_break(**byte)).count();
        self.rest = self.rest.get(breaks..).unwrap_or_default();
        let begun = self.rest;
        let count = if self.quotes_fit() {
            let count = self.by_quotes()?;
            let record = begun.get(..begun.len() - self.rest.len());
            if swallows(record.unwrap_or_default(), count, self.delimiter) {
                self.rest = begun;
                self.reader.reset();
                Some(self.by_line()?)
            } else {
                count
            }
        } else {
            Some(self.by_line()?)
        };
        self.number += usize::from(count.is_some());
        Ok(count.map(|count| cells_of(&self.text, &self.ends, count)))
    }

    /// Is each quote of the next record at the begin or end of a cell, or doubled (RFC 4180), and the last one closed? What
    /// follows a closed one may be blank.
    fn quotes_fit(&mut self) -> bool {
        #[derive(Clone, Copy, PartialEq)]
        enum At {
            Begin,
            Bare,
            Quoted,
            Quote,
        }
        let mut at = At::Begin;
        for byte in self.rest.iter().take(self.looks.min(MAX_RECORD_BYTES)) {
            self.looks -= 1;
            at = match (at, *byte) {
                (At::Begin | At::Quote, b'"') => At::Quoted,
                (At::Quoted, b'"') => At::Quote,
                (At::Quoted, _) => At::Quoted,
                (_, byte) if byte == self.delimiter => At::Begin,
                (_, byte) if is_break(byte) => return true,
                (At::Quote, b' ' | b'\t') => At::Quote,
                (At::Quote, _) => return false,
                (At::Begin | At::Bare, _) => At::Bare,
            };
        }
        at != At::Quoted && self.looks > 0
    }

    /// The next line's cells, whatever its quotes; those around a whole cell are none of its text.
    fn by_line(&mut self) -> Result<usize, ExportError> {
        let end = self.rest.iter().position(|byte| is_break(*byte));
        let (line, rest) = self.rest.split_at(end.unwrap_or(self.rest.len()));
        if line.len() > MAX_RECORD_BYTES {
            let record = self.number + 1;
            return Err(ExportError::EndlessRecord { record });
        }
        self.rest = rest;
        let (mut written, mut count) = (0, 0);
        for cell in line.split(|byte| *byte == self.delimiter) {
            let cell = cell.trim_ascii();
            let unquoted = cell
                .strip_prefix(b"\"")
                .and_then(|cell| cell.strip_suffix(b"\""));
            let cell = unquoted.unwrap_or(cell);
            let (Some(place), Some(end)) = (
                self.text.get_mut(written..written + cell.len()),
                self.ends.get_mut(count),
            ) else {
                let row = self.number + 1;
                return Err(ExportError::TooManyCells { row });
            };
            place.copy_from_slice(cell);
            written += cell.len();
            *end = written;
            count += 1;
        }
        Ok(count)
    }

    /// How many cells the next record has by its quotes.
    fn by_quotes(&mut self) -> Result<Option<usize>, ExportError> {
        let (mut written, mut ended) = (0, 0);
        while !self.is_over {
            let (text, ends) = (self.text.get_mut(written..), self.ends.get_mut(ended..));
            let (result, read, bytes, cells) = self.reader.read_record(
                self.rest,
                text.unwrap_or_default(),
                ends.unwrap_or_default(),
            );
            self.rest = self.rest.get(read..).unwrap_or_default();
            written += bytes;
            ended += cells;
            match result {
                // What follows is the end of the text, which an empty input says.
                ReadRecordResult::InputEmpty => {}
                ReadRecordResult::OutputFull => {
                    let record = self.number + 1;
                    return Err(ExportError::EndlessRecord { record });
                }
                ReadRecordResult::OutputEndsFull => {
                    let row = self.number + 1;
                    return Err(ExportError::TooManyCells { row });
                }
                ReadRecordResult::Record => return Ok(Some(ended)),
                ReadRecordResult::End => self.is_over = true,
            }
        }
        Ok(None)
    }
}

fn is_break(byte: u8) -> bool {
    matches!(byte, b'\n' | b'\r')
}

/// A record is looked at once for its quotes, and again where the line is the record.
const LOOKS_PER_BYTE: usize = 4;
/// No payment is told in fewer.
const LEAST_DELIMITERS: usize = 3;

/// Have two lines of the record as many delimiters as all of it? Then they are records, and the quotes around the line break
/// are text.
fn swallows(record: &[u8], cells: Option<usize>, delimiter: u8) -> bool {
    let delimiters = cells.unwrap_or(0).saturating_sub(1);
    let delimiters = delimiters.max(LEAST_DELIMITERS);
    let is_record =
        |line: &&[u8]| line.iter().filter(|byte| **byte == delimiter).count() >= delimiters;
    let lines = record.split(|byte| is_break(*byte));
    lines.filter(is_record).nth(1).is_some()
}

fn cells_of<'a>(text: &'a [u8], ends: &'a [usize], count: usize) -> impl Iterator<Item = &'a str> {
    let ends = ends.iter().take(count);
    ends.scan(0, move |start, end| {
        let cell = text.get(*start..*end).unwrap_or_default();
        *start = *end;
        // Cut at ASCII letters out of a text that was UTF-8.
        Some(std::str::from_utf8(cell).unwrap_or_default())
    })
}
