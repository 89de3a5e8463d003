//! The only reader of time: system time, or virtual time under tests.
