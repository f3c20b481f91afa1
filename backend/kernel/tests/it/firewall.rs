//! Foreign rules that drop our traffic are found, and their remedies mend them: as packets show, not only as the doctor
//! says.

use crate::wanted::{Net, desired, reach, shell, soon};
use drawbridge_api::{GatewayMode, Health, IfName};
use drawbridge_kernel::{ForeignDrop, Kernel, doctor::check, foreign_drops, testing::check_in_sandbox};
use std::{
    fs,
    path::Path,
    process::{Child, Command, Stdio},
};

/// The chains and rules of iptables, in samples that the reading of them is tested with as well.
const UFW: &str = include_str!("../../src/foreign/samples/ufw.rules");
const DOCKER: &str = include_str!("../../src/foreign/samples/docker28.rules");
const FIREWALLD: &str = "\
table inet firewalld {
	chain filter_FORWARD {
		type filter hook forward priority filter + 10; policy accept;
		ct state { established, related } accept
		ct status dnat accept
		iifname \"lo\" accept
		ct state { invalid } drop
		jump filter_FORWARD_ZONES
		reject with icmpx type admin-prohibited
	}
	chain filter_FORWARD_ZONES {
		goto filter_FWD_public
	}
	chain filter_FWD_trusted {
	}
	chain filter_FWD_public {
		reject with icmpx type admin-prohibited
	}
}
";

/// Gives the sandbox a lock of its own for iptables-legacy: that is the machine's, and the doctor waits for it two seconds while
/// another test has it.
fn own_lock() {
    shell("mount -t tmpfs tmpfs /mnt; touch /mnt/lock /run/xtables.lock; mount --bind /mnt/lock /run/xtables.lock");
}

/// Two networks, a container in each, and a host outside that knows the way to both.
fn scene() -> (Kernel, Vec<IfName>) {
    own_lock();
    let kernel = Kernel::open().expect("this machine can");
    let mut wanted = desired(&[Net::new(0, 1)]);
    let mut other = desired(&[Net::new(1, 2)]);
    wanted.networks.append(&mut other.networks);
    wanted.namespaces.push(other.namespaces.remove(1));
    wanted.endpoints.push(other.endpoints.remove(1));
    // So that what comes from outside needs no published port.
    for network in &mut wanted.networks {
        network.gateway4.mode = GatewayMode::NatUnprotected;
    }
    reach(&kernel, &wanted);
    shell("ip netns add outside; ip link add out0 type veth peer name eth0 netns outside");
    shell("ip addr add 192.0.2.1/24 dev out0; ip link set out0 up; ip route add default via 192.0.2.2");
    shell("ip -n outside addr add 192.0.2.2/24 dev eth0; ip -n outside link set eth0 up; ip -n outside link set lo up");
    shell("ip -n outside route add 172.16.0.0/12 via 192.0.2.1");
    let bridges = wanted.networks.iter().map(|network| network.bridge.clone()).collect();
    for namespace in ["outside", FIRST, SECOND] {
        serve(namespace);
    }
    wait_for_traffic("in the beginning");
    (kernel, bridges)
}

/// The containers' namespaces: the beginning of their ids.
const FIRST: &str = "c0c0c0c0c0c0";
const SECOND: &str = "c1c1c1c1c1c1";

/// Starts a service, and returns when it listens.
fn serve(namespace: &str) {
    // A process of its own answers each; the sandbox ends them.
    shell(&format!("ip netns exec {namespace} busybox nc -ll -p 80 -e true >/dev/null 2>&1 &"));
    let listens = || shell(&format!("ip netns exec {namespace} cat /proc/net/tcp /proc/net/tcp6")).contains(":0050 ");
    assert!(soon(listens), "nothing listens in {namespace}");
}

/// Tries to connect by TCP, for a second. A bridge may take a moment to see that its ports are up, and the machine may be busy, so
/// what is to succeed is tried again.
fn connect(namespace: &str, address: &str) -> Child {
    let arguments = ["netns", "exec", namespace, "busybox", "nc", "-w", "1", address, "80"];
    let (none, error) = (Stdio::null(), Stdio::null());
    Command::new("ip").args(arguments).stdin(none).stderr(error).spawn().expect("there is ip")
}

fn connects(namespace: &str, address: &str) -> bool {
    connect(namespace, address).wait().expect("it ends").success()
}

/// From each container to outside, and from outside to each container.
fn traffic() -> [bool; 4] {
    let ways = [(FIRST, "192.0.2.2"), (SECOND, "192.0.2.2"), ("outside", "172.17.0.2"), ("outside", "172.18.0.3")];
    ways.map(|(from, to)| connect(from, to)).map(|mut child| child.wait().expect("it ends").success())
}

#[track_caller]
fn wait_for_traffic(when: &str) {
    assert!(soon(|| traffic() == [true; 4]), "{:?} {when}", traffic());
}

fn has(program: &str) -> bool {
    let found = Command::new("sh").args(["-c", &format!("command -v {program}")]).output().expect("there is a shell");
    if !found.status.success() {
        println!("not run: {program} is not installed");
    }
    found.status.success()
}

/// All rules of every kind, without counters. A legacy table is made by asking for it, so only those that are there.
fn rules() -> String {
    shell(
        "nft -s list ruleset 2>/dev/null; for p in ip ip6; do cat /proc/net/${p}_tables_names 2>/dev/null | while read -r t; \
         do echo $p $t; ${p}tables-legacy -t $t -S; done; done",
    )
}

/// These rules drop our traffic, and the doctor says so in these words; after what it says, they don't and it doesn't.
#[track_caller]
fn check_mended(make: &str, rule: &str, effect: &str, remedy_start: &str) {
    let (_kernel, bridges) = scene();
    assert_eq!(foreign_drops(&bridges).expect("told"), []);
    shell(make);
    let before = rules();
    assert_eq!(traffic(), [false; 4], "with {make}");
    let drops = foreign_drops(&bridges).expect("told");
    assert_eq!(rules(), before, "reading changed them");
    let [ForeignDrop { rule: told, effect: said, remedy }] = drops.as_slice() else { panic!("{drops:#?}") };
    assert_eq!((told.as_str(), said.as_str()), (rule, effect));
    assert!(remedy.starts_with(remedy_start), "{remedy}");
    shell(remedy);
    assert_eq!(foreign_drops(&bridges).expect("told"), [], "after {remedy}");
    wait_for_traffic(&format!("after {remedy}"));
}

const BOTH: &str = "from and to br-a1a1a1a1a1a1, docker0";

#[test]
fn a_policy_of_nftables() {
    check_in_sandbox(|| {
        check_mended(
            "nft 'table inet mine { chain forward { type filter hook forward priority 0; policy drop; ct state \
             established,related accept; }; }'",
            "policy drop of chain forward in table inet mine",
            &format!("nftables drops packets {BOTH}"),
            "nft 'insert rule inet mine forward iifname {",
        );
    });
}

#[test]
fn a_rule_of_nftables_in_another_chain() {
    check_in_sandbox(|| {
        check_mended(
            "nft 'table ip mine { chain deep { oifname \"out0\" reject; iifname \"out0\" drop; }; chain forward { type \
             filter hook forward priority -5; ct state vmap { established : accept, new : jump deep }; }; }'",
            "rule `oifname \"out0\" reject` of chain deep in table ip mine; rule `iifname \"out0\" drop` of chain deep in \
             table ip mine",
            &format!("nftables drops packets {BOTH}"),
            "nft 'insert rule ip mine forward iifname {",
        );
    });
}

#[test]
fn a_policy_in_prerouting() {
    check_in_sandbox(|| {
        let (_kernel, bridges) = scene();
        shell(
            "nft 'table ip mine { chain pre { type filter hook prerouting priority -300; policy drop; iifname { out0, lo } \
             accept; }; }'",
        );
        assert!(!connects(FIRST, "192.0.2.2") && !connects("outside", "172.17.0.2"));
        let drops = foreign_drops(&bridges).expect("told");
        let [ForeignDrop { effect, remedy, .. }] = drops.as_slice() else { panic!("{drops:#?}") };
        assert_eq!(effect, "nftables drops packets from br-a1a1a1a1a1a1, docker0");
        shell(remedy);
        assert_eq!(foreign_drops(&bridges).expect("told"), []);
        wait_for_traffic(&format!("after {remedy}"));
    });
}

#[test]
fn a_policy_of_a_bridge_table() {
    check_in_sandbox(|| {
        let kernel = Kernel::open().expect("this machine can");
        let wanted = desired(&[Net::new(0, 2)]);
        reach(&kernel, &wanted);
        let bridges = [wanted.networks[0].bridge.clone()];
        serve(SECOND);
        assert!(soon(|| connects(FIRST, "172.17.0.3")));
        shell("nft 'table bridge mine { chain f { type filter hook forward priority 0; policy drop; }; }'");
        assert!(!connects(FIRST, "172.17.0.3"));
        let drops = foreign_drops(&bridges).expect("told");
        let [ForeignDrop { effect, remedy, .. }] = drops.as_slice() else { panic!("{drops:#?}") };
        assert_eq!(effect, "nftables drops packets within docker0");
        let tried = Command::new("sh").args(["-ec", remedy]).output().expect("there is a shell");
        if String::from_utf8_lossy(&tried.stderr).contains("Operation not supported") {
            println!("remedy not run: this kernel lacks CONFIG_NFT_BRIDGE_META");
            return;
        }
        assert!(tried.status.success(), "{remedy}");
        assert_eq!(foreign_drops(&bridges).expect("told"), []);
        assert!(soon(|| connects(FIRST, "172.17.0.3")), "after {remedy}");
    });
}

#[test]
fn policies_and_rules_of_iptables() {
    for (program, other) in [("iptables-nft", "iptables-legacy"), ("iptables-legacy", "iptables-nft")] {
        if !has(program) {
            continue;
        }
        let shown = shown(program);
        check_in_sandbox(|| {
            check_mended(
                &format!("{program} -P FORWARD DROP"),
                &format!("policy drop of chain FORWARD in the {shown} table filter"),
                &format!("iptables drops packets {BOTH}"),
                &format!("{shown} -I FORWARD -i br-a1a1a1a1a1a1 -j ACCEPT && {shown} -I FORWARD -o br"),
            );
            assert_eq!(foreign_drops(&["docker0".parse().expect("valid")]).expect("told"), [], "{other} is not asked");
        });
        check_in_sandbox(|| {
            check_mended(
                &format!(
                    "{program} -A FORWARD -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT; {program} -A FORWARD -m \
                     comment --comment 'no others' -j REJECT"
                ),
                &format!(
                    "rule `-A FORWARD -m comment --comment \"no others\" -j REJECT --reject-with icmp-port-unreachable` in \
                     the {shown} table filter"
                ),
                &format!("iptables drops packets {BOTH}"),
                &format!("{shown} -I FORWARD -i br-a1a1a1a1a1a1 -j ACCEPT && {shown} -I FORWARD -o br"),
            );
        });
        check_in_sandbox(|| {
            check_mended(
                &format!("{program} -t mangle -P FORWARD DROP"),
                &format!("policy drop of chain FORWARD in the {shown} table mangle"),
                &format!("iptables drops packets {BOTH}"),
                &format!("{shown} -t mangle -I FORWARD -i br-a1a1a1a1a1a1 -j ACCEPT && {shown} -t mangle -I"),
            );
        });
    }
}

/// What the remedy calls a program: by its plain name if that is the same.
fn shown(program: &str) -> &str {
    let side = if program.ends_with("nft") { "nf_tables" } else { "legacy" };
    let plain = if has("iptables") { shell("iptables --version") } else { String::new() };
    if plain.contains(side) { "iptables" } else { program }
}

#[test]
fn dockers_chains() {
    for program in ["iptables-nft", "iptables-legacy"].into_iter().filter(|program| has(program)) {
        let shown = shown(program);
        // On a machine with Docker its bridge is not ours, so here the sample's has another name.
        let docker = DOCKER.replace("docker0", "docker9").replace("172.17.0.2/32", "10.9.0.2/32");
        check_in_sandbox(|| {
            check_mended(
                &restore(program, &docker),
                &format!("policy drop of chain FORWARD in the {shown} table filter"),
                &format!("Docker's firewall drops packets {BOTH}"),
                &format!("{shown} -I DOCKER-USER -i br-a1a1a1a1a1a1 -j ACCEPT && {shown} -I DOCKER-USER -o br"),
            );
        });
    }
}

#[test]
fn ufws_chains() {
    for program in ["iptables-nft", "iptables-legacy"].into_iter().filter(|program| has(program)) {
        let shown = shown(program);
        check_in_sandbox(|| {
            // In place of ufw itself, something that does to its chains what ufw does when told so.
            shell(
                "mount -t tmpfs tmpfs /usr/local/sbin; printf '#!/bin/sh\n[ \"$1 $2 $4\" = \"route allow on\" ] || exit \
                 1\nside=-i; [ \"$3\" = in ] || side=-o\nexec \"$IPTABLES\" -A ufw-user-forward $side \"$5\" -j ACCEPT\n' > \
                 /usr/local/sbin/ufw; chmod +x /usr/local/sbin/ufw",
            );
            shell(&format!("sed -i 's/\"$IPTABLES\"/{program}/' /usr/local/sbin/ufw"));
            check_mended(
                &restore(program, UFW),
                &format!("policy drop of chain FORWARD in the {shown} table filter"),
                &format!("ufw drops packets {BOTH}"),
                "ufw route allow in on br-a1a1a1a1a1a1 && ufw route allow out on br-a1a1a1a1a1a1 && ufw route allow in on \
                 docker0",
            );
        });
    }
}

/// The command that takes what `iptables -S` writes.
fn restore(program: &str, listing: &str) -> String {
    let lines = listing.lines().map(|line| format!("{program} {line}\n"));
    lines.collect()
}

#[test]
fn firewallds_table() {
    check_in_sandbox(|| {
        let (_kernel, bridges) = scene();
        fs::write("/run/netns/rules", FIREWALLD).expect("a file");
        shell("nft -f /run/netns/rules");
        assert!(!connects(FIRST, "192.0.2.2"));
        let drops = foreign_drops(&bridges).expect("told");
        let [ForeignDrop { rule, effect, remedy }] = drops.as_slice() else { panic!("{drops:#?}") };
        assert_eq!(
            rule,
            "rule `reject with icmpx admin-prohibited` of chain filter_FWD_public in table inet firewalld"
        );
        assert_eq!(effect, "firewalld drops packets from br-a1a1a1a1a1a1, docker0");
        assert_eq!(
            remedy,
            "firewall-cmd --permanent --zone=trusted --change-interface=br-a1a1a1a1a1a1 --change-interface=docker0 && \
             firewall-cmd --reload"
        );
        // What firewalld makes of it.
        shell(
            "nft flush chain inet firewalld filter_FORWARD_ZONES; nft add rule inet firewalld filter_FWD_trusted accept",
        );
        shell(
            "nft 'add rule inet firewalld filter_FORWARD_ZONES iifname { docker0, br-a1a1a1a1a1a1 } goto filter_FWD_trusted'",
        );
        shell("nft add rule inet firewalld filter_FORWARD_ZONES goto filter_FWD_public");
        assert_eq!(foreign_drops(&bridges).expect("told"), []);
        assert!(soon(|| connects(FIRST, "192.0.2.2")) && soon(|| connects(SECOND, "192.0.2.2")));
    });
}

#[test]
fn a_match_that_only_iptables_knows_is_read_with_it() {
    if !has("iptables-nft") {
        return;
    }
    check_in_sandbox(|| {
        let (_kernel, bridges) = scene();
        // A list of far ends is no finding, and a time of the day can't be told.
        shell("iptables-nft -A FORWARD -m length --length 5000:6000 -j DROP");
        assert_eq!(foreign_drops(&bridges).expect("told"), []);
        shell("iptables-nft -A FORWARD -m time --timestart 10:00 --timestop 11:00 -j DROP");
        let drops = foreign_drops(&bridges).expect("told");
        let [ForeignDrop { rule, effect, remedy }] = drops.as_slice() else { panic!("{drops:#?}") };
        assert!(rule.contains("--timestart 10:00:00"), "{rule}");
        assert_eq!(effect, &format!("iptables may drop packets {BOTH}"));
        shell(remedy);
        assert_eq!(foreign_drops(&bridges).expect("told"), []);
    });
}

#[test]
fn legacy_rules_that_cannot_be_read_are_said_to_be_there() {
    if !has("iptables-legacy") {
        return;
    }
    check_in_sandbox(|| {
        own_lock();
        let kernel = Kernel::open().expect("this machine can");
        reach(&kernel, &desired(&[Net::new(0, 0)]));
        let bridges = ["docker0".parse().expect("valid")];
        shell("iptables-legacy -S FORWARD; mount --bind /dev/null $(readlink -f $(command -v iptables-legacy))");
        let drops = foreign_drops(&bridges).expect("told");
        let [ForeignDrop { rule, effect, .. }] = drops.as_slice() else { panic!("{drops:#?}") };
        assert_eq!(rule, "rules of iptables-legacy (filter), which can't be read without that program");
        assert_eq!(effect, "iptables may drop packets from and to docker0");
    });
}

#[test]
fn the_doctor_warns() {
    check_in_sandbox(|| {
        let (_kernel, _) = scene();
        let found = || {
            let findings = check(Path::new("/proc"));
            let [finding] = findings
                .into_iter()
                .filter(|finding| finding.subject == "other firewalls")
                .collect::<Vec<_>>()
                .try_into()
                .expect("one");
            finding
        };
        assert_eq!((found().health, found().remedy), (Health::Ok, None));
        shell("nft 'table inet mine { chain forward { type filter hook forward priority 0; policy drop; }; }'");
        let finding = found();
        assert_eq!(finding.health, Health::Warning);
        let expected = format!("nftables drops packets {BOTH}: policy drop of chain forward in table inet mine");
        assert_eq!(finding.detail, expected);
        shell(&finding.remedy.expect("there is one").to_string());
        assert_eq!(found().health, Health::Ok);
    });
}
