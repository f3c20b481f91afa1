//! Pulls and pushes against the real registry server (Debian's `docker-registry`) on loopback, and through a proxy that
//! damages what goes through it: words for what is wrong, and nothing left.

mod faults;
pub(crate) mod server;
mod trust;

use crate::harness::{Daemon, Folders, docker_is_there, is_there, wait_for};
use drawbridge_kernel::testing::check_in_sandbox;
use faults::{Fault, Proxy};
use serde_json::Value;
use server::Server;
use std::{fs, os::unix::fs::MetadataExt as _};

fn can_run() -> bool {
    docker_is_there() && is_there("docker-registry")
}

fn layers(daemon: &Daemon) -> usize {
    fs::read_dir(daemon.folders().config().data_dir.join("layers")).unwrap().count()
}

fn inspect(daemon: &Daemon, name: &str) -> Value {
    let list: Value = serde_json::from_str(&daemon.docker(&["image", "inspect", name])).unwrap();
    list[0].clone()
}

/// An image of three layers beside busybox's own, pushed under a name of the registry.
fn push_image(daemon: &Daemon, name: &str) -> String {
    for number in 1..=3 {
        // Random, so that it stays large when it is packed.
        let script = format!("dd if=/dev/urandom of=/file{number} bs=1024 count=700 2>/dev/null");
        let from = if number == 1 { "busybox" } else { "work" };
        daemon.docker(&["run", "--name", "maker", from, "sh", "-c", &script]);
        daemon.docker(&["commit", "maker", "work"]);
        daemon.docker(&["rm", "maker"]);
    }
    daemon.docker(&["tag", "work", name]);
    let said = daemon.docker(&["push", name]);
    daemon.docker(&["rmi", "work"]);
    said
}

/// Takes the image away, so that it has to be pulled again.
fn forget(daemon: &Daemon, name: &str) {
    daemon.docker(&["rmi", "-f", name]);
    daemon.docker(&["image", "prune", "-f"]);
}

#[test]
fn what_is_pushed_is_pulled() {
    if !can_run() {
        return;
    }
    check_in_sandbox(|| {
        let folders = Folders::new();
        let server = Server::start(&folders.root, None);
        let daemon = Daemon::start();
        let name = format!("{}/team/image:1", server.address);
        let said = push_image(&daemon, &name);
        assert!(said.starts_with(&format!("The push refers to repository [{}/team/image]", server.address)), "{said}");
        assert!(said.contains(": Pushed") && said.lines().last().unwrap().starts_with("1: digest: sha256:"), "{said}");
        let before = inspect(&daemon, &name);
        let digest = before["RepoDigests"][0].as_str().unwrap().to_owned();
        assert!(said.contains(digest.split('@').nth(1).unwrap()), "{said}");
        let again = daemon.docker(&["push", &name]);
        assert_eq!(again.matches("Layer already exists").count(), 4, "{again}");

        forget(&daemon, &name);
        assert_eq!(layers(&daemon), 1);
        let said = daemon.docker(&["pull", &name]);
        assert!(said.starts_with("1: Pulling from team/image\n"), "{said}");
        assert_eq!((said.matches("Pull complete").count(), said.matches("Already exists").count()), (3, 1), "{said}");
        assert!(said.contains(&format!("Digest: {}\n", digest.split('@').nth(1).unwrap())), "{said}");
        assert!(said.contains(&format!("Status: Downloaded newer image for {name}\n")), "{said}");
        assert_eq!(inspect(&daemon, &name)["Id"], before["Id"]);
        assert_eq!(inspect(&daemon, &digest)["RootFS"], before["RootFS"]);
        assert!(daemon.docker(&["pull", &name]).contains(&format!("Status: Image is up to date for {name}")));
        daemon.docker(&["run", "--rm", &name, "test", "-s", "/file2"]);
        // By its digest, without a name.
        forget(&daemon, &name);
        assert!(daemon.docker(&["pull", &digest]).contains("Pulling from team/image"));
        assert_eq!(inspect(&daemon, &digest)["Id"], before["Id"]);
        daemon.docker(&["run", "--rm", &digest, "true"]);

        // Starting a container copies nothing: its folder holds what it wrote, not what its image has; nor does any other.
        let data_dir = daemon.folders().config().data_dir;
        let layers_before = size_of(&data_dir.join("layers"));
        assert!(layers_before > 3 * (700 << 10), "the image is there: {layers_before}");
        let container = daemon.docker(&["run", "-d", &digest, "sleep", "1000"]);
        assert_eq!(daemon.docker(&["exec", &container, "stat", "-c", "%s", "/file2"]), (700 << 10).to_string());
        let folder = data_dir.join("containers").join(&container);
        assert!(folder.is_dir() && size_of(&folder) < 100 << 10, "{}", size_of(&folder));
        assert_eq!(size_of(&data_dir.join("layers")), layers_before);
        daemon.docker(&["rm", "-f", &container]);

        let description: Value = serde_json::from_str(&daemon.curl(&format!("/distribution/{name}/json"))).unwrap();
        assert_eq!(description["Descriptor"]["digest"], digest.split('@').nth(1).unwrap());
        assert_eq!(description["Platforms"][0]["os"], "linux");
    });
}

fn size_of(folder: &std::path::Path) -> u64 {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    let sizes = entries.map(|entry| match entry.file_type() {
        Ok(kind) if kind.is_dir() => size_of(&entry.path()),
        Ok(_) | Err(_) => fs::symlink_metadata(entry.path()).map_or(0, |metadata| metadata.blocks() * 512),
    });
    sizes.sum()
}

#[test]
fn a_mirror_answers_for_docker_io() {
    if !can_run() {
        return;
    }
    check_in_sandbox(|| {
        let folders = Folders::new();
        let server = Server::start(&folders.root, None);
        let mirror = format!("http://{}", server.address);
        let daemon = Daemon::start_with(Folders::new(), &["--registry-mirror", &mirror]);
        let name = format!("{}/library/redis:latest", server.address);
        push_image(&daemon, &name);
        let id = inspect(&daemon, &name)["Id"].clone();
        forget(&daemon, &name);
        let said = daemon.docker(&["image", "pull", "redis"]);
        assert!(said.starts_with("Using default tag: latest\nlatest: Pulling from library/redis\n"), "{said}");
        assert!(
            said.contains("Status: Downloaded newer image for redis:latest\ndocker.io/library/redis:latest"),
            "{said}"
        );
        assert_eq!(inspect(&daemon, "redis")["Id"], id);
        assert!(inspect(&daemon, "redis")["RepoDigests"][0].as_str().unwrap().starts_with("redis@sha256:"));
        // The mirror has had its say; docker.io can't be reached from here.
        let message = daemon.docker_refuses(&["pull", "redis:nope"]);
        assert!(message.contains("manifest for redis:nope not found: manifest unknown"), "{message}");
        let info = daemon.docker(&["info", "--format", "{{json .RegistryConfig.Mirrors}}"]);
        assert_eq!(info, format!("[\"{mirror}/\"]"));
    });
}

#[test]
fn a_registry_wants_to_know_who_asks() {
    if !can_run() {
        return;
    }
    check_in_sandbox(|| {
        let folders = Folders::new();
        // htpasswd -nbB user password
        let password = "user:$2b$05$abcdefghijklmnopqrstuuWG29KuyeAicPCJODk1zjyGvyQUU2awu";
        let server = Server::start(&folders.root, Some(password));
        let daemon = Daemon::start();
        let name = format!("{}/secret:1", server.address);
        daemon.docker(&["tag", "busybox", &name]);
        let message = daemon.docker_refuses(&["push", &name]);
        assert!(message.contains("unauthorized") && message.contains("docker login"), "{message}");
        let message = daemon.docker_refuses(&["login", "-u", "user", "-p", "wrong", &server.address]);
        assert!(message.contains("unauthorized"), "{message}");
        let said = daemon.docker(&["login", "-u", "user", "-p", "password", &server.address]);
        assert!(said.contains("Login Succeeded"), "{said}");
        daemon.docker(&["push", &name]);
        daemon.docker(&["pull", &name]);
        daemon.docker(&["logout", &server.address]);
        let message = daemon.docker_refuses(&["pull", &name]);
        assert!(message.contains("unauthorized"), "{message}");
    });
}

#[test]
fn faults_are_told_and_leave_nothing() {
    if !can_run() {
        return;
    }
    check_in_sandbox(|| {
        let folders = Folders::new();
        let server = Server::start(&folders.root, None);
        let daemon = Daemon::start();
        let proxy = Proxy::start(&server.address);
        push_image(&daemon, &format!("{}/image:1", server.address));
        forget(&daemon, &format!("{}/image:1", server.address));
        let name = format!("{}/image:1", proxy.address);
        for (fault, expected) in [
            (Fault::Status("401 Unauthorized"), "unauthorized"),
            (Fault::Status("404 Not Found"), "not found"),
            (Fault::Status("403 Forbidden"), "pull access denied"),
            (Fault::Status("429 Too Many Requests"), "toomanyrequests"),
            (Fault::Status("500 Internal Server Error"), "received unexpected HTTP status: 500"),
            (Fault::Damaged, "its digest is"),
            (Fault::Endless, "more than"),
            (Fault::EndlessAnswer("200 OK"), "its manifest is larger than 4194304 bytes"),
            (Fault::EndlessAnswer("400 Bad Request"), "received unexpected HTTP status: 400"),
            (Fault::EndlessAnswer("500 Internal Server Error"), "received unexpected HTTP status: 500"),
            (Fault::Mislabelled, "its digest is"),
            (Fault::CutManifest, "was cut while"),
            (Fault::Silent, "cannot reach the registry"),
        ] {
            proxy.set(fault.clone());
            let message = daemon.docker_refuses(&["pull", &name]);
            assert!(message.contains(expected), "{fault:?}: {message}");
            // Layers that came beside it are given up after the answer.
            wait_for(&format!("nothing to be left of {fault:?}"), || (layers(&daemon) == 1).then_some(()));
        }
        // Cut after some bytes each time, it goes on where it was; so it does when it is slow.
        for fault in [Fault::Cut(300 << 10), Fault::CutWithoutRanges(500 << 10), Fault::Slow] {
            proxy.set(fault.clone());
            let said = daemon.docker(&["pull", &name]);
            assert!(said.contains("Status: Downloaded newer image"), "{fault:?}: {said}");
            daemon.docker(&["run", "--rm", &name, "test", "-s", "/file3"]);
            forget(&daemon, &name);
            assert_eq!(layers(&daemon), 1, "{fault:?}");
        }
        let message = daemon.docker_refuses(&["pull", "127.0.0.1:1/x"]);
        assert!(message.contains("cannot reach the registry 127.0.0.1:1: Connection refused"), "{message}");
    });
}
