//! Tests on the real kernel, each in a sandbox of its own: one binary, so that they are linked once.

mod laws;
mod wanted;
