//! A table that grows in the browser: more rows at a click, rows as one scrolls, details at a click per row. Pure.

/// How the rows come that are not on the page when it is loaded.
#[derive(Debug, Clone)]
pub enum Grow {
    /// `table.more`: a button that adds rows.
    More {
        /// CSS of the button. It is gone, or hidden, after the last row.
        element: String,
        /// CSS of the rows as written in `table.rows`: a click is over when there are more of them.
        rows: String,
    },
    /// `table.scroll`.
    Scroll(Scroll),
}

/// A box in which scrolling makes rows. `table.count` says how many there are.
#[derive(Debug, Clone)]
pub struct Scroll {
    /// CSS of the box that scrolls; `None`: the page.
    pub within: Option<String>,
    /// CSS of the rows that are there at a moment.
    pub row: String,
    /// Attribute that names a row, where rows that are out of view are taken away again: each is collected once. `None`:
    /// rows stay.
    pub key: Option<String>,
}

/// `table.detail`: fields that the page shows at a click per row.
#[derive(Debug, Clone)]
pub struct Detail {
    /// CSS of the rows as written in `table.rows`.
    pub rows: String,
    /// CSS of what is clicked, within the row; rows without it are no data.
    pub click: String,
    /// CSS of what shows the details then, within the row or else on the page.
    pub shows: String,
    /// CSS of what is clicked to close it before the next one.
    pub close: Option<String>,
}
