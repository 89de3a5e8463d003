//! Events as lines on standard output.
