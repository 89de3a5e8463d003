//! Tests: a table of any size, order and spans is read as it was written.
#![expect(clippy::unwrap_used, reason = "a test")]

use proptest::prelude::*;

use super::tests::portal;
use super::*;

/// Three fields by header; the other columns are nobody's.
const FIELDS: &str = r#"
transaction_reference = { header = "Receipt" }
completion_date = { header = "Time", formats = ["%Y-%m-%d %H:%M:%S"] }
status = { always = "completed" }
type = { always = "merchantpay" }
amount = { header = "Amount" }
"#;
const WANTED: [(Field, &str); 3] = [
    (Field::TransactionReference, "Receipt"),
    (Field::CompletionDate, "Time"),
    (Field::Amount, "Amount"),
];

#[derive(Debug, Clone)]
struct Drawn {
    headers: Vec<String>,
    rows: Vec<Vec<String>>,
    /// How wide and how high each cell may grow over equal ones.
    growth: Vec<(usize, usize)>,
}

fn drawn() -> impl Strategy<Value = Drawn> {
    let headers: Vec<String> = ["Receipt", "Time", "Amount", "Note", "Fee", "Note"]
        .map(str::to_owned)
        .to_vec();
    // Few texts, so that neighbours are often equal and can be one cell.
    let cell = prop_oneof!["[ab]", Just(String::new()), "[0-9]{1,3} [x<&\"é]"];
    let rows = prop::collection::vec(prop::collection::vec(cell, 6), 1..8);
    let growth = prop::collection::vec((1..4_usize, 1..4_usize), 60);
    (Just(headers).prop_shuffle(), rows, growth).prop_map(|(headers, rows, growth)| Drawn {
        headers,
        rows,
        growth,
    })
}

/// HTML of the rows; equal neighbours become one cell where the growth says so.
fn rendered(drawn: &Drawn) -> String {
    let mut covered = vec![vec![false; 6]; drawn.rows.len()];
    let mut growth = drawn.growth.iter().cycle();
    let head: String = drawn
        .headers
        .iter()
        .map(|header| format!("<th>{header}"))
        .collect();
    let mut html = format!("<table><tr>{head}");
    for (at, row) in drawn.rows.iter().enumerate() {
        html.push_str("<tr>");
        for (column, text) in row.iter().enumerate() {
            if covered[at][column] {
                continue;
            }
            let (wide, high) = *growth.next().unwrap();
            let same = |at: usize, column: usize| {
                drawn.rows.get(at).and_then(|row| row.get(column)) == Some(text)
            };
            let wide = (1..wide)
                .take_while(|more| same(at, column + more) && !covered[at][column + more])
                .count()
                + 1;
            let high = (1..high)
                .take_while(|more| (0..wide).all(|over| same(at + more, column + over)))
                .count()
                + 1;
            for down in 0..high {
                covered[at + down][column..column + wide].fill(true);
            }
            let text = text.replace('&', "&amp;").replace('<', "&lt;");
            html.push_str(&format!("<td colspan={wide} rowspan={high}>{text}"));
        }
    }
    html + "</table>"
}

proptest! {
    #[test]
    fn a_table_is_read_as_it_was_written(drawn in drawn()) {
        let html = rendered(&drawn);
        let portal = portal("", FIELDS);
        let extracted = extract(&portal, &parse(&html).unwrap()).unwrap();
        prop_assert_eq!(extracted.rows.len(), drawn.rows.len());
        for (row, written) in extracted.rows.iter().zip(&drawn.rows) {
            prop_assert_eq!(row.problem, None);
            for (field, header) in WANTED {
                let column = drawn.headers.iter().position(|known| known == header).unwrap();
                prop_assert_eq!(&row.fields[&field].text, &written[column]);
                prop_assert_eq!(row.fields[&field].column, Some(column + 1));
            }
        }
    }
}
