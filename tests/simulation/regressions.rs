//! Seeds that once found a fault in the program, each with the sentence that says which.
