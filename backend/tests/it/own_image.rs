//! Drawbridge's own image and compose file, docker/: built by Drawbridge, and started in a container of it.

use crate::{
    chapter::lab,
    harness::{Daemon, docker_is_there, is_there, run, wait_for},
};
use drawbridge_kernel::testing::check_in_sandbox;
use std::{
    fs,
    path::Path,
    process::{Command, Output},
};

/// The file puts it on the host's network. There, in this test, is the Drawbridge that starts it, with the same bridges and
/// tables: this one waits until that one has gone.
const WAITING: &str = r#"
services:
  drawbridge:
    entrypoint: [sh, -c, 'until [ -e /run/drawbridge/go ]; do sleep 0.1; done; exec entrypoint.sh "$$@"', sh, serve]
"#;

#[test]
fn drawbridge_builds_and_runs_itself() {
    if !docker_is_there() || !is_there("docker-compose") {
        return;
    }
    let Some(debian) = lab::debian() else { return };
    check_in_sandbox(|| {
        let mut daemon = Daemon::start();
        daemon.docker(&["import", debian.to_str().unwrap(), "debian:bookworm-slim"]);
        build(&daemon);

        let run_dir = daemon.folders().root.join("inner");
        fs::create_dir(&run_dir).unwrap();
        compose(&daemon, &run_dir, &["up", "-d", "--no-build"]);
        let container = daemon.docker(&["ps", "-q"]);
        let asked = "{{.HostConfig.NetworkMode}} {{.HostConfig.CapAdd}} {{.HostConfig.Privileged}}";
        let asked = daemon.docker(&["inspect", "-f", asked, &container]);
        assert_eq!(asked.replace("CAP_", ""), "host [NET_ADMIN NET_BROADCAST SYS_ADMIN] false");
        let process = daemon.docker(&["inspect", "-f", "{{.State.Pid}}", &container]);
        // Containers outlive it; what it has in the kernel would be in the way of the other.
        daemon.kill();
        run("ip", &["link", "delete", "docker0"]);
        run("nft", &["delete table inet drawbridge; delete table bridge drawbridge"]);
        fs::write(run_dir.join("go"), "").unwrap();
        let socket = run_dir.join("docker.sock");
        let inner = |args: &[&str]| docker(&socket, args);
        wait_for("the inner engine", || inner(&["version"]).status.success().then_some(()));

        // Names, veth pairs, processes and a published port, inside.
        must(inner(&["network", "create", "inside"]));
        must(inner(&[
            "run",
            "-d",
            "--name",
            "web",
            "--network",
            "inside",
            "-p",
            "8080:80",
            "busybox",
            "httpd",
            "-f",
            "-h",
            "/etc",
        ]));
        let ping =
            must(inner(&["run", "--rm", "--network", "inside", "busybox", "ping", "-c", "1", "-W", "30", "web"]));
        assert!(ping.contains("1 packets received"), "{ping}");
        // On the host's network, that of this test: its ports are the host's, and its bridges are there to see.
        let page = || Command::new("curl").args(["-sS", "http://127.0.0.1:8080/passwd"]).output().unwrap();
        let page = must(wait_for("its page", || Some(page()).filter(|page| page.status.success())));
        assert!(page.starts_with("root:"), "{page}");
        assert!(run("ip", &["-o", "link", "show", "docker0"]).contains("docker0"));
        let found = must(inner(&["run", "--rm", "--network", "host", "busybox", "ip", "-o", "link"]));
        assert!(found.contains("docker0"), "{found}");
        let built = "FROM busybox\nRUN echo built >/built\n";
        let site = run_dir.join("site");
        fs::create_dir(&site).unwrap();
        fs::write(site.join("Dockerfile"), built).unwrap();
        must(inner(&["build", "-q", "-t", "built", site.to_str().unwrap()]));
        assert_eq!(must(inner(&["run", "--rm", "built", "cat", "/built"])), "built\n");
        must(inner(&["top", "web"]));
        must(inner(&["rm", "-f", "web"]));

        // Two in one namespace are refused. When this one has ended, the one that started it has its container still.
        fs::remove_file(run_dir.join("go")).unwrap();
        run("kill", &[&process]);
        wait_for("the inner engine to end", || (!Path::new("/proc").join(&process).exists()).then_some(()));
        daemon.start_again();
        compose(&daemon, &run_dir, &["down", "-v", "-t", "5"]);
        assert_eq!(daemon.docker(&["ps", "-aq"]), "");
    });
}

/// As the Dockerfile says, with the program that is tested.
fn build(daemon: &Daemon) {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let site = daemon.folders().root.join("site");
    for (file, name) in [
        (root.join(".dockerignore"), ".dockerignore"),
        (root.join("docker/entrypoint.sh"), "docker/entrypoint.sh"),
        (env!("CARGO_BIN_EXE_drawbridge").into(), "target/release/drawbridge"),
    ] {
        let copy = site.join(name);
        fs::create_dir_all(copy.parent().unwrap()).unwrap();
        fs::copy(file, copy).unwrap();
    }
    let dockerfile = root.join("docker/Dockerfile");
    daemon.docker(&["build", "-q", "-t", "drawbridge", "-f", dockerfile.to_str().unwrap(), site.to_str().unwrap()]);
}

fn compose(daemon: &Daemon, run_dir: &Path, args: &[&str]) {
    let waiting = daemon.folders().root.join("waiting.yaml");
    fs::write(&waiting, WAITING).unwrap();
    let output = Command::new("docker-compose")
        .args(["--no-ansi", "-p", "own", "-f", concat!(env!("CARGO_MANIFEST_DIR"), "/../docker/compose.yaml"), "-f"])
        .arg(waiting)
        .args(args)
        .env("DOCKER_HOST", format!("unix://{}", daemon.socket().display()))
        .env("DRAWBRIDGE_RUN", run_dir)
        .output()
        .unwrap();
    must(output);
}

fn docker(socket: &Path, args: &[&str]) -> Output {
    Command::new("docker").arg("-H").arg(format!("unix://{}", socket.display())).args(args).output().unwrap()
}

/// What a program printed that must have succeeded.
fn must(output: Output) -> String {
    let text = [output.stdout, output.stderr].map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).concat();
    assert!(output.status.success(), "{}: {text}", output.status);
    text
}

#[test]
fn image_and_package_bring_the_same_programs() {
    let dockerfile = include_str!("../../../docker/Dockerfile");
    let line = dockerfile.lines().find(|line| line.contains("apt-get install")).unwrap();
    let words = line.split(' ').filter(|word| !word.starts_with('-') && word.starts_with(char::is_alphabetic));
    let mut image: Vec<&str> = words.filter(|word| !["apt-get", "install"].contains(word)).collect();
    let manifest = include_str!("../../Cargo.toml");
    let listed = |key: &str| manifest.lines().find_map(|line| line.strip_prefix(key)?.split('"').nth(1));
    let lists = ["depends = ", "recommends = "].map(|key| listed(key).unwrap());
    let packages = lists.iter().flat_map(|list| list.split(", ")).filter(|package| *package != "$auto");
    // `runc | crun`: the first is what comes where neither is.
    let mut package: Vec<&str> = packages.map(|package| package.split(' ').next().unwrap_or_default()).collect();
    image.sort_unstable();
    package.sort_unstable();
    assert_eq!(image, package);
    // debian.sh has what the recipes install.
    let script = include_str!("../../../docker/lab/debian.sh");
    assert!(image.iter().all(|name| script.split([' ', '\n', '"']).any(|word| word == *name)), "{image:?}");
}
