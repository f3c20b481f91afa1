//! `run -d` as a whole, beside the OCI runtime alone on a bundle that the daemon made.

use crate::{
    AT_ONCE,
    measure::{Times, line, timed, title},
    road::{Road, applied, sleeper},
};
use drawbridge::{
    engine::Mode,
    model::ContainerRecord,
    ops::{Daemon, container},
};
use drawbridge_api::Origin;
use serde_json::Value;
use std::{
    fs,
    path::PathBuf,
    process::{Command, Stdio},
    sync::Arc,
    time::Instant,
};

const WARM_UP: usize = 2;

pub(crate) fn print(road: &Road, count: usize) {
    let alone = Alone::new(road);
    let (mut daemon, mut runtime) = (Times::default(), Times::default());
    for number in 0..count + WARM_UP {
        let (record, time) = timed(|| road.tokio.block_on(run(Arc::clone(&road.daemon))));
        daemon.push(time);
        remove(road, &record);
        let name = format!("alone{number}");
        alone.prepare(&name);
        runtime.push(timed(|| alone.run(&name)).1);
        alone.delete(&name);
    }
    daemon.0.drain(..WARM_UP);
    runtime.0.drain(..WARM_UP);
    title(&format!("run -d, {count} in a row"));
    line(&format!("{} run -d alone, on a bundle that is ready", alone.program), &runtime, &[]);
    line("the whole: row, network, bundle, monitor, process", &daemon, &[("runtime", runtime.median())]);

    let (mut each, mut all) = (Times::default(), Times::default());
    let mut left = count;
    while left > 0 {
        let batch = left.min(AT_ONCE);
        left -= batch;
        let (records, time) = timed(|| {
            road.tokio.block_on(async {
                let begin = |_| {
                    let (daemon, begun) = (Arc::clone(&road.daemon), Instant::now());
                    tokio::spawn(async move { (run(daemon).await, begun.elapsed()) })
                };
                let tasks: Vec<_> = (0..batch).map(begin).collect();
                let mut records = Vec::with_capacity(batch);
                for task in tasks {
                    records.push(task.await.unwrap());
                }
                records
            })
        });
        if batch == AT_ONCE {
            all.push(time);
        }
        for (record, time) in records {
            each.push(time);
            remove(road, &record);
        }
    }
    title(&format!("run -d, {AT_ONCE} at once, {count} in all"));
    line("from its begin to its end", &each, &[]);
    line(&format!("all {AT_ONCE}"), &all, &[]);
}

async fn run(daemon: Arc<Daemon>) -> ContainerRecord {
    applied(container::run(&daemon, Mode::Apply, Origin::Daemon, sleeper("bridge")).await.unwrap())
}

fn remove(road: &Road, record: &ContainerRecord) {
    let (daemon, running) = (&road.daemon, container::Running::Kill);
    let removed =
        container::remove(daemon, Mode::Apply, Origin::Daemon, record.id.as_str(), running, container::Volumes::Keep);
    applied(road.tokio.block_on(removed).unwrap());
}

/// The runtime without the daemon: its bundle is that of a container that runs on, with another cgroup, so it finds a
/// mounted file system and a network that is ready.
struct Alone<'a> {
    road: &'a Road,
    donor: ContainerRecord,
    program: String,
    folder: PathBuf,
    config: Value,
}

impl<'a> Alone<'a> {
    fn new(road: &'a Road) -> Self {
        let donor = road.tokio.block_on(run(Arc::clone(&road.daemon)));
        let bundle = road.folders.run_dir.join("containers").join(donor.id.as_str());
        let config = serde_json::from_slice(&fs::read(bundle.join("config.json")).unwrap()).unwrap();
        let description = road.daemon.runtime.description();
        let program = description.split_whitespace().next().unwrap().to_owned();
        let folder = road.folders.run_dir.join("alone");
        Alone { road, donor, program, folder, config }
    }

    fn prepare(&self, name: &str) {
        let bundle = self.folder.join(name);
        fs::create_dir_all(&bundle).unwrap();
        let mut config = self.config.clone();
        // Absent where the daemon must do without cgroups.
        if let Some(path) = config.pointer_mut("/linux/cgroupsPath") {
            *path = Value::from(format!("/drawbridge-bench/{name}"));
        }
        fs::write(bundle.join("config.json"), serde_json::to_vec(&config).unwrap()).unwrap();
    }

    fn run(&self, name: &str) {
        let mut command = self.command();
        command.arg("run").arg("--detach").arg("--bundle").arg(self.folder.join(name)).arg(name);
        assert!(command.status().unwrap().success(), "{command:?}");
    }

    fn delete(&self, name: &str) {
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

impl Drop for Alone<'_> {
    fn drop(&mut self) {
        remove(self.road, &self.donor);
    }
}
