//! Rules as the common tools write them, and what is said of them. The samples are abbreviated, and true in structure.

use super::{
    ForeignDrop, iptables, judge,
    model::{Family, Table},
    nft,
    packet::{Aim, Bridge, World},
    sources::uplinks,
};
use serde_json::{Value, json};

const UFW: &str = include_str!("samples/ufw.rules");
const DOCKER_26: &str = include_str!("samples/docker26.rules");
const DOCKER_28: &str = include_str!("samples/docker28.rules");
const LIBVIRT: &str = include_str!("samples/libvirt.rules");
const LIBVIRT_NFT: &str = include_str!("samples/libvirt.json");
const FIREWALLD: &str = include_str!("samples/firewalld.json");

/// Bridges with their ranges; the host reaches the world by `eth0`.
fn world(bridges: &[(&str, &[&str])]) -> World {
    let range = |text: &&str| text.parse().expect("valid");
    let bridge = |(name, ranges): &(&str, &[&str])| Bridge {
        name: name.parse().expect("valid"),
        ranges: ranges.iter().map(range).collect(),
    };
    World { bridges: bridges.iter().map(bridge).collect(), uplinks: vec!["eth0".to_owned()], aim: None }
}

fn one() -> World {
    world(&[("br-a", &["172.18.0.0/16"])])
}

/// Both families.
fn dual() -> World {
    world(&[("br-a", &["172.18.0.0/16", "fd00::/64"])])
}

#[test]
fn rules_about_ports_and_far_ends_are_told_of_one_connection() {
    let aimed = |port| Aim { source: Some([172, 18, 0, 2].into()), destination: [192, 0, 2, 7].into(), port };
    for (rule, by_tcp, by_echo) in [
        ("-p tcp -m tcp --dport 80 -j DROP", true, false),
        ("-p tcp -m multiport --dports 22,70:90 -j DROP", true, false),
        ("-p tcp -m tcp ! --dport 80 -j DROP", false, false),
        ("-p tcp -m tcp --dport 81 -j DROP", false, false),
        ("-p udp -m udp --dport 80 -j DROP", false, false),
        ("-p icmp -j DROP", false, true),
        ("-d 192.0.2.7/32 -j DROP", true, true),
        ("-d 192.0.2.8/32 -j DROP", false, false),
        ("-s 172.18.0.2/32 -j DROP", true, true),
        ("-s 172.18.0.3/32 -j DROP", false, false),
    ] {
        let table = [filter(&format!("-P FORWARD ACCEPT\n-A FORWARD {rule}\n"))];
        for (port, is_dropped) in [(Some(80), by_tcp), (None, by_echo)] {
            let told = said(&table, &World { aim: Some(aimed(port)), ..one() });
            assert_eq!(told.contains(rule), is_dropped, "{rule} {port:?}: {told}");
        }
    }
}

fn filter(listing: &str) -> Table {
    iptables::table("iptables", Family::V4, "filter", listing)
}

/// What is said of them, a line each for rule, effect and remedy.
fn said(tables: &[Table], world: &World) -> String {
    let drops = judge(tables, world, &|_, _, _, handle| Some(format!("number {handle}")));
    let lines = drops.iter().map(|ForeignDrop { rule, effect, remedy }| format!("{rule}\n{effect}\n{remedy}\n"));
    lines.collect()
}

#[track_caller]
fn check_iptables(listing: &str, world: &World, expected: &str) {
    assert_eq!(said(&[filter(listing)], world), expected, "{listing}");
}

fn parsed(text: &str) -> Value {
    serde_json::from_str(text).expect("JSON")
}

#[track_caller]
fn check_nft(ruleset: &Value, world: &World, expected: &str) {
    assert_eq!(said(&nft::tables(ruleset), world), expected);
}

/// A table `inet mine` with a set `known` and a chain of these rules' expressions.
fn chain(policy: &str, rules: &[Value]) -> Value {
    chain_of("inet", "forward", policy, rules)
}

fn chain_of(family: &str, hook: &str, policy: &str, rules: &[Value]) -> Value {
    let mut objects = vec![
        json!({"table": {"family": family, "name": "mine"}}),
        json!({"set": {"family": family, "table": "mine", "name": "known", "elem": ["br-*", {"elem": {"val": "docker0"}}]}}),
        json!({"chain": {"family": family, "table": "mine", "name": "f", "type": "filter", "hook": hook, "policy": policy}}),
    ];
    objects.extend(rules.iter().enumerate().map(|(number, expr)| {
        json!({"rule": {"family": family, "table": "mine", "chain": "f", "handle": number + 1, "expr": expr}})
    }));
    json!({ "nftables": objects })
}

fn matching(key: Value, op: &str, right: Value) -> Value {
    json!({"match": {"op": op, "left": key, "right": right}})
}

fn meta(key: &str, right: impl Into<Value>) -> Value {
    matching(json!({"meta": {"key": key}}), "==", right.into())
}

/// The word that is used of a chain: `drops`, `may drop` or nothing.
fn word(ruleset: &Value, world: &World) -> &'static str {
    let said = said(&nft::tables(ruleset), world);
    ["may drop", "drops"].into_iter().find(|word| said.contains(word)).unwrap_or_default()
}

#[test]
fn ufw_is_told_in_its_own_words_for_both_families_at_once() {
    let v6 = UFW.replace("ufw-", "ufw6-") + "-A ufw6-before-forward -m rt --rt-type 0 -j DROP\n";
    let allowed = format!("{v6}-A ufw6-user-forward -i br-a -j ACCEPT\n-A ufw6-user-forward -o br-a -j ACCEPT\n");
    let [v6, allowed] = [v6, allowed].map(|listing| iptables::table("ip6tables", Family::V6, "filter", &listing));
    assert_eq!(said(&[allowed], &dual()), "");
    let expected = "policy drop of chain FORWARD in the iptables table filter; policy drop of chain FORWARD in the \
                    ip6tables table filter\nufw drops packets from and to br-a\nufw route allow in on br-a && ufw route \
                    allow out on br-a\n";
    assert_eq!(said(&[filter(UFW), v6], &dual()), expected);
    // As it is after the remedy.
    let allowed = format!("{UFW}-A ufw-user-forward -i br-a -j ACCEPT\n-A ufw-user-forward -o br-a -j ACCEPT\n");
    check_iptables(&allowed, &one(), "");
    // `ufw default reject routed`
    let rejecting = format!("{UFW}-A ufw-reject-forward -j REJECT --reject-with icmp-port-unreachable\n");
    let expected = "rule `-A ufw-reject-forward -j REJECT --reject-with icmp-port-unreachable` in the iptables table \
                    filter\nufw drops packets from and to br-a\nufw route allow in on br-a && ufw route allow out on br-a\n";
    check_iptables(&rejecting, &one(), expected);
}

#[test]
fn docker_is_told_in_the_chain_that_it_leaves_to_others() {
    let expected = "policy drop of chain FORWARD in the iptables table filter\nDocker's firewall drops packets from and \
                    to br-a\niptables -I DOCKER-USER -i br-a -j ACCEPT && iptables -I DOCKER-USER -o br-a -j ACCEPT\n";
    for docker in [DOCKER_26, DOCKER_28] {
        check_iptables(docker, &one(), expected);
        let mended = docker.replacen(
            "-A FORWARD",
            "-A DOCKER-USER -i br-a -j ACCEPT\n-A DOCKER-USER -o br-a -j ACCEPT\n-A FORWARD",
            1,
        );
        let mended = mended.replace("-A DOCKER-USER -j RETURN\n", "");
        check_iptables(&mended, &one(), "");
    }
    // Where the name is also one that Docker knows, it lets out and keeps new connections from coming in.
    let same = world(&[("docker0", &["172.19.0.0/16"])]);
    let expected = "rule `-A DOCKER ! -i docker0 -o docker0 -j DROP` in the iptables table filter\nDocker's firewall \
                    drops packets to docker0\niptables -I DOCKER-USER -i docker0 -j ACCEPT && iptables -I DOCKER-USER -o \
                    docker0 -j ACCEPT\n";
    let without_container: String =
        DOCKER_28.lines().filter(|line| !line.contains("--dport")).map(|line| format!("{line}\n")).collect();
    check_iptables(&without_container, &same, expected);
}

#[test]
fn libvirt_is_not_in_the_way() {
    check_iptables(LIBVIRT, &one(), "");
    check_nft(&parsed(LIBVIRT_NFT), &one(), "");
}

#[test]
fn firewalld_is_told_zones() {
    // A zone lets through what leaves by one of its own links, and all that is translated.
    check_nft(&parsed(FIREWALLD), &dual(), "");
    let elsewhere = World { uplinks: vec!["ppp0".to_owned()], ..dual() };
    let expected = "rule `number 35` of chain filter_FWD_public in table inet firewalld\nfirewalld drops packets from \
                    br-a\nfirewall-cmd --permanent --zone=trusted --change-interface=br-a && firewall-cmd --reload\n";
    check_nft(&parsed(FIREWALLD), &elsewhere, expected);
    let trusted = FIREWALLD.replacen(
        r#"{"match": {"op": "==", "left": {"meta": {"key": "iifname"}}, "right": "eth0"}}, {"goto": {"target": "filter_FWD_public"}}"#,
        r#"{"match": {"op": "==", "left": {"meta": {"key": "iifname"}}, "right": "br-a"}}, {"accept": null}"#,
        1,
    );
    assert_ne!(trusted, FIREWALLD);
    check_nft(&parsed(&trusted), &elsewhere, "");
}

#[test]
fn a_policy_is_mended_in_its_chain_for_all_bridges() {
    let two = world(&[("br-a", &["172.18.0.0/16"]), ("br-b", &["172.19.0.0/16"])]);
    let expected = "policy drop of chain f in table inet mine\nnftables drops packets from and to br-a, br-b\nnft 'insert \
                    rule inet mine f iifname { \"br-a\", \"br-b\" } accept; insert rule inet mine f oifname { \"br-a\", \
                    \"br-b\" } accept'\n";
    check_nft(&chain("drop", &[]), &two, expected);
    check_nft(&chain("accept", &[]), &two, "");
    let expected = "policy drop of chain FORWARD in the iptables table filter\niptables drops packets from and to br-a, \
                    br-b\niptables -I FORWARD -i br-a -j ACCEPT && iptables -I FORWARD -o br-a -j ACCEPT && iptables -I \
                    FORWARD -i br-b -j ACCEPT && iptables -I FORWARD -o br-b -j ACCEPT\n";
    check_iptables("-P FORWARD DROP", &two, expected);
}

#[test]
fn only_what_is_dropped_is_named() {
    let accept_out = json!([meta("iifname", "@known"), {"accept": null}]);
    let expected = "policy drop of chain f in table inet mine\nnftables drops packets to br-a\nnft 'insert rule inet mine f \
                    iifname { \"br-a\" } accept; insert rule inet mine f oifname { \"br-a\" } accept'\n";
    check_nft(&chain("drop", &[accept_out]), &one(), expected);
    let udp = json!([meta("l4proto", json!({"set": ["udp", "sctp"]})), {"reject": null}]);
    let expected = "rule `number 1` of chain f in table inet mine\nnftables drops UDP packets from and to br-a\nnft 'insert \
                    rule inet mine f iifname { \"br-a\" } accept; insert rule inet mine f oifname { \"br-a\" } accept'\n";
    check_nft(&chain("accept", &[udp]), &one(), expected);
    // A table of IPv6 has nothing to say of a bridge without.
    check_nft(&chain_of("ip6", "forward", "drop", &[]), &one(), "");
    let v6 = json!([meta("nfproto", "ipv6"), {"drop": null}]);
    assert!(said(&nft::tables(&chain("accept", &[v6])), &dual()).contains("drops IPv6 packets from and to br-a"));
}

#[test]
fn without_a_default_route_outside_is_any_link_but_the_bridge() {
    let nowhere = World { uplinks: Vec::new(), ..one() };
    let word = |listing: &str| said(&[filter(listing)], &nowhere);
    assert!(word("-P FORWARD DROP\n-A FORWARD -i br-a -j ACCEPT").contains(" drops packets to br-a\n"));
    assert!(word("-P FORWARD DROP\n-A FORWARD -o wan0 -j ACCEPT").contains(" may drop packets from and to br-a\n"));
    assert_eq!(word("-P FORWARD ACCEPT\n-A FORWARD -o virbr0 -j REJECT"), "");
}

#[test]
fn ours_and_what_does_not_forward_is_passed_over() {
    let ruleset = chain("drop", &[]).to_string();
    check_nft(&parsed(&ruleset.replace("mine", "drawbridge")), &one(), "");
    for hook in ["input", "output", "postrouting"] {
        check_nft(&chain_of("inet", hook, "drop", &[]), &one(), "");
    }
    let dormant = ruleset.replace(r#""name":"mine""#, r#""name":"mine","flags":["dormant"]"#);
    assert_ne!(dormant, ruleset);
    check_nft(&parsed(&dormant), &one(), "");
}

#[test]
fn other_hooks_and_families_have_their_own_words() {
    let expected = "policy drop of chain f in table bridge mine\nnftables drops packets within br-a\nnft 'insert rule bridge \
                    mine f meta ibrname { \"br-a\" } accept; insert rule bridge mine f meta obrname { \"br-a\" } accept'\n";
    check_nft(&chain_of("bridge", "forward", "drop", &[]), &one(), expected);
    check_nft(
        &chain_of("bridge", "forward", "drop", &[json!([meta("ibrname", "br-a"), {"accept": null}])]),
        &one(),
        "",
    );
    let expected = "policy drop of chain f in table ip mine\nnftables drops packets from br-a\nnft 'insert rule ip mine f \
                    iifname { \"br-a\" } accept'\n";
    check_nft(&chain_of("ip", "prerouting", "drop", &[]), &one(), expected);
    check_nft(&chain_of("ip", "prerouting", "accept", &[json!([{"drop": null}])]), &one(), "");
    let raw = iptables::table("iptables", Family::V4, "raw", "-P PREROUTING DROP");
    let expected = "policy drop of chain PREROUTING in the iptables table raw\niptables drops packets from br-a\niptables -t \
                    raw -I PREROUTING -i br-a -j ACCEPT\n";
    assert_eq!(said(&[raw], &one()), expected);
}

#[test]
fn what_is_in_a_foreign_name_stays_out_of_the_shell() {
    let ruleset = chain("drop", &[]).to_string().replace("mine", "x'; reboot; '");
    let said = said(&nft::tables(&parsed(&ruleset)), &one());
    assert!(said.ends_with("\nnft -a list ruleset\n"), "{said}");
}

#[test]
fn a_first_packet_is_compared_as_the_kernel_would() {
    let name = |key: &str| json!({"meta": {"key": key}});
    let ct = |key: &str| json!({"ct": {"key": key}});
    let from = json!({"payload": {"protocol": "ip", "field": "saddr"}});
    let to = json!({"payload": {"protocol": "ip", "field": "daddr"}});
    let tcp = |field: &str| json!({"payload": {"protocol": "tcp", "field": field}});
    let net = |text: &str, len: u8| json!({"prefix": {"addr": text, "len": len}});
    // What a rule with this comparison does, once as the one that drops and once as the one that saves.
    for (test, dropping, saving) in [
        (matching(ct("state"), "in", json!(["established", "related"])), "", "drops"),
        (matching(ct("state"), "in", json!(["new", "untracked"])), "drops", ""),
        (matching(ct("state"), "in", json!({"|": ["new", "related"]})), "drops", ""),
        (matching(ct("state"), "!=", json!("established")), "drops", ""),
        (matching(json!({"&": [ct("status"), "dnat"]}), "!=", json!(0)), "drops", "drops"),
        (matching(ct("direction"), "==", json!("reply")), "", "drops"),
        (matching(name("iifname"), "==", json!({"set": ["br-a", "eth0"]})), "drops", ""),
        (matching(name("iifname"), "==", json!("br-*")), "drops", "drops"),
        (matching(name("iifname"), "!=", json!("lo")), "drops", ""),
        (matching(name("iif"), "==", json!(7)), "may drop", "may drop"),
        (matching(name("iifname"), "==", json!("wg0")), "", "drops"),
        (matching(name("oifname"), "==", json!({"set": ["br-a", "br-b"]})), "drops", "drops"),
        (matching(name("iifkind"), "==", json!("bridge")), "may drop", "may drop"),
        (matching(from.clone(), "==", net("172.16.0.0", 12)), "drops", "may drop"),
        (matching(from.clone(), "==", json!({"range": ["172.16.0.0", "172.31.255.255"]})), "drops", "may drop"),
        (matching(from.clone(), "==", net("10.0.0.0", 8)), "", "may drop"),
        (matching(to.clone(), "!=", net("172.18.0.0", 16)), "may drop", "may drop"),
        (matching(to, "==", json!("@blocked")), "may drop", "may drop"),
        (matching(tcp("dport"), "==", json!(25)), "", "may drop"),
        (matching(tcp("dport"), ">", json!(1024)), "", "may drop"),
        (matching(json!({"&": [tcp("flags"), ["syn", "ack"]]}), "!=", json!("syn")), "", "may drop"),
        (matching(json!({"payload": {"protocol": "icmp", "field": "type"}}), "==", json!("echo-request")), "", "drops"),
        (matching(name("mark"), "==", json!(7)), "", "may drop"),
        (matching(name("hour"), "==", json!("10:00")), "may drop", "may drop"),
        (matching(json!({"fib": {"result": "type", "flags": ["daddr"]}}), "==", json!("local")), "", "drops"),
        (
            matching(
                json!({"concat": [name("iifname"), name("oifname")]}),
                "==",
                json!({"set": [{"concat": ["br-a", "eth0"]}, {"concat": ["eth0", "br-a"]}]}),
            ),
            "drops",
            "",
        ),
        (matching(json!({"exthdr": {"name": "rt", "field": "type"}}), "==", json!(0)), "", "may drop"),
        (json!({"limit": {"rate": 1, "per": "second"}}), "", "may drop"),
        (json!({"xt": null}), "may drop", "may drop"),
        (json!({"counter": {"packets": 0, "bytes": 0}}), "drops", ""),
        (json!({"log": null}), "drops", ""),
    ] {
        let rule = |verdict: &str| json!([test, {verdict: null}]);
        assert_eq!(word(&chain("accept", &[rule("drop")]), &one()), dropping, "{test} drop");
        assert_eq!(word(&chain("drop", &[rule("accept")]), &one()), saving, "{test} accept");
    }
}

#[test]
fn chains_are_walked_as_the_kernel_does() {
    let with =
        |rules: &[Value], more: &[Value]| {
            let mut ruleset = chain("drop", rules);
            let objects = ruleset.get_mut("nftables").and_then(Value::as_array_mut).expect("it is there");
            objects.push(json!({"chain": {"family": "inet", "table": "mine", "name": "g"}}));
            objects.extend(more.iter().map(
                |expr| json!({"rule": {"family": "inet", "table": "mine", "chain": "g", "handle": 9, "expr": expr}}),
            ));
            ruleset
        };
    let to = |kind: &str| json!([{kind: {"target": "g"}}]);
    let (accept, back) = (json!([{"accept": null}]), json!([{"return": null}]));
    assert_eq!(word(&with(&[to("jump"), accept.clone()], &[]), &one()), "");
    assert_eq!(word(&with(&[to("goto"), accept.clone()], &[]), &one()), "drops");
    assert_eq!(word(&with(&[to("jump"), accept.clone()], &[back.clone(), json!([{"drop": null}])]), &one()), "");
    assert_eq!(word(&with(&[to("jump"), accept.clone()], &[json!([{"drop": null}])]), &one()), "drops");
    assert_eq!(word(&with(std::slice::from_ref(&back), &[]), &one()), "drops");
    // A chain that leads to itself, which the kernel does not take, ends the walk and not the doctor.
    assert_eq!(word(&with(&[to("jump")], &[to("jump")]), &one()), "");
    let map = json!([{"vmap": {"key": {"meta": {"key": "iifname"}}, "data": {"set": [
        ["*", {"drop": null}], ["br-a", {"jump": {"target": "g"}}], ["eth0", {"accept": null}]
    ]}}}]);
    assert_eq!(word(&with(std::slice::from_ref(&map), std::slice::from_ref(&accept)), &one()), "");
    assert_eq!(word(&with(std::slice::from_ref(&map), &[]), &one()), "drops");
}

#[test]
fn iptables_matches_are_read() {
    for (test, dropping, saving) in [
        ("-m conntrack --ctstate RELATED,ESTABLISHED", "", "drops"),
        ("-m conntrack ! --ctstate RELATED,ESTABLISHED", "drops", ""),
        ("-m conntrack --ctstate DNAT", "drops", "drops"),
        ("-m state --state NEW", "drops", ""),
        ("-i br-a", "drops", "drops"),
        ("-i br-+", "drops", "drops"),
        ("! -i lo -m comment --comment \"-o nothing \\\" ! -i br-a\"", "drops", ""),
        ("-s 172.16.0.0/12", "drops", "may drop"),
        ("-d 198.51.100.7/32", "", "may drop"),
        ("-p tcp -m tcp --dport 25", "", "may drop"),
        ("-p tcp", "drops", "drops"),
        ("-p icmp -m icmp --icmp-type 8", "", "drops"),
        ("-m physdev --physdev-is-bridged", "", "drops"),
        ("-m set --match-set banned src", "", "may drop"),
        ("-m set ! --match-set known src", "may drop", "may drop"),
        ("-m mark --mark 0x8000/0x8000", "", "may drop"),
        ("-m addrtype --dst-type LOCAL", "", "drops"),
        ("-m limit --limit 3/min --limit-burst 10", "", "may drop"),
        ("-p tcp -m tcp ! --tcp-flags FIN,SYN,RST,ACK SYN -m conntrack --ctstate NEW", "", "may drop"),
        ("-m time --timestart 10:00:00 --timestop 11:00:00", "may drop", "may drop"),
        ("-m something --unheard-of", "may drop", "may drop"),
    ] {
        let word = |listing: &str| {
            let said = said(&[filter(listing)], &one());
            ["may drop", "drops"].into_iter().find(|word| said.contains(word)).unwrap_or_default()
        };
        assert_eq!(
            word(&format!("-P FORWARD ACCEPT\n-A FORWARD {test} -j REJECT --reject-with icmp-port-unreachable")),
            dropping,
            "{test} drop"
        );
        assert_eq!(word(&format!("-P FORWARD DROP\n-A FORWARD {test} -j ACCEPT")), saving, "{test} accept");
    }
}

#[test]
fn default_routes_name_the_links_that_lead_outside() {
    let route = "Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\t\tMTU\tWindow\tIRTT\n\
                 eth0\t00000000\t0100000A\t0003\t0\t0\t0\t00000000\t0\t0\t0\n\
                 br-a\t000012AC\t00000000\t0001\t0\t0\t0\t0000FFFF\t0\t0\t0\n\
                 tun0\t00000000\t00000000\t0001\t0\t0\t0\t00000080\t0\t0\t0\n";
    let zero = "0".repeat(32);
    let ipv6 = format!(
        "{zero} 00 {zero} 00 fe800000000000000000000000000001 00000400 00000001 00000000 00000003     eth1\n\
         fe80{} 40 {zero} 00 {zero} 00000100 00000001 00000000 00000001     eth2\n\
         {zero} 00 {zero} 00 {zero} ffffffff 00000001 00000000 00200200       lo\n",
        "0".repeat(28)
    );
    assert_eq!(uplinks(route, &ipv6), ["eth0", "eth1"]);
}
