//! The daemon's integration tests: one binary, so that the daemon is linked once.

mod crash;
mod docker_cli;
mod harness;
mod outlive;
mod runtime;
mod tidy;
