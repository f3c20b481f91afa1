//! Asks the programs that know the rules, and the kernel for what is known of the machine. Nothing asked here changes
//! anything: a legacy table is asked for only where the kernel says that there is one, since to ask makes it.

use super::{
    iptables,
    model::{Family, Origin, Table},
    packet::{Bridge, World},
};
use crate::{error::KernelError, host};
use drawbridge_api::IfName;
use serde_json::Value;
use std::{
    env, fs,
    path::{Path, PathBuf},
    process::Command,
};

/// The tables of iptables whose chains forwarded packets pass as filters.
const TABLES: &[&str] = &["raw", "mangle", "filter", "security"];

/// Where iptables keeps its rules.
#[derive(Clone, Copy)]
enum Side {
    NfTables,
    Legacy,
}

/// A program of iptables.
struct Program {
    path: PathBuf,
    /// What a person types.
    name: String,
}

/// The programs that are there.
pub(super) struct Sources {
    nft: PathBuf,
}

/// These bridges with their ranges, and the links that lead outside.
pub(super) fn world(bridges: &[IfName]) -> Result<World, KernelError> {
    let host = host::read()?;
    let ranges = |name: &IfName| {
        let link = host.links.iter().find(|link| link.name == name.as_str());
        link.map(|link| link.addresses.iter().map(|address| address.trunc()).collect()).unwrap_or_default()
    };
    let bridges = bridges.iter().map(|name| Bridge { ranges: ranges(name), name: name.clone() }).collect();
    // Of the thread's own namespace; `/proc/net` is that of the process.
    let read = |name: &str| fs::read_to_string(Path::new("/proc/thread-self/net").join(name)).unwrap_or_default();
    Ok(World { bridges, uplinks: uplinks(&read("route"), &read("ipv6_route")), aim: None })
}

/// The links of the default routes, from the two files of /proc/net (proc_net(5); net/ipv6/route.c: `rt6_info_route`).
pub(super) fn uplinks(route: &str, ipv6_route: &str) -> Vec<String> {
    let mut names: Vec<String> = Vec::new();
    let v4 = route.lines().filter_map(|line| {
        let fields: Vec<&str> = line.split_whitespace().collect();
        matches!(fields.as_slice(), [_, "00000000", _, _, _, _, _, "00000000", ..]).then(|| fields[0])
    });
    let v6 = ipv6_route.lines().filter_map(|line| {
        let fields: Vec<&str> = line.split_whitespace().collect();
        let is_default = fields.first()?.bytes().all(|digit| digit == b'0') && *fields.get(1)? == "00";
        is_default.then(|| fields.last().copied()).flatten()
    });
    // The kernel keeps a default route of its own on the loopback, to say that there is none.
    for name in v4.chain(v6).filter(|name| *name != "lo") {
        if !names.iter().any(|known| known == name) {
            names.push(name.to_owned());
        }
    }
    names
}

impl Sources {
    pub(super) fn find() -> Result<Sources, KernelError> {
        let nft = find("nft").ok_or(KernelError::ProgramMissing {
            program: "nft",
            remedy: "install the package nftables (`apt install nftables`)",
        })?;
        Ok(Sources { nft })
    }

    /// `nft -j list ruleset`
    pub(super) fn ruleset(&self) -> Result<Value, KernelError> {
        let what = "list all rules";
        let text = ask(&self.nft, &["-j", "list", "ruleset"])
            .map_err(|message| KernelError::Nft { what: what.to_owned(), message })?;
        serde_json::from_str(&text).map_err(|error| KernelError::answer(what, error))
    }

    /// The words of one rule: `nft -a list chain FAMILY TABLE CHAIN`, where each ends with its number.
    pub(super) fn rule(&self, family: &str, table: &str, chain: &str, handle: u64) -> Option<String> {
        let text = ask(&self.nft, &["-a", "list", "chain", family, table, chain]).ok()?;
        let end = format!(" # handle {handle}");
        let rule = text.lines().find_map(|line| line.trim().strip_suffix(&end))?;
        Some(rule.chars().filter(|letter| !letter.is_control()).collect())
    }

    /// The same table as iptables tells it, if it is one that iptables made: nft does not know all of its matches.
    pub(super) fn iptables_nft(&self, table: &Table) -> Option<Table> {
        let Origin::Nft { family } = &table.origin else { return None };
        let family = match family.as_str() {
            "ip" => Family::V4,
            "ip6" => Family::V6,
            _ => return None,
        };
        let base: Vec<&String> =
            table.chains.iter().filter(|(_, chain)| chain.base.is_some()).map(|(name, _)| name).collect();
        let is_of_iptables = base.iter().all(|name| matches!(name.as_str(), "FORWARD" | "PREROUTING"));
        if base.is_empty() || !is_of_iptables || !TABLES.contains(&table.name.as_str()) {
            return None;
        }
        let told = read(&program(family, Side::NfTables)?, family, &table.name)?;
        base.iter().all(|name| told.chains.contains_key(*name)).then_some(told)
    }

    /// The tables of iptables-legacy, and the names of those that can't be read.
    pub(super) fn iptables_legacy(&self) -> (Vec<Table>, Option<String>) {
        let (mut tables, mut unread) = (Vec::new(), Vec::new());
        for (family, file) in [(Family::V4, "ip_tables_names"), (Family::V6, "ip6_tables_names")] {
            let names = fs::read_to_string(Path::new("/proc/thread-self/net").join(file)).unwrap_or_default();
            let mut names = names.lines().filter(|name| TABLES.contains(name)).peekable();
            if names.peek().is_none() {
                continue;
            }
            let program = program(family, Side::Legacy);
            for name in names {
                match program.as_ref().and_then(|program| read(program, family, name)) {
                    Some(table) => tables.push(table),
                    None => unread.push(name.to_owned()),
                }
            }
        }
        (tables, (!unread.is_empty()).then(|| unread.join(", ")))
    }
}

/// `iptables -t TABLE -S`. The legacy program takes a lock that another may hold for a moment.
fn read(program: &Program, family: Family, table: &str) -> Option<Table> {
    let listing = ask(&program.path, &["-w", "2", "-t", table, "-S"]).ok()?;
    Some(iptables::table(&program.name, family, table, &listing))
}

/// The program for a family and side: the plain name if it is for that side, which is for the machine's owner to choose.
fn program(family: Family, side: Side) -> Option<Program> {
    let plain = match family {
        Family::V4 => "iptables",
        Family::V6 => "ip6tables",
    };
    let (word, ending) = match side {
        Side::NfTables => ("nf_tables", "nft"),
        Side::Legacy => ("legacy", "legacy"),
    };
    let is_of_side = |path: &PathBuf| ask(path, &["--version"]).is_ok_and(|version| version.contains(word));
    if let Some(path) = find(plain).filter(is_of_side) {
        return Some(Program { path, name: plain.to_owned() });
    }
    let name = format!("{plain}-{ending}");
    find(&name).map(|path| Program { path, name })
}

/// Finds a program: along `PATH`, then where Debian keeps those of root, which are not on every user's path.
fn find(program: &str) -> Option<PathBuf> {
    let path = env::var_os("PATH").unwrap_or_default();
    let folders = env::split_paths(&path).chain(["/usr/sbin", "/sbin"].into_iter().map(PathBuf::from));
    let mut candidates = folders.filter(|folder| folder.is_absolute()).map(|folder| folder.join(program));
    candidates.find(|candidate| candidate.is_file())
}

/// What a program prints, or what it complains of.
fn ask(program: &Path, arguments: &[&str]) -> Result<String, String> {
    let output =
        Command::new(program).args(arguments).env("LC_ALL", "C").output().map_err(|error| error.to_string())?;
    if !output.status.success() {
        let message = String::from_utf8_lossy(&output.stderr);
        return Err(message.lines().map(str::trim).filter(|line| !line.is_empty()).collect::<Vec<_>>().join("; "));
    }
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}
