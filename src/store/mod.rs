//! What was seen, what is to be told, and how far it was told.
