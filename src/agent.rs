//! The loop of one account.
