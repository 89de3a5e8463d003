//! Pages and the rows they give.
#![expect(clippy::unwrap_used, reason = "a test")]

use super::*;
use crate::selectors::file;

/// A portal whose table and fields are given as TOML; the rest is of no interest to the test.
pub(crate) fn portal(table: &str, fields: &str) -> Portal {
    portal_with_rows(&format!("rows = \"tr\"\n{table}"), fields)
}

/// As [`portal`], with `rows` in `table`.
pub(crate) fn portal_with_rows(table: &str, fields: &str) -> Portal {
    let text = format!(
        r##"
format = 1
operator = "kilima"
origin = "https://org.kilima.example"
zone = "Africa/Nairobi"
currency = "KES"
account_key = "organisationid"
[sign_in]
path = "/"
steps = [{{ fill = "#password", with = "{{password}}" }}, {{ click = "#login" }}]
[session]
page_loads_per_hour = 600

[marks]
signed_in = {{ css = "#operator" }}
signed_out = {{ css = "form#login" }}
outcomes = [{{ css = ".error", is = "wrong-password" }}]
[table]
path = "/statement"
order = "newest-first"
empty = {{ css = "td.none", text = "^No records" }}
{table}
[fields]
decimal = {{ mark = ".", group = "," }}
{fields}
"##
    );
    match file::parse("kilima", "kilima.toml", &text) {
        Ok(portal) => portal,
        Err(wrong) => panic!("{wrong}"),
    }
}

const FIELDS: &str = r#"
transaction_reference = { header = ["Receipt No.", "Receipt"] }
completion_date = { header = "Time", formats = ["%Y-%m-%d %H:%M:%S"] }
status = { always = "completed" }
type = { always = "merchantpay" }
amount = { header = "Amount" }
currency = { header = "Currency", nth = 2 }
"#;
const HEADER: &str = "<tr><th>Receipt No.<th>Time<th>Fee<th>Currency<th>Amount<th>Currency</tr>";
const ROW: &str = "<tr><td>UKL1<td>2026-11-21 12:00:00<td>1<td>UGX<td>5<td>KES</tr>";

fn read(portal: &Portal, html: &str) -> Result<Extracted, ExtractError> {
    extract(portal, &parse(html).unwrap())
}

fn table(rows: &str) -> String {
    format!("<table>{rows}</table>")
}

fn texts(row: &Row) -> Vec<(Field, &str)> {
    row.fields
        .iter()
        .map(|(field, raw)| (*field, raw.text.as_str()))
        .collect()
}

const READ: [(Field, &str); 4] = [
    (Field::TransactionReference, "UKL1"),
    (Field::CompletionDate, "2026-11-21 12:00:00"),
    (Field::Amount, "5"),
    (Field::Currency, "KES"),
];

#[test]
fn a_panic_in_the_reading_of_a_page_is_an_error_of_that_page() {
    let read = guarded(|| -> Result<(), ExtractError> { panic!("a parser's own mistake") });
    assert_eq!(read, Err(ExtractError::Failed));
}

#[test]
fn columns_are_found_by_header_text_wherever_they_stand() {
    let portal = portal("", FIELDS);
    let page = table(&format!("{HEADER}{ROW}"));
    let extracted = read(&portal, &page).unwrap();
    assert_eq!(texts(&extracted.rows[0]), READ);
    let raw = &extracted.rows[0].fields[&Field::Currency];
    assert_eq!(
        (raw.column, raw.origin.as_str()),
        (Some(6), "Currency"),
        "the second of two equal headers"
    );

    let written_otherwise =
        "<tr><td>\u{a0}AMOUNT\t<td>currency<td>curren\u{ad}cy<td>x<td>time <td>rece<b>ipt</b></tr>";
    let page = table(&format!(
        "{written_otherwise}<tr><td>5<td>a<td>KES<td>y<td>2026-11-21\t12:00:00<td> UKL1 </tr>"
    ));
    assert_eq!(texts(&read(&portal, &page).unwrap().rows[0]), READ);
}

#[test]
fn preamble_repeated_headers_and_named_rows_are_no_payments() {
    let portal = portal("skip = [\"^Total \"]", FIELDS);
    let preamble = "<tr><td colspan=2>Account Holder:<td colspan=4>600123 - KILIMA STORES</tr><tr><td>Currency</tr>";
    let page = table(&format!(
        "{preamble}{HEADER}{ROW}<tr><td colspan=6>Total 5</tr>{HEADER}{ROW}"
    ));
    let rows = read(&portal, &page).unwrap().rows;
    assert_eq!(
        rows.iter().map(|row| row.number).collect::<Vec<_>>(),
        [1, 2]
    );
    assert!(
        rows.iter()
            .all(|row| row.problem.is_none() && texts(row) == READ)
    );
}

#[test]
fn a_header_that_repeats_in_another_order_moves_the_columns() {
    let portal = portal("", FIELDS);
    let again = "<tr><th>Time<th>Receipt<th>Currency<th>Currency<th>Amount</tr>";
    let other = "<tr><td>2026-11-21 12:00:00<td>UKL1<td>UGX<td>KES<td>5</tr>";
    let rows = read(&portal, &table(&format!("{HEADER}{ROW}{again}{other}")))
        .unwrap()
        .rows;
    assert_eq!(rows.iter().map(texts).collect::<Vec<_>>(), [READ, READ]);
}

#[test]
fn spans_keep_cells_under_their_headers() {
    let portal = portal("", FIELDS);
    let header = "<tr><th colspan=3>tools<th rowspan=2>Receipt<th colspan=2>when<th colspan=2>money<th rowspan=2>Currency</tr>\
                  <tr><th>a<th>b<th>c<th>Time<th>x<th>Amount<th>Currency</tr>";
    let rows = "<tr><td colspan=3>edit<td>UKL1<td>2026-11-21 12:00:00<td><td>5<td>UGX<td rowspan=2>KES</tr>\
                <tr><td><td><td><td>UKL2<td>2026-11-21 12:00:01<td><td>6<td>UGX</tr>";
    let rows = read(&portal, &table(&format!("{header}{rows}")))
        .unwrap()
        .rows;
    assert_eq!(texts(&rows[0]), READ);
    assert_eq!(
        rows[1].fields[&Field::Currency].text,
        "KES",
        "the cell reaches down from the row above"
    );
    assert_eq!(rows[1].cells.len(), 8);
}

#[test]
fn a_rowspan_ends_with_its_row_group_and_hostile_spans_are_bounded() {
    let portal = portal("", FIELDS);
    let page = format!(
        "<table><tbody>{HEADER}<tr><td rowspan=0 colspan=6>x</tr></tbody><tbody>{ROW}</tbody></table>"
    );
    assert_eq!(texts(&read(&portal, &page).unwrap().rows[1]), READ);
    let wide = table(&format!(
        "{HEADER}<tr><td colspan=400>x<td colspan=400>y</tr>{ROW}"
    ));
    let rows = read(&portal, &wide).unwrap().rows;
    assert_eq!(rows[0].problem, Some(RowProblem::TooManyCells));
    assert_eq!(texts(&rows[1]), READ);
}

#[test]
fn rows_that_do_not_fit_come_out_with_their_problem() {
    let portal = portal("", FIELDS);
    let short = "<tr><td>UKL1<td>2026-11-21 12:00:00<td>5</tr>";
    let long = format!(
        "<tr><td>UKL1<td>{}<td>1<td>UGX<td>5<td>KES</tr>",
        "x".repeat(MAX_CELL_BYTES + 1)
    );
    let rows = read(&portal, &table(&format!("{HEADER}{short}{long}{ROW}")))
        .unwrap()
        .rows;
    assert_eq!(
        rows[0].problem,
        Some(RowProblem::CellCount {
            expected: 6,
            found: 3
        })
    );
    assert_eq!(rows[0].cells, ["UKL1", "2026-11-21 12:00:00", "5"]);
    assert_eq!(rows[1].problem, Some(RowProblem::TextTooLong));
    assert!(rows[0].fields.is_empty() && rows[1].fields.is_empty());
    assert_eq!((rows[2].number, texts(&rows[2])), (3, READ.to_vec()));
}

#[test]
fn no_rows_is_believed_only_where_the_page_says_so() {
    let with_mark = portal("", FIELDS);
    let mut without_mark = portal("", FIELDS);
    without_mark.table.empty = None;
    let none = "<tr><td class=none colspan=6>No records found</tr>";
    for page in [table(&format!("{HEADER}{none}")), table(none)] {
        let extracted = read(&with_mark, &page).unwrap();
        assert!(extracted.says_empty && extracted.rows.is_empty());
    }
    for (portal, page, error) in [
        (&with_mark, table(HEADER), ExtractError::NoRows),
        (&with_mark, "<p>Welcome</p>".into(), ExtractError::NoTable),
        (&with_mark, String::new(), ExtractError::NoTable),
        (
            &with_mark,
            table(&format!("{HEADER}{ROW}{none}")),
            ExtractError::EmptyWithRows { rows: 1 },
        ),
        (&without_mark, table(HEADER), ExtractError::NoRows),
    ] {
        assert_eq!(read(portal, &page), Err(error), "{page}");
    }
    let other_words = table(&format!(
        "{HEADER}<tr><td class=none colspan=6>Please wait</tr>"
    ));
    assert_eq!(
        read(&with_mark, &other_words).unwrap().rows.len(),
        1,
        "a row that no payment can come of"
    );
}

#[test]
fn a_missing_header_is_named_with_what_is_there_and_never_with_a_row() {
    let portal = portal("", FIELDS);
    let renamed = HEADER
        .replace("Amount", "Amounts")
        .replace("Fee", "Fee of 600123");
    let message = read(&portal, &table(&format!("{renamed}{ROW}")))
        .unwrap_err()
        .to_string();
    assert_eq!(
        message,
        "the table has no header `Amount` (field amount), is it `Amounts` now?; \
         it has: Receipt No., Time, Aaa aa 999999, Currency, Amounts, Currency"
    );
    let message = read(&portal, &table(ROW)).unwrap_err().to_string();
    assert!(
        message.starts_with(
            "no row holds the headers that the selector file names (Receipt No., Time"
        ),
        "{message}"
    );
    assert!(!message.contains("UKL1"));
}

#[test]
fn fields_by_css_are_read_within_their_row() {
    let fields = r#"
transaction_reference = { css = "a.ref", attribute = "title" }
completion_date = { css = ".when", formats = ["%Y-%m-%d %H:%M:%S"] }
status = { always = "completed" }
type = { always = "merchantpay" }
amount = { css = ".amount b" }
"#;
    let portal = portal("", fields).tap_rows("div.row");
    let row = |n: u32| {
        format!(
            "<div class=row><a class=ref title=' UKL{n} '>..</a><p class=when>2026-11-21<br>12:00:00</p><p class=amount>KES <b>{n}</b></p></div>"
        )
    };
    let rows = read(&portal, &format!("{}{}", row(1), row(2)))
        .unwrap()
        .rows;
    assert_eq!(rows.len(), 2);
    assert_eq!(
        texts(&rows[1]),
        [
            (Field::TransactionReference, "UKL2"),
            (Field::CompletionDate, "2026-11-21 12:00:00"),
            (Field::Amount, "2"),
        ]
    );
    assert_eq!(rows[1].fields[&Field::Amount].origin, ".amount b");
    assert_eq!(rows[1].cells, ["..", "2026-11-21 12:00:00", "KES 2"]);
}

impl Portal {
    fn tap_rows(mut self, css: &str) -> Self {
        self.table.rows = scraper::Selector::parse(css).unwrap();
        self
    }
}

#[test]
fn the_portals_count_and_next_page_are_seen() {
    let portal = portal(
        "next = \"a#next\"\ncount = { css = \"p\", capture = \"of ([0-9,.x]+)$\" }",
        FIELDS,
    );
    let page = |text: &str| {
        format!(
            "<p>Page</p><p>{text}</p><a id=next>Next</a>{}",
            table(&format!("{HEADER}{ROW}"))
        )
    };
    let extracted = read(&portal, &page("Records 1 - 20 of 1,412")).unwrap();
    assert_eq!(
        (extracted.portal_count, extracted.has_next),
        (Some(1412), true)
    );
    assert_eq!(read(&portal, &page("Records")).unwrap().portal_count, None);
    assert_eq!(
        read(&portal, &page("Records 1 of 12x")).unwrap_err(),
        ExtractError::Count
    );
    assert!(
        !read(&portal, &table(&format!("{HEADER}{ROW}")))
            .unwrap()
            .has_next
    );
}

#[test]
fn a_mark_needs_its_element_and_its_text() {
    let page = parse("<p class=error>Wrong\n password<script>locked</script></p>").unwrap();
    let mark = |css: &str, text: Option<&str>| Mark {
        css: scraper::Selector::parse(css).unwrap(),
        text: text.map(|text| regex::Regex::new(text).unwrap()),
    };
    assert!(page.has(&mark(".error", None)));
    assert!(page.has(&mark("p", Some("^Wrong password$"))));
    assert!(!page.has(&mark("p", Some("locked"))));
    assert!(!page.has(&mark("#error", None)));
}

#[test]
fn more_rows_than_the_limit_refuse_the_page() {
    let portal = portal("", FIELDS);
    let page = table(&format!("{HEADER}{}", "<tr><td>1".repeat(MAX_ROWS)));
    assert_eq!(read(&portal, &page).unwrap_err(), ExtractError::TooManyRows);
}
