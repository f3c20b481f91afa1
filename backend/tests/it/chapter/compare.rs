//! What was printed against what the chapter prints. Ids, dates, durations, sizes and counters differ from one run to the
//! next and are masked in both; what else differs stands in one table, each with its reason.

use serde_json::Value;

/// Lines that may differ in what a command prints.
struct Difference {
    /// A part of the command.
    command: &'static str,
    /// Parts of lines that the chapter has, and this run need not have.
    missing: &'static [&'static str],
    /// Beginnings of lines that this run may have, though the chapter has none.
    more: &'static [&'static str],
    because: &'static str,
}

const DIFFERENCES: &[Difference] = &[
    Difference {
        command: "ip route",
        missing: &[" dev eth0 ", " dev eth1 "],
        more: &[],
        because: "routes of the author's own machine",
    },
    Difference {
        command: "sudo iptables",
        missing: &["DOCKER", "MASQUERADE", "RETURN", "DNAT"],
        more: &[],
        because: "Drawbridge writes no iptables rule: what these do, elements of its nftables maps do, which is looked at instead",
    },
    Difference {
        command: "brctl show",
        missing: &[],
        more: &["docker0 ", "VETH"],
        because: "the chapter makes its own bridge on a machine without Docker",
    },
];

/// Keys of later versions of the API, for which the chapter is too old.
const LATER_KEYS: [&str; 1] = ["EnableIPv4"];

/// What is wrong with what was printed, if something is.
pub(super) fn difference(command: &str, expected: &[String], printed: &str) -> Option<String> {
    if expected.first().is_some_and(|line| line == "[") {
        return json_difference(&expected.join("\n"), printed);
    }
    let rule = DIFFERENCES.iter().find(|difference| command.contains(difference.command));
    let may_miss = |line: &str| rule.is_some_and(|rule| rule.missing.iter().any(|part| line.contains(part)));
    let (mut wanted, mut left_out, mut is_headless) = (Vec::new(), 0, false);
    for line in expected {
        // What stands below a chain that is not there is not there either.
        is_headless = !line.is_empty() && (is_headless || (line.starts_with("Chain ") && may_miss(line)));
        match is_headless || may_miss(line) {
            true => left_out += 1,
            false => wanted.push(mask(line)),
        }
    }
    wanted.retain(|line| !line.is_empty() && line != "^C");
    let got = printed.lines().map(mask).map(|line| line.trim_start_matches("^C").to_owned());
    let may_be_more = |line: &String| rule.is_some_and(|rule| rule.more.iter().any(|part| line.starts_with(part)));
    let got = got.filter(|line| !line.is_empty() && (wanted.contains(line) || !may_be_more(line)));
    let got: Vec<String> = got.collect();
    let reason = rule.map_or("", |rule| rule.because);
    (wanted != got).then(|| {
        let (wanted, got) = (wanted.join("\n"), got.join("\n"));
        format!("the chapter prints\n{wanted}\n\nand this run\n{got}\n\n({left_out} lines of the chapter left out: {reason})")
    })
}

/// In JSON the order of a map's keys says nothing; those that are ids are replaced by what they are the id of.
fn json_difference(expected: &str, printed: &str) -> Option<String> {
    let read = |text: &str| serde_json::from_str(text).map(masked);
    match (read(expected), read(printed)) {
        (Ok(wanted), Ok(got)) if wanted == got => None,
        (Ok(wanted), Ok(got)) => Some(format!("the chapter prints\n{wanted:#}\n\nand this run\n{got:#}")),
        (wanted, got) => Some(format!("not JSON: {wanted:?} {got:?}\n{printed}")),
    }
}

fn masked(value: Value) -> Value {
    match value {
        Value::String(text) => Value::String(mask(&text)),
        Value::Array(values) => Value::Array(values.into_iter().map(masked).collect()),
        Value::Object(fields) => {
            let fields = fields.into_iter().filter(|(key, _)| !LATER_KEYS.contains(&key.as_str()));
            let named = fields.map(|(key, value)| match (mask(&key) == "ID", value["Name"].as_str()) {
                (true, Some(name)) => (name.to_owned(), masked(value)),
                _ => (key, masked(value)),
            });
            Value::Object(named.collect())
        }
        other => other,
    }
}

/// A line with its columns one space apart, and with words in place of what no two runs have in common.
pub(super) fn mask(line: &str) -> String {
    let line = line.replace('\t', "  ");
    if line.starts_with("rtt ") {
        return "rtt TIMES".to_owned();
    }
    let columns = line.trim().split("  ").map(str::trim).filter(|column| !column.is_empty());
    let words = columns.map(|column| match column {
        ago if ago.ends_with(" ago") => "AGO".to_owned(),
        up if up.starts_with("Up ") => "Up".to_owned(),
        other => other.split(' ').map(word).collect::<Vec<_>>().join(" "),
    });
    let line = words.collect::<Vec<_>>().join(" ");
    // `Chain INPUT (policy ACCEPT 9 packets, 1901 bytes)`, `I have been seen 36 times`
    let counts = line.starts_with("Chain ") || line.starts_with("Hello ");
    let number = |word: &str| counts && word.bytes().all(|byte| byte.is_ascii_digit());
    line.split(' ').map(|word| if number(word) { "N" } else { word }).collect::<Vec<_>>().join(" ")
}

fn word(word: &str) -> String {
    let bare = word.trim_end_matches(['.', ':', ',']);
    let end = &word[bare.len()..];
    let is_hex = |text: &str| text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
    let is_number = |text: &str| !text.is_empty() && text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'.'));
    let masked = match bare {
        id if (id.len() == 12 || id.len() == 64) && is_hex(id) => "ID".to_owned(),
        veth if veth.len() == 11 && veth.strip_prefix("veth").is_some_and(is_hex) => "VETH".to_owned(),
        bridge if bridge.len() == 17 && bridge.strip_prefix("8000.").is_some_and(is_hex) => "BRIDGE".to_owned(),
        date if date.len() > 19 && date.ends_with('Z') && date.as_bytes()[10] == b'T' => "DATE".to_owned(),
        size if ["kB", "MB", "GB"].iter().any(|unit| size.strip_suffix(unit).is_some_and(is_number)) => {
            "SIZE".to_owned()
        }
        time if time.strip_suffix("ms").is_some_and(is_number) => "TIME".to_owned(),
        time if time.strip_prefix("time=").is_some_and(is_number) => "time=T".to_owned(),
        local if local.starts_with("fe80::") => "fe80::LOCAL".to_owned(),
        // A random one; those of containers come from their addresses and are compared.
        mac if mac.len() == 17
            && mac.matches(':').count() == 5
            && !mac.starts_with("02:42:ac:11:")
            && mac != "00:00:00:00:00:00"
            && mac != "ff:ff:ff:ff:ff:ff" =>
        {
            "MAC".to_owned()
        }
        // `5: eth00@if6:`
        index if end == ":" && is_number(index) => "N".to_owned(),
        peer if peer.contains("@if") => peer.trim_end_matches(|c: char| c.is_ascii_digit()).to_owned(),
        other => other.to_owned(),
    };
    masked + end
}

#[test]
fn what_differs_is_found() {
    let lines = |text: &str| text.lines().map(str::to_owned).collect::<Vec<_>>();
    let expected = lines("NETWORK ID     NAME      DRIVER    SCOPE\n1847e179a316   bridge    bridge    local");
    let printed = "NETWORK ID     NAME      DRIVER    SCOPE\r\nfbd81b56c009   bridge   bridge    local\n";
    assert_eq!(difference("docker network ls", &expected, printed), None);
    for wrong in ["local", "local\nfbd81b56c009   b   bridge    local"] {
        let printed = printed.replace("local", wrong).replacen("bridge", "br", usize::from(wrong == "local"));
        assert!(difference("docker network ls", &expected, &printed).is_some(), "{printed}");
    }
    let json = lines("[{\"Id\": \"1847e179a316\", \"Internal\": false}]");
    let expected = ["[".to_owned(), json[0][1..].to_owned()];
    let printed = "[{\"Internal\": false, \"EnableIPv4\": true, \"Id\": \"fbd81b56c009\"}]";
    assert_eq!(difference("inspect", &expected, printed), None);
    assert!(difference("inspect", &expected, &printed.replace("false", "true")).is_some());
    assert!(difference("inspect", &expected, &printed.replace("EnableIPv4", "Other")).is_some());
    for (one, other) in [
        ("a  49 minutes ago   Up 49 minutes  80/tcp", "a   2 days ago  Up Less than a second   80/tcp"),
        ("docker0\t\t8000.0242759468cf\tno\tveth8c9bb82", "docker0  8000.02427bb624db   no  veth81835dd"),
        ("5: eth00@if6: <UP>", "31: eth00@if30: <UP>"),
        (
            "64 bytes from 172.16.1.2: icmp_seq=1 ttl=64 time=0.029 ms",
            "64 bytes from 172.16.1.2: icmp_seq=1 ttl=64 time=1.1 ms",
        ),
        ("redis latest 08502081bff6   2 weeks ago  105MB", "redis latest 185020810000   2 seconds ago  98.2MB"),
    ] {
        assert_eq!(mask(one), mask(other));
    }
    for (one, other) in
        [("172.17.0.2/16", "172.17.0.3/16"), ("02:42:ac:11:00:02", "02:42:ac:11:00:03"), ("2 received", "1 received")]
    {
        assert_ne!(mask(one), mask(other));
    }
}
