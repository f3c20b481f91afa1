//! Tests on the real kernel, each in a sandbox of its own: one binary, so that they are linked once.

mod doctor;
mod firewall;
mod foreign;
mod laws;
mod leftovers;
mod scopes;
mod table;
mod traffic;
mod wanted;
