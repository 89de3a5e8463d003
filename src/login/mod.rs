//! Everything that can spend a login.

pub mod budget;
pub mod credentials;
pub mod gate;
pub mod ledger;
