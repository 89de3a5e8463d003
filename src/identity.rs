//! The idempotency key of a payment. Pure.
