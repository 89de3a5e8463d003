//! Wimbi: rows in files, from an endpoint, and by a script as one scrolls; each way through a real browser.

use std::fs;

use tillwatch::demo::guest::Which;
use tillwatch::portal::webdriver::WebDriverPortal;
use tillwatch::portal::{Portal as _, PortalError};
use tillwatch::selectors::{self, Read};
use tillwatch::understand::Session;

use super::stage::{Stage, days, sorted};

/// Of the file that is shipped.
const LINK: &str = "download = { link = \"a.export\" }\nrows = \"downloaded-table tr\"\nempty = { header_alone = true }";
const FRENCH: &str =
    "download = { form = \"#export\", fields = { from = \"{from}\", to = \"{to}\" } }
rows = \"downloaded-table tr\"\nempty = { header_alone = true }";
const AS_PAGE: &str = "download = { form = \"#export\", fields = { lang = \"xls\", from = \"{from}\", to = \"{to}\" } }
rows = \"downloaded-table tr\"\nempty = { header_alone = true }";
const CURSOR: &str = "json = { path = \"/api/payments?from={from}&to={to}\", rows = \"/items\", \
next = { cursor = \"/page_info/end_cursor\", parameter = \"after\", more = \"/page_info/has_next_page\" } }
rows = \"downloaded-table tr\"\nempty = { css = \"downloaded-table > .no-items\" }";
const PAGES: &str = "json = { path = \"/api/pages?from={from}&to={to}\", rows = \"/data\", next = { page = \"page\", more = \"/has_more\" } }
rows = \"downloaded-table tr\"\nempty = { css = \"downloaded-table > .no-items\" }";
const MORE: &str =
    "more = \"#load-more\"\nrows = \"#list tr\"\nempty = { css = \"#nothing:not([hidden])\" }";
const GRID: &str = "scroll = { in = \".viewport\", row = \".viewport .row\", key = \"data-key\" }\nheader = \".head .row\"
rows = \"scrolled-rows > .row\"\ncount = { css = \"#count\", capture = \"^([0-9]+) in all\" }\nempty = { css = \"#count\", text = \"^0 in all\" }";
const STREAM: &str = "scroll = { in = \".viewport\", row = \"#list tr.data\" }\nrows = \"#list tr\"
count = { css = \"#count\", capture = \"^([0-9]+) in all\" }\nempty = { css = \"#count\", text = \"^0 in all\" }";
const DETAILS: &str = "steps = [{ wait = \"#filled.yes\" }]\nrows = \"#list tr\"\nempty = { css = \"#nothing:not([hidden])\" }
detail = { click = \"button.show\", shows = \"#detail\", close = \"#detail button.close\" }";

/// Fields as the endpoint names them.
const POINTERS: &[(&str, &str)] = &[
    ("header = \"transaction_id\"", "header = \"/id\""),
    ("header = \"timestamp\"", "header = \"/when\""),
    ("%b %d %Y %I:%M:%S %p", "%Y-%m-%d %H:%M:%S"),
    ("header = \"status\"", "header = \"/status\""),
    (
        "header = \"transaction_type\", map = { merchant",
        "header = \"/type\", map = { merchant",
    ),
    (
        "header = \"transaction_type\", map = { service",
        "header = \"/type\", map = { service",
    ),
    ("header = \"amount\"", "header = \"/amount/value\""),
    ("header = \"currency\"", "header = \"/amount/currency\""),
    (
        "header = \"counterparty_mobile\"",
        "header = \"/counterparty/mobile\"",
    ),
    (
        "header = \"counterparty_name\"",
        "header = \"/counterparty/name\"",
    ),
    (
        "header = \"client_reference\"",
        "header = \"/client_reference\"",
    ),
];
/// Fields that the pages made by script have.
const SCRIPTED: &[(&str, &str)] = &[
    ("%b %d %Y %I:%M:%S %p", "%Y-%m-%d %H:%M:%S"),
    ("currency = { header", "# currency = { header"),
    ("counterparty = { header", "# counterparty = { header"),
    ("payer_name = { header", "# payer_name = { header"),
    (
        "customer_reference = { header",
        "# customer_reference = { header",
    ),
];

/// The file that is shipped with this instead of its download, and other words.
fn file(table: &str, words: &[(&str, &str)]) -> String {
    let file = format!("{}/selectors/wimbi.toml", env!("CARGO_MANIFEST_DIR"));
    let mut text = fs::read_to_string(file).unwrap();
    for (old, new) in [(LINK, table)].iter().chain(words) {
        assert_eq!(text.matches(old).count(), 1, "`{old}` stands there once");
        text = text.replacen(old, new, 1);
    }
    text
}

/// The file of one who reads the endpoint by its cursor.
pub fn file_by_cursor() -> String {
    file(CURSOR, POINTERS)
}

async fn stage(table: &str, words: &[(&str, &str)]) -> Stage {
    let mut stage = Stage::new(Which::Wimbi).await;
    let text = file(table, words);
    let origin = stage.selectors.origin.clone();
    stage.selectors = selectors::file::parse("wimbi", "wimbi.toml", &text)
        .map_err(|found| found.to_string())
        .unwrap();
    stage.selectors.origin = origin;
    stage
}

async fn signed_in(stage: &Stage) -> WebDriverPortal {
    let mut browser = stage.open().await;
    assert_eq!(stage.sign_in(&mut browser).await, Session::SignedIn);
    browser
}

fn id(number: usize, _receipt: &str) -> String {
    format!("T_{number:016}")
}

/// Reads an empty portal, 35 rows, and what is said when the session is over.
async fn reads(stage: Stage) {
    let mut browser = signed_in(&stage).await;
    assert!(stage.read(&mut browser).await.is_empty());
    stage.control().seed_history(35).unwrap();
    assert_eq!(sorted(stage.read(&mut browser).await), stage.shown(id));
    stage.control().expire();
    let page = browser.first_page(days()).await.unwrap();
    assert_eq!(stage.says(&page), Session::SignedOut);
    browser.close().await;
}

#[tokio::test]
async fn an_export_behind_a_link_is_read_though_its_name_lies() {
    reads(stage(LINK, &[]).await).await;
}

#[tokio::test]
async fn an_export_is_asked_for_by_the_form_of_the_page() {
    let french = [
        (
            "header = \"transaction_id\"",
            "header = \"Identifiant de transaction\"",
        ),
        ("header = \"timestamp\"", "header = \"Horodatage\""),
        ("%b %d %Y %I:%M:%S %p", "%Y-%m-%d %H:%M:%S"),
        ("header = \"status\"", "header = [\"État\", \"Etat\"]"),
        (
            "header = \"transaction_type\", map = { merchant",
            "header = \"Type de transaction\", map = { merchant",
        ),
        (
            "header = \"transaction_type\", map = { service",
            "header = \"Type de transaction\", map = { service",
        ),
        ("header = \"amount\"", "header = \"Montant\""),
        ("header = \"currency\"", "header = \"Devise\""),
        (
            "header = \"counterparty_mobile\"",
            "header = \"NumÃ©ro de téléphone\"",
        ),
        ("header = \"counterparty_name\"", "header = \"Nom\""),
        (
            "header = \"client_reference\"",
            "header = \"Référence client\"",
        ),
        ("mark = \".\"", "mark = \",\""),
    ];
    reads(stage(FRENCH, &french).await).await;
}

#[tokio::test]
async fn an_export_that_is_a_web_page_under_another_name_is_read() {
    let fewer = SCRIPTED.get(1..).unwrap();
    reads(stage(AS_PAGE, fewer).await).await;
}

#[tokio::test]
async fn an_endpoint_is_paged_by_its_cursor() {
    reads(stage(CURSOR, POINTERS).await).await;
}

#[tokio::test]
async fn an_endpoint_is_paged_by_number() {
    reads(stage(PAGES, POINTERS).await).await;
}

#[tokio::test]
async fn an_error_in_place_of_the_rows_is_a_portal_that_is_down() {
    for (table, words) in [(LINK, &[] as &[(&str, &str)]), (CURSOR, POINTERS)] {
        let stage = stage(table, words).await;
        stage.control().seed_history(5).unwrap();
        let mut browser = signed_in(&stage).await;
        stage.control().turn(|knobs| knobs.export_fails = true);
        let error = browser.first_page(days()).await.unwrap_err();
        assert!(matches!(error, PortalError::PortalDown { .. }), "{error}");
        stage.control().turn(|knobs| knobs.export_fails = false);
        assert_eq!(stage.read(&mut browser).await.len(), stage.shown(id).len());
        browser.close().await;
    }
}

#[tokio::test]
async fn exports_and_endpoints_are_read_without_a_browser_once_they_gave_the_same_rows() {
    for (table, words) in [
        (LINK, &[] as &[(&str, &str)]),
        (CURSOR, POINTERS),
        (AS_PAGE, SCRIPTED.get(1..).unwrap()),
    ] {
        let mut stage = stage(table, words).await;
        stage.selectors.table.read = Read::Http;
        stage.control().seed_history(35).unwrap();
        let mut browser = signed_in(&stage).await;
        for _ in 0..3 {
            assert_eq!(sorted(stage.read(&mut browser).await), stage.shown(id));
            browser.heard(true).await;
        }
        assert!(!browser.needs_place(), "it goes on without a browser");
        stage.control().expire();
        let page = browser.first_page(days()).await.unwrap();
        assert_eq!(stage.says(&page), Session::SignedOut);
        browser.close().await;
    }
}

#[tokio::test]
async fn rows_are_loaded_until_the_button_is_gone() {
    let words = [SCRIPTED, &[("path = \"/payments?", "path = \"/more?")]].concat();
    reads(stage(MORE, &words).await).await;
}

#[tokio::test]
async fn a_choice_of_more_rows_on_a_page_is_a_step() {
    let steps = "steps = [{ choose = \"#page-size\", option = \"500\" }, { wait = \"#list [data-size='500']\" }]";
    let table = MORE.replace("more = \"#load-more\"", steps);
    let words = [SCRIPTED, &[("path = \"/payments?", "path = \"/more?")]].concat();
    reads(stage(&table, &words).await).await;
}

#[tokio::test]
async fn rows_that_come_at_the_end_of_a_box_and_stay_are_scrolled_for() {
    let words = [SCRIPTED, &[("path = \"/payments?", "path = \"/stream?")]].concat();
    reads(stage(STREAM, &words).await).await;
}

#[tokio::test]
async fn a_grid_that_renders_what_is_in_view_is_scrolled_to_its_end() {
    let words = [SCRIPTED, &[("path = \"/payments?", "path = \"/grid?")]].concat();
    reads(stage(GRID, &words).await).await;
}

#[tokio::test]
async fn a_grid_that_does_not_show_one_of_its_rows_is_an_error_that_says_so() {
    let words = [SCRIPTED, &[("path = \"/payments?", "path = \"/grid?")]].concat();
    let stage = stage(GRID, &words).await;
    stage.control().seed_history(35).unwrap();
    stage.control().turn(|knobs| knobs.grid_hole = true);
    let mut browser = signed_in(&stage).await;
    let all = stage.shown(id).len();
    let error = browser.first_page(days()).await.unwrap_err().to_string();
    let told = format!(
        "scrolling showed {} rows, `table.count` says {all} rows",
        all - 1
    );
    assert!(error.contains(&told), "{error}");
    browser.close().await;
}

#[tokio::test]
async fn details_are_opened_row_by_row() {
    let words = [
        ("path = \"/payments?", "path = \"/details?"),
        ("%b %d %Y %I:%M:%S %p", "%Y-%m-%d %H:%M:%S"),
        ("header = \"transaction_id\"", "css = \"row-detail .id\""),
        ("header = \"status\"", "css = \"row-detail .status\""),
        (
            "header = \"transaction_type\", map = { merchant",
            "css = \"row-detail .type\", map = { merchant",
        ),
        (
            "header = \"transaction_type\", map = { service",
            "css = \"row-detail .type\", map = { service",
        ),
        (
            "header = \"counterparty_name\"",
            "css = \"row-detail .name\"",
        ),
        ("currency = { header", "# currency = { header"),
        ("counterparty = { header", "# counterparty = { header"),
        (
            "customer_reference = { header",
            "# customer_reference = { header",
        ),
    ];
    reads(stage(DETAILS, &words).await).await;
}
