//! The lens: what was asked and told, as our own API has it.

use super::world::{HostResolvers, RESOLVER, address_of, ask, sleeper, upstream};
use crate::harness::{DEADLINE, Daemon, api, docker_is_there, wait_for};
use drawbridge_kernel::testing::{check_in_sandbox, inside};
use serde_json::Value;
use std::{
    io::{Read, Write},
    net::{TcpStream, UdpSocket},
};

/// What the lens has of a name: outcome, answers and upstream, oldest first.
fn seen(daemon: &Daemon, path: &str, name: &str) -> Vec<String> {
    let (status, queries) = api(daemon, "GET", path, None);
    assert_eq!(status, 200, "{queries}");
    let of_name = queries.as_array().unwrap().iter().filter(|query| query["name"] == name);
    of_name
        .map(|query| format!("{} {} {}", query["outcome"], query["answers"], query["upstream"]).replace('"', ""))
        .collect()
}

#[test]
fn the_lens_shows_each_question_with_its_answer_and_reason() {
    if !docker_is_there() {
        return;
    }
    check_in_sandbox(|| {
        let _resolvers = HostResolvers::new("nameserver 127.0.0.53\n");
        upstream("127.0.0.53:53", [192, 0, 2, 1]);
        let daemon = Daemon::start();
        daemon.docker(&["network", "create", "lab"]);
        daemon.docker(&["network", "create", "--internal", "vault"]);
        let web = sleeper(&daemon, "web", &["--network", "lab"]);
        let shut = sleeper(&daemon, "shut", &["--network", "vault"]);
        let address = address_of(&daemon, "web");

        // Listens before anything is asked.
        let token = daemon.panel_link.split("token=").nth(1).unwrap();
        let mut stream = TcpStream::connect(daemon.panel_origin().trim_start_matches("http://")).unwrap();
        stream.set_read_timeout(Some(DEADLINE)).unwrap();
        let head = format!("GET /api/dns/events HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {token}\r\n\r\n");
        stream.write_all(head.as_bytes()).unwrap();

        for (from, name) in [(&web, "web"), (&shut, "www.example"), (&shut, "nobody")] {
            assert!(ask(from, name).is_some());
        }
        // On a busy machine the resolver upstream may be too late; then it is asked again.
        let mut late = 0;
        wait_for("the resolver upstream", || {
            let answered = ask(&web, "www.example").is_some_and(|answer| !answer.answers.is_empty());
            late += usize::from(!answered);
            answered.then_some(())
        });
        let total = 5 + late;
        inside(&web, || {
            UdpSocket::bind("127.0.0.1:0").unwrap().send_to(&[1, 2, 1, 0, 9, 9, 0, 0, 0, 0, 0, 0, 9], RESOLVER)
        })
        .unwrap();
        wait_for("all to be kept", || {
            (api(&daemon, "GET", "/api/dns", None).1.as_array().unwrap().len() == total).then_some(())
        });
        assert_eq!(seen(&daemon, "/api/dns", "web"), [format!("answered [{address}] null")]);
        let of_both = seen(&daemon, "/api/dns", "www.example");
        assert_eq!(of_both.len(), 2 + late);
        assert_eq!([&of_both[0], &of_both[1 + late]], ["failed [] null", "forwarded [192.0.2.1] 127.0.0.53:53"]);
        assert_eq!(seen(&daemon, &format!("/api/dns?container={shut}"), "www.example"), ["failed [] null"]);
        assert_eq!(seen(&daemon, "/api/dns", "nobody"), ["no_such_name [] null"]);
        assert_eq!(seen(&daemon, "/api/dns", ""), ["refused [] null"], "what can't be read has no name");
        let (_, queries) = api(&daemon, "GET", "/api/dns", None);
        for query in queries.as_array().unwrap() {
            assert!(query["reason"].as_str().is_some_and(|reason| !reason.is_empty()), "{query}");
            assert!(query["duration_us"].as_u64().is_some_and(|took| took < 30_000_000), "{query}");
            let container = query["container"].as_str().unwrap();
            assert!(container.starts_with(&web) || container.starts_with(&shut), "{query}");
        }

        let mut text = String::new();
        let mut buffer = [0; 4096];
        // Whole lines: an event may come in two pieces.
        while text.split_inclusive('\n').filter(|line| line.starts_with("data:") && line.ends_with('\n')).count()
            < total
        {
            let length = stream.read(&mut buffer).unwrap();
            assert!(length > 0, "the stream ended: {text}");
            text.push_str(&String::from_utf8_lossy(&buffer[..length]));
        }
        let numbers: Vec<u64> = text
            .lines()
            .filter_map(|line| line.strip_prefix("data:"))
            .map(|line| serde_json::from_str::<Value>(line.trim()).unwrap()["sequence"].as_u64().unwrap())
            .collect();
        assert!(numbers.iter().copied().eq(1..=u64::try_from(total).unwrap()), "{numbers:?}");
    });
}
