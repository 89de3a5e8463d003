//! The demo portals beside Kilima, each through its selector file and a real browser.

mod mwezi;
mod ngome;
mod outcomes;
mod stage;
mod tausi;
mod way_there;
pub mod wimbi;
