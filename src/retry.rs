//! What may be retried, and after how long. Pure.
