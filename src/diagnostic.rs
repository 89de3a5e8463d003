//! Mistakes in a file, each with its place and what to write instead. Pure.
