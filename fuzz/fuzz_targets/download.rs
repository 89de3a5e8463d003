//! Any bytes as an export: as they are, or as the one sheet of a workbook, whose checksums mutation would not survive.
#![no_main]

use std::io::{Cursor, Write};

use libfuzzer_sys::fuzz_target;
use pure::extract::export::{self, Converted};
use pure::promises::{self, read_table};
use pure::{extract, portals};
use scraper::Selector;
use zip::CompressionMethod::Stored;
use zip::ZipWriter;
use zip::write::SimpleFileOptions;

/// Everything in a workbook but its sheet: where it is, a text that cells share, and a format of dates.
const AROUND: [(&str, &str); 5] = [
    (
        "[Content_Types].xml",
        r#"<Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types"/>"#,
    ),
    (
        "xl/_rels/workbook.xml.rels",
        r#"<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships"><Relationship Id="r1" Type="http://schemas.openxmlformats.org/officeDocument/2006/relationships/worksheet" Target="worksheets/sheet1.xml"/></Relationships>"#,
    ),
    (
        "xl/workbook.xml",
        r#"<workbook xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main" xmlns:r="http://schemas.openxmlformats.org/officeDocument/2006/relationships"><sheets><sheet name="Rows" sheetId="1" r:id="r1"/></sheets></workbook>"#,
    ),
    (
        "xl/sharedStrings.xml",
        r#"<sst xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main" count="1" uniqueCount="1"><si><t>Amount</t></si></sst>"#,
    ),
    (
        "xl/styles.xml",
        r#"<styleSheet xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"><cellXfs count="3"><xf numFmtId="0"/><xf numFmtId="22"/><xf numFmtId="4"/></cellXfs></styleSheet>"#,
    ),
];

fuzz_target!(init: promises::caught_panics_are_none(), |data: &[u8]| {
    let Some((portal, rest)) = portals::choose(data) else {
        return;
    };
    let Some((way, rest)) = rest.split_first() else {
        return;
    };
    let file = match way {
        b'x' => workbook(rest),
        _ => rest.to_vec(),
    };
    let Ok(converted) = export::convert(portal, &file, None) else {
        return;
    };
    let is_table = matches!(converted, Converted::Table(_));
    let page = extract::parse(&converted.into_element());
    if is_table {
        let page = page
            .as_ref()
            .expect("what is made of a file is within the limits");
        assert!(page.is_export());
        let css = Selector::parse(export::ELEMENT).expect("a name");
        assert_eq!(page.count(&css), 1, "no cell breaks out of its element");
    }
    if let Ok(page) = page {
        let _ = read_table(portal, &page);
    }
});

fn workbook(sheet: &[u8]) -> Vec<u8> {
    let mut archive = ZipWriter::new(Cursor::new(Vec::new()));
    let parts = AROUND.iter().map(|(name, text)| (*name, text.as_bytes()));
    for (name, bytes) in parts.chain([("xl/worksheets/sheet1.xml", sheet)]) {
        let options = SimpleFileOptions::default().compression_method(Stored);
        archive.start_file(name, options).expect("a new part");
        archive.write_all(bytes).expect("written to memory");
    }
    archive.finish().expect("written to memory").into_inner()
}
