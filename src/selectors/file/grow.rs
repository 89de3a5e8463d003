//! `table.more`, `table.scroll` and `table.detail` of a selector file. Pure.

use super::{steps, value};
use crate::diagnostic::table::{Table, Value};
use crate::selectors::{Detail, Grow, Scroll};

const SCROLL: &str = "{ in = \"div.viewport\", row = \"div.row\", key = \"data-key\" }";
const DETAIL: &str =
    "{ click = \"button.details\", shows = \"#detail\", close = \"#detail button\" }";

/// How the table grows, and the details of its rows.
pub fn read(section: &Table<'_>) -> (Option<Grow>, Option<Detail>) {
    let rows = section.value("rows", "").and_then(|rows| rows.text());
    let more = section.optional("more", "\"#load-more\"", steps::css);
    let scroll = section.optional("scroll", SCROLL, |scroll| scroll.table(self::scroll));
    let detail = section.optional("detail", DETAIL, |detail| {
        detail.table(|table| one(table, rows))
    });
    for (key, other) in [
        ("more", "scroll"),
        ("more", "next"),
        ("scroll", "next"),
        ("more", "download"),
        ("scroll", "download"),
        ("detail", "download"),
        ("more", "json"),
        ("scroll", "json"),
        ("detail", "json"),
    ] {
        if let Some(value) = section.value(key, "").filter(|_| section.has(other)) {
            value.wrong::<()>(
                format!("stands beside `{other}`"),
                "keep the one by which the rows come",
            );
        }
    }
    if let Some(value) = section
        .value("scroll", SCROLL)
        .filter(|_| !section.has("count"))
    {
        value.wrong::<()>(
            "needs `count`",
            "name where the page says how many rows there are: nothing else tells that all were in view",
        );
    }
    let more = more.zip(rows).map(|(element, rows)| Grow::More {
        element,
        rows: rows.to_owned(),
    });
    (more.or_else(|| scroll.map(Grow::Scroll)), detail)
}

fn scroll(table: &Table<'_>) -> Option<Scroll> {
    let within = table.optional("in", "\"div.viewport\"", steps::css);
    let row = table.need("row", "\"div.row\"", steps::css);
    let key = table.optional("key", "\"data-key\"", Value::text);
    Some(Scroll {
        within,
        row: row?,
        key: key.map(str::to_owned),
    })
}

fn one(table: &Table<'_>, rows: Option<&str>) -> Option<Detail> {
    let click = table.need("click", "\"button.details\"", steps::css);
    let shows = table.need("shows", "\"#detail\"", |css| {
        css.parse(|css| value::css(css).map(|_| css.to_owned()))
    });
    let close = table.optional("close", "\"#detail button\"", steps::css);
    Some(Detail {
        rows: rows?.to_owned(),
        click: click?,
        shows: shows?,
        close,
    })
}
