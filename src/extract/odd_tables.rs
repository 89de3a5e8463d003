//! Tests: tables that are not plain, and what shows payments without being a table.
#![expect(clippy::unwrap_used, reason = "a test")]

use super::tests::portal;
use super::*;

const FIELDS: &str = r#"
transaction_reference = { header = "Receipt No." }
completion_date = { header = "Time", formats = ["%Y-%m-%d %H:%M:%S"] }
status = { always = "completed" }
type = { always = "merchantpay" }
"#;

/// The texts of `field` in the rows of a page, or the problem of the row.
fn column(table: &str, fields: &str, field: Field, html: &str) -> Vec<Result<String, String>> {
    let portal = portal(table, fields);
    let extracted = extract(&portal, &parse(html).unwrap()).unwrap();
    let rows = extracted.rows.into_iter();
    rows.map(|row| match row.problem {
        Some(problem) => Err(problem.to_string()),
        None => Ok(row
            .fields
            .get(&field)
            .map(|raw| raw.text.clone())
            .unwrap_or_default()),
    })
    .collect()
}

fn texts(table: &str, fields: &str, field: Field, html: &str) -> Vec<String> {
    let column = column(table, fields, field, html);
    column.into_iter().map(|text| text.unwrap()).collect()
}

#[test]
fn a_header_of_two_rows_is_named_by_both() {
    let fields = format!(
        "{FIELDS}amount = {{ header = \"Amount / In\" }}\ncounterparty = {{ header = \"Payer / Wallet\", key = \"msisdn\" }}"
    );
    let page = "<table><tr><th rowspan=2>Receipt No.<th rowspan=2>Time<th colspan=2>Agent<th colspan=2>Payer<th colspan=2>Amount\
                <tr><th>Name<th>Wallet<th>Name<th>Wallet<th>Out<th>In\
                <tr><td>UKL1<td>2026-11-21 12:00:00<td>A<td>B<td>C<td>D<td><td>5</table>";
    assert_eq!(texts("", &fields, Field::Amount, page), ["5"]);
    assert_eq!(texts("", &fields, Field::Counterparty, page), ["D"]);
}

#[test]
fn the_header_after_another_one_is_found_where_many_are_equal() {
    let fields = format!(
        "{FIELDS}amount = {{ header = \"Amount\" }}\ncurrency = {{ header = \"Currency\", after = \"Amount\" }}"
    );
    for (head, row) in [
        (
            "Fee<th>Currency<th>Amount<th>Currency<th>Balance<th>Currency",
            "1<td>UGX<td>5<td>KES<td>9<td>TZS",
        ),
        (
            "Amount<th>Note<th>Currency<th>Fee<th>Currency",
            "5<td>x<td>KES<td>1<td>UGX",
        ),
    ] {
        let page = format!(
            "<table><tr><th>Receipt No.<th>Time<th>{head}<tr><td>UKL1<td>2026-11-21 12:00:00<td>{row}</table>"
        );
        assert_eq!(texts("", &fields, Field::Currency, &page), ["KES"]);
    }
}

#[test]
fn a_header_that_changes_is_found_by_what_it_matches() {
    let fields = format!(
        "{FIELDS}amount = {{ header = \"Amount\" }}\nbalance_after = {{ header_matches = \"^Account: [0-9]+$\" }}"
    );
    let page = "<table><tr><th>Receipt No.<th>Time<th>Amount<th>Account: 600123\
                <tr><td>UKL1<td>2026-11-21 12:00:00<td>5<td>81200</table>";
    assert_eq!(texts("", &fields, Field::BalanceAfter, page), ["81200"]);
}

#[test]
fn a_column_that_some_pages_lack_may_be_missing_where_the_file_says_so() {
    let amount = "amount = { header = \"Amount\" }";
    let page = "<table><tr><th>Receipt No.<th>Time<th>Amount<tr><td>UKL1<td>2026-11-21 12:00:00<td>5</table>";
    let optional =
        format!("{FIELDS}{amount}\npayer_name = {{ header = \"From account\", optional = true }}");
    assert_eq!(texts("", &optional, Field::PayerName, page), [""]);
    let needed = format!("{FIELDS}{amount}\npayer_name = {{ header = \"From account\" }}");
    let refused = extract(&portal("", &needed), &parse(page).unwrap()).unwrap_err();
    assert!(refused.to_string().contains("`From account`"), "{refused}");
}

#[test]
fn a_header_in_mojibake_is_the_one_that_the_file_names() {
    let fields = format!(
        "{FIELDS}amount = {{ header = \"Montant\" }}\ncounterparty = {{ header = \"Numéro de téléphone\", key = \"msisdn\" }}\n\
         customer_reference = {{ header = \"Référence client\" }}"
    );
    let page = "<table><tr><th>Receipt No.<th>Time<th>Montant<th>NumÃ©ro de tÃ©lÃ©phone<th>Référence client\
                <tr><td>UKL1<td>2026-11-21 12:00:00<td>5<td>221700000000<td>ACC-9900</table>";
    assert_eq!(
        texts("", &fields, Field::Counterparty, page),
        ["221700000000"]
    );
    assert_eq!(
        texts("", &fields, Field::CustomerReference, page),
        ["ACC-9900"]
    );
}

#[test]
fn data_that_stand_beside_their_header_are_read_where_they_stand() {
    let fields = format!("{FIELDS}amount = {{ header = \"Amount\" }}");
    let head = "<table><tr><th>Receipt No.<th>Time<th>Amount<th>Note";
    for (row, side) in [
        ("<td>UKL1<td>2026-11-21 12:00:00<td>5<td>x", ""),
        (
            "<td>store<td>UKL1<td>2026-11-21 12:00:00<td>5<td>x",
            "data_stand = \"right\"",
        ),
        (
            "<td>store<td>UKL1<td>2026-11-21 12:00:00<td>5",
            "data_stand = \"right\"",
        ),
    ] {
        let page = format!("{head}<tr>{row}</table>");
        assert_eq!(texts(side, &fields, Field::Amount, &page), ["5"]);
        assert_eq!(
            texts(side, &fields, Field::TransactionReference, &page),
            ["UKL1"]
        );
    }
    let left = "<table><tr><th>Store<th>Receipt No.<th>Time<th>Amount<tr><td>UKL1<td>2026-11-21 12:00:00<td>5</table>";
    assert_eq!(
        texts("data_stand = \"left\"", &fields, Field::Amount, left),
        ["5"]
    );
    assert!(
        column("", &fields, Field::Amount, left)[0].is_err(),
        "not without leave"
    );
}

#[test]
fn a_row_is_skipped_by_the_text_of_one_column() {
    let fields = format!("{FIELDS}amount = {{ header = \"Amount\" }}");
    let row = |amount: &str| format!("<tr><td>UKL0<td>2026-11-21 12:00:00<td>{amount}");
    let page = format!(
        "<table><tr><th>Receipt No.<th>Time<th>Amount{}{}{}</table>",
        row("0.00"),
        row("10.00"),
        row("0")
    );
    let skip = r#"skip = ["^Total", { header = "Amount", text = "^0+(\\.0+)?$" }]"#;
    assert_eq!(texts(skip, &fields, Field::Amount, &page), ["10.00"]);
}

#[test]
fn what_the_page_takes_from_view_is_read_unless_the_file_says_that_it_is_no_part_of_the_table() {
    let fields = format!("{FIELDS}amount = {{ header = \"Amount\" }}");
    let page = "<table><tr><th>Receipt No.<th>Time<th>Amount\
                <tr><td>UKL1<td>2026-11-21 12:00:00<td><span style='display: none'>0000005</span>5\
                <tr style='display:none'><td>UKL2<td>2026-11-21 12:00:00<td>6\
                <tr hidden><td>{{id}}<td>{{time}}<td>{{amount}}</table>";
    assert_eq!(
        texts("", &fields, Field::Amount, page),
        ["00000055", "6", "{{amount}}"]
    );
    assert_eq!(
        texts("hidden = \"skip\"", &fields, Field::Amount, page),
        ["5"]
    );
    let page = "<table><tr><th>Receipt No.<th>Time<th>Amount\
                <tr><td>UKL1<td style='visibility:collapse'>17<td>2026-11-21 12:00:00<td>5</table>";
    assert!(column("", &fields, Field::Amount, page)[0].is_err());
    assert_eq!(
        texts("hidden = \"skip\"", &fields, Field::Amount, page),
        ["5"]
    );
}

const LABELS: &str = r#"
transaction_reference = { label = "Receipt" }
completion_date = { label = "Time", formats = ["%Y-%m-%d %H:%M:%S"] }
status = { always = "completed" }
type = { always = "merchantpay" }
amount = { label = ["Amount", "Montant"] }
"#;

#[test]
fn cards_and_definition_lists_are_read_by_their_labels() {
    for (rows, one) in [
        (
            ".card",
            "<div class=card><p><b>Receipt:</b> <i>UKL1</i></p><div><span>TIME</span><span>2026-11-21 12:00:00</span></div><div>Amount</div><div>5</div></div>",
        ),
        (
            "dl",
            "<dl><dt>Receipt<dd>UKL1<dt>Time<dd>2026-11-21 12:00:00<dt>Montant :<dd>5</dl>",
        ),
        (
            "table.payment",
            "<table class=payment><tr><th>Receipt<td>UKL1<tr><th>Time<td>2026-11-21 12:00:00<tr><th>Amount<td>5</table>",
        ),
    ] {
        let table = format!("rows = \"{rows}\"");
        let page = format!("<h1>Payments</h1>{one}{one}");
        let portal = tests::portal_with_rows(&table, LABELS);
        let extracted = extract(&portal, &parse(&page).unwrap()).unwrap();
        for row in &extracted.rows {
            let text = |field| row.fields.get(&field).map(|raw| raw.text.as_str());
            assert_eq!(text(Field::TransactionReference), Some("UKL1"), "{rows}");
            assert_eq!(text(Field::CompletionDate), Some("2026-11-21 12:00:00"));
            assert_eq!(text(Field::Amount), Some("5"));
        }
        assert_eq!(extracted.rows.len(), 2);
    }
}

#[test]
fn a_grid_of_divs_is_read_by_its_aria_roles() {
    let fields = format!("{FIELDS}amount = {{ header = \"Amount\" }}");
    let portal = tests::portal_with_rows("rows = \"[role=row]\"", &fields);
    let page = "<div role=grid><div role=row><div><div role=columnheader>Receipt No.</div><div role=columnheader>Time</div></div>\
                <div role=columnheader>Note</div><div role=columnheader>Amount</div></div>\
                <div role=row><div role=gridcell>UKL1</div><div><div role=gridcell>2026-11-21 12:00:00</div></div><div role=gridcell aria-colindex=4>5</div></div>\
                <div role=row><div role=rowheader>UKL2</div><div role=gridcell>2026-11-21 12:00:00</div><div role=gridcell aria-colspan=2>6</div></div></div>";
    let extracted = extract(&portal, &parse(page).unwrap()).unwrap();
    let amounts: Vec<_> = extracted
        .rows
        .iter()
        .map(|row| (row.problem, row.fields[&Field::Amount].text.as_str()))
        .collect();
    assert_eq!(amounts, [(None, "5"), (None, "6")]);
}

#[test]
fn a_nested_table_is_part_of_its_cell() {
    let fields = format!("{FIELDS}amount = {{ header = \"Amount\" }}");
    let portal = tests::portal_with_rows("rows = \"table#outer > tbody > tr\"", &fields);
    let page = "<table id=outer><tr><th>Receipt No.<th>Time<th>Amount\
                <tr><td>UKL1<td>2026-11-21 12:00:00<td><table><tr><td>5</table></table>";
    let extracted = extract(&portal, &parse(page).unwrap()).unwrap();
    assert_eq!(extracted.rows[0].fields[&Field::Amount].text, "5");
    assert_eq!(extracted.rows.len(), 1);
}

#[test]
fn a_payment_above_the_header_is_put_aside_and_a_preamble_is_not() {
    let fields = format!("{FIELDS}amount = {{ header = \"Amount\" }}");
    let head = "<tr><th>Receipt No.<th>Time<th>Amount";
    let row = "<tr><td>UKL1<td>2026-11-21 12:00:00<td>5";
    let preamble =
        "<tr><td>Short Code<td>600123<td><tr><td>From<td>2026-11-01<td><tr><td>Total<td><td>500.00";
    let read = |page: &str| column("", &fields, Field::Amount, page);
    let aside = Err(RowProblem::UnknownHeader.to_string());
    let good = Ok("5".to_owned());
    assert_eq!(
        read(&format!("<table>{preamble}{row}{head}{row}</table>")),
        [aside.clone(), good.clone()]
    );
    assert_eq!(
        read(&format!(
            "<table><tbody>{row}{row}</tbody><thead>{head}</thead></table>"
        )),
        [aside.clone(), aside]
    );
    assert_eq!(
        read(&format!("<table>{preamble}{head}{row}</table>")),
        [good]
    );
}

#[test]
fn rows_under_titles_that_the_file_does_not_know_are_put_aside_until_known_ones_come() {
    let fields = format!(
        "{FIELDS}credit = {{ header = \"Paid In\" }}\ndebit = {{ header = \"Withdrawn\" }}"
    );
    let head = "<tr><th>Receipt No.<th>Time<th>Paid In<th>Withdrawn";
    let other = "<tr><td>Receipt<td>Time<td>Debit<td>Credit";
    let row = "<tr><td>UKL1<td>2026-11-21 12:00:00<td>5<td>";
    let page = format!("<table>{head}{row}</table><table>{other}{row}{row}{head}{row}</table>");
    let aside = Err(RowProblem::UnknownHeader.to_string());
    let good = Ok("5".to_owned());
    assert_eq!(
        column("", &fields, Field::Credit, &page),
        [
            good.clone(),
            aside.clone(),
            aside.clone(),
            aside.clone(),
            good.clone()
        ]
    );
    let first = |other: &str, more: &str| {
        format!("<table>{other}{row}{more}</table><table>{head}{row}</table>")
    };
    for first in [
        first(other, ""),
        first(
            "<tr><th>Account 600123456<th>Time<th>Withdrawn<th>Paid In",
            "",
        ),
        first(
            "<tr><th>Receipt No.<th>Time<th>Type<th>Debit<th>Credit",
            "<td>6",
        ),
    ] {
        let read = column("", &fields, Field::Credit, &first);
        assert_eq!(read, [aside.clone(), good.clone()], "{first}");
    }
}

#[test]
fn a_row_of_filters_below_the_titles_says_nothing_of_the_rows() {
    let fields = format!("{FIELDS}amount = {{ header = \"Amount\" }}");
    let filters = "<th><select><option>All<option>Some</select>".repeat(3);
    let page = format!(
        "<table><tr><th>Receipt No.<th>Time<th>Amount<tr>{filters}<tr><td>UKL1<td>2026-11-21 12:00:00<td>5</table>"
    );
    assert_eq!(
        column("", &fields, Field::Amount, &page).last(),
        Some(&Ok("5".to_owned()))
    );
}

#[test]
fn a_row_under_unknown_titles_is_read_again_under_those_and_no_others() {
    let known = |names: (&str, &str)| {
        let fields = format!(
            "{FIELDS}credit = {{ header = {} }}\ndebit = {{ header = {} }}",
            names.0, names.1
        );
        portal("", &fields)
    };
    let old = known(("\"Paid In\"", "\"Withdrawn\""));
    let new = known(("[\"Paid In\", \"Credit\"]", "[\"Withdrawn\", \"Debit\"]"));
    let page = parse(
        "<table><tr><th>Receipt No.<th>Time<th>Paid In<th>Withdrawn<tr><th>Receipt No.<th>Time<th>Debit<th>Credit\
         <tr><td>UKL1<td>2026-11-21 12:00:00<td>5<td></table>",
    )
    .unwrap();
    let extracted = extract(&old, &page).unwrap();
    let held = extracted.held(&old, &page, 1).unwrap();
    let own = &extracted.rows[1].cells;
    assert!(reread(&old, &held, own).is_err());
    let row = reread(&new, &held, own).unwrap().unwrap();
    assert_eq!(row.fields[&Field::Debit].text, "5");
    assert_eq!(row.fields[&Field::Credit].text, "");
}
