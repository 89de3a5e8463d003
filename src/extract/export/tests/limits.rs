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
    assert_eq!(
        plain("x".repeat(MAX_PAGE_BYTES).as_bytes()),
        Err(endless.clone())
    );
    let open = format!("a,\"{}", "b,c\n".repeat(MAX_RECORD_BYTES));
    assert_eq!(plain(open.as_bytes()), Err(endless));
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
