//! Registries behind TLS, registries that give tokens, and images for several kinds of machines.

use super::{
    can_run,
    faults::{Fault, Proxy},
    inspect, layers, push_image,
    server::Server,
};
use crate::harness::{Daemon, Folders, is_there, run};
use drawbridge_kernel::testing::check_in_sandbox;
use serde_json::{Value, json};
use std::{fs, path::Path};

/// An authority of this test's own and, signed by it, a certificate for 10.99.0.1.
fn certificates(folder: &Path) {
    let script = format!(
        "cd {}; curve='-newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes'; \
         openssl req -x509 $curve -keyout ca.key -out ca.crt -days 2 -subj /CN=lab-authority; \
         openssl req $curve -keyout key.pem -out request.pem -subj /CN=lab; \
         echo subjectAltName=IP:10.99.0.1 >names; \
         openssl x509 -req -in request.pem -CA ca.crt -CAkey ca.key -CAcreateserial -days 2 -extfile names -out cert.pem",
        folder.display()
    );
    run("sh", &["-ec", &format!("exec 2>&1; {script}")]);
}

#[test]
fn tls_is_spoken_with_registries_that_somebody_vouches_for() {
    if !can_run() || !is_there("curl") {
        return;
    }
    check_in_sandbox(|| {
        // This machine's own addresses are trusted, save where they look like another's.
        run("ip", &["addr", "add", "10.99.0.1/32", "dev", "lo"]);
        let folders = Folders::new();
        certificates(&folders.root);
        let server = Server::start_tls(&folders.root, "10.99.0.1");
        let name = format!("{}/image:1", server.address);
        let daemon = Daemon::start_with(Folders::new(), &["--insecure-registry", "10.99.0.0/16"]);
        push_image(&daemon, &name);
        let id = inspect(&daemon, &name)["Id"].clone();
        drop(daemon);

        let stranger = Daemon::start();
        let message = stranger.docker_refuses(&["pull", &name]);
        assert!(message.contains("cannot reach the registry") && message.contains("certificate"), "{message}");
        assert_eq!(layers(&stranger), 1, "nothing is left of it");
        drop(stranger);

        // As dockerd has them; over the machine's own, and in the sandbox only.
        run("mount", &["-t", "tmpfs", "tmpfs", "/mnt"]);
        for folder in ["/mnt/above", "/mnt/work"] {
            fs::create_dir(folder).unwrap();
        }
        run(
            "mount",
            &["-t", "overlay", "overlay", "-o", "lowerdir=/etc,upperdir=/mnt/above,workdir=/mnt/work", "/etc"],
        );
        let certificates = Path::new("/etc/docker/certs.d").join(&server.address);
        fs::create_dir_all(&certificates).unwrap();
        fs::copy(folders.root.join("ca.crt"), certificates.join("ca.crt")).unwrap();
        let known = Daemon::start();
        known.docker(&["pull", &name]);
        assert_eq!(inspect(&known, &name)["Id"], id);
    });
}

#[test]
fn a_token_is_fetched_where_the_registry_says() {
    if !can_run() {
        return;
    }
    check_in_sandbox(|| {
        let folders = Folders::new();
        let server = Server::start(&folders.root, None);
        let daemon = Daemon::start();
        let proxy = Proxy::start(&server.address);
        push_image(&daemon, &format!("{}/image:1", server.address));
        let id = inspect(&daemon, &format!("{}/image:1", server.address))["Id"].clone();
        super::forget(&daemon, &format!("{}/image:1", server.address));
        let name = format!("{}/image:1", proxy.address);
        proxy.set(Fault::Token("wrong"));
        let message = daemon.docker_refuses(&["pull", &name]);
        assert!(message.contains("unauthorized") || message.contains("denied"), "{message}");
        assert_eq!(layers(&daemon), 1);
        proxy.set(Fault::Token("let-me-in"));
        daemon.docker(&["pull", &name]);
        assert_eq!(inspect(&daemon, &name)["Id"], id);
    });
}

#[test]
fn of_an_index_the_image_for_this_machine_is_pulled() {
    if !can_run() || !is_there("curl") {
        return;
    }
    check_in_sandbox(|| {
        let folders = Folders::new();
        let server = Server::start(&folders.root, None);
        let daemon = Daemon::start();
        let name = format!("{}/image:1", server.address);
        push_image(&daemon, &name);
        let before = inspect(&daemon, &name);
        let digest = before["RepoDigests"][0].as_str().unwrap().split('@').nth(1).unwrap().to_owned();
        let manifests = format!("http://{}/v2/image/manifests", server.address);
        let kinds =
            "Accept: application/vnd.oci.image.manifest.v1+json, application/vnd.docker.distribution.manifest.v2+json";
        let manifest = run("curl", &["-sS", "-f", "-H", kinds, &format!("{manifests}/{digest}")]);
        let kind = serde_json::from_str::<Value>(&manifest).unwrap()["mediaType"].clone();
        let put = |tag: &str, architectures: &[&str]| {
            let entry = |architecture: &&str| {
                let platform = json!({ "os": "linux", "architecture": architecture });
                json!({ "mediaType": kind, "digest": digest, "size": manifest.len(), "platform": platform })
            };
            let media = "application/vnd.oci.image.index.v1+json";
            let list: Vec<Value> = architectures.iter().map(entry).collect();
            let index = json!({ "schemaVersion": 2, "mediaType": media, "manifests": list }).to_string();
            let header = format!("Content-Type: {media}");
            let url = format!("{manifests}/{tag}");
            run("curl", &["-sS", "-f", "-X", "PUT", "-H", &header, "--data-binary", &index, &url]);
        };
        let here = before["Architecture"].as_str().unwrap().to_owned();
        put("many", &["s390x", &here]);
        put("others", &["s390x", "mips"]);
        super::forget(&daemon, &name);
        let many = name.replace(":1", ":many");
        daemon.docker(&["pull", &many]);
        let pulled = inspect(&daemon, &many);
        assert_eq!(pulled["Id"], before["Id"]);
        assert_ne!(pulled["RepoDigests"][0], before["RepoDigests"][0], "that of the index");
        let message = daemon.docker_refuses(&["pull", &name.replace(":1", ":others")]);
        assert!(message.contains(&format!("no matching manifest for linux/{here}")), "{message}");
        assert!(message.contains("linux/s390x, linux/mips"), "{message}");
    });
}
