//! Resolvers that are not ours ask ours: hickory's, dig, and the one in busybox; and names that come and go while they ask.

use super::world::{HostResolvers, address_of, ask, sleeper, told, upstream};
use crate::harness::{DEADLINE, Daemon, docker_is_there, run, wait_for};
use drawbridge_kernel::testing::{check_in_sandbox, inside};
use hickory_resolver::{
    Resolver,
    config::{NameServerConfig, ResolverConfig},
    net::runtime::TokioRuntimeProvider,
};
use std::{
    net::IpAddr,
    thread,
    time::{Duration, Instant},
};

/// What hickory's resolver finds of a name, asked in a namespace; sorted, or why there is nothing.
fn found(namespace: &str, name: &str) -> String {
    inside(namespace, || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let server = NameServerConfig::udp_and_tcp("127.0.0.11".parse().unwrap());
            let config = ResolverConfig::from_parts(None, Vec::new(), vec![server]);
            let mut builder = Resolver::builder_with_config(config, TokioRuntimeProvider::default());
            // The case of letters by chance, as resolvers do against forged answers; it must come back as it was sent.
            let options = builder.options_mut();
            options.case_randomization = true;
            options.cache_size = 0;
            options.timeout = DEADLINE;
            let resolver = builder.build().unwrap();
            if let Ok(address) = name.parse::<IpAddr>() {
                return match resolver.reverse_lookup(address).await {
                    Ok(found) => found.answers().iter().map(|record| record.data.to_string()).collect(),
                    Err(error) => error.to_string(),
                };
            }
            match resolver.lookup_ip(format!("{name}.")).await {
                Ok(found) => {
                    let mut addresses: Vec<String> = found.iter().map(|address| address.to_string()).collect();
                    addresses.sort();
                    addresses.join(" ")
                }
                Err(error) if error.is_no_records_found() => "nothing".to_owned(),
                Err(error) => error.to_string(),
            }
        })
    })
}

#[test]
fn resolvers_of_others_understand_ours() {
    if !docker_is_there() {
        return;
    }
    check_in_sandbox(|| {
        let _resolvers = HostResolvers::new("nameserver 127.0.0.53\n");
        upstream("127.0.0.53:53", [192, 0, 2, 1]);
        let daemon = Daemon::start();
        daemon.docker(&["network", "create", "--ipv6", "--subnet", "10.60.0.0/24", "--subnet", "fd00:60::/64", "lab"]);
        let web = sleeper(&daemon, "web", &["--network", "lab", "--network-alias", "service"]);
        sleeper(&daemon, "db", &["--network", "lab", "--network-alias", "service"]);
        assert_eq!(found(&web, "db"), "10.60.0.3 fd00:60::3");
        assert_eq!(found(&web, "service"), "10.60.0.2 10.60.0.3 fd00:60::2 fd00:60::3");
        assert_eq!(found(&web, "10.60.0.3"), "db.lab.");
        assert_eq!(found(&web, "fd00:60::3"), "db.lab.");
        // What is asked upstream is asked again where that was too late, on a busy machine.
        let is_found = |name, wanted: &dyn Fn(&str) -> bool| wanted(&found(&web, name)).then_some(());
        wait_for("nobody", || is_found("nobody", &|found| found == "nothing"));
        wait_for("an address of elsewhere", || is_found("www.example", &|found| found == "192.0.2.1"));
        // More than a datagram holds: it comes again by TCP.
        wait_for("all of many", || is_found("long.example", &|found| found.split(' ').count() == 100));

        let dig =
            |args: &[&str]| run("ip", &[&["netns", "exec", &web, "dig", "+time=30", "@127.0.0.11"], args].concat());
        for how in ["+notcp", "+tcp", "+noedns", "+bufsize=512", "+dnssec", "+cookie"] {
            assert_eq!(dig(&[how, "+short", "db", "A"]).trim(), "10.60.0.3", "{how}");
        }
        assert_eq!(dig(&["+short", "db", "AAAA"]).trim(), "fd00:60::3");
        assert_eq!(dig(&["+short", "-x", "10.60.0.3"]).trim(), "db.lab.");
        for (args, status) in [
            (&["db", "MX"][..], "NOERROR"),
            (&["nobody.example", "A"], "NOERROR"),
            (&["nobody", "A"], "NXDOMAIN"),
            (&["-x", "10.60.0.77"], "NXDOMAIN"),
            (&["+opcode=NOTIFY", "db", "A"], "NOTIMP"),
            (&["db", "CH", "TXT"], "REFUSED"),
        ] {
            let status = format!("status: {status}");
            wait_for(&format!("{status} for {args:?}"), || dig(args).contains(&status).then_some(()));
        }
        // Two questions on one connection.
        let kept = dig(&["+tcp", "+keepopen", "+short", "db", "A", "+tcp", "+keepopen", "+short", "web", "A"]);
        assert_eq!(kept.split_whitespace().collect::<Vec<_>>(), ["10.60.0.3", "10.60.0.2"]);

        let nslookup = daemon.docker(&["exec", "web", "nslookup", "db"]);
        assert!(nslookup.contains("10.60.0.3") && nslookup.contains("fd00:60::3"), "{nslookup}");
    });
}

/// Five at a time come and go, in a network where one asks all along.
#[test]
fn names_come_and_go_with_their_containers() {
    const AT_ONCE: usize = 5;
    const TIMES: usize = 4;
    if !docker_is_there() {
        return;
    }
    check_in_sandbox(|| {
        let _resolvers = HostResolvers::new("nameserver 127.0.0.53\n");
        upstream("127.0.0.53:53", [192, 0, 2, 1]);
        let daemon = Daemon::start();
        daemon.docker(&["network", "create", "lab"]);
        let asker = sleeper(&daemon, "asker", &["--network", "lab"]);
        thread::scope(|scope| {
            for number in 0..AT_ONCE {
                let (daemon, asker) = (&daemon, &asker);
                scope.spawn(move || {
                    let name = format!("box{number}");
                    for _ in 0..TIMES {
                        let own = sleeper(daemon, &name, &["--network", "lab"]);
                        let answered = told(asker, &name);
                        assert_eq!(answered, address_of(daemon, &name), "asked as soon as `docker run` had returned");
                        assert_eq!(told(&own, "asker"), address_of(daemon, "asker"), "and by itself");
                        daemon.docker(&["stop", "-t", "0", &name]);
                        assert_eq!(told(asker, &name), "NXDomain", "asked as soon as `docker stop` had returned");
                        daemon.docker(&["rm", &name]);
                    }
                });
            }
        });
        // One that ends by itself is gone with its process, before anybody is told that it ended.
        daemon.docker(&["run", "-d", "--name", "short", "--network", "lab", "busybox", "sleep", "0.3"]);
        daemon.docker(&["wait", "short"]);
        assert_eq!(told(&asker, "short"), "NXDomain");
        let times = (0..10).map(|_| {
            let begun = Instant::now();
            assert!(ask(&asker, "asker").is_some());
            begun.elapsed()
        });
        assert!(times.min() < Some(Duration::from_secs(1)), "an answer takes no time");
    });
}
