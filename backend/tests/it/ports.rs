//! Published ports, with the docker command and with our own API, from the request to the packet.

use crate::harness::{DEADLINE, Daemon, api, docker_is_there, run, wait_for};
use drawbridge_kernel::testing::{check_in_sandbox, inside};
use serde_json::{Value, json};
use std::{
    io::{Read, Write},
    net::{SocketAddr, TcpListener, TcpStream, UdpSocket},
    time::Duration,
};

/// Far more than a connection would need that came about, and what each costs that is dropped.
const PATIENCE: Duration = Duration::from_secs(2);

/// A web server in the container, whose page is the container's name.
const SERVER: &str = "hostname > /index.html; exec httpd -f -p 80 -h /";

pub(crate) fn serve(daemon: &Daemon, name: &str, flags: &[&str]) -> String {
    let run = ["run", "-d", "--name", name, "--hostname", name];
    let id = daemon.docker(&[&run[..], flags, &["busybox", "sh", "-c", SERVER]].concat());
    let address = daemon.docker(&["inspect", "-f", "{{range .NetworkSettings.Networks}}{{.IPAddress}}{{end}}", name]);
    wait_for("the server", || page(&format!("{address}:80")));
    id
}

/// What a web server says, if one answers.
pub(crate) fn page(at: &str) -> Option<String> {
    page_within(DEADLINE, at)
}

fn page_within(patience: Duration, at: &str) -> Option<String> {
    let mut stream = TcpStream::connect_timeout(&at.parse().unwrap(), patience).ok()?;
    stream.set_read_timeout(Some(patience)).unwrap();
    stream.write_all(b"GET /index.html HTTP/1.0\r\n\r\n").ok()?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).ok()?;
    Some(answer.rsplit("\r\n\r\n").next()?.trim().to_owned()).filter(|page| !page.is_empty())
}

/// Whether a program could have this port of the host.
fn is_free(at: &str) -> bool {
    TcpListener::bind(at.parse::<SocketAddr>().unwrap()).is_ok()
}

/// Waits until a program could have it. Whoever has let go of a port has closed its socket; a process that was being started
/// at that moment has a copy of it until it runs.
fn comes_free(at: &str) {
    wait_for(&format!("{at} to be free"), || is_free(at).then_some(()));
}

#[test]
fn a_port_is_reached_at_every_address_of_the_host() {
    if !docker_is_there() {
        return;
    }
    check_in_sandbox(|| {
        let daemon = Daemon::start();
        run("ip", &["link", "add", "eth9", "type", "bridge"]);
        run("ip", &["addr", "add", "192.0.2.1/24", "dev", "eth9"]);
        run("ip", &["link", "set", "eth9", "up"]);
        let flags = ["-p", "8080:80", "-p", "127.0.0.1:8081:80", "-p", "8080:80/udp", "-p", "[::1]:8082:80"];
        let web = serve(&daemon, "web", &flags);
        let ports = daemon.docker(&["port", "web"]);
        let mut ports: Vec<&str> = ports.lines().collect();
        ports.sort_unstable();
        assert_eq!(
            ports,
            [
                "80/tcp -> 0.0.0.0:8080",
                "80/tcp -> 127.0.0.1:8081",
                "80/tcp -> [::1]:8082",
                "80/tcp -> [::]:8080",
                "80/udp -> 0.0.0.0:8080",
                "80/udp -> [::]:8080"
            ]
        );
        let listed = daemon.docker(&["ps", "--format", "{{.Ports}}"]);
        assert!(listed.contains("0.0.0.0:8080->80/tcp") && listed.contains("[::]:8080->80/udp"), "{listed}");

        for at in ["127.0.0.1:8080", "192.0.2.1:8080", "172.17.0.1:8080", "127.0.0.1:8081", "[::1]:8080", "[::1]:8082"]
        {
            assert_eq!(page(at).as_deref(), Some("web"), "{at}");
        }
        assert_eq!(page("192.0.2.1:8081"), None, "published on loopback only");
        // From itself, a neighbour and another network.
        let near = daemon.docker(&["run", "-d", "--name", "near", "busybox", "sleep", "1000"]);
        daemon.docker(&["network", "create", "other"]);
        let far = daemon.docker(&["run", "-d", "--name", "far", "--network", "other", "busybox", "sleep", "1000"]);
        for from in [&web, &near, &far] {
            let got = inside(&from[..12], || page("192.0.2.1:8080"));
            assert_eq!(got.as_deref(), Some("web"), "from {from}");
        }
        assert_eq!(inside(&far[..12], || page_within(PATIENCE, "172.17.0.2:80")), None, "not past the port");

        // The host's ports are held, and free again with the container.
        for at in ["0.0.0.0:8080", "192.0.2.1:8080", "127.0.0.1:8081", "[::]:8080"] {
            assert!(!is_free(at), "{at}");
        }
        daemon.docker(&["stop", "-t", "0", "web"]);
        for at in ["0.0.0.0:8080", "127.0.0.1:8081", "[::]:8080"] {
            comes_free(at);
        }
        let table = run("nft", &["list", "ruleset"]);
        assert!(!table.contains(". 8080"), "{table}");
        daemon.docker(&["start", "web"]);
        wait_for("the page again", || page("127.0.0.1:8080"));
    });
}

#[test]
fn udp_goes_both_ways_and_to_ipv6_loopback() {
    if !docker_is_there() {
        return;
    }
    check_in_sandbox(|| {
        let daemon = Daemon::start();
        let id = daemon.docker(&["run", "-d", "--name", "echo", "-p", "5353:53/udp", "busybox", "sleep", "1000"]);
        let server = inside(&id[..12], || UdpSocket::bind("0.0.0.0:53").unwrap());
        server.set_read_timeout(Some(DEADLINE)).unwrap();
        let echo = std::thread::spawn(move || {
            let mut buffer = [0; 16];
            for _ in 0..3 {
                let (length, from) = server.recv_from(&mut buffer).unwrap();
                server.send_to(&buffer[..length], from).unwrap();
            }
        });
        for to in ["127.0.0.1:5353", "172.17.0.1:5353", "[::1]:5353"] {
            let to: SocketAddr = to.parse().unwrap();
            let socket = UdpSocket::bind(if to.is_ipv4() { "0.0.0.0:0" } else { "[::]:0" }).unwrap();
            socket.set_read_timeout(Some(DEADLINE)).unwrap();
            socket.connect(to).unwrap();
            socket.send(b"hello").unwrap();
            let mut buffer = [0; 16];
            let length = socket.recv(&mut buffer).unwrap();
            assert_eq!(&buffer[..length], b"hello", "{to}");
        }
        echo.join().unwrap();
    });
}

#[test]
fn the_kernel_chooses_and_ranges_are_one_transaction() {
    if !docker_is_there() {
        return;
    }
    check_in_sandbox(|| {
        let daemon = Daemon::start();
        serve(&daemon, "any", &["-p", "80", "--expose", "81", "-P"]);
        let chosen = daemon.docker(&["port", "any", "80/tcp"]);
        let first = chosen.lines().next().unwrap();
        assert_eq!(page(&first.replace("0.0.0.0", "127.0.0.1")).as_deref(), Some("any"), "{chosen}");
        assert!(daemon.docker(&["port", "any", "81/tcp"]).contains("0.0.0.0:"));

        daemon.docker(&["run", "-d", "--name", "many", "-p", "20000-20199:30000-30199", "busybox", "sleep", "1000"]);
        let (_, changes) = api(&daemon, "GET", "/api/changes", None);
        let start = &changes.as_array().unwrap()[0];
        assert_eq!((start["verb"].as_str(), start["subject"].as_str()), (Some("start container"), Some("many")));
        let titles: Vec<&str> =
            start["steps"].as_array().unwrap().iter().filter_map(|step| step["title"].as_str()).collect();
        let of_tables = titles.iter().filter(|title| title.contains("tables")).count();
        assert_eq!(of_tables, 1, "{titles:?}");
        assert_eq!(run("nft", &["list", "map", "inet", "drawbridge", "published4"]).matches("tcp . ").count(), 202);
        // A range of host ports for one: the next that is free.
        for expected in ["20200", "20201"] {
            let name = format!("one{expected}");
            daemon.docker(&["run", "-d", "--name", &name, "-p", "20199-20201:80", "busybox", "sleep", "1000"]);
            assert!(daemon.docker(&["port", &name]).contains(&format!("0.0.0.0:{expected}")));
        }
        let refused =
            daemon.docker_refuses(&["run", "-d", "--name", "none", "-p", "20199-20201:80", "busybox", "true"]);
        assert!(refused.contains("port is already allocated: container one20201 has it; 20202 is free"), "{refused}");
    });
}

#[test]
fn a_thousand_ports_need_no_higher_limit_of_open_files() {
    if !docker_is_there() {
        return;
    }
    check_in_sandbox(|| {
        let daemon = Daemon::start_after("ulimit -Sn 256");
        let args = ["run", "-d", "--name", "many", "-p", "20000-20999:20000-20999", "busybox", "sleep", "1000"];
        daemon.docker(&args);
        assert_eq!(daemon.docker(&["port", "many"]).lines().count(), 2000);
        // The daemon's own limit is raised, and not that of containers.
        // runc 1.1 sets a command's limits while its child begins, which raises the soft one: now and then the child is later.
        let limit = || daemon.docker(&["exec", "many", "sh", "-c", "ulimit -Sn"]);
        wait_for("the limit that was given", || (limit() == "256").then_some(()));
        let first = || daemon.docker(&["exec", "many", "grep", "open files", "/proc/1/limits"]);
        wait_for("that of the first process", || (first().split_whitespace().nth(3) == Some("256")).then_some(()));
    });
}

#[test]
fn a_conflict_says_who() {
    if !docker_is_there() {
        return;
    }
    check_in_sandbox(|| {
        let daemon = Daemon::start();
        serve(&daemon, "web", &["-p", "8080:80"]);
        for publish in ["8080:80", "127.0.0.1:8080:80"] {
            let refused = daemon.docker_refuses(&["run", "-d", "--name", "late", "-p", publish, "busybox", "true"]);
            assert!(
                refused.contains("driver failed programming external connectivity on endpoint late")
                    && refused.contains(":8080 failed: port is already allocated: container web has it; 8081 is free"),
                "{refused}"
            );
            let state = daemon.docker(&["inspect", "-f", "{{.State.Status}} {{.State.ExitCode}}", "late"]);
            assert_eq!(state, "created 128");
            daemon.docker(&["rm", "late"]);
        }
        // What is free is free for all that was asked for.
        let other = TcpListener::bind("[::1]:8081").unwrap();
        let refused = daemon.docker_refuses(&["run", "--rm", "-p", "8080:80", "busybox", "true"]);
        assert!(refused.contains("container web has it; 8082 is free"), "{refused}");
        drop(other);
        let taken = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = taken.local_addr().unwrap().port();
        let refused =
            daemon.docker_refuses(&["run", "-d", "--name", "late", "-p", &format!("{port}:80"), "busybox", "true"]);
        assert!(refused.contains(&format!("process {} (", std::process::id())), "{refused}");
        let refused = daemon.docker_refuses(&["start", "late"]);
        assert!(refused.contains("is already allocated"), "{refused}");
        drop(taken);
        // As of `comes_free`, and without a socket that could be copied in its turn.
        let listening = || run("ss", &["-Hltn", &format!("sport = {port}")]);
        wait_for("the port to be let go", || listening().is_empty().then_some(()));
        daemon.docker(&["start", "late"]);
        let refused =
            daemon.docker_refuses(&["run", "-d", "--name", "where", "-p", "198.51.100.9:80:80", "busybox", "true"]);
        assert!(refused.contains("no interface of this machine has 198.51.100.9"), "{refused}");
        // Nothing half made.
        assert!(!run("nft", &["list", "ruleset"]).contains("198.51.100.9"));
        assert!(run("ip", &["netns", "list"]).lines().count() <= 2);
    });
}

#[test]
fn a_routed_network_needs_no_port_of_the_host() {
    if !docker_is_there() {
        return;
    }
    check_in_sandbox(|| {
        let daemon = Daemon::start();
        let mode = "com.docker.network.bridge.gateway_mode_ipv4=routed";
        daemon.docker(&["network", "create", "--subnet", "10.5.0.0/24", "-o", mode, "routed"]);
        let flags = ["--network", "routed", "-p", "8080:80", "-p", "8081:80"];
        let id = serve(&daemon, "web", &flags);
        assert!(is_free("0.0.0.0:8080") && is_free("0.0.0.0:8081"));
        assert_eq!(page("127.0.0.1:8080"), None);
        // Nor does a container without a network of its own, whose user is told so.
        let host = daemon.docker_output(&["run", "--rm", "--network", "host", "-p", "8080:80", "busybox", "true"]);
        let told = String::from_utf8_lossy(&host.stderr).into_owned();
        assert!(told.contains("Published ports are discarded when using host network mode"), "{told}");
        let other = daemon.docker(&["run", "-d", "--name", "far", "busybox", "sleep", "1000"]);
        assert_eq!(inside(&other[..12], || page("10.5.0.2:80")).as_deref(), Some("web"), "{id}");
        assert!(run("nft", &["list", "set", "inet", "drawbridge", "open4"]).contains("10.5.0.2 . tcp . 80"));
    });
}

#[test]
fn ports_outlive_the_daemon_and_are_held_again() {
    if !docker_is_there() {
        return;
    }
    check_in_sandbox(|| {
        let mut daemon = Daemon::start();
        serve(&daemon, "web", &["-p", "8080:80"]);
        daemon.kill();
        assert_eq!(page("127.0.0.1:8080").as_deref(), Some("web"), "the kernel needs no daemon");
        daemon.start_again();
        assert!(!is_free("0.0.0.0:8080"));
        assert_eq!(page("127.0.0.1:8080").as_deref(), Some("web"));
        assert_eq!(page("[::1]:8080").as_deref(), Some("web"));
        daemon.docker(&["rm", "-f", "web"]);
        comes_free("0.0.0.0:8080");
    });
}

#[test]
fn ports_of_a_running_container_change() {
    if !docker_is_there() {
        return;
    }
    check_in_sandbox(|| {
        let daemon = Daemon::start();
        let id = serve(&daemon, "web", &["-p", "8080:80"]);
        let started = daemon.docker(&["inspect", "-f", "{{.State.StartedAt}}", "web"]);
        let path = format!("/api/containers/{id}/ports");
        let ports = |ports: Value| Some(json!({ "ports": ports }));
        let wanted = json!([{ "container_port": 80, "protocol": "tcp", "host_port": 9090 }]);

        let (status, plan) = api(&daemon, "PUT", &format!("{path}?preview=true"), ports(wanted.clone()));
        assert_eq!((status, plan["steps"].as_array().map(Vec::len)), (200, Some(1)), "{plan}");
        assert_eq!(page("127.0.0.1:9090"), None, "a preview does nothing");

        let (status, seen) = api(&daemon, "PUT", &path, ports(wanted.clone()));
        assert_eq!((status, &seen["ports"][0]["host"]["port"]), (200, &json!(9090)), "{seen}");
        assert_eq!(page("127.0.0.1:9090").as_deref(), Some("web"));
        assert_eq!(page("127.0.0.1:8080"), None);
        comes_free("0.0.0.0:8080");
        assert!(!is_free("0.0.0.0:9090"));
        assert_eq!(daemon.docker(&["inspect", "-f", "{{.State.StartedAt}}", "web"]), started);

        // Asked for again: nothing to do. To another port of the container: the same port of the host leads elsewhere.
        let (_, plan) = api(&daemon, "PUT", &format!("{path}?preview=true"), ports(wanted));
        assert_eq!(plan["steps"], json!([]));
        let elsewhere = json!([{ "container_port": 81, "protocol": "tcp", "host_port": 9090 }]);
        assert_eq!(api(&daemon, "PUT", &path, ports(elsewhere)).0, 200);
        assert_eq!(page("127.0.0.1:9090"), None);
        assert_eq!(page("[::1]:9090"), None);
        assert!(!is_free("0.0.0.0:9090"));

        for (wrong, words) in [
            (json!([{ "container_port": 0, "protocol": "tcp" }]), "invalid port 0 of the container"),
            (
                json!([{ "container_port": 80, "protocol": "tcp", "host_port": 9, "host_port_end": 8 }]),
                "invalid range of host ports 9-8",
            ),
        ] {
            let (status, refusal) = api(&daemon, "PUT", &path, ports(wrong));
            assert!(status == 400 && refusal["message"].as_str().unwrap().starts_with(words), "{status} {refusal}");
        }

        let taken = TcpListener::bind("0.0.0.0:9999").unwrap();
        let clash = json!([{ "container_port": 80, "protocol": "tcp", "host_port": 9999 }]);
        let (status, refusal) = api(&daemon, "PUT", &path, ports(clash));
        assert!(status >= 400 && refusal["message"].as_str().unwrap().contains("is taken: "), "{refusal}");
        drop(taken);
        assert_eq!(daemon.docker(&["port", "web"]).lines().next(), Some("81/tcp -> 0.0.0.0:9090"));

        assert_eq!(api(&daemon, "PUT", &path, ports(json!([]))).0, 200);
        assert_eq!(daemon.docker(&["port", "web"]), "");
        comes_free("0.0.0.0:9090");
        // What is asked for of a stopped container holds from its next start.
        daemon.docker(&["stop", "-t", "0", "web"]);
        let back = json!([{ "container_port": 80, "protocol": "tcp", "host_address": "127.0.0.1", "host_port": 8080 }]);
        assert_eq!(api(&daemon, "PUT", &path, ports(back)).0, 200);
        daemon.docker(&["start", "web"]);
        wait_for("the page", || page("127.0.0.1:8080"));
    });
}

#[test]
fn the_rules_lead_back_and_count() {
    if !docker_is_there() {
        return;
    }
    check_in_sandbox(|| {
        let daemon = Daemon::start();
        let id = serve(&daemon, "web", &["-p", "8080:80"]);
        for _ in 0..3 {
            page("127.0.0.1:8080").unwrap();
        }
        let (_, rules) = api(&daemon, "GET", "/api/rules", None);
        assert_eq!(rules["intact"], json!(true));
        let element = |set: &str| {
            let elements = rules["elements"].as_array().unwrap();
            elements.iter().find(|element| element["set"] == set).unwrap_or_else(|| panic!("no {set}: {rules}")).clone()
        };
        let published = element("published4");
        assert_eq!(
            (&published["key"], &published["value"], &published["container"], &published["there"]),
            (&json!("tcp . 8080"), &json!("172.17.0.2 . 80"), &json!(id), &json!(true))
        );
        let counted = element("counted4");
        // Three connections of a handshake, a request, an answer and an end: some ten packets each.
        assert!(counted["traffic"]["packets"].as_u64().unwrap() >= 24, "{counted}");
        let (_, traffic) = api(&daemon, "GET", "/api/traffic", None);
        let port =
            &traffic["ports"].as_array().unwrap().iter().find(|port| port["host"]["address"] == "0.0.0.0").unwrap();
        assert!(port["traffic"]["bytes"].as_u64().unwrap() > 600, "{traffic}");
    });
}
