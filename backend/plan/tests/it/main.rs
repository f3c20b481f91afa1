//! The plan's tests that need more than one module: one binary.

mod laws;
mod world;
