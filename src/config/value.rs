//! One value of tillwatch.toml: what it must look like, and what to write when it does not. Pure.

use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::diagnostic::table::{Value, Wrong, wrong};
use crate::selectors::parse_duration;

/// A duration from `least` to `most`.
pub fn duration(least: Duration, most: Duration) -> impl Fn(&Value<'_>) -> Option<Duration> + Copy {
    move |value| {
        let bounds = || {
            let (least, most) = (shown(least), shown(most));
            format!("write a duration from `{least}` to `{most}`, such as `30s`, `15m`, `24h`")
        };
        value.parse(|text| match parse_duration(text) {
            Ok(duration) if (least..=most).contains(&duration) => Ok(duration),
            Ok(_) => Err(wrong("is out of bounds", bounds())),
            Err(_) => Err(wrong("is no duration", bounds())),
        })
    }
}

/// A duration in its largest unit that makes a whole number, as one writes it: `90d`, not months and hours.
#[must_use]
pub fn shown(duration: Duration) -> String {
    const UNITS: [(&str, u128); 5] = [
        ("d", 86_400_000),
        ("h", 3_600_000),
        ("m", 60_000),
        ("s", 1_000),
        ("ms", 1),
    ];
    let millis = duration.as_millis();
    UNITS
        .iter()
        .find(|(_, unit)| millis >= *unit && millis.is_multiple_of(*unit))
        .map_or_else(
            || "0s".to_owned(),
            |(word, unit)| format!("{}{word}", millis / unit),
        )
}

/// A size in bytes, at least 4 KiB, written with its unit.
pub fn size(text: &str) -> Result<u64, Wrong> {
    const UNITS: [(&str, u64); 6] = [
        ("KiB", 1 << 10),
        ("MiB", 1 << 20),
        ("GiB", 1 << 30),
        ("kB", 1_000),
        ("MB", 1_000_000),
        ("GB", 1_000_000_000),
    ];
    let bytes = UNITS.iter().find_map(|(unit, factor)| {
        let number: u64 = text.strip_suffix(unit)?.trim_end().parse().ok()?;
        number.checked_mul(*factor)
    });
    match bytes {
        Some(bytes) if bytes >= 4096 => Ok(bytes),
        Some(_) => Err(wrong("is too small", "write at least `4KiB`")),
        None => Err(wrong(
            "is no size",
            "write a number and KiB, MiB, GiB, kB, MB or GB, such as `100MiB`",
        )),
    }
}

/// A path; a relative one begins at the directory of tillwatch.toml, and `./` in it is nothing.
pub fn path(dir: &Path) -> impl Fn(&Value<'_>) -> Option<PathBuf> + Copy {
    move |value| {
        value
            .text()
            .map(|text| dir.join(text).components().collect())
    }
}

/// A program: a path as above, or a bare name to find on PATH.
pub fn program(dir: &Path) -> impl Fn(&Value<'_>) -> Option<PathBuf> + Copy {
    move |value| match value.text()? {
        name if !name.contains(std::path::MAIN_SEPARATOR) => Some(PathBuf::from(name)),
        _ => path(dir)(value),
    }
}
