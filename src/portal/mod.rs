//! The seam between the agent and a portal.

pub mod webdriver;
