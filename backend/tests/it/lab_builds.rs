//! Labs whose images are built: by the builder of `docker build`, from folders beside the file.

use crate::{
    harness::{Daemon, api, docker_is_there},
    labs::{done, fetch, things},
};
use drawbridge_kernel::testing::check_in_sandbox;
use serde_json::json;
use std::fs;

const LAB: &str = r#"
name: made
services:
  web:
    build:
      context: ./site
      dockerfile: docker/Dockerfile
      args: {GREETING: hello, FROM_FILE: }
      target: page
      labels: [kind=page]
      tags: [other:tag]
      extra_hosts: ["elsewhere:192.0.2.9"]
    stop_grace_period: 0s
  client:
    build: {context: site, dockerfile_inline: "FROM busybox\nCMD [\"sleep\", \"1000\"]\n"}
    stop_grace_period: 0s
"#;

const DOCKERFILE: &str = "FROM busybox AS page\nARG GREETING\nARG FROM_FILE\nCOPY . /files/\nRUN grep -q elsewhere /etc/hosts && \
                          echo $GREETING $FROM_FILE >/files/index.html\nCMD [\"httpd\", \"-f\", \"-h\", \"/files\"]\nFROM \
                          page\nRUN false\n";

#[test]
fn a_lab_builds_its_images() {
    if !docker_is_there() {
        return;
    }
    check_in_sandbox(|| {
        let daemon = Daemon::start();
        let before = things(&daemon);
        let root = daemon.folders().root.clone();
        let site = root.join("site");
        fs::create_dir_all(site.join("docker")).unwrap();
        for (name, text) in [
            ("site/docker/Dockerfile", DOCKERFILE),
            ("site/page", "page"),
            ("site/secret", "secret"),
            ("site/.dockerignore", "docker\nsec*\n.dockerignore\n"),
            (".env", "FROM_FILE=there\n"),
            ("made.yaml", LAB),
        ] {
            fs::write(root.join(name), text).unwrap();
        }
        std::os::unix::fs::symlink("page", site.join("link")).unwrap();
        let file = root.join("made.yaml").to_str().unwrap().to_owned();
        let said = done(&daemon, &["up", &file]);
        assert!(
            said.contains("Step 1/6 : FROM busybox AS page") && said.contains("Successfully tagged made-web"),
            "{said}"
        );
        let fetch = |path: &str| fetch(&daemon, "made-client-1", &format!("http://web/{path}"));
        assert_eq!((fetch("").as_str(), fetch("link").as_str()), ("hello there", "page"));
        assert_eq!(daemon.docker(&["exec", "made-web-1", "ls", "-A", "/files"]), "index.html\nlink\npage");
        let seen = daemon.docker(&["image", "inspect", "-f", "{{.Config.Labels}} {{.RepoTags}}", "other:tag"]);
        assert_eq!(seen, "map[kind:page] [made-web:latest other:tag]");

        // Once there, an image is built again only when that is asked for; then its containers are made anew.
        fs::write(site.join("page"), "changed").unwrap();
        assert_eq!(done(&daemon, &["up", &file]), "");
        let said = done(&daemon, &["up", "--build", &file]);
        assert!(said.contains("Container made-web-1: recreated") && said.contains("Using cache"), "{said}");
        assert!(!said.contains("made-client-1"), "its image is the same: {said}");
        assert_eq!(fetch("page"), "changed");
        done(&daemon, &["down", &file]);
        assert_eq!(things(&daemon), before);

        // A build that fails is told of, and nothing else is done.
        fs::write(&file, LAB.replace("      target: page\n", "")).unwrap();
        let (_, answer) =
            api(&daemon, "POST", "/api/labs", Some(json!({ "name": "x", "text": "services: {a: {build: ./x}}" })));
        let message = answer["message"].as_str().unwrap_or_default();
        assert!(message.starts_with("line 1: ./x is beside the file, and the file is not on this machine"), "{answer}");
        daemon.docker(&["rmi", "-f", "made-web", "other:tag"]);
        let said = crate::labs::refused(&daemon, &["up", &file]);
        assert!(said.contains("The command '/bin/sh -c false' returned a non-zero code: 1"), "{said}");
        assert_eq!(things(&daemon), before);
    });
}
