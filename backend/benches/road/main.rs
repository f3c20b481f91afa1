//! The road's benchmark: what the engine takes to make a network, to attach a container to one and to run one, each
//! beside the least that the same could cost on this machine, in the same run and by turns, so that whatever else the
//! machine does slows both. `cargo xtask bench [COUNT] [commit|network|attach|run|flat|ports|dns|throughput]...`: COUNT in a row, 100 unless
//! told; all parts unless some are named.
//!
//! Everything happens in a sandbox of its own and is gone afterwards. The numbers say nothing about other machines; the
//! ratios do.

#![allow(clippy::unwrap_used, reason = "a benchmark that can't go on ends, and the place says why")]

mod attach;
mod dns;
mod flat;
mod floor;
mod measure;
mod network;
mod ports;
mod process;
mod road;
mod script;
mod throughput;

use drawbridge_kernel::testing::{in_sandbox, is_able};
use road::Road;

/// How many are under way at once where they are not one after the other.
const AT_ONCE: usize = 16;

/// One of the measurements; the number is how often.
type Part = fn(&Road, usize);

fn main() {
    // cargo adds `--bench`.
    let words: Vec<String> = std::env::args().skip(1).filter(|word| !word.starts_with("--")).collect();
    let count = words.iter().find_map(|word| word.parse().ok()).unwrap_or(100);
    let parts: Vec<&str> = words.iter().map(String::as_str).filter(|word| word.parse::<usize>().is_err()).collect();
    if !is_able() {
        return;
    }
    in_sandbox(|| {
        let road = Road::open();
        let all: [(&str, Part); 8] = [
            ("commit", network::commit),
            ("network", network::print),
            ("attach", attach::print),
            ("run", process::print),
            ("flat", flat::print),
            ("ports", ports::print),
            ("dns", dns::print),
            ("throughput", throughput::print),
        ];
        for (name, print) in all {
            if parts.is_empty() || parts.contains(&name) {
                print(&road, count);
            }
        }
        road.close();
    });
}
