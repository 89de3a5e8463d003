//! Files and the tables that they become.
#![expect(clippy::unwrap_used, reason = "a test")]

mod limits;
mod properties;
mod sheets;

use std::io::Write as _;

use encoding_rs::{Encoding, UTF_16LE};
use flate2::Compression;
use flate2::write::GzEncoder;
use regex::Regex;
use scraper::{Html, Selector};
use zip::ZipWriter;
use zip::write::SimpleFileOptions;

use super::*;
use crate::extract::{MAX_PAGE_BYTES, MAX_ROWS};
use crate::selectors::{NextAnswer, Onward, Pointer};

const XLS: &[u8] = include_bytes!("../../../tests/fixtures/exports/report.xls");
const XLSX: &[u8] = include_bytes!("../../../tests/fixtures/exports/report.xlsx");

/// The class of the element, and the cells as the HTML says, white space as it is.
fn cells(element: &str) -> (String, Vec<Vec<String>>) {
    let page = Html::parse_document(element);
    let css = |css| Selector::parse(css).unwrap();
    let class = page.select(&css(ELEMENT)).next().unwrap().attr("class");
    let (row, cell) = (css("downloaded-table > table > tbody > tr"), css("td"));
    let rows = page.select(&row);
    let rows = rows.map(|row| {
        row.select(&cell)
            .map(|cell| cell.text().collect())
            .collect()
    });
    (class.unwrap().to_owned(), rows.collect())
}

fn table(bytes: &[u8], format: &FileFormat) -> Result<(String, Vec<Vec<String>>), ExportError> {
    match read(bytes, format, None, None)? {
        Converted::Table(element) => Ok(cells(&element)),
        Converted::Html(_) => Ok(("html".to_owned(), Vec::new())),
    }
}

fn plain(bytes: &[u8]) -> Result<(String, Vec<Vec<String>>), ExportError> {
    table(bytes, &FileFormat::default())
}

fn rows(wanted: &[&[&str]]) -> Vec<Vec<String>> {
    let row = |row: &&[&str]| row.iter().map(|cell| (*cell).to_owned()).collect();
    wanted.iter().map(row).collect()
}

fn gz(bytes: &[u8]) -> Vec<u8> {
    let mut packed = GzEncoder::new(Vec::new(), Compression::best());
    packed.write_all(bytes).unwrap();
    packed.finish().unwrap()
}

fn zip(files: &[(&str, &[u8])]) -> Vec<u8> {
    let mut packed = ZipWriter::new(std::io::Cursor::new(Vec::new()));
    for (name, bytes) in files {
        packed
            .start_file(*name, SimpleFileOptions::default())
            .unwrap();
        packed.write_all(bytes).unwrap();
    }
    packed.finish().unwrap().into_inner()
}

#[test]
fn a_csv_keeps_its_preamble_its_empty_cells_and_line_breaks_in_cells() {
    let text = "Account Holder:,KILIMA STORES\r\n\r\nReceipt No.,Details,Paid In,Balance\r\nUKL1,\"Pay \"\"Bill\"\"\nAcc. <9>&1\",\"1,500.00\",\r\n\
                Total\r\n";
    assert_eq!(
        plain(text.as_bytes()).unwrap(),
        (
            "csv".to_owned(),
            rows(&[
                &["Account Holder:", "KILIMA STORES"],
                &["Receipt No.", "Details", "Paid In", "Balance"],
                &["UKL1", "Pay \"Bill\"\nAcc. <9>&1", "1,500.00", ""],
                &["Total"],
            ])
        )
    );
}

#[test]
fn a_stray_quote_costs_no_row() {
    let line = |id: usize, text: &str| format!("A{id},2026-11-21 10:00:00,5.00,{text}\n");
    let csv = |odd: &[(usize, &str)]| {
        let text = |id| { odd.iter() }.find(|(at, _)| *at == id);
        let lines = (0..40).map(|id| line(id, text(id).map_or("ref", |(_, text)| text)));
        lines.collect::<String>()
    };
    for odd in [
        &[(7, "\"ref 10")][..],
        &[(7, "\"ref 10"), (20, "\"ref 11")],
        &[(7, "\"ref 10"), (20, "ref 11\"")],
        &[(7, "\"ref 10"), (8, "ref 11\"")],
        &[(7, "\"a\" b"), (39, "\"ref 10")],
    ] {
        let found = plain(csv(odd).as_bytes()).unwrap().1;
        let ids: Vec<&str> = found.iter().map(|row| row[0].as_str()).collect();
        let all: Vec<String> = (0..40).map(|id| format!("A{id}")).collect();
        assert_eq!(ids, all, "{odd:?}");
        assert!(found.iter().all(|row| row.len() == 4), "{odd:?}");
        assert_eq!(found[7][3], odd[0].1);
    }
    let spaced = "A1,\"1,500.00\" ,x\nA2,\"5\" \r\n";
    assert_eq!(
        plain(spaced.as_bytes()).unwrap().1,
        rows(&[&["A1", "1,500.00 ", "x"], &["A2", "5 "]])
    );
    let quoted = "\"A1\",\"5\"\"\",\"ref \"10\"\r\n\"A2\",\"5,00\",\"x\"";
    assert_eq!(
        plain(quoted.as_bytes()).unwrap().1,
        rows(&[&["A1", "5\"\"", "ref \"10"], &["A2", "5,00", "x"]])
    );
}

#[test]
fn the_delimiter_is_the_one_that_most_records_agree_in() {
    for (text, wanted) in [
        (
            "a;b;c\n1,5;2,5;3,5\n1,5;2,5;3,5\n",
            rows(&[
                &["a", "b", "c"],
                &["1,5", "2,5", "3,5"],
                &["1,5", "2,5", "3,5"],
            ]),
        ),
        ("a\tb, c\n1\t2\n", rows(&[&["a", "b, c"], &["1", "2"]])),
        ("a|b\n1|2,3\n", rows(&[&["a", "b"], &["1", "2,3"]])),
        (
            "Report;\nx,y,z\n1,2,3\n4,5,\n",
            rows(&[
                &["Report;"],
                &["x", "y", "z"],
                &["1", "2", "3"],
                &["4", "5", ""],
            ]),
        ),
        ("sep=|\na,b|c\n", rows(&[&["a,b", "c"]])),
    ] {
        assert_eq!(plain(text.as_bytes()).unwrap().1, wanted, "{text}");
    }
    let tied = b"a,b;c\n1,2;3\n";
    assert_eq!(plain(tied), Err(ExportError::Delimiter));
    let format = FileFormat {
        delimiter: Some(b';'),
        ..FileFormat::default()
    };
    assert_eq!(
        table(tied, &format).unwrap().1,
        rows(&[&["a,b", "c"], &["1,2", "3"]])
    );
}

#[test]
fn words_instead_of_a_table_are_no_csv_but_can_be_named() {
    let (class, found) = plain(b"No transactions found\n").unwrap();
    assert_eq!(
        (class.as_str(), found),
        ("text", rows(&[&["No transactions found"]]))
    );
    for empty in ["", " \r\n", "\u{feff}\n"] {
        assert_eq!(plain(empty.as_bytes()), Err(ExportError::Nothing));
    }
}

#[test]
fn every_encoding_gives_the_same_text() {
    let text = "Référence,Crédit\nMP1,5\n";
    let wanted = rows(&[&["Référence", "Crédit"], &["MP1", "5"]]);
    let wide = |mark: &[u8], bytes: fn(u16) -> [u8; 2]| {
        let units = text.encode_utf16().flat_map(bytes);
        mark.iter().copied().chain(units).collect::<Vec<u8>>()
    };
    let latin = encoding_rs::WINDOWS_1252.encode(text).0.into_owned();
    for bytes in [
        text.as_bytes().to_vec(),
        [b"\xef\xbb\xbf", text.as_bytes()].concat(),
        wide(b"\xff\xfe", u16::to_le_bytes),
        wide(b"\xfe\xff", u16::to_be_bytes),
        latin.clone(),
        gz(&latin),
        zip(&[("report.pdf", &latin)]),
        gz(&zip(&[
            ("a/", b""),
            ("a/b.txt", &latin),
            ("__MACOSX/a/._b.txt", b"x"),
        ])),
    ] {
        assert_eq!(plain(&bytes).unwrap().1, wanted);
    }
    let unmarked = wide(b"", u16::to_le_bytes);
    assert_eq!(plain(&unmarked), Err(ExportError::Binary));
    let format = |encoding| FileFormat {
        encoding: Some(encoding),
        ..FileFormat::default()
    };
    assert_eq!(table(&unmarked, &format(UTF_16LE)).unwrap().1, wanted);
    assert_eq!(
        table(&latin, &format(encoding_rs::UTF_8)),
        Err(ExportError::Encoding { encoding: "UTF-8" })
    );
}

#[test]
fn a_workbook_is_known_by_its_bytes_and_shows_its_cells_exactly() {
    let wanted = rows(&[
        &["Relevé de vos opérations", "", "", "", "", "", ""],
        &["Compte :", "237690000001", "", "", "", "", ""],
        &["Opération", "Montant (XAF)", "Payé"],
        &["N°", "Date", "Heure", "Référence", "Débit", "Crédit"],
        &[
            "1",
            "2026-11-21 00:00:00",
            "14:10:01",
            "MP261121.1410.C50001",
            "",
            "341192.86",
            "TRUE",
        ],
        &[
            "2",
            "2026-11-21 00:00:00",
            "00:00:00",
            "26200000000002",
            "0.3",
            "",
            "FALSE",
        ],
        &["3", "2026-11-21 23:59:43", "", "123", "-704.3", "1500", ""],
        &[
            "4",
            "2026-11-21 00:00:00",
            "23:59:59",
            "26200000000000000000",
            "1",
            "",
            "",
        ],
    ]);
    for (bytes, kind) in [(XLS, "xls"), (XLSX, "xlsx")] {
        let (class, found) = plain(bytes).unwrap();
        assert_eq!(class, kind);
        assert_eq!(found, wanted, "{kind}");
        assert_eq!(plain(&gz(&zip(&[("x.csv", bytes)]))).unwrap().1, wanted);
        let Converted::Table(html) = read(bytes, &FileFormat::default(), None, None).unwrap()
        else {
            unreachable!("a workbook is no page")
        };
        assert!(
            html.contains("<td colspan=4>Opération<td colspan=2>Montant (XAF)<td rowspan=2>Payé"),
            "{html}"
        );
        assert_eq!(
            html.matches("<td data-inexact>26200000000000000000")
                .count(),
            1
        );
        assert_eq!(html.matches("data-inexact").count(), 1);
        let named = |name: &str| FileFormat {
            sheet: Some(name.to_owned()),
            ..FileFormat::default()
        };
        assert_eq!(
            table(bytes, &named("Channel User Transaction Report"))
                .unwrap()
                .1,
            wanted
        );
        let hidden = table(bytes, &named("Internal"));
        assert_eq!(hidden, Err(ExportError::Sheet { visible: 1 }));
    }
}

#[test]
fn the_member_of_a_zip_is_the_only_one_or_the_one_that_the_file_names() {
    let packed = zip(&[("Statement_1.csv", b"a,b\n"), ("charges.csv", b"c,d\n")]);
    assert_eq!(
        plain(&packed),
        Err(ExportError::Member {
            files: 2,
            fitting: 2
        })
    );
    let named = |regex| FileFormat {
        member: Some(Regex::new(regex).unwrap()),
        ..FileFormat::default()
    };
    assert_eq!(
        table(&packed, &named("^Statement_")).unwrap().1,
        rows(&[&["a", "b"]])
    );
    let none = table(&packed, &named("\\.xls$"));
    assert_eq!(
        none,
        Err(ExportError::Member {
            files: 2,
            fitting: 0
        })
    );
}

#[test]
fn what_is_no_table_says_what_it_is() {
    assert_eq!(plain(b"%PDF-1.7\n"), Err(ExportError::Pdf));
    assert_eq!(
        plain(b"{\"error\": \"expired\"}"),
        Err(ExportError::UnexpectedJson)
    );
    assert_eq!(
        plain(b"\x1f\x8bxx"),
        Err(ExportError::Damaged { container: "gzip" })
    );
    assert_eq!(
        plain(&XLSX[..XLSX.len() / 2]),
        Err(ExportError::Damaged { container: "ZIP" })
    );
    for cut in [600, 2000, XLS.len() / 2] {
        assert_eq!(
            plain(&XLS[..cut]),
            Err(ExportError::Damaged { container: "XLS" }),
            "{cut}"
        );
    }
    assert_eq!(plain(b"\n <!doctype html><p>sign in").unwrap().0, "html");
}

fn endpoint(next: Option<NextAnswer>) -> Endpoint {
    Endpoint {
        path: "/api".to_owned(),
        rows: Pointer::parse("/data/items").unwrap(),
        next,
    }
}

fn json(text: &str, endpoint: &Endpoint) -> Result<String, ExportError> {
    let asked = Url::parse("https://portal.example/api?from=1&after=x").unwrap();
    match read(
        text.as_bytes(),
        &FileFormat::default(),
        Some(endpoint),
        Some(&asked),
    )? {
        Converted::Table(element) => Ok(element),
        Converted::Html(_) => Ok("html".to_owned()),
    }
}

#[test]
fn a_list_of_json_has_a_column_per_pointer_and_values_as_written() {
    let text = r#"{"data": {"items": [
        {"id": "T_1", "amount": 1500.50, "payer": {"msisdn": "254722***000", "na/me": "J\u00e4ne <D.>"}, "tags": ["a", {"b": 1}]},
        {"id": 9007199254740993, "fee": null, "amount": 1e3, "ok": true, "payer": {}}
    ]}, "other": {"deep": [[[1]]]}}"#;
    let (class, found) = cells(&json(text, &endpoint(None)).unwrap());
    assert_eq!(class, "json");
    assert_eq!(
        found,
        rows(&[
            &[
                "/id",
                "/amount",
                "/payer/msisdn",
                "/payer/na~1me",
                "/tags/0",
                "/tags/1/b",
                "/fee",
                "/ok",
                "/payer"
            ],
            &[
                "T_1",
                "1500.50",
                "254722***000",
                "Jäne <D.>",
                "a",
                "1",
                "",
                "",
                ""
            ],
            &["9007199254740993", "1e3", "", "", "", "", "", "true", ""],
        ])
    );
}

#[test]
fn no_items_is_said_by_an_empty_list_and_by_nothing_else() {
    let list = json(r#"{"data": {"items": []}}"#, &endpoint(None)).unwrap();
    assert!(list.contains("<p class=\"no-items\">"), "{list}");
    let pointer = Pointer::parse("/data/items").unwrap();
    for text in [
        r#"{"error": {"code": 7}}"#,
        r#"{"data": {"items": null}}"#,
        r#"{"data": {"items": {}}}"#,
        "[]",
        "7",
    ] {
        assert_eq!(
            json(text, &endpoint(None)),
            Err(ExportError::NoList {
                pointer: pointer.clone()
            }),
            "{text}"
        );
    }
    let items = |items: &str| {
        json(
            &format!(r#"{{"data": {{"items": [{items}]}}}}"#),
            &endpoint(None),
        )
    };
    assert_eq!(items("{\"a\": 1}, 7"), Err(ExportError::Item { item: 2 }));
    assert_eq!(
        items("{\"a\": 1, \"a\": 2}"),
        Err(ExportError::TwiceKey { item: 1 })
    );
    assert_eq!(json("<p>Sign in", &endpoint(None)).unwrap(), "html");
    assert_eq!(
        json("{\n\"a\": ", &endpoint(None)),
        Err(ExportError::NotJson { line: 2, column: 5 })
    );
}

#[test]
fn the_next_answer_is_a_plain_link_as_long_as_there_is_more() {
    let pointer = |text| Pointer::parse(text).unwrap();
    let link = |page: &str, next: &NextAnswer| {
        let text = format!(r#"{{"data": {{"items": [{{"a": 1}}]}}, "page": {page}}}"#);
        let html = json(&text, &endpoint(Some(next.clone())))?;
        let page = Html::parse_document(&html);
        let css = Selector::parse("a.next").unwrap();
        let href = page.select(&css).next().and_then(|link| link.attr("href"));
        Ok(href.map(str::to_owned))
    };
    let cursor = NextAnswer {
        parameter: "after".to_owned(),
        to: Onward::Cursor(pointer("/page/end")),
        more: Some(pointer("/page/more")),
    };
    let on = "https://portal.example/api?from=1&after=c%26%221";
    assert_eq!(
        link(r#"{"end": "c&\"1", "more": true}"#, &cursor),
        Ok(Some(on.to_owned()))
    );
    assert_eq!(link(r#"{"end": "c1", "more": false}"#, &cursor), Ok(None));
    let unclear = |text| {
        Err(ExportError::Next {
            pointer: pointer(text),
        })
    };
    assert_eq!(
        link(r#"{"end": null, "more": true}"#, &cursor),
        unclear("/page/end")
    );
    assert_eq!(link(r#"{"end": "c1"}"#, &cursor), unclear("/page/more"));
    let cursor = NextAnswer {
        more: None,
        ..cursor
    };
    assert_eq!(link(r#"{"end": null}"#, &cursor), Ok(None));
    let page = NextAnswer {
        parameter: "page".to_owned(),
        to: Onward::Page(1),
        more: Some(pointer("/page/more")),
    };
    let on = "https://portal.example/api?from=1&after=x&page=2";
    assert_eq!(link(r#"{"more": true}"#, &page), Ok(Some(on.to_owned())));
}
