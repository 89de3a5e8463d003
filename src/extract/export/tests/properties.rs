//! What was written is what is read, in any dialect; and no bytes do harm.

use proptest::prelude::*;

use super::*;

/// As a portal might write it: each cell quoted or not as the dice say, wherever that is possible.
fn written(rows: &[Vec<String>], delimiter: char, quotes: &[bool], end: &str) -> String {
    let mut dice = quotes.iter().copied().cycle();
    let line = |row: &Vec<String>| {
        let cells: Vec<String> = row
            .iter()
            .map(|cell| {
                let must = cell.contains(['"', '\n', '\r', delimiter])
                    || (cell.is_empty() && row.len() == 1);
                if must || dice.next().unwrap_or(true) {
                    format!("\"{}\"", cell.replace('"', "\"\""))
                } else {
                    cell.clone()
                }
            })
            .collect();
        cells.join(&delimiter.to_string()) + end
    };
    rows.iter().map(line).collect()
}

proptest! {
    #[test]
    fn a_csv_gives_the_rows_that_were_written(
        table_rows in prop::collection::vec(prop::collection::vec("[a-z0-9é€,;|\"\n ]{0,8}", 2..6), 1..8),
        delimiter in prop::sample::select(vec![',', ';', '\t', '|']),
        quotes in prop::collection::vec(any::<bool>(), 1..20),
        end in prop::sample::select(vec!["\n", "\r\n"]),
        encoding in prop::sample::select(vec!["utf-8", "windows-1252", "utf-16le"]),
    ) {
        let text = written(&table_rows, delimiter, &quotes, end);
        let encoding = Encoding::for_label(encoding.as_bytes()).unwrap();
        let bytes: Vec<u8> = if encoding == UTF_16LE {
            text.encode_utf16().flat_map(u16::to_le_bytes).collect()
        } else {
            encoding.encode(&text).0.into_owned()
        };
        let format = FileFormat { delimiter: Some(delimiter as u8), encoding: Some(encoding), ..FileFormat::default() };
        prop_assume!(!text.trim().is_empty());
        // A record of which two lines could be records is taken for these.
        let is_record = |line: &&str| line.matches(delimiter).count() >= 3;
        let is_one = |row: &Vec<String>| written(std::slice::from_ref(row), delimiter, &[true], end).lines().filter(is_record).count() < 2;
        prop_assume!(table_rows.iter().all(is_one));
        prop_assert_eq!(table(&bytes, &format).unwrap().1, table_rows);
    }

    #[test]
    fn json_gives_the_values_that_were_written(
        values in prop::collection::vec(("[ -~é\u{1F600}]{1,12}", -1e15f64..1e15, any::<bool>()), 1..8),
    ) {
        let items: Vec<serde_json::Value> = values
            .iter()
            .map(|(text, number, flag)| serde_json::json!({"t": text, "n": {"x": number}, "f": [flag]}))
            .collect();
        let text = serde_json::json!({"data": {"items": items}}).to_string();
        let (_, found) = cells(&json(&text, &endpoint(None)).unwrap());
        let mut wanted = vec![vec!["/f/0".to_owned(), "/n/x".to_owned(), "/t".to_owned()]];
        wanted.extend(values.iter().map(|(text, number, flag)| {
            vec![flag.to_string(), serde_json::json!(number).to_string(), text.clone()]
        }));
        prop_assert_eq!(found, wanted);
    }

    #[test]
    fn no_bytes_harm_the_reader(bytes in prop::collection::vec(any::<u8>(), 0..600), head in 0..5_usize, cut in 0..8000_usize) {
        let head: &[u8] = [b"".as_slice(), b"\x1f\x8b\x08\0", b"PK\x03\x04", XLS, XLSX][head];
        let mut all = head[..cut.min(head.len())].to_vec();
        all.extend(bytes);
        let _ = plain(&all);
        let _ = read(&all, &FileFormat::default(), Some(&endpoint(None)), None);
    }
}
