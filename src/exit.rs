//! Exit codes, and what each means.
