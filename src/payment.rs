//! What a payment is.
