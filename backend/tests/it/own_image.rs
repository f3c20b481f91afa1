//! Drawbridge's own image and compose file, docker/: built by Drawbridge, and started in a container of it.

use crate::{
    chapter::lab,
    harness::{Daemon, docker_is_there, is_there, wait_for},
};
use drawbridge_kernel::testing::check_in_sandbox;
use std::{
    fs,
    path::Path,
    process::{Command, Output},
};

/// The file puts it on the host's network, where in this test another Drawbridge has its bridges and tables.
const APART: &str = "services: {drawbridge: {network_mode: bridge}}\n";

#[test]
fn drawbridge_builds_and_runs_itself() {
    if !docker_is_there() || !is_there("docker-compose") {
        return;
    }
    let Some(debian) = lab::debian() else { return };
    check_in_sandbox(|| {
        let daemon = Daemon::start();
        daemon.docker(&["import", debian.to_str().unwrap(), "debian:bookworm-slim"]);
        build(&daemon);

        let run_dir = daemon.folders().root.join("inner");
        fs::create_dir(&run_dir).unwrap();
        compose(&daemon, &run_dir, &["up", "-d", "--no-build"]);
        let container = daemon.docker(&["ps", "-q"]);
        let socket = run_dir.join("docker.sock");
        let inner = |args: &[&str]| docker(&socket, args);
        wait_for("the inner engine", || inner(&["version"]).status.success().then_some(()));

        let capabilities =
            daemon.docker(&["inspect", "-f", "{{.HostConfig.CapAdd}} {{.HostConfig.Privileged}}", &container]);
        assert_eq!(capabilities.replace("CAP_", ""), "[NET_ADMIN NET_BROADCAST SYS_ADMIN] false");
        let found = daemon.docker(&["exec", &container, "drawbridge", "doctor"]);
        assert!(!found.contains("missing"), "{found}");

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
        let ping = must(inner(&["run", "--rm", "--network", "inside", "busybox", "ping", "-c", "1", "-W", "5", "web"]));
        assert!(ping.contains("1 packets received"), "{ping}");
        let page = must(inner(&[
            "run",
            "--rm",
            "--network",
            "host",
            "busybox",
            "wget",
            "-q",
            "-O",
            "-",
            "http://127.0.0.1:8080/passwd",
        ]));
        assert!(page.starts_with("root:"), "{page}");

        compose(&daemon, &run_dir, &["down", "-v"]);
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
    let apart = daemon.folders().root.join("apart.yaml");
    fs::write(&apart, APART).unwrap();
    let output = Command::new("docker-compose")
        .args(["--no-ansi", "-p", "own", "-f", concat!(env!("CARGO_MANIFEST_DIR"), "/../docker/compose.yaml"), "-f"])
        .arg(apart)
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
