//! Images by the docker command: archives in and out, names, history, what is in use, and what goes when nothing is.

use crate::harness::{Daemon, docker_is_there, is_there, run};
use drawbridge_kernel::testing::check_in_sandbox;
use serde_json::Value;
use std::{fs, path::Path};

fn inspect(daemon: &Daemon, name: &str) -> Value {
    let list: Value = serde_json::from_str(&daemon.docker(&["image", "inspect", name])).unwrap();
    list[0].clone()
}

fn layers(daemon: &Daemon) -> usize {
    fs::read_dir(daemon.folders().config().data_dir.join("layers")).unwrap().count()
}

fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}

#[test]
fn an_image_is_made_named_saved_and_loaded() {
    if !docker_is_there() {
        return;
    }
    check_in_sandbox(|| {
        let daemon = Daemon::start();
        daemon.docker(&["run", "--name", "maker", "busybox", "sh", "-c", "echo made >/made; rm /etc/group; mkdir /d"]);
        let id = daemon.docker(&["commit", "-a", "me", "-m", "why", "maker", "made:1"]);
        daemon.docker(&["rm", "maker"]);
        assert_eq!(daemon.docker(&["run", "--rm", "--entrypoint", "cat", "made:1", "/made"]), "made");
        assert!(
            daemon.docker_refuses(&["run", "--rm", "--entrypoint", "cat", "made:1", "/etc/group"]).contains("No such")
        );
        let seen = inspect(&daemon, "made:1");
        assert_eq!(
            (&seen["Id"], &seen["Author"], &seen["Comment"]),
            (&id.as_str().into(), &"me".into(), &"why".into())
        );
        assert_eq!(seen["RootFS"]["Layers"].as_array().unwrap().len(), 2);
        let history = daemon.docker(&["history", "--format", "{{.CreatedBy}}|{{.Comment}}", "--no-trunc", "made:1"]);
        assert!(history.starts_with("sh -c echo made >/made; rm /etc/group; mkdir /d|why\ndrawbridge: "), "{history}");

        daemon.docker(&["tag", "made:1", "localhost:5000/team/made:two"]);
        let ls = ["image", "ls", "--format", "{{.Repository}}:{{.Tag}}"];
        let listed = daemon.docker(&ls);
        assert_eq!(listed.lines().count(), 3, "{listed}");
        let filtered = |filter: &str| daemon.docker(&["image", "ls", "-q", "--no-trunc", "--filter", filter]);
        assert_eq!(filtered("reference=made:*"), id);
        assert_eq!(filtered("since=busybox").lines().next(), Some(id.as_str()));
        assert_eq!(filtered("before=made:1"), inspect(&daemon, "busybox")["Id"].as_str().unwrap());
        assert_eq!(filtered("until=1h"), inspect(&daemon, "busybox")["Id"].as_str().unwrap());
        assert!(daemon.docker_refuses(&["image", "prune", "-f", "--filter", "until=noon"]).contains("invalid time"));
        assert_eq!(format!("{}{}", filtered("dangling=true"), filtered("label=none")), "");

        let saved = daemon.folders().root.join("saved.tar");
        daemon.docker(&["save", "-o", text(&saved), "made:1", "busybox"]);
        let names = run("tar", &["-tf", text(&saved)]);
        for name in ["manifest.json", "index.json", "oci-layout", "repositories"] {
            assert!(names.lines().any(|line| line == name), "{names}");
        }
        daemon.docker(&["rmi", "made:1", "localhost:5000/team/made:two"]);
        assert!(daemon.docker_refuses(&["image", "inspect", "made:1"]).contains("No such image: made:1"));
        assert_eq!(layers(&daemon), 1, "busybox's");
        let said = daemon.docker(&["load", "-i", text(&saved)]);
        assert_eq!(said, "Loaded image: made:1\nLoaded image: busybox:latest");
        assert_eq!(inspect(&daemon, "made:1")["Id"], id.as_str());
        assert_eq!(daemon.docker(&["run", "--rm", "--entrypoint", "cat", "made:1", "/made"]), "made");

        // Saved again it is the same archive, its layers byte for byte.
        let again = daemon.folders().root.join("again.tar");
        daemon.docker(&["save", "-o", text(&again), "made:1", "busybox"]);
        assert!(fs::read(&saved).unwrap() == fs::read(&again).unwrap());
        // By its id it is saved without names.
        daemon.docker(&["save", "-o", text(&again), &id]);
        daemon.docker(&["rmi", "made:1"]);
        assert_eq!(daemon.docker(&["load", "-q", "-i", text(&again)]), format!("Loaded image ID: {id}"));
        assert_eq!(filtered("dangling=true"), id);
        let pruned = daemon.docker(&["image", "prune", "-f"]);
        assert!(pruned.contains(&format!("deleted: {id}")) && pruned.contains("Total reclaimed space: "), "{pruned}");
        assert_eq!((daemon.docker(&ls).as_str(), layers(&daemon)), ("busybox:latest", 1));
    });
}

#[test]
fn what_is_in_use_stays() {
    if !docker_is_there() {
        return;
    }
    check_in_sandbox(|| {
        let daemon = Daemon::start();
        let id = daemon.docker(&["image", "inspect", "--format", "{{slice .Id 7 19}}", "busybox"]);
        let user = daemon.docker(&["run", "-d", "busybox", "sleep", "1000"]);
        let message = daemon.docker_refuses(&["rmi", "busybox"]);
        let expected = format!(
            "conflict: unable to remove repository reference \"busybox\" (must force) - container {} is using its \
             referenced image {id}",
            &user[..12]
        );
        assert!(message.contains(&expected), "{message}");
        let message = daemon.docker_refuses(&["rmi", "-f", &id]);
        let expected = format!(
            "conflict: unable to delete {id} (cannot be forced) - image is being used by running container {}",
            &user[..12]
        );
        assert!(message.contains(&expected), "{message}");
        daemon.docker(&["tag", "busybox", "other:tag"]);
        assert_eq!(daemon.docker(&["rmi", "busybox"]), "Untagged: busybox:latest");
        daemon.docker(&["tag", "other:tag", "third:tag"]);
        daemon.docker(&["rm", "-f", &user]);
        let message = daemon.docker_refuses(&["rmi", &id]);
        assert!(message.contains("(must be forced) - image is referenced in multiple repositories"), "{message}");
        let said = daemon.docker(&["rmi", "-f", &id]);
        let lines: Vec<&str> = said.lines().collect();
        assert_eq!(lines[..2], ["Untagged: other:tag", "Untagged: third:tag"]);
        assert!(lines[2].starts_with(&format!("Deleted: sha256:{id}")) && lines.len() == 4, "{said}");
        assert_eq!(layers(&daemon), 0);
        assert!(daemon.docker_refuses(&["rmi", "busybox"]).contains("No such image: busybox:latest"));
        assert!(daemon.docker_refuses(&["tag", "busybox", "x"]).contains("No such image: busybox:latest"));
    });
}

#[test]
fn archives_of_others_are_read() {
    if !docker_is_there() || !is_there("skopeo") {
        return;
    }
    check_in_sandbox(|| {
        let daemon = Daemon::start();
        let root = daemon.folders().root.clone();
        let saved = root.join("saved.tar");
        daemon.docker(&["save", "-o", text(&saved), "busybox"]);
        let id = inspect(&daemon, "busybox")["Id"].as_str().unwrap().to_owned();
        for (kind, name) in [("oci-archive", "name-of:oci"), ("docker-archive", "name-of:docker")] {
            let other = root.join(kind);
            let target = format!("{kind}:{}:{name}", text(&other));
            let policy = ["--insecure-policy", "copy", "--dest-compress-format=gzip"];
            run("skopeo", &[&policy[..], &[&format!("docker-archive:{}", text(&saved)), &target]].concat());
            daemon.docker(&["load", "-i", text(&other)]);
            let found = inspect(&daemon, name);
            assert_eq!(found["RootFS"], inspect(&daemon, "busybox")["RootFS"], "{kind}");
            assert_eq!(found["Id"], id.as_str(), "{kind}");
        }
        assert_eq!(layers(&daemon), 1, "unpacked once");

        // A damaged archive leaves nothing, a file system is no archive of images but can be imported.
        daemon.docker(&["rmi", "-f", &id]);
        let whole = fs::read(&saved).unwrap();
        fs::write(&saved, &whole[..whole.len() / 2]).unwrap();
        assert!(daemon.docker_refuses(&["load", "-i", text(&saved)]).contains("in the middle of a file"));
        let files = root.join("files.tar");
        fs::write(root.join("hello"), "hi").unwrap();
        run("tar", &["-C", text(&root), "-cf", text(&files), "hello"]);
        assert!(daemon.docker_refuses(&["load", "-i", text(&files)]).contains("docker import"));
        assert_eq!(layers(&daemon), 0);
        let imported = daemon.docker(&["import", "-m", "from files", text(&files), "files:1"]);
        assert_eq!(inspect(&daemon, "files:1")["Id"], imported.as_str());
        assert_eq!(inspect(&daemon, "files:1")["Comment"], "from files");
    });
}
