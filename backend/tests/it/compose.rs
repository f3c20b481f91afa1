//! A project of several services through the real docker-compose (Debian's 1.29): up, names, health, scale, logs, exec, down.

use crate::harness::{Daemon, is_there};
use drawbridge_kernel::testing::check_in_sandbox;
use std::{fs, path::PathBuf, process::Command};

const PROJECT: &str = r#"
version: "2.4"
services:
  db:
    image: busybox
    command: ["sh", "-c", "sleep 0.5; touch /tmp/ready; echo db up; exec sleep 1000"]
    networks: [back]
    volumes: ["data:/var/data"]
    healthcheck: {test: ["CMD", "test", "-f", "/tmp/ready"], interval: 100ms, timeout: 2s, retries: 50}
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
    folder: PathBuf,
}

impl Project<'_> {
    /// Runs docker-compose, which must succeed, and returns what it printed.
    fn compose(&self, args: &[&str]) -> String {
        let output = Command::new("docker-compose")
            .args(["--no-ansi", "-p", "demo"])
            .args(args)
            .current_dir(&self.folder)
            .env("DOCKER_HOST", format!("unix://{}", self.daemon.socket().display()))
            .output()
            .unwrap();
        let (stdout, stderr) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        assert!(output.status.success(), "docker-compose {args:?}: {}\n{stdout}\n{stderr}", output.status);
        stdout.trim().to_owned()
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
        let project = Project { daemon: &daemon, folder };
        project.compose(&["up", "-d"]);
        // It waited until the database was healthy.
        assert_eq!(daemon.docker(&["inspect", "-f", "{{.State.Health.Status}}", "demo_db_1"]), "healthy");
        assert_eq!(project.compose(&["exec", "-T", "web", "sh", "-c", "echo $GREETING"]), "hello");
        for (service, name) in [("web", "db"), ("worker", "www"), ("worker", "web"), ("db", "worker")] {
            let ping = project.compose(&["exec", "-T", service, "ping", "-c", "1", "-W", "5", name]);
            assert!(ping.contains("1 packets received"), "{service} {name}: {ping}");
        }
        project.compose(&["up", "-d", "--scale", "worker=3"]);
        assert_eq!(project.compose(&["ps", "-q", "worker"]).lines().count(), 3);
        let logs = project.compose(&["logs", "--no-color"]);
        assert!(logs.contains("db up") && logs.contains("web up"), "{logs}");
        assert_eq!(project.compose(&["port", "web", "80"]), "0.0.0.0:18080");
        // What has not changed is left alone.
        let id = project.compose(&["ps", "-q", "web"]);
        project.compose(&["up", "-d", "--scale", "worker=3"]);
        assert_eq!(project.compose(&["ps", "-q", "web"]), id);
        project.compose(&["pause", "web"]);
        project.compose(&["unpause", "web"]);
        assert!(project.compose(&["top", "db"]).contains("sleep 1000"));
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
