//! The portals that pages, downloads and cells are read for.

use std::sync::LazyLock;

use chrono::{DateTime, Utc};

use crate::selectors::{Portal, file};

macro_rules! files {
    ($($path:literal),* $(,)?) => {
        [$(($path, include_str!(concat!("../../", $path)))),*]
    };
}

/// The place of a file is what a corpus names it by: new ones come last.
static BOX: LazyLock<Vec<Portal>> = LazyLock::new(|| {
    let files = files![
        "selectors/airtel-rw.toml",
        "selectors/airtel-ug.toml",
        "selectors/ezeemoney.toml",
        "selectors/huawei-ci.toml",
        "selectors/huawei-ke-org.toml",
        "selectors/huawei-ke-till.toml",
        "selectors/kilima.toml",
        "selectors/mtn-export.toml",
        "selectors/mtn-partner.toml",
        "selectors/mwezi.toml",
        "selectors/ngome.toml",
        "selectors/orange-bf.toml",
        "selectors/orange-cm.toml",
        "selectors/tausi.toml",
        "selectors/wave.toml",
        "selectors/wimbi.toml",
        "tests/fixtures/phpliteadmin/phpliteadmin.toml",
        "tests/fixtures/signed/signed.toml",
    ];
    files.map(|(path, text)| portal(path, text)).into()
});

/// The portal that the first byte names, and the other bytes.
pub fn choose(data: &[u8]) -> Option<(&'static Portal, &[u8])> {
    let (first, rest) = data.split_first()?;
    let portal = BOX.get(usize::from(*first) % BOX.len())?;
    Some((portal, rest))
}

/// Reads a selector file that is known to be good.
pub fn portal(path: &str, text: &str) -> Portal {
    let name = path.trim_end_matches(".toml").rsplit('/').next();
    file::parse(name.unwrap_or_default(), path, text).unwrap_or_else(|wrong| panic!("{wrong}"))
}

/// The instant at which everything is read: later than every date in the seeds.
pub fn now() -> DateTime<Utc> {
    DateTime::from_timestamp(1_800_000_000, 0).unwrap_or_default()
}
