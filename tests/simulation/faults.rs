//! What a portal answers that works or does not, and how often each fault comes.

use tillwatch::portal::Page;

use crate::books::HEADER;

/// How often, in thousandths of a call, each fault comes.
#[derive(Debug, Clone, Default)]
pub struct Faults {
    pub hang: u64,
    pub browser: u64,
    pub down: u64,
    pub stranger: u64,
    pub no_table: u64,
    pub bare: u64,
    pub slow: u64,
    pub expire: u64,
    pub crash_in_submit: u64,
}

/// Faults that really came, for the report.
#[derive(Debug, Clone, Copy, Default)]
pub struct Came {
    pub failed_loads: u64,
    pub strangers: u64,
    pub no_tables: u64,
    pub bare: u64,
    pub expired: u64,
    pub restored: u64,
    pub captchas: u64,
    pub solved: u64,
    /// Times that the sign-in page said that somebody else is signed in.
    pub closed_forms: u64,
    /// Times that a page was waited for, because the hour's were used up.
    pub slowed: u64,
}

pub const LOGIN: &str = "<html><body><form id=login></form></body></html>";
pub const WELCOME: &str = "<html><body><div id=operator>AGENT</div></body></html>";
pub const ELSEWHERE: &str = "<html><body><p class=elsewhere>Signed in elsewhere</p></body></html>";
pub const CAPTCHA: &str = "<html><body><p class=captcha>Are you a person?</p></body></html>";
pub const CODE: &str =
    "<html><body><p class=code>Type the code that was sent to you</p></body></html>";
pub const BAD_CODE: &str = "<html><body><p class=bad-code>Wrong code</p></body></html>";
pub const STRANGER: &str = "<html><body><h1>Welcome to our new site</h1></body></html>";

/// A page that is not the one asked for.
pub enum Odd {
    Stranger,
    /// Signed in, without the table.
    NoTable,
    /// The table with its header and nothing in it, and no word about it.
    Bare,
}

impl Odd {
    pub fn page(&self) -> Page {
        match self {
            Odd::Stranger => page(STRANGER),
            Odd::NoTable => page(WELCOME),
            Odd::Bare => page(format!(
                "<html><body><div id=operator>AGENT</div><table id=t>{HEADER}</table></body></html>"
            )),
        }
    }
}

pub fn page(html: impl Into<String>) -> Page {
    Page {
        url: "https://sim.example/page".parse().expect("a URL"),
        status: Some(200),
        html: html.into(),
        pause: None,
    }
}
