//! The OCI runtime without the daemon: its bundle is that of a container of the daemon that runs on, with another cgroup, so
//! it finds a mounted file system and a network that is ready.

use crate::served::{Client, Served};
use serde_json::Value;
use std::{
    fs,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

/// Where its cgroups are, beside the daemon's own.
const CGROUP_PARENT: &str = "drawbridge-bench";

pub(crate) struct Alone {
    pub(crate) program: String,
    folder: PathBuf,
    config: Value,
}

impl Alone {
    /// With the bundle of a container that is started for it.
    pub(crate) fn new(served: &Served, client: &mut Client) -> Alone {
        let donor = client.run("bridge");
        let bundle = served.run_dir().join("containers").join(&donor);
        let config = serde_json::from_slice(&fs::read(bundle.join("config.json")).unwrap()).unwrap();
        let seen: Value = serde_json::from_slice(&client.ask("GET", &format!("/containers/{donor}/json"), "")).unwrap();
        let program = seen["HostConfig"]["Runtime"].as_str().unwrap().to_owned();
        Alone { program, folder: served.run_dir().join("alone"), config }
    }

    /// Writes a bundle, which is not measured.
    pub(crate) fn prepare(&self, name: &str) {
        let bundle = self.folder.join(name);
        fs::create_dir_all(&bundle).unwrap();
        let mut config = self.config.clone();
        // Absent where the daemon must do without cgroups.
        if let Some(path) = config.pointer_mut("/linux/cgroupsPath") {
            *path = Value::from(format!("/{CGROUP_PARENT}/{name}"));
        }
        fs::write(bundle.join("config.json"), serde_json::to_vec(&config).unwrap()).unwrap();
    }

    /// `runc run --detach`
    pub(crate) fn run(&self, name: &str) {
        let mut command = self.command();
        command.arg("run").arg("--detach").arg("--bundle").arg(self.folder.join(name)).arg(name);
        assert!(command.status().unwrap().success(), "{command:?}");
    }

    /// `runc delete --force`
    pub(crate) fn delete(&self, name: &str) {
        let mut command = self.command();
        command.args(["delete", "--force", name]);
        assert!(command.status().unwrap().success(), "{command:?}");
    }

    fn command(&self) -> Command {
        let mut command = Command::new(&self.program);
        let without_cgroups = self.config.pointer("/linux/cgroupsPath").is_none();
        match (self.program.as_str(), without_cgroups) {
            ("runc", true) => command.arg("--rootless=true"),
            ("crun", true) => command.arg("--cgroup-manager=disabled"),
            _ => &mut command,
        };
        command.arg("--root").arg(self.folder.join("state"));
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        command
    }
}

impl Drop for Alone {
    fn drop(&mut self) {
        // Only what is empty goes; a controller that is not mounted has none.
        let hierarchies = fs::read_dir("/sys/fs/cgroup").into_iter().flatten().flatten().map(|entry| entry.path());
        for folder in hierarchies.chain([Path::new("/sys/fs/cgroup").to_owned()]) {
            let _ = fs::remove_dir(folder.join(CGROUP_PARENT));
        }
    }
}
