//! Events as lines in a rotating file, exactly once.
