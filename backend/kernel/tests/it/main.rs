//! Tests on the real kernel, each in a sandbox of its own: one binary, so that they are linked once.

mod doctor;
mod elements;
mod firewall;
mod foreign;
mod laws;
mod leftovers;
mod macvlan;
mod ports;
mod reach;
mod scopes;
mod tables;
mod traffic;
mod wanted;
mod watch;
