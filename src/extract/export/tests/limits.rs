//! Files without end, and what unpacks to them: refused by counted bytes, cells and levels.

use super::*;

#[test]
fn what_unpacks_without_end_is_refused_while_it_is_unpacked() {
    let zeros = vec![b' '; MAX_PAGE_BYTES + 1];
    assert_eq!(plain(&zeros), Err(ExportError::TooLarge));
    assert_eq!(plain(&gz(&zeros)), Err(ExportError::TooLarge));
    let bomb = zip(&[("a.csv", &zeros)]);
    assert_eq!(plain(&bomb), Err(ExportError::TooLarge));
    assert_eq!(
        plain(&gz(&zip(&[("b.zip", &bomb)]))),
        Err(ExportError::TooLarge)
    );
    let nested = (0..5).fold(b"a,b\n".to_vec(), |inner, _| zip(&[("x", &inner)]));
    assert_eq!(plain(&nested), Err(ExportError::PackedTooOften));
    let part = vec![b' '; MAX_WORKBOOK_BYTES / 3];
    let parts =
        ["[Content_Types].xml", "a.xml", "b.xml", "c.xml"].map(|name| (name, part.as_slice()));
    assert_eq!(plain(&zip(&parts)), Err(ExportError::WorkbookTooLarge));
}

#[test]
fn endless_lines_rows_and_columns_are_refused() {
    let endless = ExportError::EndlessRecord { record: 1 };
    assert_eq!(plain("x".repeat(MAX_PAGE_BYTES).as_bytes()), Err(endless));
    let open = format!("a,\"{}", "b,c\n".repeat(MAX_RECORD_BYTES));
    assert_eq!(
        plain(open.as_bytes()),
        Err(ExportError::TooManyRows),
        "a quote that is not closed is text"
    );
    let wide = "a,".repeat(MAX_RECORD_BYTES);
    let format = FileFormat {
        delimiter: Some(b','),
        ..FileFormat::default()
    };
    assert_eq!(
        table(wide.as_bytes(), &format),
        Err(ExportError::TooManyCells { row: 1 })
    );
    let long = "a,b\n".repeat(MAX_ROWS + 1);
    assert_eq!(plain(long.as_bytes()), Err(ExportError::TooManyRows));
    // 10 million cells in 8 MiB that are fewer rows than may be.
    let many = format!("{}\n", ",".repeat(499)).repeat(16_000);
    assert_eq!(plain(many.as_bytes()), Err(ExportError::TableTooLarge));
}

#[test]
fn json_without_end_or_bottom_is_refused() {
    let items = |items: &str| {
        json(
            &format!(r#"{{"data": {{"items": [{items}]}}}}"#),
            &endpoint(None),
        )
    };
    let deep = format!("{}1{}", "[".repeat(100_000), "]".repeat(100_000));
    assert_eq!(items(&deep), Err(ExportError::TooDeep { item: 1 }));
    assert_eq!(
        items(&deep.replace('[', "{\"a\":").replace(']', "}")),
        Err(ExportError::TooDeep { item: 1 })
    );
    assert_eq!(
        items(&format!("[{}1]", "1,".repeat(1_000_000))),
        Err(ExportError::TooManyCells { row: 1 })
    );
    assert_eq!(
        items(&format!("{}[1]", "[1],".repeat(1_000_000))),
        Err(ExportError::TooManyRows)
    );
    let is_refused = json(&"[".repeat(MAX_PAGE_BYTES), &endpoint(None)).is_err();
    assert!(is_refused);
}

/// A workbook with a part that says that it has this many texts.
fn with_strings(count: &str) -> Vec<u8> {
    let mut archive = zip::ZipArchive::new(std::io::Cursor::new(XLSX)).unwrap();
    let mut parts = Vec::new();
    for index in 0..archive.len() {
        let mut part = archive.by_index(index).unwrap();
        let mut text = String::new();
        std::io::Read::read_to_string(&mut part, &mut text).unwrap();
        parts.push((part.name().unwrap().into_owned(), text));
    }
    let texts = format!("<sst uniqueCount=\"{count}\"></sst>");
    parts.push(("xl/sharedStrings.xml".to_owned(), texts));
    let parts: Vec<(&str, &[u8])> = parts
        .iter()
        .map(|(name, text)| (name.as_str(), text.as_bytes()))
        .collect();
    zip(&parts)
}

#[test]
fn no_memory_is_taken_for_what_a_workbook_promises() {
    assert!(plain(&with_strings("9")).is_ok());
    for count in [
        "1000000000000",
        "18446744073709551615",
        "999999999999999999999999",
    ] {
        assert_eq!(
            plain(&with_strings(count)),
            Err(ExportError::WorkbookTooLarge)
        );
    }
    // The records of the fixture's sheet: its size (Dimensions), and a cell (Number) moved to the last row and column.
    let place = |kind: [u8; 4]| XLS.windows(4).rposition(|found| found == kind).unwrap();
    let mut bytes = XLS.to_vec();
    let size = place([0x00, 0x02, 0x0E, 0x00]) + 4;
    bytes[size..size + 14]
        .copy_from_slice(&[0, 0, 0, 0, 0xFF, 0xFF, 0xFF, 0x7F, 0, 0, 0xFF, 0xFF, 0, 0]);
    assert!(plain(&bytes).is_ok());
    let cell = place([0x03, 0x02, 0x0E, 0x00]) + 4;
    bytes[cell..cell + 4].copy_from_slice(&[0xFF; 4]);
    assert_eq!(plain(&bytes), Err(ExportError::TableTooLarge));
}

#[test]
fn a_page_of_ten_million_cells_or_two_hundred_megabytes_is_refused() {
    use crate::extract::{ExtractError, parse};
    let page = |html: String| parse(&html).err();
    let bytes = 200 << 20;
    assert_eq!(
        page("<td>".repeat(bytes / 4)),
        Some(ExtractError::PageTooLarge { bytes })
    );
    let cells = format!("<table><tr>{}", "<td>".repeat(2_000_000));
    assert_eq!(page(cells), Some(ExtractError::TooManyNodes));
    assert_eq!(plain(&vec![b'1'; bytes]), Err(ExportError::TooLarge));
}

#[test]
fn cells_that_reach_over_ten_million_places_are_counted_once_per_row() {
    use crate::extract::tests::portal;
    use crate::extract::{extract, parse};
    let fields = "transaction_reference = { header = \"Id\" }\ncompletion_date = { header = \"Time\", formats = [\"%F %T\"] }\n\
                  status = { always = \"completed\" }\ntype = { always = \"merchantpay\" }\namount = { header = \"Amount\" }";
    let header = "<tr><th>Id<th>Time<th>Amount";
    let rows = "<tr><td colspan=500>1<td colspan=1000>2".repeat(19_000);
    let page = parse(&format!("<table>{header}{rows}</table>")).unwrap();
    let rows = extract(&portal("", fields), &page).unwrap().rows;
    assert_eq!(rows.len(), 19_000);
    assert!(
        rows.iter()
            .all(|row| row.problem.is_some() && row.cells.len() <= 2)
    );
}
