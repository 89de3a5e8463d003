//! The agent as a whole: the real program, a real browser, a portal that counts.

mod accounts;
mod faults;
mod kills;
mod oracle;
mod payments;
mod stage;
mod trouble;
