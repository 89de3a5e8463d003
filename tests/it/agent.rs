//! The agent as a whole: the real program, a real browser, a portal that counts.

mod accounts;
mod drift;
mod faults;
mod files;
mod kills;
pub mod oracle;
mod payments;
mod pool;
mod record;
mod refusals;
mod restarts;
pub mod stage;
mod trouble;
mod ways;
