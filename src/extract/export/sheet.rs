//! Workbooks: XLSX and BIFF .xls. Pure.
//!
//! A sheet is a rectangle: rows are padded to its width, rows without any cell are left out, merged cells become spans. A
//! number is written with the digits that it has: whole ones without a point, others as short as they can be. A
//! date is `2026-11-21 14:10:01`, a time of day `14:10:01`, whatever format shows them.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::io::Cursor;
use std::panic::{AssertUnwindSafe, catch_unwind};

use calamine::{
    Data, Dimensions, ExcelDateTime, Reader, Sheet, SheetType, SheetVisible, Xls, XlsError, Xlsx,
    XlsxError,
};

use super::writer::Writer;
use super::{ExportError, INEXACT, biff};
use crate::extract::{MAX_CELLS, MAX_PAGE_BYTES, MAX_ROWS};

/// Over this, neighbours of a whole number are the same float: its digits may not be those that the portal meant.
const EXACT: f64 = 9_007_199_254_740_992.0;

/// Sheets of one workbook, each of which is read twice.
const MAX_SHEETS: usize = 64;
/// Cells of them, empty ones too: many sheets may be one and the same part of the file.
const MAX_WORKBOOK_CELLS: usize = 2_000_000;

/// A cell's text.
struct Text {
    text: String,
    /// Its last digits may be wrong.
    is_inexact: bool,
}

/// What a sheet holds.
struct Cells {
    cells: BTreeMap<(u32, u32), Text>,
    bytes: usize,
}

/// The sheet of an XLSX workbook that `name` names, or all visible ones, each a table: a long list may go on in the next.
pub(super) fn xlsx(bytes: &[u8], name: Option<&str>) -> Result<String, ExportError> {
    let damaged = ExportError::Damaged { container: "XLSX" };
    let read = || -> Result<String, ExportError> {
        let mut book: Xlsx<_> = Reader::new(Cursor::new(bytes)).map_err(|error| match error {
            XlsxError::Password => ExportError::Encrypted,
            _other => damaged.clone(),
        })?;
        let mut writer = Writer::new("xlsx");
        let mut cells = 0;
        for sheet in chosen(book.sheets_metadata(), name)? {
            let merged = book.merge_cells_by_sheet_name(&sheet);
            let merged = merged.map_err(|_| damaged.clone())?;
            let mut found = Cells::new();
            let mut reader = book
                .worksheet_cells_reader(&sheet)
                .map_err(|_| damaged.clone())?;
            while let Some(cell) = reader.next_cell().map_err(|_| damaged.clone())? {
                cells += 1;
                if cells > MAX_WORKBOOK_CELLS {
                    return Err(ExportError::WorkbookTooLarge);
                }
                found.take(cell.get_position(), &Data::from(cell.get_value().clone()))?;
            }
            found.write(&mut writer, &merged)?;
        }
        written(writer)
    };
    unharmed(read, &damaged)
}

/// The same of a BIFF workbook.
pub(super) fn xls(bytes: &[u8], name: Option<&str>) -> Result<String, ExportError> {
    let damaged = ExportError::Damaged { container: "XLS" };
    let read = || -> Result<String, ExportError> {
        let checked = biff::checked(bytes)?;
        let mut book: Xls<_> = Reader::new(Cursor::new(checked)).map_err(|error| match error {
            XlsError::Password => ExportError::Encrypted,
            _other => damaged.clone(),
        })?;
        let mut writer = Writer::new("xls");
        for sheet in chosen(book.sheets_metadata(), name)? {
            let merged = book.merge_cells_by_sheet_name(&sheet);
            let merged = merged.unwrap_or_default();
            let range = book.worksheet_range(&sheet).map_err(|_| damaged.clone())?;
            let (top, left) = range.start().unwrap_or_default();
            let mut found = Cells::new();
            for (row, column, cell) in range.used_cells() {
                let place = |start: u32, at: usize| u32::try_from(at).ok()?.checked_add(start);
                if let (Some(row), Some(column)) = (place(top, row), place(left, column)) {
                    found.take((row, column), cell)?;
                }
            }
            found.write(&mut writer, &merged)?;
        }
        written(writer)
    };
    unharmed(read, &damaged)
}

/// What comes from outside must not end the agent: the libraries for these formats index into what they read.
fn unharmed(
    read: impl FnOnce() -> Result<String, ExportError>,
    damaged: &ExportError,
) -> Result<String, ExportError> {
    catch_unwind(AssertUnwindSafe(read)).unwrap_or_else(|_| Err(damaged.clone()))
}

fn written(writer: Writer) -> Result<String, ExportError> {
    if writer.has_rows() {
        writer.finish("")
    } else {
        Err(ExportError::Nothing)
    }
}

/// By name, or all visible ones.
fn chosen(sheets: &[Sheet], name: Option<&str>) -> Result<Vec<String>, ExportError> {
    let visible = sheets.iter().filter(|sheet| {
        sheet.visible == SheetVisible::Visible && sheet.typ == SheetType::WorkSheet
    });
    let fitting = visible
        .clone()
        .filter(|sheet| name.is_none_or(|name| sheet.name.trim() == name));
    let fitting: Vec<String> = fitting.map(|sheet| sheet.name.clone()).collect();
    if fitting.len() > MAX_SHEETS {
        return Err(ExportError::WorkbookTooLarge);
    }
    if fitting.is_empty() {
        let visible = visible.count();
        return Err(ExportError::Sheet { visible });
    }
    Ok(fitting)
}

impl Cells {
    fn new() -> Self {
        Self {
            cells: BTreeMap::new(),
            bytes: 0,
        }
    }

    fn take(&mut self, place: (u32, u32), value: &Data) -> Result<(), ExportError> {
        let Some(text) = text(value) else {
            return Ok(());
        };
        self.bytes += text.text.len() + "<td>".len();
        if self.bytes > MAX_PAGE_BYTES {
            return Err(ExportError::TableTooLarge);
        }
        self.cells.insert(place, text);
        Ok(())
    }

    fn write(self, writer: &mut Writer, merged: &[Dimensions]) -> Result<(), ExportError> {
        let width = self.cells.keys().map(|(_, column)| column + 1).max();
        let width = width.unwrap_or(0);
        let rows: BTreeSet<u32> = self.cells.keys().map(|(row, _)| *row).collect();
        if rows.len() > MAX_ROWS {
            return Err(ExportError::TooManyRows);
        }
        if usize::try_from(width).map_or(true, |width| width > MAX_CELLS) {
            return Err(ExportError::TooManyCells { row: 1 });
        }
        if rows.is_empty() {
            return Ok(());
        }
        let spans = Spans::of(merged, &rows, width)?;
        writer.table();
        for row in rows {
            writer.row()?;
            for column in 0..width {
                if spans.covered.contains(&(row, column)) {
                    continue;
                }
                let cell = self.cells.get(&(row, column));
                let mut attributes = spans.attributes(row, column);
                if cell.is_some_and(|cell| cell.is_inexact) {
                    attributes.push(' ');
                    attributes.push_str(INEXACT);
                }
                writer.cell(&attributes, cell.map_or("", |cell| &cell.text))?;
            }
        }
        Ok(())
    }
}

/// Merged cells as spans of the rows that are written.
struct Spans {
    corners: HashMap<(u32, u32), (u32, u32)>,
    covered: HashSet<(u32, u32)>,
}

impl Spans {
    fn of(merged: &[Dimensions], rows: &BTreeSet<u32>, width: u32) -> Result<Self, ExportError> {
        let mut spans = Self {
            corners: HashMap::new(),
            covered: HashSet::new(),
        };
        let mut work = 0;
        for area in merged {
            let (top, left) = area.start;
            let (bottom, right) = (area.end.0, area.end.1.min(width.saturating_sub(1)));
            if top > bottom || left > right {
                continue;
            }
            // Rows without any cell are not written: the area is as high as what is left of it.
            let inside = rows.range(top..=bottom);
            let Some(first) = inside.clone().next().copied() else {
                continue;
            };
            let mut height = 0;
            for row in inside {
                height += 1;
                for column in left..=right {
                    work += 1;
                    if (*row, column) != (first, left) {
                        spans.covered.insert((*row, column));
                    }
                }
                if work > MAX_PAGE_BYTES {
                    return Err(ExportError::TableTooLarge);
                }
            }
            spans
                .corners
                .insert((first, left), (right - left + 1, height));
        }
        Ok(spans)
    }

    fn attributes(&self, row: u32, column: u32) -> String {
        let Some((columns, rows)) = self.corners.get(&(row, column)) else {
            return String::new();
        };
        let mut attributes = String::new();
        if *columns > 1 {
            attributes.push_str(&format!(" colspan={columns}"));
        }
        if *rows > 1 {
            attributes.push_str(&format!(" rowspan={rows}"));
        }
        attributes
    }
}

/// The cell as text; `None` where there is none.
fn text(value: &Data) -> Option<Text> {
    let exact = |text: String| Text {
        text,
        is_inexact: false,
    };
    let text = match value {
        Data::Empty => return None,
        Data::Int(number) => exact(number.to_string()),
        Data::Float(number) => Text {
            text: number_text(*number),
            is_inexact: number.abs() >= EXACT || !number.is_finite(),
        },
        Data::String(text) => exact(text.clone()),
        Data::Bool(true) => exact("TRUE".to_owned()),
        Data::Bool(false) => exact("FALSE".to_owned()),
        Data::DateTime(date) => exact(date_text(date)),
        Data::DateTimeIso(text) => exact(text.replacen('T', " ", 1)),
        Data::DurationIso(text) => exact(text.clone()),
        Data::Error(error) => exact(error.to_string()),
    };
    (!text.text.is_empty()).then_some(text)
}

/// Whole numbers as they are; of others the 15 digits that every decimal survives a float with, and that Excel shows at
/// most: what is beyond them is the sum of roundings.
fn number_text(number: f64) -> String {
    let rounded = if number.fract() == 0.0 {
        None
    } else {
        format!("{number:.14e}").parse::<f64>().ok()
    };
    rounded.unwrap_or(number).to_string()
}

/// A serial date is a day and a part of it, ECMA-376 part 1, 18.17.4: under 1 it is a time of day alone.
fn date_text(date: &ExcelDateTime) -> String {
    let serial = date.as_f64();
    if date.is_duration() {
        return duration_text(serial);
    }
    let (year, month, day, hour, minute, second, milli) = date.to_ymd_hms_milli();
    let mut text = if !(0.0..1.0).contains(&serial) {
        format!("{year:04}-{month:02}-{day:02} {hour:02}:{minute:02}:{second:02}")
    } else {
        format!("{hour:02}:{minute:02}:{second:02}")
    };
    if milli != 0 {
        text.push_str(&format!(".{milli:03}"));
    }
    text
}

/// `26:14:10`: hours are not counted as days.
fn duration_text(days: f64) -> String {
    #[expect(
        clippy::cast_possible_truncation,
        reason = "a cast saturates, and no portal counts so many days"
    )]
    let seconds = (days * 86_400.0).round() as i64;
    let sign = if seconds < 0 { "-" } else { "" };
    let seconds = seconds.unsigned_abs();
    let (hours, minutes) = (seconds / 3600, seconds / 60 % 60);
    format!("{sign}{hours:02}:{minutes:02}:{:02}", seconds % 60)
}
