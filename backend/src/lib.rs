//! The daemon.

mod clock;
pub mod images;
pub mod runtime;
