//! What real portals do to whoever reads them: each trap with the page or the test that holds it.
//!
//! A page is one of a recording under `selectors/recordings/`, which `portal_test` holds against its expected rows. Of each
//! trap one of them at least was seen to fail with the code taken out that answers it; so must be whatever is added.

use std::fs;
use std::path::Path;

/// A file, and what in it shows the trap: text of a page, or the name of a test.
type Held = (&'static str, &'static str);

const TRAPS: [(&str, &[Held]); 34] = [
    (
        "lines above the header",
        &[
            (
                "selectors/recordings/huawei-ke-till/pages/statement.html",
                "Time Period:",
            ),
            (
                "selectors/recordings/airtel-rw/pages/report.csv",
                "Airtel Money",
            ),
        ],
    ),
    (
        "a header of two rows",
        &[(
            "src/extract/odd_tables.rs",
            "a_header_of_two_rows_is_named_by_both",
        )],
    ),
    (
        "a header that is repeated among the data",
        &[
            (
                "src/extract/tests.rs",
                "preamble_repeated_headers_and_named_rows_are_no_payments",
            ),
            ("selectors/orange-cm.toml", "repeated for each account"),
        ],
    ),
    (
        "sums between the rows",
        &[("selectors/orange-cm.toml", "^Solde initial")],
    ),
    (
        "headers of one name",
        &[(
            "selectors/recordings/mtn-export/columns-54/export.csv",
            "Currency,Balance,Currency",
        )],
    ),
    (
        "a header that changes",
        &[(
            "src/extract/odd_tables.rs",
            "a_header_that_changes_is_found_by_what_it_matches",
        )],
    ),
    (
        "columns that moved between versions",
        &[
            (
                "selectors/recordings/mtn-export/columns-56/export.csv",
                "From,From account,From name",
            ),
            (
                "src/extract/tests.rs",
                "a_header_that_repeats_in_another_order_moves_the_columns",
            ),
        ],
    ),
    (
        "data beside their header",
        &[(
            "src/extract/odd_tables.rs",
            "data_that_stand_beside_their_header_are_read_where_they_stand",
        )],
    ),
    (
        "a TAB before a value",
        &[(
            "selectors/recordings/huawei-ci/pages/statement.html",
            "<td>\t20-11-2026",
        )],
    ),
    (
        "mojibake in a header",
        &[(
            "selectors/recordings/wave/french/export.csv",
            "NumÃ©ro de tÃ©lÃ©phone",
        )],
    ),
    (
        "date and time of day apart",
        &[(
            "src/normalize/odd_values.rs",
            "date_and_time_of_day_may_stand_in_two_columns",
        )],
    ),
    (
        "a clock of 12 hours and double spaces",
        &[(
            "selectors/recordings/wave/english/export.csv",
            "Nov 20  2026  03:40:09 PM",
        )],
    ),
    (
        "day and month in either order",
        &[(
            "src/normalize/odd_values.rs",
            "which_of_day_and_month_comes_first_is_said_by_the_other_rows_or_by_the_pages_order",
        )],
    ),
    (
        "a failed row with an amount in the credit column",
        &[(
            "selectors/recordings/huawei-ci/pages/statement.html",
            "<td>Expired</td><td>XOF</td><td>500</td>",
        )],
    ),
    (
        "a row that ended after the period of the report",
        &[(
            "selectors/recordings/huawei-ci/pages/statement.html",
            "\t21-11-2026 00:10:05",
        )],
    ),
    (
        "one number twice with opposite directions",
        &[(
            "src/identity/tests.rs",
            "different_facts_have_different_ids",
        )],
    ),
    (
        "equal payments one after the other",
        &[(
            "src/identity/tests.rs",
            "twins_keep_their_ids_under_any_window",
        )],
    ),
    (
        "net amounts",
        &[(
            "src/normalize/odd_values.rs",
            "a_fee_column_gives_gross_and_net_whichever_of_them_the_portal_prints",
        )],
    ),
    (
        "a fee as a row or a column of its own",
        &[
            (
                "selectors/recordings/huawei-ke-till/pages/statement.html",
                "Pay merchant Charge",
            ),
            (
                "selectors/recordings/airtel-ug/pages/transactions.html",
                "<th>Fee</th>",
            ),
        ],
    ),
    (
        "withdrawals below zero",
        &[(
            "selectors/recordings/huawei-ci/pages/statement.html",
            "<td>-1000</td>",
        )],
    ),
    (
        "masked payers",
        &[(
            "selectors/recordings/huawei-ke-org/pages/statement.html",
            "***",
        )],
    ),
    (
        "an empty balance",
        &[(
            "selectors/recordings/airtel-ug/pages/transactions.html",
            "<td>Credit</td><td>0</td><td></td></tr>",
        )],
    ),
    (
        "numbers out of order and late rows",
        &[
            (
                "selectors/recordings/mtn-partner/pages/transactions.html",
                "14548812334",
            ),
            (
                "src/completeness.rs",
                "a_reading_stops_only_after_known_rows_that_also_cover_the_time",
            ),
        ],
    ),
    (
        "numbers that became fractions",
        &[(
            "src/normalize/odd_values.rs",
            "a_number_that_became_a_fraction_is_no_reference",
        )],
    ),
    (
        "rows that move between pages",
        &[(
            "tests/simulation/regressions.rs",
            "a_row_that_slides_over_the_end_of_a_page_is_no_twin",
        )],
    ),
    (
        "header and rows in two tables",
        &[(
            "selectors/recordings/mtn-partner/pages/transactions.html",
            "v-table-header-wrap",
        )],
    ),
    (
        "a sign-in within a frame",
        &[(
            "tests/it/portals/tausi.rs",
            "a_table_in_a_frame_is_reached_read_and_paged",
        )],
    ),
    (
        "a dialog at the sign-out",
        &[(
            "tests/it/portals/tausi.rs",
            "a_session_that_was_left_open_is_closed_before_the_form_and_its_dialog_answered",
        )],
    ),
    (
        "a session left open that blocks the next",
        &[(
            "tests/it/portals/tausi.rs",
            "a_session_that_was_left_open_is_closed_before_the_form_and_its_dialog_answered",
        )],
    ),
    (
        "a one-time code, sometimes",
        &[
            (
                "tests/it/portals/mwezi.rs",
                "a_code_is_asked_for_only_sometimes",
            ),
            (
                "tests/it/person/codes.rs",
                "a_code_is_given_by_http_or_by_command_line_when_the_portal_asks_and_only_then",
            ),
        ],
    ),
    (
        "a captcha",
        &[(
            "tests/it/portals/ngome.rs",
            "a_captcha_on_the_form_is_seen_before_anything_is_typed",
        )],
    ),
    (
        "a report by mail",
        &[(
            "selectors/recordings/airtel-rw/pages/by-mail.html",
            "report will be sent to you via email",
        )],
    ),
    (
        "a status that changes later",
        &[(
            "tests/simulation/regressions.rs",
            "an_outage_longer_than_the_look_back_is_read_up",
        )],
    ),
    (
        "a file whose name lies",
        &[
            (
                "tests/it/portals/wimbi.rs",
                "an_export_behind_a_link_is_read_though_its_name_lies",
            ),
            (
                "tests/it/portals/wimbi.rs",
                "an_export_is_asked_for_by_the_form_of_the_page",
            ),
            (
                "src/extract/export/tests.rs",
                "a_workbook_is_known_by_its_bytes_and_shows_its_cells_exactly",
            ),
        ],
    ),
];

#[test]
fn every_trap_of_real_portals_is_held() {
    for (trap, held) in TRAPS {
        assert!(!held.is_empty(), "{trap}");
        for (file, shows) in held {
            let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(file);
            let text = fs::read_to_string(&path).unwrap_or_else(|error| panic!("{file}: {error}"));
            assert!(text.contains(shows), "{trap}: {file} has no `{shows}`");
        }
    }
}
