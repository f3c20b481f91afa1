//! `docker ps`: what is listed by which filter.

use crate::harness::{Daemon, docker_is_there};
use drawbridge_kernel::testing::check_in_sandbox;

/// Options of `docker ps`, and the names that it prints.
const ROWS: &[(&[&str], &str)] = &[
    (&[], "web"),
    (&["-a"], "failed made web"),
    (&["-n", "1"], "failed"),
    (&["-l"], "failed"),
    (&["-f", "status=created"], "made"),
    (&["-f", "status=exited", "-f", "status=created"], "failed made"),
    (&["-a", "-f", "exited=3"], "failed"),
    (&["-a", "-f", "exited=0"], ""),
    (&["-a", "-f", "name=e"], "failed made web"),
    (&["-a", "-f", "name=^we"], "web"),
    (&["-a", "-f", "label=kind"], "made web"),
    (&["-a", "-f", "label=kind=x"], "web"),
    (&["-a", "-f", "label=kind=x", "-f", "label=none"], ""),
    (&["-a", "-f", "ancestor=busybox"], "failed made web"),
    (&["-a", "-f", "ancestor=nope"], ""),
    (&["-a", "-f", "before=failed"], "made web"),
    (&["-a", "-f", "since=web"], "failed made"),
    (&["-f", "publish=8080"], "web"),
    (&["-f", "publish=8000-9000/tcp"], "web"),
    (&["-f", "publish=80"], ""),
    (&["-f", "expose=80"], "web"),
    (&["-f", "expose=80/udp"], ""),
    (&["-a", "-f", "network=host"], "made"),
    (&["-a", "-f", "network=bridge"], "failed web"),
    (&["-a", "-f", "volume=data"], "web"),
    (&["-a", "-f", "volume=/data"], "web"),
    (&["-a", "-f", "health=none"], "failed made web"),
    (&["-a", "-f", "is-task=true"], ""),
];

#[test]
fn every_filter_picks() {
    if !docker_is_there() {
        return;
    }
    check_in_sandbox(|| {
        let daemon = Daemon::start();
        #[rustfmt::skip]
        let id = daemon.docker(&[
            "run", "-d", "--name", "web", "-p", "8080:80", "--label", "kind=x", "-v", "data:/data", "busybox", "sleep", "1000",
        ]);
        daemon.docker(&["create", "--name", "made", "--label", "kind=y", "--network", "host", "busybox"]);
        daemon.docker_output(&["run", "--name", "failed", "busybox", "sh", "-c", "echo 12345 > /file; exit 3"]);
        for (options, expected) in ROWS {
            let args: Vec<&str> = ["ps", "--format", "{{.Names}}"].iter().chain(*options).copied().collect();
            let mut names: Vec<String> = daemon.docker(&args).lines().map(str::to_owned).collect();
            names.sort();
            assert_eq!(names.join(" "), *expected, "{options:?}");
        }
        // A list is kept while nothing is written, and no longer.
        for name in ["other", "web"] {
            let old = daemon.docker(&["ps", "--format", "{{.Names}}"]);
            daemon.docker(&["rename", &old, name]);
            assert_eq!(daemon.docker(&["ps", "--format", "{{.Names}}"]), name);
            assert!(daemon.docker(&["ps", "-a", "--format", "{{.Names}}"]).lines().any(|listed| listed == name));
        }
        assert_eq!(daemon.docker(&["ps", "-q", "--no-trunc", "-f", &format!("id={}", &id[..8])]), id);
        assert!(
            daemon.docker(&["ps", "-as", "--format", "{{.Size}}", "-f", "name=failed"]).starts_with("6B (virtual ")
        );
        for (filter, word) in [
            ("nope=1", "invalid filter 'nope'"),
            ("status=nope", "invalid filter 'status=[nope]'"),
            ("exited=x", "invalid filter 'exited=[x]'"),
            ("before=nope", "No such container: nope"),
            ("publish=x", "invalid filter 'publish=[x]'"),
        ] {
            let message = daemon.docker_refuses(&["ps", "-f", filter]);
            assert!(message.contains(word), "{filter}: {message}");
        }
    });
}
