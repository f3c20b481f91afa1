//! Names that belong to a network: aliases, links, and networks that come and go while a container runs.

use super::world::{RESOLVER, ask, read_in, said, sleeper, told};
use crate::harness::{Daemon, docker_is_there, run};
use drawbridge_kernel::testing::{check_in_sandbox, inside};
use std::{collections::BTreeSet, net::TcpStream};

fn address_in(daemon: &Daemon, name: &str, network: &str) -> String {
    daemon.docker(&["inspect", "-f", &format!("{{{{.NetworkSettings.Networks.{network}.IPAddress}}}}"), name])
}

#[test]
fn an_alias_may_be_that_of_several_and_a_link_is_that_of_one() {
    if !docker_is_there() {
        return;
    }
    check_in_sandbox(|| {
        let daemon = Daemon::start();
        daemon.docker(&["network", "create", "lab"]);
        let service = ["--network", "lab", "--network-alias", "service"];
        sleeper(&daemon, "one", &[&service[..], &["--network-alias", "first"]].concat());
        sleeper(&daemon, "two", &service);
        let asker = sleeper(&daemon, "asker", &["--network", "lab", "--link", "two:friend"]);
        let (one, two) = (address_in(&daemon, "one", "lab"), address_in(&daemon, "two", "lab"));
        assert_eq!(told(&asker, "first"), one);
        assert_eq!(told(&asker, "service"), format!("{one} {two}"));
        let firsts: BTreeSet<String> =
            (0..40).map(|_| ask(&asker, "service").unwrap().answers[0].data.to_string()).collect();
        assert_eq!(firsts.len(), 2, "each comes first now and then");
        assert_eq!(told(&asker, "friend"), two);
        assert_ne!(told(&daemon.docker(&["inspect", "-f", "{{.Id}}", "one"])[..12], "friend"), two);
        let shown = daemon.docker(&["inspect", "-f", "{{json .NetworkSettings.Networks.lab.DNSNames}}", "one"]);
        for name in ["\"one\"", "\"service\"", "\"first\""] {
            assert!(shown.contains(name), "{shown}");
        }
        daemon.docker(&["stop", "-t", "0", "one"]);
        assert_eq!(told(&asker, "service"), two);
    });
}

#[test]
fn a_network_that_is_joined_brings_its_names_and_takes_them_along() {
    if !docker_is_there() {
        return;
    }
    check_in_sandbox(|| {
        let daemon = Daemon::start();
        daemon.docker(&["network", "create", "lab"]);
        daemon.docker(&["network", "create", "other"]);
        let moving = sleeper(&daemon, "moving", &[]);
        let web = sleeper(&daemon, "web", &["--network", "lab"]);
        let db = sleeper(&daemon, "db", &["--network", "other"]);
        let hosts = read_in(&daemon, "moving", "/etc/hosts");
        let before = read_in(&daemon, "moving", "/etc/resolv.conf");
        assert!(!before.contains("127.0.0.11"), "{before}");

        daemon.docker(&["network", "connect", "--alias", "mover", "lab", "moving"]);
        assert_eq!(said(&read_in(&daemon, "moving", "/etc/resolv.conf"))[0], "nameserver 127.0.0.11");
        assert_eq!(told(&moving, "web"), address_in(&daemon, "web", "lab"));
        let own = address_in(&daemon, "moving", "lab");
        assert_eq!(told(&web, "mover"), own);
        assert_eq!(told(&web, "moving"), own);
        assert_eq!(read_in(&daemon, "moving", "/etc/hosts"), format!("{hosts}\n{own}\t{moving}"));

        daemon.docker(&["network", "connect", "other", "moving"]);
        assert_eq!(told(&moving, "db"), address_in(&daemon, "db", "other"));
        assert_eq!(told(&moving, "web"), address_in(&daemon, "web", "lab"));
        assert_eq!(told(&db, "moving"), address_in(&daemon, "moving", "other"));
        assert_ne!(told(&db, "mover"), address_in(&daemon, "moving", "other"), "an alias is of one network");

        daemon.docker(&["network", "disconnect", "lab", "moving"]);
        assert_ne!(told(&web, "mover"), own);
        assert_ne!(told(&moving, "web"), address_in(&daemon, "web", "lab"));
        assert!(!read_in(&daemon, "moving", "/etc/hosts").contains(&own));

        // Back on the default bridge alone there are no names, and nobody listens.
        daemon.docker(&["network", "disconnect", "other", "moving"]);
        assert_eq!(read_in(&daemon, "moving", "/etc/resolv.conf"), before);
        assert_eq!(read_in(&daemon, "moving", "/etc/hosts"), hosts);
        inside(&moving, || {
            assert!(TcpStream::connect(RESOLVER).is_err());
            assert_eq!(run("nft", &["list", "ruleset"]), "");
        });

        // What somebody has changed stays.
        daemon.docker(&["exec", "moving", "sh", "-c", "echo 'nameserver 192.0.2.1' > /etc/resolv.conf"]);
        daemon.docker(&["network", "connect", "lab", "moving"]);
        assert_eq!(read_in(&daemon, "moving", "/etc/resolv.conf"), "nameserver 192.0.2.1");
    });
}

#[test]
fn the_chapters_two_containers_find_one_another_by_name() {
    if !docker_is_there() {
        return;
    }
    check_in_sandbox(|| {
        let daemon = Daemon::start();
        let id = daemon.docker(&["network", "create", "-d", "bridge", "demo-network"]);
        let listed = daemon.docker(&["network", "ls"]);
        let row = listed.lines().find(|line| line.starts_with(&id[..12])).unwrap();
        assert_eq!(row.split_whitespace().skip(1).collect::<Vec<_>>(), ["demo-network", "bridge", "local"]);
        // The chapter's two images need a registry; who serves and who asks is what counts.
        let server = ["sh", "-c", "hostname > /index.html; exec httpd -f -p 6379 -h /"];
        let run = ["container", "run", "-d", "--name", "redis-server", "--network", "demo-network", "busybox"];
        daemon.docker(&[&run[..], &server].concat());
        let flags = ["--network", "demo-network", "--name", "flask-demo", "--env", "REDIS_HOST=redis-server"];
        let run = ["container", "run", "-d"];
        let more = ["-p", "5000:5000", "busybox", "sleep", "1000"];
        daemon.docker(&[&run[..], &flags, &more].concat());
        let pinged = daemon.docker(&["exec", "flask-demo", "sh", "-c", "ping -c 1 -W 5 $REDIS_HOST"]);
        let address = daemon.docker(&[
            "inspect",
            "-f",
            "{{range .NetworkSettings.Networks}}{{.IPAddress}}{{end}}",
            "redis-server",
        ]);
        assert!(pinged.starts_with(&format!("PING redis-server ({address})")), "{pinged}");
        assert!(pinged.contains("1 packets transmitted, 1 packets received, 0% packet loss"), "{pinged}");
    });
}
