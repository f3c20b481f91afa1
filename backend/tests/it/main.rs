//! The daemon's integration tests: one binary, so that the daemon is linked once.

mod tidy;
