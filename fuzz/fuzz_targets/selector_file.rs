//! Any text as a selector file; one that is taken then reads a page.
#![no_main]

use libfuzzer_sys::fuzz_target;
use pure::extract;
use pure::promises::read_table;
use pure::selectors::file;

const PAGE: &str = include_str!("../../tests/fixtures/signed/history.html");

fuzz_target!(|data: &[u8]| {
    let text = String::from_utf8_lossy(data);
    let _ = file::asked(&text);
    match file::parse("fuzz", "fuzz.toml", &text) {
        Ok(portal) => {
            let page = extract::parse(PAGE).expect("a page within the limits");
            let _ = read_table(&portal, &page);
        }
        Err(wrong) => {
            assert!(!wrong.is_empty());
            for wrong in wrong.iter() {
                assert!(wrong.line().contains("fuzz.toml"), "{}", wrong.line());
            }
            assert!(wrong.render(false).contains("fuzz.toml"));
            let _ = wrong.render(true);
        }
    }
});
