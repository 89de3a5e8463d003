//! A workbook of several sheets.

use super::*;

/// A workbook of sheets with one text in each cell of a column.
fn workbook(sheets: &[(&str, &[&str])]) -> Vec<u8> {
    const MAIN: &str = "http://schemas.openxmlformats.org/spreadsheetml/2006/main";
    const RELATED: &str = "http://schemas.openxmlformats.org/officeDocument/2006/relationships";
    let (mut list, mut related, mut parts) = (String::new(), String::new(), Vec::new());
    for (at, (name, cells)) in sheets.iter().enumerate() {
        let id = at + 1;
        list += &format!("<sheet name=\"{name}\" sheetId=\"{id}\" r:id=\"r{id}\"/>");
        related += &format!(
            "<Relationship Id=\"r{id}\" Type=\"{RELATED}/worksheet\" Target=\"worksheets/{id}.xml\"/>"
        );
        let row = |(at, text): (usize, &&str)| {
            let at = at + 1;
            format!(
                "<row r=\"{at}\"><c r=\"A{at}\" t=\"inlineStr\"><is><t>{text}</t></is></c></row>"
            )
        };
        let rows: String = cells.iter().enumerate().map(row).collect();
        let sheet =
            format!("<worksheet xmlns=\"{MAIN}\"><sheetData>{rows}</sheetData></worksheet>");
        parts.push((format!("xl/worksheets/{id}.xml"), sheet));
    }
    let book = format!(
        "<workbook xmlns=\"{MAIN}\" xmlns:r=\"{RELATED}\"><sheets>{list}</sheets></workbook>"
    );
    let all = |related: &str| {
        format!(
            "<Relationships xmlns=\"http://schemas.openxmlformats.org/package/2006/relationships\">{related}</Relationships>"
        )
    };
    let related = all(&related);
    let main = format!(
        "<Relationship Id=\"r\" Type=\"{RELATED}/officeDocument\" Target=\"xl/workbook.xml\"/>"
    );
    parts.push(("_rels/.rels".to_owned(), all(&main)));
    parts.push(("xl/workbook.xml".to_owned(), book));
    parts.push(("[Content_Types].xml".to_owned(), String::new()));
    parts.push(("xl/_rels/workbook.xml.rels".to_owned(), related));
    let parts: Vec<(&str, &[u8])> = { parts.iter() }
        .map(|(name, text)| (name.as_str(), text.as_bytes()))
        .collect();
    zip(&parts)
}

#[test]
fn rows_that_go_on_in_another_sheet_are_rows_too() {
    let bytes = workbook(&[
        ("Page 1", &["Id", "A1"]),
        ("Empty", &[]),
        ("Page 2", &["Id", "A2"]),
    ]);
    let html = match read(&bytes, &FileFormat::default(), None, None).unwrap() {
        Converted::Table(html) => html,
        Converted::Html(page) => page,
    };
    assert_eq!(cells(&html).1, rows(&[&["Id"], &["A1"], &["Id"], &["A2"]]));
    assert_eq!(html.matches("<table>").count(), 2);
    let named = FileFormat {
        sheet: Some("Page 2".to_owned()),
        ..FileFormat::default()
    };
    assert_eq!(table(&bytes, &named).unwrap().1, rows(&[&["Id"], &["A2"]]));
}
