//! The only room that speaks netlink, nftables and system calls.

pub mod file;
pub mod mount;
pub mod process;
