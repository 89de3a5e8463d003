//! HTML page to rows of text. Pure.
