//! Everything that can spend a login.

pub mod budget;
pub mod code;
pub mod code_command;
pub mod credentials;
pub mod gate;
pub mod ledger;
pub mod totp;
