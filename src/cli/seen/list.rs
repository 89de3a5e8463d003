//! A CSV file of payments that were told already: which column names them, and what is wrong with it. Pure.
//!
//! RFC 4180, with `,`, `;` or a tab between cells, and a header line. Other columns than those named are passed over.

use std::collections::BTreeSet;

use crate::payment::{Direction, RowKind};

/// Lines of one file.
pub const MAX_LINES: usize = 1_000_000;
/// Mistakes that are listed; a file in the wrong form has one in each line.
const MAX_MISTAKES: usize = 20;
/// Longest reference in characters.
const LONGEST: usize = 64;

/// One payment of the file.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Entry {
    /// The portal's reference.
    pub reference: String,
    /// Column `direction`: `credit` or `debit`. Default: credit.
    pub direction: Direction,
    /// Column `kind`: `charge` or `reversal`. Default: an ordinary payment.
    pub kind: Option<RowKind>,
}

/// What is wrong with a file, and where.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Mistake {
    /// No line names the columns.
    #[error(
        "line 1: no column is called `{column}`; the columns are: {found}. Name the one with the portal's reference by `--column`"
    )]
    NoColumn {
        /// The one looked for.
        column: String,
        /// Those that are there.
        found: String,
    },
    /// The cell is empty or missing.
    #[error("line {line}, column `{column}`: there is no text")]
    Empty {
        /// From 1.
        line: usize,
        /// By its header.
        column: String,
    },
    /// A reference is one word of at most 64 characters.
    #[error(
        "line {line}, column `{column}`: this is no reference: write one word of at most {LONGEST} characters"
    )]
    NoReference {
        /// From 1.
        line: usize,
        /// By its header.
        column: String,
    },
    /// Not one of the words.
    #[error("line {line}, column `{column}`: write {words} or nothing")]
    Word {
        /// From 1.
        line: usize,
        /// By its header.
        column: &'static str,
        /// What may stand there.
        words: &'static str,
    },
    /// A quotation mark that nothing closes.
    #[error("line {line}: a quotation mark is not closed")]
    Quote {
        /// From 1.
        line: usize,
    },
    /// Longer than the limit.
    #[error("the file has more than {MAX_LINES} lines: import it in parts")]
    TooLong,
}

/// Every payment of `text`, each once; `column` is the header of the references, without regard to case.
///
/// # Errors
/// Everything that is wrong (the first twenty): then nothing of the file is to be used.
pub fn parse(text: &str, column: &str) -> Result<BTreeSet<Entry>, Vec<Mistake>> {
    let text = text.trim_start_matches('\u{feff}');
    let separator = separator(text.lines().next().unwrap_or_default(), column);
    let rows = rows(text, separator).map_err(|mistake| vec![mistake])?;
    let mut rows = rows.into_iter();
    let heads = rows.next().map_or_else(Vec::new, |(_, cells)| cells);
    let place = |name: &str| heads.iter().position(|head| is(head, name));
    let Some(reference) = place(column) else {
        return Err(vec![Mistake::NoColumn {
            column: column.to_owned(),
            found: heads.join(", "),
        }]);
    };
    let columns = Columns {
        name: column,
        reference,
        direction: place("direction"),
        kind: place("kind"),
    };
    let (mut entries, mut mistakes) = (BTreeSet::new(), Vec::new());
    for (line, cells) in rows {
        if cells.iter().all(|cell| cell.trim().is_empty()) {
            continue;
        }
        match columns.entry(line, &cells) {
            Ok(entry) => {
                entries.insert(entry);
            }
            Err(mistake) => mistakes.push(mistake),
        }
        if mistakes.len() >= MAX_MISTAKES {
            break;
        }
    }
    if mistakes.is_empty() {
        Ok(entries)
    } else {
        Err(mistakes)
    }
}

fn is(head: &str, name: &str) -> bool {
    head.trim().to_lowercase() == name.trim().to_lowercase()
}

/// The separator at which the first line has the column.
fn separator(heads: &str, column: &str) -> char {
    let has = |separator: &char| {
        let mut cells = heads.split(*separator);
        cells.any(|head| is(head.trim().trim_matches('"'), column))
    };
    [',', ';', '\t'].into_iter().find(has).unwrap_or(',')
}

struct Columns<'a> {
    name: &'a str,
    reference: usize,
    direction: Option<usize>,
    kind: Option<usize>,
}

impl Columns<'_> {
    fn entry(&self, line: usize, cells: &[String]) -> Result<Entry, Mistake> {
        let cell = |at: usize| cells.get(at).map_or("", |cell| cell.trim());
        let reference = cell(self.reference);
        let column = self.name.to_owned();
        if reference.is_empty() {
            return Err(Mistake::Empty { line, column });
        }
        let strange = |letter: char| letter.is_whitespace() || letter.is_control();
        if reference.chars().count() > LONGEST || reference.chars().any(strange) {
            return Err(Mistake::NoReference { line, column });
        }
        let direction = match self.direction.map_or("", cell) {
            "" | "credit" => Direction::Credit,
            "debit" => Direction::Debit,
            _ => {
                return Err(Mistake::Word {
                    line,
                    column: "direction",
                    words: "`credit`, `debit`",
                });
            }
        };
        let kind = match self.kind.map_or("", cell) {
            "" => None,
            "charge" => Some(RowKind::Charge),
            "reversal" => Some(RowKind::Reversal),
            _ => {
                return Err(Mistake::Word {
                    line,
                    column: "kind",
                    words: "`charge`, `reversal`",
                });
            }
        };
        Ok(Entry {
            // As the id compares it: the same payment twice is one entry.
            reference: reference.to_ascii_uppercase(),
            direction,
            kind,
        })
    }
}

/// The cells of each row, and the line on which it begins.
fn rows(text: &str, separator: char) -> Result<Vec<(usize, Vec<String>)>, Mistake> {
    let mut rows = Vec::new();
    let (mut cells, mut cell, mut begins, mut line) = (Vec::new(), String::new(), 1, 1);
    let mut quoted: Option<usize> = None;
    let mut letters = text.chars().peekable();
    while let Some(letter) = letters.next() {
        match (letter, quoted) {
            ('"', Some(_)) if letters.peek() == Some(&'"') => {
                letters.next();
                cell.push('"');
            }
            ('"', Some(_)) => quoted = None,
            ('"', None) if cell.trim().is_empty() => quoted = Some(line),
            ('\n', None) => {
                cells.push(std::mem::take(&mut cell));
                rows.push((begins, std::mem::take(&mut cells)));
                line += 1;
                begins = line;
                if line > MAX_LINES {
                    return Err(Mistake::TooLong);
                }
            }
            (_, None) if letter == separator => cells.push(std::mem::take(&mut cell)),
            ('\r', None) if letters.peek() == Some(&'\n') => {}
            (letter, _) => {
                line += usize::from(letter == '\n');
                cell.push(letter);
            }
        }
    }
    if let Some(line) = quoted {
        return Err(Mistake::Quote { line });
    }
    if !(cell.is_empty() && cells.is_empty()) {
        cells.push(cell);
        rows.push((begins, cells));
    }
    Ok(rows)
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test")]
mod tests {
    use super::*;

    fn references(text: &str, column: &str) -> Vec<String> {
        let entries = parse(text, column).unwrap();
        entries.into_iter().map(|entry| entry.reference).collect()
    }

    fn mistakes(text: &str) -> Vec<String> {
        let mistakes = parse(text, "reference").unwrap_err();
        mistakes.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn the_usual_forms_of_csv_are_read() {
        for text in [
            "reference\nUKL1\nUKL2\n",
            "\u{feff}Reference\r\nukl1\r\nUKL2\r\nUKL1",
            "when;reference;note\n2026;UKL1;\"a; b\"\n2026;UKL2;\"two\nlines\"\n\n",
            "\"reference\",amount\n\"UKL1\",\"1,500.00\"\n UKL2 ,5\n",
            "note\treference\n\"say \"\"so\"\"\"\tUKL1\n\tUKL2",
        ] {
            assert_eq!(references(text, "reference"), ["UKL1", "UKL2"], "{text:?}");
        }
        assert_eq!(references("Receipt No.,x\nUKL1,", "receipt no."), ["UKL1"]);
    }

    #[test]
    fn direction_and_kind_name_other_rows_than_payments() {
        let text = "reference,direction,kind\nUKL1,,\nUKL1,debit,charge\nUKL2,debit,reversal\n";
        let entries: Vec<_> = parse(text, "reference").unwrap().into_iter().collect();
        let of = |direction, kind| (direction, kind);
        let found: Vec<_> = entries.iter().map(|e| of(e.direction, e.kind)).collect();
        assert_eq!(
            found,
            [
                of(Direction::Credit, None),
                of(Direction::Debit, Some(RowKind::Charge)),
                of(Direction::Debit, Some(RowKind::Reversal)),
            ]
        );
    }

    #[test]
    fn a_mistake_is_named_by_line_and_column_and_never_by_its_text() {
        let text = "reference,direction\nUKL1,credit\n,credit\nJANE D.,\n\"UKL\n2\",\nUKL3,in\n";
        assert_eq!(
            mistakes(text),
            [
                "line 3, column `reference`: there is no text",
                "line 4, column `reference`: this is no reference: write one word of at most 64 characters",
                "line 5, column `reference`: this is no reference: write one word of at most 64 characters",
                "line 7, column `direction`: write `credit`, `debit` or nothing",
            ]
        );
        assert_eq!(
            mistakes("id,amount\nUKL1,5\n"),
            [
                "line 1: no column is called `reference`; the columns are: id, amount. Name the one with the portal's reference by `--column`"
            ]
        );
        assert_eq!(
            mistakes("reference\n\"UKL1\n"),
            ["line 2: a quotation mark is not closed"]
        );
        assert_eq!(
            mistakes(&format!("reference\n{}", "a b\n".repeat(99))).len(),
            20
        );
    }
}
