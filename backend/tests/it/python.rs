//! Clients and tools of Python, in the environment that `cargo xtask test` makes: the SDK, requests that are made up from the
//! descriptions of both APIs, and transcripts of the docker command with what it has to print.

use crate::harness::{Daemon, docker_is_there, is_there, not_run};
use drawbridge_kernel::testing::check_in_sandbox;
use std::{
    io,
    net::{Shutdown, SocketAddr, TcpListener},
    os::unix::net::UnixStream,
    path::{Path, PathBuf},
    process::Command,
    thread,
};

/// The environment's folder of programs, where it was made.
fn programs() -> Option<PathBuf> {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).with_file_name("tools").join("python/bin");
    if !folder.join("st").exists() {
        not_run(&format!("no Python environment in {}; `cargo xtask test` makes it", folder.display()));
        return None;
    }
    Some(folder)
}

fn scripts() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/python")
}

/// Runs a program, which must succeed, and shows all that it printed when it does not.
fn succeeds(command: &mut Command) {
    let output = command.output().unwrap_or_else(|error| panic!("{command:?}: {error}"));
    let (stdout, stderr) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{command:?}: {}\n{stdout}\n{stderr}", output.status);
}

#[test]
fn the_sdk_of_python_finds_an_engine() {
    let Some(programs) = programs() else { return };
    check_in_sandbox(|| {
        let daemon = Daemon::start();
        let mut tests = Command::new(programs.join("python"));
        tests.arg(scripts().join("docker_py.py")).env("DOCKER_HOST", format!("unix://{}", daemon.socket().display()));
        succeeds(&mut tests);
    });
}

/// Replays a transcript of `transcripts/` in a sandbox of its own.
fn check_transcript(name: &str) {
    if !docker_is_there() || !is_there("python3") {
        return;
    }
    check_in_sandbox(|| {
        let daemon = Daemon::start();
        let transcript = scripts().with_file_name("transcripts").join(name).with_extension("txt");
        let mut replay = Command::new("python3");
        replay
            .arg(scripts().join("transcript.py"))
            .arg(transcript)
            .current_dir(&daemon.folders().root)
            .env("DOCKER_HOST", format!("unix://{}", daemon.socket().display()))
            .env("DOCKER_CONFIG", daemon.folders().root.join("docker-config"));
        succeeds(&mut replay);
    });
}

#[test]
fn containers_as_they_are_typed() {
    check_transcript("containers");
}

#[test]
fn images_as_they_are_typed() {
    check_transcript("images");
}

#[test]
fn networks_as_they_are_typed() {
    check_transcript("networks");
}

#[test]
fn streams_as_they_are_typed() {
    check_transcript("streams");
}

#[test]
fn the_system_as_it_is_asked() {
    check_transcript("system");
}

#[test]
fn volumes_as_they_are_typed() {
    check_transcript("volumes");
}

/// What schemathesis is told in either case: the same requests at every run, and no word of earlier ones.
const COMMON: [&str; 5] = ["--seed", "1", "--generation-database", "none", "--no-color"];

#[test]
fn the_panels_api_is_as_it_says() {
    let Some(programs) = programs() else { return };
    check_in_sandbox(|| {
        let daemon = Daemon::start();
        daemon.run_sleeper("web");
        daemon.docker(&["network", "create", "lab"]);
        let token = daemon.panel_link.split("token=").nth(1).unwrap();
        let mut run = Command::new(programs.join("st"));
        run.current_dir(&daemon.folders().root)
            .args(["run", &format!("{}/api/openapi.json", daemon.panel_origin())])
            .args(COMMON)
            .args(["--header", &format!("Authorization: Bearer {token}")])
            // Streams have no end, a terminal is no answer, archives can't be made up, and from here no registry is reached
            // (`registry` has what becomes of pulls).
            .args(["--exclude-path-regex", "events$|terminal$|images/(load|pull)$"])
            .args(["--phases", "coverage,fuzzing", "--max-examples", "15"])
            // What a name or range may be is more than a schema says, so a body that follows it may be refused.
            .args(["--exclude-checks", "positive_data_acceptance", "--request-timeout", "30"]);
        succeeds(&mut run);
    });
}

#[test]
fn the_docker_api_is_as_docker_says() {
    let Some(programs) = programs() else { return };
    check_in_sandbox(|| {
        let daemon = Daemon::start();
        daemon.docker(&["run", "-d", "--name", "web", "busybox", "sleep", "100000"]);
        daemon.docker(&["network", "create", "lab"]);
        let address = relay(daemon.socket());
        let mut run = Command::new(programs.join("st"));
        // What it keeps of a run goes where it is started.
        run.current_dir(&daemon.folders().root)
            .arg("--config-file")
            .arg(scripts().join("docker_api.toml"))
            .arg("run")
            .arg(scripts().join("docker-engine-api-v1.50.yaml"));
        run.args(COMMON)
            .args(["--url", &format!("http://{address}/v1.50"), "--checks", "is_no_fault,response_schema_conformance"])
            .args([
                "--phases",
                "coverage,fuzzing",
                "--max-examples",
                "3",
                "--request-timeout",
                "30",
                "--continue-on-failure",
            ])
            // Streams have no end, and archives can't be made up.
            .args(["--exclude-path-regex", "events|/attach|/logs|/stats|/wait|^/session|/load$|^/plugins/create"])
            // The container that the others are about is to stay.
            .args(["--exclude-operation-id", "ContainerDelete", "--exclude-operation-id", "ContainerPrune"])
            .env("SCHEMATHESIS_HOOKS", "docker_api")
            .env("PYTHONPATH", scripts())
            .env("PYTHONDONTWRITEBYTECODE", "1");
        succeeds(&mut run);
        assert_eq!(daemon.curl("/_ping"), "OK");
    });
}

/// An address of loopback that leads to a socket, for a client that knows no sockets. Its threads end with the test.
fn relay(socket: PathBuf) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    thread::spawn(move || {
        for client in listener.incoming().map_while(Result::ok) {
            let Ok(server) = UnixStream::connect(&socket) else { return };
            let (mut up, mut down) = ((client.try_clone().unwrap(), server.try_clone().unwrap()), (server, client));
            thread::spawn(move || {
                let _ = io::copy(&mut up.0, &mut up.1);
                let _ = up.1.shutdown(Shutdown::Write);
            });
            thread::spawn(move || {
                let _ = io::copy(&mut down.0, &mut down.1);
                let _ = down.1.shutdown(Shutdown::Write);
            });
        }
    });
    address
}
