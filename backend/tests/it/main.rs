//! The daemon's integration tests: one binary, so that the daemon is linked once.

#![allow(clippy::unwrap_used, reason = "a test that can't go on fails, and the place says why")]

mod bad_input;
mod bollard;
mod browser;
mod browser_images;
mod browser_rules;
mod build;
mod chapter;
mod compose;
mod crash;
mod dns;
mod docker_cli;
mod endpoints;
mod events;
mod fields;
mod found;
mod harness;
mod images;
mod ipam;
mod ipv6;
mod labs;
mod leftovers;
mod life;
mod links;
mod listing;
mod look;
mod macvlan;
mod names_page;
mod network_pages;
mod networks;
mod outlive;
mod own_image;
mod ports;
mod python;
mod registry;
mod runtime;
mod sequences;
mod shown;
mod streams;
mod terminal_page;
mod tidy;
mod topology_page;
mod traps;
mod volumes;
mod webdriver;
