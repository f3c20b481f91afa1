//! The road's benchmark: what the engine takes to make a network, to attach a container to one and to run one, each
//! beside the least that the same could cost on this machine, in the same run and by turns, so that whatever else the
//! machine does slows both. `cargo xtask bench [COUNT] [PART]...`: COUNT in a row, 100 unless told; all parts unless some
//! are named: commit, network, attach, flat, ports, dns and throughput measure the engine, run, hundred, many, held and pull the
//! whole program as its users have it.
//!
//! Everything happens in a sandbox of its own and is gone afterwards. The numbers say nothing about other machines; the
//! ratios do.

#![allow(clippy::unwrap_used, reason = "a benchmark that can't go on ends, and the place says why")]

mod alone;
mod attach;
mod dns;
mod flat;
mod floor;
mod held;
mod hundred;
mod many;
mod measure;
mod network;
mod ports;
mod process;
mod pull;
mod road;
mod script;
mod served;
mod throughput;

use drawbridge_kernel::testing::{in_sandbox, is_able};
use road::Road;

/// How many are under way at once where they are not one after the other.
const AT_ONCE: usize = 16;

/// A measurement of the engine in this process; the number is how often.
type RoadPart = fn(&Road, usize);
/// A measurement of the program, in a process of its own.
type ServedPart = fn(usize);

const ROAD: [(&str, RoadPart); 7] = [
    ("commit", network::commit),
    ("network", network::print),
    ("attach", attach::print),
    ("flat", flat::print),
    ("ports", ports::print),
    ("dns", dns::print),
    ("throughput", throughput::print),
];
const SERVED: [(&str, ServedPart); 5] = [
    ("run", process::print),
    ("hundred", hundred::print),
    ("many", many::print),
    ("held", held::print),
    ("pull", pull::print),
];

fn main() {
    // cargo adds `--bench`.
    let words: Vec<String> = std::env::args().skip(1).filter(|word| !word.starts_with("--")).collect();
    let count = words.iter().find_map(|word| word.parse().ok()).unwrap_or(100);
    let parts: Vec<&str> = words.iter().map(String::as_str).filter(|word| word.parse::<usize>().is_err()).collect();
    let known: Vec<&str> = ROAD.iter().map(|(name, _)| *name).chain(SERVED.iter().map(|(name, _)| *name)).collect();
    if let Some(unknown) = parts.iter().find(|part| !known.contains(part)) {
        eprintln!("there is no part {unknown}; there are {}", known.join(", "));
        std::process::exit(2);
    }
    if !is_able() {
        return;
    }
    let is_asked = |name: &str| parts.is_empty() || parts.contains(&name);
    if ROAD.iter().any(|(name, _)| is_asked(name)) {
        in_sandbox(|| {
            let road = Road::open();
            ROAD.iter().filter(|(name, _)| is_asked(name)).for_each(|(_, print)| print(&road, count));
            road.close();
        });
    }
    // Each has a sandbox: two daemons can't have one namespace's tables.
    for (_, print) in SERVED.iter().filter(|(name, _)| is_asked(name)) {
        in_sandbox(|| print(count));
    }
}
