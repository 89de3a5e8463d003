//! Lines of cells as columns that fit a terminal. Pure, but for asking how wide the terminal is.

use std::io::IsTerminal;

/// Columns are not made narrower than this.
const NARROWEST: usize = 6;
const BETWEEN: &str = "  ";

/// Columns of the terminal at standard output; `None` where nothing limits a line.
#[must_use]
pub fn terminal_width() -> Option<usize> {
    let stdout = std::io::stdout();
    let size = stdout
        .is_terminal()
        .then(|| rustix::termios::tcgetwinsize(&stdout));
    size.and_then(Result::ok)
        .map(|size| usize::from(size.ws_col))
        .filter(|width| *width > 0)
}

/// Lines up the columns; the widest give way until a line fits `width`. Those named stand at the right.
#[must_use]
pub fn fitted(lines: &[Vec<String>], at_the_right: &[usize], width: Option<usize>) -> String {
    let columns = lines.iter().map(Vec::len).max().unwrap_or_default();
    let longest = |at: usize| {
        lines
            .iter()
            .filter_map(|line| line.get(at))
            .map(|cell| cell.chars().count())
            .max()
    };
    let mut widths: Vec<usize> = (0..columns)
        .map(|at| longest(at).unwrap_or_default())
        .collect();
    let between = BETWEEN.len() * columns.saturating_sub(1);
    while width.is_some_and(|width| widths.iter().sum::<usize>() + between > width) {
        match widths
            .iter_mut()
            .max()
            .filter(|widest| **widest > NARROWEST)
        {
            Some(widest) => *widest -= 1,
            None => break,
        }
    }
    let mut text = String::new();
    for line in lines {
        let cells = line
            .iter()
            .zip(&widths)
            .enumerate()
            .map(|(at, (cell, width))| {
                let cell = shortened(cell, *width);
                if at_the_right.contains(&at) {
                    format!("{cell:>width$}")
                } else {
                    format!("{cell:<width$}")
                }
            });
        text.push_str(cells.collect::<Vec<_>>().join(BETWEEN).trim_end());
        text.push('\n');
    }
    text
}

fn shortened(text: &str, width: usize) -> String {
    if text.chars().count() <= width {
        return text.to_owned();
    }
    text.chars()
        .take(width.saturating_sub(1))
        .chain(['…'])
        .collect()
}
