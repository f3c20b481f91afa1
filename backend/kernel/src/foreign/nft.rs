//! Reads what `nft -j list ruleset` tells (libnftables-json(5)). What is not known here is not guessed at: it becomes
//! [`Atom::Unknown`].

use super::model::{Atom, Base, Chain, Family, Hook, Label, Origin, Policy, Rule, Sense, Table, Test, Verdict};
use ipnet::{IpNet, IpSubnets, Ipv4Subnets, Ipv6Subnets};
use serde_json::Value;
use std::{collections::HashMap, net::IpAddr};

/// The table's name in either family that has one of ours.
const OURS: &str = "drawbridge";

/// All tables through which IP packets and frames pass, save ours and those that are switched off.
pub(super) fn tables(ruleset: &Value) -> Vec<Table> {
    let objects = ruleset.get("nftables").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    let of_kind = |kind: &'static str| objects.iter().filter_map(move |object| object.get(kind));
    let mut tables: Vec<Table> = of_kind("table").filter(|table| !is_dormant(table)).filter_map(table).collect();
    for table in &mut tables {
        let Origin::Nft { family } = &table.origin else { continue };
        let belongs = |object: &&Value| text(object, "family") == *family && text(object, "table") == table.name;
        let sets = of_kind("set").chain(of_kind("map")).filter(belongs);
        let sets = Sets(sets.map(|set| (text(set, "name"), elements(set.get("elem")))).collect());
        for object in of_kind("chain").filter(belongs) {
            table.chains.insert(text(object, "name").to_owned(), Chain { base: base(object), rules: Vec::new() });
        }
        for object in of_kind("rule").filter(belongs) {
            if let Some(chain) = table.chains.get_mut(text(object, "chain")) {
                chain.rules.extend(rules(object, &sets));
            }
        }
    }
    tables
}

/// The sets and maps of one table.
struct Sets<'a>(HashMap<&'a str, &'a [Value]>);

fn text<'a>(object: &'a Value, key: &str) -> &'a str {
    object.get(key).and_then(Value::as_str).unwrap_or_default()
}

fn elements(value: Option<&Value>) -> &[Value] {
    value.and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default()
}

fn is_dormant(table: &Value) -> bool {
    let flags = table.get("flags");
    flags.and_then(Value::as_str) == Some("dormant") || elements(flags).iter().any(|flag| flag == "dormant")
}

fn table(object: &Value) -> Option<Table> {
    let (family, name) = (text(object, "family"), text(object, "name"));
    let is_ours = name == OURS && matches!(family, "inet" | "bridge");
    let is_passed = matches!(family, "ip" | "ip6" | "inet" | "bridge");
    (is_passed && !is_ours).then(|| Table {
        origin: Origin::Nft { family: family.to_owned() },
        name: name.to_owned(),
        chains: HashMap::new(),
    })
}

fn base(chain: &Value) -> Option<Base> {
    let hook = match (text(chain, "type"), text(chain, "hook")) {
        ("filter", "forward") => Hook::Forward,
        ("filter", "prerouting") => Hook::Prerouting,
        _ => return None,
    };
    Some(Base { hook, policy: if text(chain, "policy") == "drop" { Policy::Drop } else { Policy::Accept } })
}

/// The rule; as many as it has outcomes where its verdict depends on a key.
fn rules(object: &Value, sets: &Sets<'_>) -> Vec<Rule> {
    let label = Label::Handle(object.get("handle").and_then(Value::as_u64).unwrap_or_default());
    let rule = |tests: &[Test], verdict: Verdict| Rule { tests: tests.to_vec(), verdict, label: label.clone() };
    let mut tests = Vec::new();
    let mut is_told = true;
    for statement in elements(object.get("expr")) {
        let Some((kind, body)) = statement.as_object().and_then(|statement| statement.iter().next()) else { continue };
        if let Some(verdict) = verdict(kind, body) {
            return vec![rule(&tests, verdict)];
        }
        match kind.as_str() {
            "match" => tests.extend(matching(body, sets)),
            "vmap" => {
                return branches(body, sets)
                    .map(|(more, verdict)| rule(&[&tests[..], &more].concat(), verdict))
                    .collect();
            }
            // What is over a rate, and what is under it, is some of the packets.
            "limit" | "quota" | "ct count" => tests.push(Test::is(Atom::Some)),
            "xt" if text(body, "type") == "target" => match text(body, "name") {
                "REJECT" => return vec![rule(&tests, Verdict::Drop)],
                "LOG" | "NFLOG" | "MARK" | "CONNMARK" | "TCPMSS" | "CHECKSUM" | "CT" | "TRACE" => {}
                _ => (is_told, tests) = (false, [tests, vec![Test::is(Atom::Unknown)]].concat()),
            },
            "xt" if text(body, "name") == "comment" => {}
            "xt" => (is_told, tests) = (!body.is_null(), [tests, vec![Test::is(Atom::Unknown)]].concat()),
            // Counters, logs, marks and the like let the packet go on.
            _ => {}
        }
    }
    vec![rule(&tests, if is_told { Verdict::Continue } else { Verdict::Drop })]
}

fn verdict(kind: &str, body: &Value) -> Option<Verdict> {
    let target = || text(body, "target").to_owned();
    Some(match kind {
        // A program decides on what is queued; that it lets pass is the one thing that can be hoped.
        "accept" | "queue" => Verdict::Accept,
        "drop" | "reject" => Verdict::Drop,
        "return" => Verdict::Return,
        "continue" => Verdict::Continue,
        "jump" => Verdict::Jump(target()),
        "goto" => Verdict::Goto(target()),
        _ => return None,
    })
}

fn branches(body: &Value, sets: &Sets<'_>) -> impl Iterator<Item = (Vec<Test>, Verdict)> {
    let key = body.get("key").unwrap_or(&Value::Null);
    let data = body.get("data").unwrap_or(&Value::Null);
    let listed = match data.as_str().and_then(|name| name.strip_prefix('@')) {
        Some(name) => sets.0.get(name).copied().unwrap_or_default(),
        None => elements(data.get("set")),
    };
    // What stands for all other keys comes after them.
    let (others, named): (Vec<&Value>, Vec<&Value>) =
        listed.iter().partition(|pair| pair.get(0).is_some_and(|key| key == "*"));
    let pairs = named.into_iter().chain(others).filter_map(move |pair| {
        let (kind, body) = pair.get(1)?.as_object()?.iter().next()?;
        Some((compare(key, pair.get(0)?, Sense::Is, sets), verdict(kind, body)?))
    });
    pairs.collect::<Vec<_>>().into_iter()
}

fn matching(body: &Value, sets: &Sets<'_>) -> Vec<Test> {
    let (Some(left), Some(right)) = (body.get("left"), body.get("right")) else {
        return vec![Test::is(Atom::Unknown)];
    };
    let sense = match text(body, "op") {
        "==" | "in" => Sense::Is,
        "!=" => Sense::IsNot,
        // Greater and less are asked of ports, lengths and the like.
        _ => return [implied(left), vec![Test::is(Atom::Some)]].concat(),
    };
    // `ct status & dnat != 0`, as older versions write `ct status dnat`.
    if let Some([inner, bits]) = left.get("&").map(|masked| elements(Some(masked))) {
        return match (right.as_u64(), sense) {
            _ if is_tcp_flags(inner) => compare(inner, right, sense, sets),
            (Some(0), Sense::IsNot) => compare(inner, bits, Sense::Is, sets),
            (Some(0), Sense::Is) => compare(inner, bits, Sense::IsNot, sets),
            _ => [implied(inner), vec![Test { any: vec![vec![masked(inner)]], sense }]].concat(),
        };
    }
    compare(left, right, sense, sets)
}

/// What a masked key says: of a mark, that somebody set it; of others, nothing.
fn masked(key: &Value) -> Atom {
    if is_mark(key) { Atom::Some } else { Atom::Unknown }
}

fn compare(key: &Value, values: &Value, sense: Sense, sets: &Sets<'_>) -> Vec<Test> {
    let mut tests = implied(key);
    if is_tcp_flags(key) {
        // A connection's first packet has the flags that it should have; what is asked for here is the odd one.
        tests.push(Test::is(Atom::Some));
        return tests;
    }
    let Some(values) = expand(values, sets) else {
        tests.push(Test { any: vec![vec![Atom::Unknown]], sense });
        return tests;
    };
    let any = match key.get("concat") {
        Some(parts) => values.iter().map(|value| concatenated(elements(Some(parts)), value)).collect(),
        None => values.iter().map(|value| vec![atom(key, value)]).collect(),
    };
    tests.push(Test { any, sense });
    tests
}

fn concatenated(keys: &[Value], value: &Value) -> Vec<Atom> {
    let values = elements(value.get("concat"));
    if keys.len() != values.len() {
        return vec![Atom::Unknown];
    }
    let one = |(key, value): (&Value, &Value)| match expand(value, &Sets(HashMap::new())).as_deref() {
        Some([value]) => atom(key, value),
        _ => Atom::Unknown,
    };
    keys.iter().zip(values).map(one).collect()
}

/// The values of a set, a list or a single one. None for a set that is not told.
fn expand(value: &Value, sets: &Sets<'_>) -> Option<Vec<Value>> {
    if let Some(name) = value.as_str().and_then(|text| text.strip_prefix('@')) {
        return all(sets.0.get(name).copied()?, sets);
    }
    if let Some(listed) =
        value.as_array().or_else(|| value.get("set")?.as_array()).or_else(|| value.get("|")?.as_array())
    {
        return all(listed, sets);
    }
    if let Some(element) = value.get("elem") {
        return expand(element.get("val")?, sets);
    }
    if let Some([first, last]) = value.get("range").map(|range| elements(Some(range))) {
        let ends = (address(first), address(last));
        let ranges: IpSubnets = match ends {
            (Some(IpAddr::V4(first)), Some(IpAddr::V4(last))) => Ipv4Subnets::new(first, last, 0).into(),
            (Some(IpAddr::V6(first)), Some(IpAddr::V6(last))) => Ipv6Subnets::new(first, last, 0).into(),
            _ => return Some(vec![value.clone()]),
        };
        return Some(ranges.map(|range| Value::String(range.to_string())).collect());
    }
    Some(vec![value.clone()])
}

fn all(values: &[Value], sets: &Sets<'_>) -> Option<Vec<Value>> {
    let mut expanded = Vec::with_capacity(values.len());
    for value in values {
        expanded.extend(expand(value, sets)?);
    }
    Some(expanded)
}

fn address(value: &Value) -> Option<IpAddr> {
    value.as_str()?.parse().ok()
}

/// What a key needs of the packet before it can be compared: `tcp dport` needs TCP.
fn implied(key: &Value) -> Vec<Test> {
    if let Some(parts) = key.get("concat") {
        return elements(Some(parts)).iter().flat_map(implied).collect();
    }
    let Some(payload) = key.get("payload") else { return Vec::new() };
    match text(payload, "protocol") {
        "ip" => vec![Test::is(Atom::Family(Family::V4))],
        "ip6" => vec![Test::is(Atom::Family(Family::V6))],
        protocol @ ("tcp" | "udp" | "icmp" | "icmpv6") => vec![Test::is(Atom::Protocol(protocol.to_owned()))],
        "udplite" | "sctp" | "dccp" | "igmp" | "ah" | "esp" | "comp" | "gre" | "arp" => {
            vec![Test::is(Atom::Never)]
        }
        _ => Vec::new(),
    }
}

/// The name of a key of this kind; older versions give it without `key`.
fn name_in<'a>(key: &'a Value, kind: &str) -> Option<&'a str> {
    let body = key.get(kind)?;
    body.as_str().or_else(|| body.get("key")?.as_str())
}

fn is_mark(key: &Value) -> bool {
    name_in(key, "meta").or_else(|| name_in(key, "ct")) == Some("mark")
}

fn is_tcp_flags(key: &Value) -> bool {
    let key = key.get("&").map_or(key, |masked| elements(Some(masked)).first().unwrap_or(&Value::Null));
    key.get("payload").is_some_and(|payload| text(payload, "protocol") == "tcp" && text(payload, "field") == "flags")
}

fn atom(key: &Value, value: &Value) -> Atom {
    let word = match value {
        Value::String(word) => word.clone(),
        Value::Number(number) => number.to_string(),
        _ => String::new(),
    };
    if word == "*" {
        return Atom::Always;
    }
    if is_mark(key) {
        // A packet has none until somebody sets it.
        return if word == "0" || word == "0x00000000" { Atom::Unknown } else { Atom::Some };
    }
    if let Some(key) = name_in(key, "meta") {
        return meta(key, word);
    }
    if let Some(key) = name_in(key, "ct") {
        return match key {
            "state" => Atom::State(word),
            "status" => Atom::Status(word),
            "direction" => Atom::Direction(word),
            _ => Atom::Unknown,
        };
    }
    if let Some(fib) = key.get("fib") {
        return match (text(fib, "result"), word.as_str()) {
            // What is for the host itself is not forwarded.
            ("type", "local" | "broadcast" | "multicast" | "anycast") => Atom::Never,
            _ => Atom::Unknown,
        };
    }
    // Options and headers that a first packet seldom has, and lots that are drawn.
    if ["exthdr", "tcp option", "ip option", "sctp chunk", "dccp option", "numgen"]
        .iter()
        .any(|kind| key.get(kind).is_some())
    {
        return Atom::Some;
    }
    let Some(payload) = key.get("payload") else { return Atom::Unknown };
    match (text(payload, "protocol"), text(payload, "field")) {
        ("ip" | "ip6", "saddr") => range(value, &word).map_or(Atom::Unknown, Atom::From),
        ("ip" | "ip6", "daddr") => range(value, &word).map_or(Atom::Unknown, Atom::To),
        ("ip", "protocol") | ("ip6", "nexthdr") => Atom::Protocol(word),
        ("tcp" | "udp" | "th", "dport") => ports(value).map_or(Atom::Some, |(first, last)| Atom::Port(first, last)),
        _ => Atom::Some,
    }
}

fn meta(key: &str, word: String) -> Atom {
    let is_number = word.parse::<u32>().is_ok();
    match key {
        "iif" | "oif" if is_number => Atom::Unknown,
        "iifname" | "iif" => Atom::In(word),
        "oifname" | "oif" => Atom::Out(word),
        "ibrname" | "ibridgename" => Atom::InBridge(word),
        "obrname" | "obridgename" => Atom::OutBridge(word),
        "iifkind" => Atom::InKind(word),
        "oifkind" => Atom::OutKind(word),
        "l4proto" => Atom::Protocol(word),
        "nfproto" | "protocol" => match word.as_str() {
            "ipv4" | "ip" => Atom::Family(Family::V4),
            "ipv6" | "ip6" => Atom::Family(Family::V6),
            _ => Atom::Never,
        },
        "pkttype" => match word.as_str() {
            "host" | "unicast" => Atom::Always,
            _ => Atom::Never,
        },
        "length" | "rtclassid" => Atom::Some,
        _ => Atom::Unknown,
    }
}

/// A port, or a range of them.
fn ports(value: &Value) -> Option<(u16, u16)> {
    let port = |value: &Value| u16::try_from(value.as_u64()?).ok();
    match value.get("range").map(|range| elements(Some(range))) {
        Some([first, last]) => Some((port(first)?, port(last)?)),
        _ => port(value).map(|port| (port, port)),
    }
}

fn range(value: &Value, word: &str) -> Option<IpNet> {
    if let Some(prefix) = value.get("prefix") {
        let length = u8::try_from(prefix.get("len")?.as_u64()?).ok()?;
        return IpNet::new(text(prefix, "addr").parse().ok()?, length).ok();
    }
    word.parse().ok().or_else(|| Some(IpNet::from(word.parse::<IpAddr>().ok()?)))
}
