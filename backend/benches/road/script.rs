//! The shell's side: the chapter's own script, and the commands that a plan says of itself.

use drawbridge_api::Plan;
use std::{
    io::Write,
    process::{Command, Stdio},
};

/// `add-ns-to-br.sh` as the chapter has it, without the word `sudo`, which is not everywhere; the last line is added, so
/// that it ends where the engine does.
const CHAPTER: &str = "\
bridge=$1
namespace=$2
addr=$3

vethA=veth-$namespace
vethB=eth00

ip netns add $namespace
ip link add $vethA type veth peer name $vethB

ip link set $vethB netns $namespace
ip netns exec $namespace ip addr add $addr dev $vethB
ip netns exec $namespace ip link set $vethB up

ip link set $vethA up

brctl addif $bridge $vethA
ip netns exec $namespace ip route add default via $4
";

/// Attaches a new namespace as the chapter does.
pub(crate) fn attach(bridge: &str, namespace: &str, address: &str, gateway: &str) {
    let status = Command::new("sh").args(["-ec", CHAPTER, "sh", bridge, namespace, address, gateway]).status();
    assert!(status.unwrap().success(), "the chapter's script");
}

/// Runs the commands that a plan says of itself, in one shell.
pub(crate) fn carry_out(plan: &Plan) {
    let commands: Vec<&str> = plan.steps.iter().flat_map(|step| &step.commands).map(String::as_str).collect();
    shell(&commands.join("\n"));
}

/// Runs the commands that take a plan back.
pub(crate) fn take_back(plan: &Plan) {
    let commands: Vec<&str> = plan.steps.iter().rev().flat_map(|step| &step.undo).map(String::as_str).collect();
    shell(&commands.join("\n"));
}

/// Runs commands in one shell.
pub(crate) fn shell(script: &str) {
    let status = Command::new("sh").args(["-ec", script]).stdout(Stdio::null()).status();
    assert!(status.unwrap().success(), "{script}");
}

/// One transaction of nft.
pub(crate) fn nft(transaction: &str) {
    feed("nft", &["-f", "-"], transaction);
}

/// Runs a program on this input.
pub(crate) fn feed(program: &str, arguments: &[&str], input: &str) {
    let mut child = Command::new(program).args(arguments).stdin(Stdio::piped()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
    assert!(child.wait().unwrap().success(), "{program} {arguments:?}");
}
