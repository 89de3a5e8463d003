//! Lets an attempt through, or says when the next one is possible.
