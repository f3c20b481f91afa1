//! Traps in how things are found: names, ids and their beginnings, filters, booleans.

use super::{ask, create, encoded, inspect, start};
use crate::harness::Daemon;
use drawbridge_kernel::testing::check_in_sandbox;
use std::collections::BTreeMap;

/// A beginning of one digit that several of these ids have.
fn shared(ids: &[String]) -> Option<String> {
    let mut counts = BTreeMap::new();
    for id in ids {
        *counts.entry(&id[..1]).or_insert(0) += 1;
    }
    counts.into_iter().find(|(_, count)| *count > 1).map(|(digit, _)| digit.to_owned())
}

#[test]
fn things_are_found_by_every_form_of_their_names() {
    check_in_sandbox(|| {
        let daemon = Daemon::start();
        create(&daemon, "web", "");
        let id = inspect(&daemon, "web")["Id"].as_str().unwrap().to_owned();
        // A name comes before the beginning of an id, whosever it is.
        create(&daemon, &id[..4], "");
        for (text, name) in [(&id[..], "/web"), (&id[..12], "/web"), ("%2Fweb", "/web"), (&id[..4], &id[..4])] {
            assert_eq!(inspect(&daemon, text)["Name"], format!("/{}", name.trim_start_matches('/')), "{text}");
        }
        let mut ids = vec![id];
        // 17 ids share one of 16 digits.
        for number in 0..16 {
            ids.push(create(&daemon, &format!("more{number}"), "").json()["Id"].as_str().unwrap().to_owned());
        }
        let ambiguous = ask(&daemon, &format!("GET /containers/{}/json", shared(&ids).unwrap()), "");
        assert!(ambiguous.status == 400 && ambiguous.message().contains("is ambiguous"), "{ambiguous:?}");

        let mut ids = Vec::new();
        for number in 0..17 {
            let body = format!(r#"{{"Name":"net{number}","IPAM":{{"Config":[{{"Subnet":"10.{number}.0.0/24"}}]}}}}"#);
            ids.push(ask(&daemon, "POST /networks/create", &body).json()["Id"].as_str().unwrap().to_owned());
        }
        for text in [&ids[0][..], &ids[0][..12], "net0"] {
            assert_eq!(ask(&daemon, &format!("GET /networks/{text}"), "").json()["Name"], "net0");
        }
        let digit = shared(&ids).unwrap();
        let ambiguous = ask(&daemon, &format!("GET /networks/{digit}"), "");
        assert_eq!(ambiguous.status, 400);
        let message = ambiguous.message();
        assert!(
            message.starts_with(&format!("network {digit} is ambiguous ("))
                && message.contains(" matches found based on ID prefix)"),
            "{message}"
        );

        let image = ask(&daemon, "GET /images/busybox/json", "").json();
        let id = image["Id"].as_str().unwrap();
        assert_eq!(image["RepoTags"][0], "busybox:latest");
        let hex = id.strip_prefix("sha256:").unwrap();
        for text in
            [id, hex, &hex[..12], &id[..14], "busybox:latest", "docker.io/library/busybox", "library/busybox:latest"]
        {
            assert_eq!(ask(&daemon, &format!("GET /images/{text}/json"), "").json()["Id"], id, "{text}");
        }
    });
}

#[test]
fn filters_come_in_two_encodings() {
    check_in_sandbox(|| {
        let daemon = Daemon::start();
        start(&daemon, "web", r#""Labels":{"a":"b"}"#);
        start(&daemon, "web2", r#""Labels":{"a":"c"}"#);
        ask(&daemon, "POST /networks/create", r#"{"Name":"lab","Labels":{"a":"b"}}"#);
        let listed = |path: &str, filters: &str| {
            let answer = ask(&daemon, &format!("GET {path}?all=1&filters={}", encoded(filters)), "");
            assert_eq!(answer.status, 200, "{filters}: {answer:?}");
            let list = answer.json();
            let name = |row: &serde_json::Value| match row["Names"][0].as_str() {
                Some(name) => name.to_owned(),
                None => row["Name"].as_str().unwrap().to_owned(),
            };
            let mut names: Vec<String> = list.as_array().unwrap().iter().map(name).collect();
            names.sort();
            names.join(" ")
        };
        for (filters, names) in [
            (r#"{"name":{"web":true}}"#, "/web /web2"),
            (r#"{"name":["web"]}"#, "/web /web2"),
            (r#"{"name":["^web$"]}"#, "/web"),
            (r#"{"name":["^/web$"]}"#, "/web"),
            (r#"{"label":["a=b"]}"#, "/web"),
            (r#"{"label":{"a=b":true}}"#, "/web"),
            (r#"{"label":["a","a=c"]}"#, "/web2"),
            (r#"{"status":["running"],"name":["2"]}"#, "/web2"),
            (r#"{"name":["web$","2$"]}"#, "/web /web2"),
            ("{}", "/web /web2"),
        ] {
            assert_eq!(listed("/containers/json", filters), names, "{filters}");
        }
        for (filters, names) in [
            (r#"{"name":{"lab":true}}"#, "lab"),
            (r#"{"name":["n"]}"#, "none"),
            (r#"{"label":["a=b"]}"#, "lab"),
            (r#"{"driver":["bridge"]}"#, "bridge lab"),
            (r#"{"dangling":{"true":true}}"#, "lab"),
            (r#"{"type":["custom"]}"#, "lab"),
            (r#"{"scope":["local"]}"#, "bridge host lab none"),
        ] {
            assert_eq!(listed("/networks", filters), names, "{filters}");
        }
        for path in ["/containers/json", "/networks", "/volumes", "/images/json", "/events"] {
            for (filters, words) in
                [(r#"{"nope":["x"]}"#, "invalid filter 'nope'"), ("{", "invalid filter"), ("5", "invalid filter")]
            {
                let answer = ask(&daemon, &format!("GET {path}?filters={}", encoded(filters)), "");
                assert!(answer.status == 400 && answer.message().contains(words), "{path} {filters}: {answer:?}");
            }
        }
    });
}

#[test]
fn booleans_are_read_as_dockers() {
    check_in_sandbox(|| {
        let daemon = Daemon::start();
        create(&daemon, "idle", "");
        let shown =
            |query: &str| ask(&daemon, &format!("GET /containers/json{query}"), "").json() != serde_json::json!([]);
        for text in ["1", "true", "True", "TRUE", "yes", "x"] {
            assert!(shown(&format!("?all={text}")), "{text}");
        }
        for query in ["?all=0", "?all=no", "?all=false", "?all=False", "?all=none", "?all=", ""] {
            assert!(!shown(query), "{query}");
        }
    });
}

#[test]
fn a_name_has_dockers_rule() {
    check_in_sandbox(|| {
        let daemon = Daemon::start();
        for (name, status) in [
            ("ab", 201),
            ("/slash", 201),
            ("A_b.c-9", 201),
            ("a", 400),
            ("-x", 400),
            ("a b", 400),
            ("é1", 400),
            (&"x".repeat(256), 400),
        ] {
            let answer = create(&daemon, &encoded(name), "");
            assert_eq!(answer.status, status, "{name}: {answer:?}");
        }
        assert_eq!(inspect(&daemon, "slash")["Name"], "/slash");
        let id =
            ask(&daemon, "POST /containers/create", r#"{"Image":"busybox"}"#).json()["Id"].as_str().unwrap().to_owned();
        let name = inspect(&daemon, &id)["Name"].as_str().unwrap().to_owned();
        let (adjective, surname) = name[1..].split_once('_').unwrap();
        assert!(adjective.len() > 1 && surname.len() > 1, "{name}");
        assert!(id.len() == 64 && id.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f')));
    });
}
