//! Names the rows among the data that are no payments, such as totals: by all of their words, with any numbers. Pure.
//!
//! A payment may begin with the same word, "Total Kenya", so a pattern leaves no room for other words, nor for a time of day.

use std::sync::LazyLock;

use regex::Regex;

use super::fields::literal;
use super::grid::is_data;

/// Numbers beside each other.
static NUMBERS: LazyLock<Option<Regex>> =
    LazyLock::new(|| Regex::new(r"[-+(]?[0-9]([0-9.,'’ ]*[0-9])?\)?").ok());

/// What stands for them in a pattern.
const ANY_NUMBERS: &str = r"[-+(]?[0-9][0-9.,'’ ]*\)?";

/// Regexes for `table.skip`, none of which fits a payment among `rows`.
pub(super) fn patterns(rows: &[Vec<String>]) -> Vec<String> {
    let (data, others): (Vec<_>, Vec<_>) = rows.iter().partition(|row| is_data(row));
    let data: Vec<String> = data.iter().map(|row| filled(row).join(" ")).collect();
    let fits_payment = |regex: Regex| data.iter().any(|row| regex.is_match(row));
    let mut found: Vec<String> = others
        .iter()
        .filter_map(|row| pattern(row))
        .filter(|pattern| Regex::new(pattern).is_ok_and(|regex| !fits_payment(regex)))
        .collect();
    found.sort();
    found.dedup();
    found
}

/// The whole text of a row of a word and little else.
fn pattern(row: &[String]) -> Option<String> {
    let mut texts = filled(row);
    // A cell that spans columns stands in each of them.
    texts.dedup();
    let word = texts.first()?.split_whitespace().next()?;
    if texts.len() > 2 || !word.chars().all(char::is_alphabetic) {
        return None;
    }
    let whole = texts.join(" ");
    let (mut pattern, mut at) = ("^".to_owned(), 0);
    for numbers in NUMBERS.as_ref()?.find_iter(&whole) {
        pattern.push_str(&literal(whole.get(at..numbers.start())?));
        pattern.push_str(ANY_NUMBERS);
        at = numbers.end();
    }
    pattern.push_str(&literal(whole.get(at..)?));
    pattern.push('$');
    Some(pattern)
}

fn filled(row: &[String]) -> Vec<&str> {
    let texts = row.iter().map(String::as_str);
    texts.filter(|text| !text.is_empty()).collect()
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test")]
mod tests {
    use super::*;

    fn row(cells: &[&str]) -> Vec<String> {
        cells.iter().map(|cell| (*cell).to_owned()).collect()
    }

    #[test]
    fn a_pattern_fits_its_row_with_other_numbers_and_no_other_words() {
        let payment = row(&["JANE D.", "12-11-2026 10:00", "500.00"]);
        for (cells, fits, other) in [
            (
                ["Total", "", "500.00"],
                ["Total 1,500.00", "Total (20.00)", "Total -3 7"],
                "Total Kenya 500.00",
            ),
            (
                ["Page 1 of 3"; 3],
                ["Page 1 of 3", "Page 12 of 30", "Page 2 of 3"],
                "Page Ltd 1 of 3",
            ),
            (
                ["Total KES1,500.00", "", ""],
                ["Total KES1,500.00", "Total KES20", "Total KES-4.00"],
                "Total UGX20",
            ),
            (
                ["Fin", "", ""],
                ["Fin", "Fin", "Fin"],
                "Fin 12-11-2026 10:00 500.00",
            ),
        ] {
            let found = patterns(&[payment.clone(), row(&cells)]);
            let regex = Regex::new(&found.concat()).unwrap();
            for text in fits {
                assert!(regex.is_match(text), "{text} by {found:?}");
            }
            let payment = "Total 12-11-2026 10:00 500.00 13460000001";
            for text in [other, payment] {
                assert!(!regex.is_match(text), "{text} by {found:?}");
            }
        }
    }

    #[test]
    fn what_fits_a_payment_of_the_page_is_no_pattern() {
        let payment = row(&["Total", "12-11-2026 10:00", "500.00"]);
        let alike = row(&["Total 13-11-2026 11:00 500.00", "", ""]);
        assert!(patterns(&[payment.clone(), alike]).is_empty());
        assert_eq!(patterns(&[payment, row(&["Total", "", ""])]), ["^Total$"]);
    }
}
