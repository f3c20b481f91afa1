//! The classroom's registry, with the images of docker/lab in it.

use crate::{
    harness::{Daemon, not_run},
    registry::server::Server,
};
use std::{
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

/// The base of the recipes, docker/lab/debian.sh: brought by `cargo xtask test`, since a test reaches no package server.
pub(crate) fn debian() -> Option<PathBuf> {
    let file = std::env::var_os("DRAWBRIDGE_LAB").map(PathBuf::from).filter(|file| file.is_file());
    if file.is_none() {
        not_run("DRAWBRIDGE_LAB does not name what docker/lab/debian.sh makes; `cargo xtask test` does");
    }
    file
}

pub(crate) struct Lab {
    server: Server,
    debian: PathBuf,
}

impl Lab {
    pub(crate) fn start(folder: &Path, debian: &Path) -> Self {
        Self { server: Server::start(folder, None), debian: debian.to_owned() }
    }

    /// For `--registry-mirror`.
    pub(crate) fn mirror(&self) -> String {
        format!("http://{}", self.server.address)
    }

    /// Builds the images with this daemon and pushes them to the registry; the daemon has none afterwards.
    pub(crate) fn fill(&self, daemon: &Daemon) {
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docker/lab/build.sh");
        let output = Command::new("sh")
            .arg(script)
            .arg(&self.server.address)
            .arg(&self.debian)
            .env("DOCKER_HOST", format!("unix://{}", daemon.socket().display()))
            .env("DOCKER_CONFIG", daemon.folders().root.join("docker-config"))
            .stdin(Stdio::null())
            .output()
            .unwrap();
        let said = [output.stdout, output.stderr].map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).concat();
        assert!(output.status.success(), "docker/lab/build.sh: {}\n{said}", output.status);
        assert_eq!(daemon.docker(&["image", "ls", "-aq"]), "");
    }
}
