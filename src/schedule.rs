//! Who is due, and when. Pure.
