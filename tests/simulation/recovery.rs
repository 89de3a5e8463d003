//! A person rebuilds the store from what the file sink holds.

use std::path::Path;

use tillwatch::event::source;
use tillwatch::sink::file;
use tillwatch::store::{self, History, KnownAccount, Sources};

use crate::far_time::Calendar;
use crate::life::{account_name, account_ref};
use crate::sinks::Held;

/// As `tillwatch store rebuild` does it.
pub fn rebuild(state: &Path, held: &Held, calendar: &Calendar) {
    let path = state.join("held.ndjson");
    let mut text = String::new();
    for line in held.lock().expect("held").iter() {
        text.push_str(&line.json);
        text.push('\n');
    }
    std::fs::write(&path, text).expect("written");
    let mut history = History::default();
    file::told(&path, |told| history.add(told)).expect("lines of ours");
    let account = KnownAccount {
        name: account_name(),
        source: source(&account_ref()),
        since: Some(calendar.began),
    };
    let sources = Sources {
        accounts: vec![account],
        sinks: vec!["file".to_owned(), "plain".to_owned()],
        histories: vec![history],
        since: None,
    };
    store::rebuild(state, sources).unwrap_or_else(|error| panic!("rebuild: {error}"));
}
