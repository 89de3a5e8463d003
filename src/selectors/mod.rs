//! A portal as data: the validated selector file. Pure.

pub mod file;
