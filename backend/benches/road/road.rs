//! The daemon under measurement: booted as `serve` boots it, without its sockets, and with a stopwatch before its kernel.

use crate::measure::Times;
use drawbridge::{
    boot::{self, Booted},
    config::Folders,
    engine::{Changed, Draft, Mode},
    machine::{Hand, Machine},
    model::{ContainerRecord, ContainerSpec, NewContainer},
    ops::{Daemon, OpError, attach, attach::Names, container, start},
    store::{Connection, endpoint, journal::Request},
};
use drawbridge_api::{NetworkMode, Origin};
use drawbridge_kernel::{Kernel, KernelError, StepError};
use drawbridge_plan::{Object, Observed, Scope, Step};
use std::{
    collections::BTreeMap,
    fs,
    path::PathBuf,
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};
use tokio::runtime::Runtime;

/// A daemon and what it stands on.
pub(crate) struct Road {
    pub(crate) tokio: Runtime,
    pub(crate) daemon: Arc<Daemon>,
    pub(crate) folders: Folders,
    pub(crate) stopwatch: Arc<Stopwatch>,
    root: PathBuf,
    _booted: Booted,
}

impl Road {
    pub(crate) fn open() -> Road {
        let root = std::env::temp_dir().join(format!("drawbridge-bench-{}", std::process::id()));
        let folders = Folders { data_dir: root.join("data"), run_dir: root.join("run") };
        let tokio = Runtime::new().unwrap();
        let stopwatch = Arc::<Stopwatch>::default();
        let wrap = |kernel| Arc::new(Timed { kernel, stopwatch: Arc::clone(&stopwatch) });
        let booted = tokio.block_on(boot::boot_on(&folders, wrap)).unwrap();
        let daemon = Arc::clone(&booted.daemon);
        tokio.block_on(start::bring_up(&daemon)).unwrap();
        Road { tokio, daemon, folders, stopwatch, root, _booted: booted }
    }

    /// A container that sleeps, made and not started.
    pub(crate) fn container(&self, network: &str) -> ContainerRecord {
        let made = container::create(&self.daemon, Mode::Apply, Origin::Daemon, sleeper(network));
        applied(self.tokio.block_on(made).unwrap())
    }

    /// Takes everything back.
    pub(crate) fn close(self) {
        self.tokio.block_on(start::take_down(&self.daemon)).unwrap();
        self.tokio.shutdown_timeout(Duration::from_secs(5));
        fs::remove_dir_all(&self.root).unwrap();
    }
}

pub(crate) fn sleeper(network: &str) -> NewContainer {
    let spec = ContainerSpec {
        image: "busybox".into(),
        entrypoint: None,
        cmd: Some(vec!["sleep".into(), "100000".into()]),
        env: Vec::new(),
        working_dir: String::new(),
        user: String::new(),
        hostname: None,
        labels: BTreeMap::new(),
        stop_signal: None,
        stop_timeout_s: Some(0),
        network_mode: NetworkMode::Network(network.parse().unwrap()),
        auto_remove: false,
        exposed_ports: Vec::new(),
        console: Default::default(),
        ports: Vec::new(),
        publish_all: false,
        settings: Default::default(),
        naming: Default::default(),
    };
    NewContainer { name: None, spec, attachments: Vec::new(), links: Vec::new() }
}

pub(crate) fn applied<T>(changed: Changed<T>) -> T {
    match changed {
        Changed::Applied(value) => value,
        Changed::Previewed(_) => unreachable!("it was asked for"),
    }
}

/// The change of a start, without the process that follows it.
pub(crate) async fn attach(
    daemon: &Daemon,
    record: &ContainerRecord,
    stopwatch: Option<&Stopwatch>,
) -> Result<Scope, OpError> {
    let names = Names::new(&record.id, 1)?;
    let scope = names.scope(&record.id);
    let edit = |db: &Connection, draft: &Draft| {
        stopwatch.inspect(|stopwatch| stopwatch.lap("open the change"));
        attach::attach(db, draft, record, &names)?;
        stopwatch.inspect(|stopwatch| stopwatch.lap("edit rows"));
        Ok::<_, OpError>(())
    };
    daemon.engine.change(Mode::Apply, request("start container", record), scope.clone(), edit).await?;
    Ok(scope)
}

/// The change that follows a process's end.
pub(crate) async fn detach(daemon: &Daemon, record: &ContainerRecord, scope: Scope) -> Result<(), OpError> {
    let edit =
        |db: &Connection, draft: &Draft| Ok::<_, OpError>(endpoint::mark_removing(db, &record.id, draft.change_id)?);
    daemon.engine.change(Mode::Apply, request("container ended", record), scope, edit).await.map(drop)
}

fn request(verb: &'static str, record: &ContainerRecord) -> Request {
    Request { verb, subject: record.name.to_string(), origin: Origin::Daemon }
}

/// Where the time of a change goes: laps by name, in the order in which they were first seen.
#[derive(Default)]
pub(crate) struct Stopwatch(Mutex<Laps>);

#[derive(Default)]
struct Laps {
    last: Option<Instant>,
    laps: Vec<(&'static str, Times)>,
}

impl Stopwatch {
    pub(crate) fn start(&self) {
        self.0.lock().unwrap().last = Some(Instant::now());
    }

    /// Ends a lap, if the watch runs.
    pub(crate) fn lap(&self, name: &'static str) {
        let mut watch = self.0.lock().unwrap();
        let now = Instant::now();
        let Some(last) = watch.last else { return };
        watch.last = Some(now);
        match watch.laps.iter_mut().find(|(known, _)| *known == name) {
            Some((_, times)) => times.push(now - last),
            None => watch.laps.push((name, Times(vec![now - last]))),
        }
    }

    pub(crate) fn stop(&self, name: &'static str) {
        self.lap(name);
        self.0.lock().unwrap().last = None;
    }

    /// What was measured; the watch is as new.
    pub(crate) fn take(&self) -> Vec<(&'static str, Times)> {
        std::mem::take(&mut *self.0.lock().unwrap()).laps
    }
}

struct Timed {
    kernel: Arc<Kernel>,
    stopwatch: Arc<Stopwatch>,
}

impl Machine for Timed {
    fn observe(&self, scope: &Scope, keys: &[String]) -> Result<Observed, KernelError> {
        self.stopwatch.lap("take the lock");
        let observed = self.kernel.observe(scope, keys);
        self.stopwatch.lap("observe");
        observed
    }

    fn hand(&self, steps: &[Step]) -> Result<Box<dyn Hand + '_>, KernelError> {
        self.stopwatch.lap("read what is wanted, plan");
        let hand = Machine::hand(&*self.kernel, steps)?;
        self.stopwatch.lap("begin");
        Ok(Box::new(TimedHand { hand, stopwatch: &self.stopwatch, begun: false }))
    }
}

struct TimedHand<'a> {
    hand: Box<dyn Hand + 'a>,
    stopwatch: &'a Stopwatch,
    begun: bool,
}

impl Hand for TimedHand<'_> {
    fn execute(&mut self, step: &Step) -> Result<(), StepError> {
        if !std::mem::replace(&mut self.begun, true) {
            self.stopwatch.lap("write the plan, commit, publish");
        }
        let done = self.hand.execute(step);
        self.stopwatch.lap(kind(step));
        done
    }
}

/// What a step is about, as a lap is called.
fn kind(step: &Step) -> &'static str {
    match step {
        Step::Elements { .. } => "step: elements of the tables",
        Step::SetSysctl { .. } => "step: setting",
        Step::Remove { .. } => "step: removal",
        Step::Add { object } => match object {
            Object::Namespace { .. } => "step: namespace",
            Object::Veth { .. } => "step: veth pair",
            Object::Port { .. } => "step: into the bridge",
            Object::Address { .. } => "step: address",
            Object::Up { .. } => "step: up, either end",
            Object::Route { .. } => "step: route",
            Object::Tables
            | Object::Bridge { .. }
            | Object::Macvlan { .. }
            | Object::RouteLocalnet { .. }
            | Object::Hairpin { .. }
            | Object::Ipv6 { .. }
            | Object::Element(_)
            | Object::Resolver { .. } => "step: another",
        },
    }
}
