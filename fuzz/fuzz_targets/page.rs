//! Any bytes as a page of any portal in the box.
#![no_main]

use libfuzzer_sys::fuzz_target;
use pure::promises::read_table;
use pure::understand::{Session, Understood};
use pure::{extract, portals, understand};

fuzz_target!(|data: &[u8]| {
    let Some((portal, rest)) = portals::choose(data) else {
        return;
    };
    let html = String::from_utf8_lossy(rest);
    let Ok(page) = extract::parse(&html) else {
        return;
    };
    let session = understand::session(&portal.marks, &page);
    let table = read_table(portal, &page);
    let account = pure::trial::account(portal, Some("600123"));
    match understand::table_page(portal, &account, &html, portals::now()) {
        Ok(Understood::Not(other)) => assert_eq!(other, session),
        Ok(Understood::Table(read)) => {
            assert_eq!(session, Session::SignedIn);
            assert_eq!(Ok(read.rows.len()), table.map(|table| table.rows.len()));
        }
        Err(error) => assert_eq!(Some(error), table.err()),
    }
    let _ = understand::password_expires_in(&portal.marks, &page);
    let _ = extract::next_address(portal, &html);
    let _ = page.outline();
});
