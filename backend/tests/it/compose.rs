//! A project of several services through the real docker-compose, Debian's 1.29 and 2: up, names, health, scale, logs, exec,
//! down.

use crate::harness::{Daemon, is_there, not_run, wait_for};
use drawbridge_kernel::testing::check_in_sandbox;
use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

const PROJECT: &str = r#"
version: "2.4"
services:
  db:
    image: busybox
    command: ["sh", "-c", "sleep 0.5; touch /tmp/ready; echo db up; exec sleep 1000"]
    networks: [back]
    volumes: ["data:/var/data"]
    healthcheck: {test: ["CMD", "test", "-f", "/tmp/ready"], interval: 100ms, timeout: 10s, retries: 300}
  web:
    image: busybox
    command: ["sh", "-c", "echo web up; exec sleep 1000"]
    ports: ["18080:80"]
    depends_on: {db: {condition: service_healthy}}
    networks: {front: {}, back: {aliases: [www]}}
    environment: {GREETING: hello}
    mem_limit: 64m
    restart: unless-stopped
  worker:
    image: busybox
    command: ["sleep", "1000"]
    networks: [back]
volumes:
  data:
networks:
  front:
  back:
"#;

struct Project<'a> {
    daemon: &'a Daemon,
    program: PathBuf,
    folder: PathBuf,
}

impl Project<'_> {
    /// Runs docker-compose, which must succeed, and returns what it printed.
    fn compose(&self, args: &[&str]) -> String {
        let output = Command::new(&self.program)
            .args(args)
            .env("COMPOSE_PROJECT_NAME", "demo")
            .current_dir(&self.folder)
            // BuildKit is not spoken.
            .env("DOCKER_BUILDKIT", "0")
            .env("DOCKER_HOST", format!("unix://{}", self.daemon.socket().display()))
            .output()
            .unwrap();
        let (stdout, stderr) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        assert!(output.status.success(), "docker-compose {args:?}: {}\n{stdout}\n{stderr}", output.status);
        stdout.trim().to_owned()
    }

    /// Runs docker-compose until it prints all of this, which a container does, or becomes, a little after it was started.
    fn until(&self, args: &[&str], words: &[&str]) {
        wait_for(&format!("{words:?} of {args:?}"), || {
            let printed = self.compose(args);
            words.iter().all(|words| printed.contains(words)).then_some(())
        });
    }
}

#[test]
fn a_project_comes_up_and_goes() {
    if !is_there("docker-compose") || !is_there("docker") {
        return;
    }
    check_in_sandbox(|| {
        let daemon = Daemon::start();
        let folder = daemon.folders().root.join("project");
        fs::create_dir(&folder).unwrap();
        fs::write(folder.join("docker-compose.yml"), PROJECT).unwrap();
        let project = Project { daemon: &daemon, program: "docker-compose".into(), folder };
        project.compose(&["up", "-d"]);
        // It waited until the database was healthy.
        assert_eq!(daemon.docker(&["inspect", "-f", "{{.State.Health.Status}}", "demo_db_1"]), "healthy");
        assert_eq!(project.compose(&["exec", "-T", "web", "sh", "-c", "echo $GREETING"]), "hello");
        for (service, name) in [("web", "db"), ("worker", "www"), ("worker", "web"), ("db", "worker")] {
            let ping = project.compose(&["exec", "-T", service, "ping", "-c", "1", "-W", "30", name]);
            assert!(ping.contains("1 packets received"), "{service} {name}: {ping}");
        }
        project.compose(&["up", "-d", "--scale", "worker=3"]);
        assert_eq!(project.compose(&["ps", "-q", "worker"]).lines().count(), 3);
        project.until(&["logs", "--no-color"], &["db up", "web up"]);
        assert_eq!(project.compose(&["port", "web", "80"]), "0.0.0.0:18080");
        // What has not changed is left alone.
        let id = project.compose(&["ps", "-q", "web"]);
        project.compose(&["up", "-d", "--scale", "worker=3"]);
        assert_eq!(project.compose(&["ps", "-q", "web"]), id);
        project.compose(&["pause", "web"]);
        project.compose(&["unpause", "web"]);
        project.until(&["top", "db"], &["sleep 1000"]);
        project.compose(&["restart", "-t", "0", "web"]);
        assert_eq!(project.compose(&["run", "--rm", "-T", "worker", "echo", "once"]), "once");
        project.compose(&["stop", "-t", "0"]);
        project.compose(&["start"]);
        project.compose(&["down", "-v", "-t", "0"]);
        assert_eq!(daemon.docker(&["ps", "-aq"]), "");
        assert_eq!(daemon.docker(&["volume", "ls", "-q"]), "");
        assert_eq!(daemon.docker(&["network", "ls", "--format", "{{.Name}}"]), "bridge\nhost\nnone");
    });
}

/// What the second Compose knows beyond the first: a service that has to end well, one that is built, a fixed address.
const SECOND: &str = r#"
services:
  db:
    image: busybox
    command: ["sh", "-c", "sleep 0.5; touch /tmp/ready; echo db up; exec sleep 1000"]
    volumes: ["data:/var/data"]
    healthcheck: {test: ["CMD", "test", "-f", "/tmp/ready"], interval: 100ms, timeout: 10s, retries: 300}
  web:
    image: busybox
    command: ["sh", "-c", "echo web up; exec sleep 1000"]
    ports: ["18080:80"]
    depends_on: {db: {condition: service_healthy}}
    networks: {front: {}, default: {aliases: [www], ipv4_address: 10.44.0.9}}
    environment: {GREETING: hello}
  once:
    image: busybox
    command: ["true"]
  worker:
    image: busybox
    command: ["sleep", "1000"]
    depends_on: {once: {condition: service_completed_successfully}}
  built:
    build: .
volumes:
  data:
networks:
  front:
  default: {ipam: {config: [{subnet: 10.44.0.0/24}]}}
"#;

#[test]
fn the_second_compose_does_so_too() {
    let program = Path::new(env!("CARGO_TARGET_TMPDIR"))
        .with_file_name("tools")
        .join("compose/usr/libexec/docker/cli-plugins/docker-compose");
    if !program.exists() {
        not_run(&format!("no {}; `cargo xtask test` brings it", program.display()));
        return;
    }
    check_in_sandbox(|| {
        let daemon = Daemon::start();
        let folder = daemon.folders().root.join("project");
        fs::create_dir(&folder).unwrap();
        fs::write(folder.join("compose.yaml"), SECOND).unwrap();
        fs::write(folder.join("Dockerfile"), "FROM busybox\nRUN echo built > /note\nCMD [\"sleep\",\"1000\"]\n")
            .unwrap();
        let project = Project { daemon: &daemon, program, folder };
        project.compose(&["up", "-d"]);
        assert_eq!(daemon.docker(&["inspect", "-f", "{{.State.Health.Status}}", "demo-db-1"]), "healthy");
        assert_eq!(project.compose(&["exec", "-T", "web", "sh", "-c", "echo $GREETING"]), "hello");
        assert_eq!(project.compose(&["exec", "-T", "built", "cat", "/note"]), "built");
        for (service, name) in [("web", "db"), ("worker", "www"), ("db", "worker")] {
            let ping = project.compose(&["exec", "-T", service, "ping", "-c", "1", "-W", "30", name]);
            assert!(ping.contains("1 packets received"), "{service} {name}: {ping}");
        }
        project.compose(&["up", "-d", "--scale", "worker=3"]);
        assert_eq!(project.compose(&["ps", "-q", "worker"]).lines().count(), 3);
        project.until(&["logs", "--no-color"], &["db up", "web up"]);
        assert_eq!(project.compose(&["port", "web", "80"]), "0.0.0.0:18080");
        let id = project.compose(&["ps", "-q", "web"]);
        project.compose(&["up", "-d"]);
        assert_eq!(project.compose(&["ps", "-q", "web"]), id, "what has not changed is left alone");
        assert!(project.compose(&["ls"]).contains("running"));
        project.compose(&["pause", "web"]);
        project.compose(&["unpause", "web"]);
        project.until(&["top", "db"], &["sleep 1000"]);
        project.compose(&["cp", "web:/etc/passwd", "passwd"]);
        assert!(fs::read_to_string(project.folder.join("passwd")).unwrap().contains("root"));
        project.compose(&["restart", "-t", "0", "web"]);
        assert_eq!(project.compose(&["run", "--rm", "-T", "worker", "echo", "once"]), "once");
        project.compose(&["stop", "-t", "0"]);
        project.compose(&["start"]);
        project.compose(&["kill", "web"]);
        project.compose(&["rm", "-f", "web"]);
        project.compose(&["down", "-v", "-t", "0", "--rmi", "local"]);
        assert_eq!(daemon.docker(&["ps", "-aq"]), "");
        assert_eq!(daemon.docker(&["volume", "ls", "-q"]), "");
        assert_eq!(daemon.docker(&["images", "-q", "demo-built"]), "");
        assert_eq!(daemon.docker(&["network", "ls", "--format", "{{.Name}}"]), "bridge\nhost\nnone");
    });
}
