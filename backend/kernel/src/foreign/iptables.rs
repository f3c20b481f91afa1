//! Reads what `iptables -S` writes (iptables(8), iptables-extensions(8)). What is not known here is not guessed at: it
//! becomes [`Atom::Unknown`].

use super::model::{Atom, Base, Chain, Family, Hook, Label, Origin, Policy, Rule, Sense, Table, Test, Verdict};
use ipnet::IpNet;
use std::{collections::HashMap, net::IpAddr};

/// One table of the program that wrote it.
pub(super) fn table(program: &str, family: Family, name: &str, listing: &str) -> Table {
    let origin = Origin::Iptables { family, program: program.to_owned() };
    let mut table = Table { origin, name: name.to_owned(), chains: HashMap::new() };
    let lines: Vec<(&str, Vec<String>)> = listing.lines().map(|line| (line.trim(), words(line))).collect();
    for (_, words) in &lines {
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        let (name, base) = match words.as_slice() {
            ["-P", name, policy] => (*name, base(name, policy)),
            ["-N", name] => (*name, None),
            _ => continue,
        };
        table.chains.insert(name.to_owned(), Chain { base, rules: Vec::new() });
    }
    for (line, words) in &lines {
        let [first, chain, rest @ ..] = words.as_slice() else { continue };
        if first != "-A" {
            continue;
        }
        let rule = rule(line, rest, &table.chains);
        if let Some(chain) = table.chains.get_mut(chain) {
            chain.rules.push(rule);
        }
    }
    table
}

fn base(chain: &str, policy: &str) -> Option<Base> {
    let hook = match chain {
        "FORWARD" => Hook::Forward,
        "PREROUTING" => Hook::Prerouting,
        _ => return None,
    };
    Some(Base { hook, policy: if policy == "DROP" { Policy::Drop } else { Policy::Accept } })
}

/// Splits a line as iptables quotes it: double quotes, with a backslash before what would end them.
fn words(line: &str) -> Vec<String> {
    let mut words = Vec::new();
    let mut word: Option<String> = None;
    let mut is_quoted = false;
    let mut letters = line.trim().chars();
    while let Some(letter) = letters.next() {
        match letter {
            '"' => {
                is_quoted = !is_quoted;
                word.get_or_insert_default();
            }
            '\\' if is_quoted => word.get_or_insert_default().extend(letters.next()),
            ' ' if !is_quoted => words.extend(word.take()),
            letter => word.get_or_insert_default().push(letter),
        }
    }
    words.extend(word);
    words
}

fn rule(line: &str, words: &[String], chains: &HashMap<String, Chain>) -> Rule {
    let mut rule = Rule { tests: Vec::new(), verdict: Verdict::Continue, label: Label::Text(line.to_owned()) };
    let mut words = words.iter().map(String::as_str).peekable();
    let mut sense = Sense::Is;
    while let Some(option) = words.next() {
        if option == "!" {
            sense = Sense::IsNot;
            continue;
        }
        // A remark may look like anything.
        let mut values: Vec<&str> = if option == "--comment" { words.next().into_iter().collect() } else { Vec::new() };
        while let Some(value) = words.next_if(|word| *word != "!" && !is_option(word)) {
            values.push(value);
        }
        let value = values.first().copied().unwrap_or_default();
        match option {
            "-j" | "--jump" => {
                // What follows belongs to the target.
                rule.verdict = verdict(value, chains);
                break;
            }
            "-g" | "--goto" => {
                rule.verdict = Verdict::Goto(value.to_owned());
                break;
            }
            // A module says nothing by itself, save these two.
            "-m" | "--match" if value == "rpfilter" => rule.tests.push(Test::is(Atom::Some)),
            "-m" | "--match" if matches!(value, "socket" | "u32" | "bpf") => rule.tests.push(Test::is(Atom::Unknown)),
            "-m" | "--match" | "--comment" => {}
            _ => rule.tests.push(test(option, value, sense)),
        }
        sense = Sense::Is;
    }
    rule
}

fn is_option(word: &str) -> bool {
    word.starts_with('-') && word.trim_start_matches('-').starts_with(|letter: char| letter.is_ascii_alphabetic())
}

fn verdict(target: &str, chains: &HashMap<String, Chain>) -> Verdict {
    match target {
        // A program decides on what is queued; that it lets pass is the one thing that can be hoped.
        "ACCEPT" | "QUEUE" | "NFQUEUE" => Verdict::Accept,
        "DROP" | "REJECT" => Verdict::Drop,
        "RETURN" => Verdict::Return,
        target if chains.contains_key(target) => Verdict::Jump(target.to_owned()),
        // Logs, marks and the like let the packet go on.
        _ => Verdict::Continue,
    }
}

fn test(option: &str, value: &str, sense: Sense) -> Test {
    let each = |atom: &dyn Fn(String) -> Atom| -> Vec<Vec<Atom>> {
        value.split(',').map(|word| vec![atom(word.to_ascii_lowercase())]).collect()
    };
    // iptables marks the beginning of a name with `+`.
    let name = || value.strip_suffix('+').map_or_else(|| value.to_owned(), |start| format!("{start}*"));
    let any = match option {
        "-i" | "--in-interface" => vec![vec![Atom::In(name())]],
        "-o" | "--out-interface" => vec![vec![Atom::Out(name())]],
        "-s" | "--source" => vec![vec![range(value).map_or(Atom::Unknown, Atom::From)]],
        "-d" | "--destination" => vec![vec![range(value).map_or(Atom::Unknown, Atom::To)]],
        "-p" | "--protocol" if value == "all" || value == "0" => vec![vec![Atom::Always]],
        "-p" | "--protocol" => vec![vec![Atom::Protocol(value.to_owned())]],
        // Translation is a state to this match, and a status to the kernel.
        "--ctstate" | "--state" => each(&|word| match word.as_str() {
            "dnat" | "snat" => Atom::Status(word),
            _ => Atom::State(word),
        }),
        "--ctstatus" => each(&Atom::Status),
        "--ctdir" => each(&Atom::Direction),
        "--dst-type" | "--src-type" => each(&|word| match word.as_str() {
            "unicast" => Atom::Always,
            "local" | "broadcast" | "multicast" | "anycast" => Atom::Never,
            _ => Atom::Unknown,
        }),
        "--pkt-type" => each(&|word| if word == "unicast" { Atom::Always } else { Atom::Never }),
        // Of frames that a bridge hands to IP on their way from port to port.
        option if option.starts_with("--physdev") => vec![vec![Atom::Never]],
        // A packet has no mark until somebody sets it.
        "--mark" if !matches!(value.split('/').next(), Some("0" | "0x0")) => vec![vec![Atom::Some]],
        // A connection's first packet has the flags that it should have; what is asked for here is the odd one.
        "--tcp-flags" | "--syn" => return Test::is(Atom::Some),
        "--pol" if value == "none" => vec![vec![Atom::Always]],
        // Directions and ways of counting, of tests that are told in another option.
        "--dir" | "--limit-burst" | "--name" | "--mask" | "--rsource" | "--rdest" | "--seconds" | "--hitcount"
        | "--limit-iface-in" | "--limit-iface-out" => vec![vec![Atom::Always]],
        "--dport" | "--dports" => {
            each(&|word| ports(&word).map_or(Atom::Some, |(first, last)| Atom::Port(first, last)))
        }
        option if NARROW.iter().any(|start| option.starts_with(start)) => vec![vec![Atom::Some]],
        _ => vec![vec![Atom::Unknown]],
    };
    Test { any, sense }
}

/// Options, by how they begin, of tests that hold for some packets only: ports, ICMP types, rates, lists of far ends,
/// headers of IPv6 that a first packet seldom has.
const NARROW: &[&str] = &[
    "--dport",
    "--sport",
    "--port",
    "--icmp",
    "--match-set",
    "--limit",
    "--hashlimit",
    "--connlimit",
    "--length",
    "--ttl",
    "--hl-",
    "--dscp",
    "--tos",
    "--mac-source",
    "--string",
    "--pol",
    "--probability",
    "--every",
    "--rcheck",
    "--update",
    "--set",
    "--remove",
    "--quota",
    "--fragment",
    "-f",
    "--ecn",
    "--tcp-option",
    "--mss",
    "--source-country",
    "--rt-",
    "--frag",
    "--dst-len",
    "--hbh",
    "--header",
    "--soft",
    "--mh-",
    "--ahspi",
    "--espspi",
    "--destination-country",
];

/// A port, or a range of them with a colon.
fn ports(word: &str) -> Option<(u16, u16)> {
    let (first, last) = word.split_once(':').unwrap_or((word, word));
    Some((first.parse().ok()?, last.parse().ok()?))
}

fn range(value: &str) -> Option<IpNet> {
    value.parse().ok().or_else(|| Some(IpNet::from(value.parse::<IpAddr>().ok()?)))
}
