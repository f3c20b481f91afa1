//! Names, from the docker command to the packet: what a container asks at 127.0.0.11, and the files that send it there.

mod lens;
mod networks;
mod resolvers;
mod world;

use crate::harness::{DEADLINE, Daemon, docker_is_there, run, wait_for};
use drawbridge_kernel::testing::{check_in_sandbox, inside};
use hickory_proto::{op::Message, rr::RecordType};
use std::{
    net::{TcpListener, TcpStream, UdpSocket},
    sync::atomic::{AtomicUsize, Ordering},
    thread,
};
use world::{HostResolvers, RESOLVER, address_of, ask, question, read_in, said, sleeper, told, upstream};

#[test]
fn a_name_is_there_when_run_returns_and_gone_when_the_container_has_stopped() {
    if !docker_is_there() {
        return;
    }
    check_in_sandbox(|| {
        let _resolvers = HostResolvers::new("nameserver 127.0.0.53\n");
        upstream("127.0.0.53:53", [192, 0, 2, 1]);
        let mut daemon = Daemon::start();
        daemon.docker(&["network", "create", "lab"]);
        daemon.docker(&["network", "create", "other"]);
        let web = sleeper(&daemon, "web", &["--network", "lab"]);
        let far = sleeper(&daemon, "far", &["--network", "other"]);
        let db = sleeper(&daemon, "db", &["--network", "lab"]);
        let address = address_of(&daemon, "db");
        for name in ["db", "DB", "db.lab", &db, "db."] {
            assert_eq!(told(&web, name), address, "{name}");
        }
        assert_eq!(told(&far, "db"), "NXDomain", "not from another network");
        assert_eq!(told(&web, "db.other"), "NXDomain");
        let seen = daemon.docker(&["exec", "web", "nslookup", "-type=a", "db"]);
        assert!(seen.contains("Server:\t\t127.0.0.11") && seen.contains(&address), "{seen}");
        daemon.docker(&["exec", "web", "ping", "-c", "1", "-W", "5", "db"]);

        // Nothing of the daemon's is at port 53, neither here nor there.
        inside(&web, || (UdpSocket::bind("0.0.0.0:53").unwrap(), TcpListener::bind("0.0.0.0:53").unwrap()));
        assert_eq!(told(&web, "db"), address);
        let listening = run("ss", &["-Hlnut"]);
        assert!(!listening.contains(":53 ") || listening.contains("127.0.0.53:53"), "{listening}");

        daemon.docker(&["stop", "-t", "0", "db"]);
        assert_eq!(told(&web, "db"), "NXDomain");
        daemon.docker(&["start", "db"]);
        assert_eq!(told(&web, "db"), address_of(&daemon, "db"));
        daemon.docker(&["rename", "db", "data"]);
        assert_eq!((told(&web, "data"), told(&web, "db")), (address_of(&daemon, "data"), "NXDomain".to_owned()));
        daemon.docker(&["rm", "-f", "data"]);
        assert_eq!(told(&web, "data"), "NXDomain");

        // A container outlives the daemon, and its names come back with the next one.
        daemon.kill();
        daemon.start_again();
        assert_eq!(told(&web, "web"), address_of(&daemon, "web"));
        let twice = sleeper(&daemon, "db", &["--network", "lab"]);
        assert_eq!(told(&web, "db"), address_of(&daemon, "db"));
        assert_eq!(told(&twice, "web"), address_of(&daemon, "web"));
    });
}

#[test]
fn the_default_bridge_has_no_names_and_the_hosts_resolvers() {
    if !docker_is_there() {
        return;
    }
    check_in_sandbox(|| {
        let _resolvers = HostResolvers::new("search lab.example\nnameserver 127.0.0.53\nnameserver 192.0.2.53\n");
        let daemon = Daemon::start();
        let plain = sleeper(&daemon, "plain", &[]);
        let text = read_in(&daemon, "plain", "/etc/resolv.conf");
        assert_eq!(said(&text), ["nameserver 192.0.2.53", "search lab.example"]);
        inside(&plain, || {
            assert_eq!(run("nft", &["list", "ruleset"]), "");
            assert!(TcpStream::connect(RESOLVER).is_err(), "nobody listens");
        });
        let host = daemon.docker(&["run", "--rm", "--network", "host", "busybox", "cat", "/etc/resolv.conf"]);
        assert_eq!(said(&host)[1], "nameserver 127.0.0.53", "in the host's namespace it is the host's");
        let none = daemon.docker(&["run", "--rm", "--network", "none", "busybox", "cat", "/etc/resolv.conf"]);
        assert_eq!(said(&none)[0], "nameserver 192.0.2.53");
    });
}

#[test]
fn the_files_say_what_was_asked_for() {
    if !docker_is_there() {
        return;
    }
    check_in_sandbox(|| {
        let _resolvers = HostResolvers::new("search lab.example\nnameserver 127.0.0.53\noptions edns0\n");
        let daemon = Daemon::start();
        daemon.docker(&["network", "create", "lab"]);
        let flags = ["--network", "lab", "--hostname", "box", "--domainname", "lab.example"];
        let hosts = ["--add-host", "one:192.0.2.1", "--add-host", "six:::1", "--add-host", "gate:host-gateway"];
        let dns = ["--dns", "192.0.2.53", "--dns-search", "a.example", "--dns-option", "ndots:2"];
        sleeper(&daemon, "box1", &[&flags[..], &hosts, &dns].concat());
        let own = format!("{}\tbox.lab.example box", address_of(&daemon, "box1"));
        let text = read_in(&daemon, "box1", "/etc/hosts");
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(lines[0], "127.0.0.1\tlocalhost");
        assert_eq!(lines[6..], ["192.0.2.1\tone", "::1\tsix", "172.17.0.1\tgate", own.as_str()]);
        let text = read_in(&daemon, "box1", "/etc/resolv.conf");
        assert_eq!(said(&text), ["nameserver 127.0.0.11", "search a.example", "options ndots:2"]);
        assert!(text.contains("# ExtServers: [192.0.2.53]"), "{text}");
        assert_eq!(read_in(&daemon, "box1", "/etc/hostname"), "box");
        assert_eq!(daemon.docker(&["exec", "box1", "hostname"]), "box.lab.example");
        assert_eq!(read_in(&daemon, "box1", "/proc/sys/kernel/domainname"), "lab.example");
        let shown = daemon.docker(&["inspect", "-f", "{{.Config.Domainname}} {{json .HostConfig.ExtraHosts}}", "box1"]);
        assert_eq!(shown, r#"lab.example ["one:192.0.2.1","six:::1","gate:host-gateway"]"#);
        let refused = daemon.docker_refuses(&["run", "--add-host", "one:nowhere", "busybox"]);
        assert!(refused.contains("invalid IP address in add-host"), "{refused}");

        sleeper(&daemon, "box2", &["--network", "lab"]);
        let text = read_in(&daemon, "box2", "/etc/resolv.conf");
        assert_eq!(said(&text), ["nameserver 127.0.0.11", "search lab.example", "options edns0 ndots:0"]);
        assert!(text.contains("# ExtServers: [host(127.0.0.53)]"), "{text}");
    });
}

#[test]
fn what_no_container_has_is_asked_upstream_unless_the_network_is_internal() {
    if !docker_is_there() {
        return;
    }
    check_in_sandbox(|| {
        let resolvers = HostResolvers::new("nameserver 127.0.0.53\n");
        let asked = upstream("127.0.0.53:53", [192, 0, 2, 1]);
        let daemon = Daemon::start();
        daemon.docker(&["network", "create", "lab"]);
        daemon.docker(&["network", "create", "--internal", "vault"]);
        let open = sleeper(&daemon, "open", &["--network", "lab"]);
        let shut = sleeper(&daemon, "shut", &["--network", "vault"]);
        assert_eq!(told(&open, "www.example"), "192.0.2.1");
        assert_eq!(told(&shut, "hidden.example"), "ServFail");
        assert_eq!(told(&shut, "secret"), "NXDomain");
        let asked = asked.lock().unwrap().clone();
        assert_eq!(asked.into_iter().collect::<Vec<_>>(), ["www.example."], "nothing got out of the internal network");
        assert_eq!(told(&shut, "shut"), address_of(&daemon, "shut"));

        // More than a datagram holds: upstream by stream, and the container by stream too.
        let short = || ask(&open, "long.example").filter(|answer| answer.metadata.truncation);
        assert!(wait_for("what is cut off", short).answers.is_empty());
        let dig = |from: &str, args: &[&str]| {
            run("ip", &[&["netns", "exec", from, "dig", "+time=30", "+short", "@127.0.0.11"], args].concat())
        };
        let is_whole = |from: &str, how| (dig(from, &[how, "long.example"]).lines().count() == 100).then_some(());
        wait_for("all by stream in the end", || is_whole(&open, "+notcp"));
        assert_eq!(dig(&open, &["+tcp", "open"]).trim(), address_of(&daemon, "open"));

        // The first is silent, the second answers; and the file is read again when it changes.
        let _silent = UdpSocket::bind("127.0.0.54:53").unwrap();
        upstream("127.0.0.55:53", [192, 0, 2, 9]);
        resolvers.set("nameserver 127.0.0.54\nnameserver 127.0.0.55\n");
        assert_eq!(told(&open, "www.example"), "192.0.2.9");
        resolvers.set("nameserver 127.0.0.56\n");
        assert_eq!(told(&open, "www.example"), "ServFail", "nobody listens there");

        // A resolver of its own is asked from its own namespace.
        let own = sleeper(&daemon, "own", &["--network", "vault", "--dns", "127.0.0.77"]);
        inside(&own, || upstream("127.0.0.77:53", [192, 0, 2, 77]));
        assert_eq!(told(&own, "www.example"), "192.0.2.77");
        wait_for("all by stream", || is_whole(&own, "+tcp"));
    });
}

#[test]
fn ten_thousand_questions_from_fifty_containers_are_all_answered() {
    const CONTAINERS: usize = 50;
    const QUESTIONS: usize = 200;
    if !docker_is_there() {
        return;
    }
    check_in_sandbox(|| {
        let _resolvers = HostResolvers::new("nameserver 127.0.0.53\n");
        let daemon = Daemon::start();
        daemon.docker(&["network", "create", "lab"]);
        let names: Vec<String> = (0..CONTAINERS).map(|number| format!("box{number}")).collect();
        let run = |name: &String| (sleeper(&daemon, name, &["--network", "lab"]), address_of(&daemon, name));
        // Four at a time, since the command's own start is most of it.
        let boxes: Vec<(String, String)> = thread::scope(|scope| {
            let parts = names.chunks(names.len().div_ceil(4));
            let runs: Vec<_> = parts.map(|part| scope.spawn(|| part.iter().map(run).collect::<Vec<_>>())).collect();
            runs.into_iter().flat_map(|run| run.join().unwrap()).collect()
        });
        let wrong = AtomicUsize::new(0);
        thread::scope(|scope| {
            for client in 0..CONTAINERS {
                let (names, boxes, wrong) = (&names, &boxes, &wrong);
                scope.spawn(move || {
                    inside(&boxes[client].0, || {
                        let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
                        socket.set_read_timeout(Some(DEADLINE)).unwrap();
                        socket.connect(RESOLVER).unwrap();
                        let mut packet = [0; 512];
                        for number in 0..QUESTIONS {
                            let target = (client + number) % names.len();
                            let question = question(&names[target], RecordType::A).to_vec().unwrap();
                            socket.send(&question).unwrap();
                            let length = socket.recv(&mut packet).unwrap_or(0);
                            let answer = Message::from_vec(&packet[..length]);
                            let right = answer.is_ok_and(|answer| {
                                packet[..2] == question[..2]
                                    && answer.answers.len() == 1
                                    && answer.answers[0].data.to_string() == boxes[target].1
                            });
                            wrong.fetch_add(usize::from(!right), Ordering::Relaxed);
                        }
                    });
                });
            }
        });
        assert_eq!(wrong.into_inner(), 0, "lost or wrong, of {}", CONTAINERS * QUESTIONS);
    });
}

#[test]
fn a_namespace_ends_though_its_names_were_asked_for() {
    if !docker_is_there() {
        return;
    }
    check_in_sandbox(|| {
        let daemon = Daemon::start();
        daemon.docker(&["network", "create", "lab"]);
        let web = sleeper(&daemon, "web", &["--network", "lab"]);
        assert_eq!(told(&web, "web"), address_of(&daemon, "web"));
        // A connection that is open, and one question that nobody answers, keep nothing alive.
        let open = inside(&web, || TcpStream::connect(RESOLVER).unwrap());
        drop(open);
        daemon.docker(&["rm", "-f", "web"]);
        wait_for("the veth to go", || (!run("ip", &["link"]).contains("veth")).then_some(()));
    });
}
