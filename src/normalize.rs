//! Row of text to payment. Pure.
