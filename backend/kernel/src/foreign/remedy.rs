//! Whose a rule is, and the one command that lets our packets pass it. Each tool is told in its own language, where it has
//! one, so that it keeps what it is told as it keeps the rest.

use super::{
    model::{Base, Family, Hook, Label, Origin, Table},
    walk::Site,
};
use drawbridge_api::IfName;

/// The tool that keeps a rule.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Keeper {
    Ufw,
    Firewalld,
    Docker,
    Libvirt,
    Iptables,
    Nft,
}

/// Where packets end.
#[derive(Clone, Copy, Debug)]
pub(super) struct Place<'a> {
    pub(super) table: &'a Table,
    pub(super) chain: &'a str,
    pub(super) base: Base,
    pub(super) site: Site<'a>,
}

impl Keeper {
    /// Whose the rule at this place is.
    pub(super) fn of(place: &Place<'_>) -> Keeper {
        let has = |start: &str| place.table.chains.keys().any(|name| name.starts_with(start));
        let inside = match place.site {
            Site::Rule(chain, _) => chain,
            Site::Policy => "",
        };
        let is_policy = place.site == Site::Policy;
        match &place.table.origin {
            Origin::Nft { .. } if place.table.name == "firewalld" => Keeper::Firewalld,
            Origin::Nft { .. } if place.table.name == "libvirt_network" => Keeper::Libvirt,
            Origin::Nft { .. } if place.table.name == "docker-bridges" => Keeper::Docker,
            // The first two set a policy without a rule, and their chains are there to amend it.
            _ if inside.starts_with("ufw") || (is_policy && (has("ufw-") || has("ufw6-"))) => Keeper::Ufw,
            _ if inside.starts_with("DOCKER") || (is_policy && has("DOCKER-USER")) => Keeper::Docker,
            _ if inside.starts_with("LIBVIRT_") => Keeper::Libvirt,
            Origin::Iptables { .. } => Keeper::Iptables,
            Origin::Nft { .. } => Keeper::Nft,
        }
    }

    /// Its name, for people.
    pub(super) fn name(self) -> &'static str {
        match self {
            Keeper::Ufw => "ufw",
            Keeper::Firewalld => "firewalld",
            Keeper::Docker => "Docker's firewall",
            Keeper::Libvirt => "libvirt's firewall",
            Keeper::Iptables => "iptables",
            Keeper::Nft => "nftables",
        }
    }
}

/// Where the rule is, for people. `text` tells an nft rule by its number.
pub(super) fn describe(place: &Place<'_>, text: &dyn Fn(&str, &str, &str, u64) -> Option<String>) -> String {
    let name = &place.table.name;
    let table = match &place.table.origin {
        Origin::Nft { family } => format!("table {family} {name}"),
        Origin::Iptables { program, .. } => format!("the {program} table {name}"),
    };
    match place.site {
        Site::Policy => format!("policy drop of chain {} in {table}", place.chain),
        Site::Rule(chain, rule) => match (&rule.label, &place.table.origin) {
            (Label::Text(line), _) => format!("rule `{line}` in {table}"),
            (Label::Handle(handle), Origin::Nft { family }) => match text(family, name, chain, *handle) {
                Some(line) => format!("rule `{line}` of chain {chain} in {table}"),
                None => format!("rule {handle} of chain {chain} in {table}"),
            },
            (Label::Handle(handle), Origin::Iptables { .. }) => format!("rule {handle} of chain {chain} in {table}"),
        },
    }
}

/// The command that lets all packets from and to these bridges pass this place.
pub(super) fn remedy(keeper: Keeper, place: &Place<'_>, bridges: &[&IfName]) -> String {
    match (keeper, &place.table.origin) {
        (Keeper::Ufw, _) => each(bridges, |bridge| {
            vec![format!("ufw route allow in on {bridge}"), format!("ufw route allow out on {bridge}")]
        }),
        (Keeper::Firewalld, _) => {
            // To change the interface's zone also adds it to one where it had none.
            let interfaces: Vec<String> = bridges.iter().map(|bridge| format!("--change-interface={bridge}")).collect();
            format!("firewall-cmd --permanent --zone=trusted {} && firewall-cmd --reload", interfaces.join(" "))
        }
        (_, Origin::Iptables { program, .. }) => {
            let chain = match keeper {
                // Docker leaves its users this chain, which it enters first.
                Keeper::Docker if place.table.chains.contains_key("DOCKER-USER") => "DOCKER-USER",
                _ => place.chain,
            };
            let table = if place.table.name == "filter" { String::new() } else { format!("-t {} ", place.table.name) };
            each(bridges, |bridge| {
                let insert = |side: &str| format!("{program} {table}-I {chain} {side} {bridge} -j ACCEPT");
                match place.base.hook {
                    Hook::Forward => vec![insert("-i"), insert("-o")],
                    Hook::Prerouting => vec![insert("-i")],
                }
            })
        }
        (_, Origin::Nft { family }) => nft(family, place, bridges),
    }
}

/// The families that a table sees.
pub(super) fn families(origin: &Origin) -> &'static [Family] {
    match origin {
        Origin::Nft { family } if family == "ip" => &[Family::V4],
        Origin::Nft { family } if family == "ip6" => &[Family::V6],
        Origin::Nft { .. } => &[Family::V4, Family::V6],
        Origin::Iptables { family: Family::V4, .. } => &[Family::V4],
        Origin::Iptables { family: Family::V6, .. } => &[Family::V6],
    }
}

fn each(bridges: &[&IfName], commands: impl Fn(&IfName) -> Vec<String>) -> String {
    bridges.iter().flat_map(|bridge| commands(bridge)).collect::<Vec<_>>().join(" && ")
}

fn nft(family: &str, place: &Place<'_>, bridges: &[&IfName]) -> String {
    let (table, chain) = (&place.table.name, place.chain);
    // Others may give their tables names that nft can't take from a shell, and that a shell would take for more.
    if ![table.as_str(), chain].into_iter().all(is_plain) {
        return "nft -a list ruleset".to_owned();
    }
    let names: Vec<String> = bridges.iter().map(|bridge| format!("\"{bridge}\"")).collect();
    let names = format!("{{ {} }}", names.join(", "));
    let insert = |key: &str| format!("insert rule {family} {table} {chain} {key} {names} accept");
    let rules = match (family, place.base.hook) {
        ("bridge", Hook::Forward) => vec![insert("meta ibrname"), insert("meta obrname")],
        ("bridge", Hook::Prerouting) => vec![insert("meta ibrname")],
        (_, Hook::Forward) => vec![insert("iifname"), insert("oifname")],
        (_, Hook::Prerouting) => vec![insert("iifname")],
    };
    format!("nft '{}'", rules.join("; "))
}

fn is_plain(name: &str) -> bool {
    name.starts_with(|letter: char| letter.is_ascii_alphabetic() || letter == '_')
        && name.chars().all(|letter| letter.is_ascii_alphanumeric() || matches!(letter, '_' | '-' | '.'))
}
