//! A plan as one file for `sh`: what it stands on, then its steps, so that it runs on a machine that has nothing of it.

use crate::{
    explain::{Explained, explain},
    planner::plan,
    state::{BridgeNetwork, Desired, Observed, Scope},
    step::Step,
};
use std::fmt::Write;

/// The steps of a plan as a shell script. `before` is what the plan begins with and `networks` are all bridge networks there
/// are then: what of both the steps stand on is made first. It needs root, iproute2, procps and nftables.
pub fn script(before: Desired, networks: &[BridgeNetwork], steps: &[Step]) -> String {
    let own = explained(steps);
    let known = explained(&from_nothing(&before));
    let mentions = |network: &&BridgeNetwork| {
        let bridge = network.bridge.as_str();
        own.iter().chain(&known).flat_map(|words| &words.commands).any(|command| has_word(command, bridge))
    };
    let mut base = before;
    base.tables = true;
    for network in networks.iter().filter(mentions) {
        if !base.networks.iter().any(|other| other.id == network.id) {
            base.networks.push(network.clone());
        }
    }
    let mut text = "#!/bin/sh\nset -e\n".to_owned();
    section(
        &mut text,
        "What the plan stands on; leave it out where it is there already.",
        &explained(&from_nothing(&base)),
    );
    section(&mut text, "The plan.", &own);
    text
}

/// The steps that make all this where there is nothing.
fn from_nothing(wanted: &Desired) -> Vec<Step> {
    let sysctls = wanted.sysctls.iter().map(|sysctl| (sysctl.key.clone(), "0".to_owned())).collect();
    plan(wanted, &Observed { sysctls, ..Observed::default() }, &Scope::Everything)
}

fn explained(steps: &[Step]) -> Vec<Explained> {
    steps.iter().map(explain).collect()
}

fn section(text: &mut String, title: &str, steps: &[Explained]) {
    let _ = write!(text, "\n# ---- {title}\n");
    for step in steps {
        let _ = writeln!(text, "# {}", step.title);
        for command in &step.commands {
            let _ = writeln!(text, "{command}");
        }
    }
}

/// Whether a name stands in a command, and not only as a part of another.
fn has_word(command: &str, name: &str) -> bool {
    let is_of_name = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_' || c == '.';
    command
        .match_indices(name)
        .any(|(at, _)| !command[..at].ends_with(is_of_name) && !command[at + name.len()..].starts_with(is_of_name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_found_whole() {
        assert!(has_word("ip link set veth1 master br-0 up", "br-0"));
        assert!(has_word("nft add element inet drawbridge bridges '{ \"br-0\" }'", "br-0"));
        assert!(!has_word("ip link set br-01 up", "br-0"));
        assert!(!has_word("ip link set xbr-0 up", "br-0"));
    }

    #[test]
    fn a_plan_of_nothing_still_stands_on_the_tables() {
        let text = script(Desired::default(), &[], &[]);
        assert!(text.starts_with("#!/bin/sh\nset -e\n"), "{text}");
        assert!(text.contains("table inet drawbridge"), "{text}");
    }
}
