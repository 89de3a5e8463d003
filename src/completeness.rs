//! What a reading proves: overlap, count, running balance. Pure.
