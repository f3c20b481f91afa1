//! A crash at every step of every plan, before and after it: after a restart the kernel is as the rows want it, and no
//! change is left open.

use crate::harness::{DEADLINE, Folders, run, wait_for};
use drawbridge::{
    boot,
    engine::Mode,
    machine::{Hand, Machine},
    model::{ContainerSpec, NewContainer, NewNetwork},
    ops::{Daemon, OpError, container, lifecycle, network, start, stopping},
    store::journal,
};
use drawbridge_api::{ChangeState, NetworkMode, Origin};
use drawbridge_kernel::{Kernel, KernelError, StepError, testing::check_in_sandbox};
use drawbridge_plan::{Observed, Scope, Step};
use std::{
    collections::BTreeMap,
    panic::resume_unwind,
    sync::{Arc, Condvar, Mutex},
};
use tokio::runtime::Runtime;

/// On which side of a step the machine stops.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Side {
    Before,
    After,
}

#[derive(Debug, Default)]
struct State {
    /// Steps until the machine stops, and on which side of the last one.
    fault: Option<(usize, Side)>,
    stopped: bool,
    over: bool,
}

/// The kernel, until a step at which everything stands still, as it does when the power goes.
struct Stopping {
    kernel: Arc<Kernel>,
    state: Arc<(Mutex<State>, Condvar)>,
}

impl Stopping {
    fn stop(&self) -> ! {
        let (state, changed) = &*self.state;
        let mut state = state.lock().unwrap();
        state.stopped = true;
        changed.notify_all();
        while !state.over {
            state = changed.wait(state).unwrap();
        }
        drop(state);
        resume_unwind(Box::new("the test is over"))
    }

    /// Counts a step; the side on which to stop when it is the one.
    fn count(&self) -> Option<Side> {
        let mut state = self.state.0.lock().unwrap();
        let (left, side) = state.fault?;
        state.fault = left.checked_sub(1).map(|left| (left, side));
        (left == 0).then_some(side)
    }
}

impl Machine for Stopping {
    fn observe(&self, scope: &Scope, keys: &[String]) -> Result<Observed, KernelError> {
        self.kernel.observe(scope, keys)
    }

    fn hand(&self, steps: &[Step]) -> Result<Box<dyn Hand + '_>, KernelError> {
        Ok(Box::new(StoppingHand { machine: self, hand: Machine::hand(&*self.kernel, steps)? }))
    }
}

struct StoppingHand<'a> {
    machine: &'a Stopping,
    hand: Box<dyn Hand + 'a>,
}

impl Hand for StoppingHand<'_> {
    fn execute(&mut self, step: &Step) -> Result<(), StepError> {
        match self.machine.count() {
            None => self.hand.execute(step),
            Some(Side::Before) => self.machine.stop(),
            Some(Side::After) => {
                self.hand.execute(step)?;
                self.machine.stop()
            }
        }
    }
}

type Scenario = fn(&Arc<Daemon>, &Runtime) -> Result<(), OpError>;

/// Runs `prepare`, then `operation` with a stop at each of its steps in turn, until it has no more steps. Returns how
/// many steps it has.
fn walk(prepare: Scenario, operation: Scenario) -> usize {
    for step in 0.. {
        for side in [Side::Before, Side::After] {
            let folders = Folders::new();
            let state: Arc<(Mutex<State>, Condvar)> = Arc::default();
            let stopped = crash(&folders, &state, (step, side), prepare, operation);
            // The stuck thread lets go of its sockets, as a killed process does: one inside a namespace keeps it alive.
            state.0.lock().unwrap().over = true;
            state.1.notify_all();
            check_restart(&folders, step, side);
            if !stopped {
                assert_eq!(side, Side::Before, "a step has two sides");
                return step;
            }
        }
    }
    unreachable!("a plan ends")
}

/// Runs into the stop and drops everything; false when the operation ended before it.
fn crash(
    folders: &Folders,
    state: &Arc<(Mutex<State>, Condvar)>,
    fault: (usize, Side),
    prepare: Scenario,
    operation: Scenario,
) -> bool {
    let runtime = Arc::new(Runtime::new().unwrap());
    let wrap = |kernel| Arc::new(Stopping { kernel, state: Arc::clone(state) });
    let booted = runtime.block_on(boot::boot_on(&folders.config(), wrap)).unwrap();
    let daemon = Arc::clone(&booted.daemon);
    prepare(&daemon, &runtime).unwrap();
    state.0.lock().unwrap().fault = Some(fault);

    let at_work = {
        let (runtime, daemon, state) = (Arc::clone(&runtime), Arc::clone(&daemon), Arc::clone(state));
        std::thread::spawn(move || {
            let result = operation(&daemon, &runtime);
            let (state, changed) = &*state;
            let mut state = state.lock().unwrap();
            let stopped = state.stopped;
            state.over = true;
            changed.notify_all();
            drop(runtime);
            if !stopped {
                result.unwrap();
            }
        })
    };
    let (lock, changed) = &**state;
    let (seen, timeout) =
        changed.wait_timeout_while(lock.lock().unwrap(), DEADLINE, |state| !state.stopped && !state.over).unwrap();
    assert!(!timeout.timed_out(), "neither stopped nor done");
    let stopped = seen.stopped;
    drop(seen);
    if !stopped {
        at_work.join().unwrap();
        // The operation may have left tasks that tidy up.
        return false;
    }
    // The process is gone: its tasks, its connections, its lock.
    match Arc::try_unwrap(runtime) {
        Ok(runtime) => runtime.shutdown_background(),
        Err(shared) => std::mem::forget(shared),
    }
    true
}

fn check_restart(folders: &Folders, step: usize, side: Side) {
    let runtime = Runtime::new().unwrap();
    runtime.block_on(async {
        let booted = boot::boot(&folders.config()).await.unwrap();
        let daemon = &booted.daemon;
        start::bring_up(daemon).await.unwrap();
        // A dropped namespace's veths go in the background, a little later (net/core/net_namespace.c, cleanup_net).
        let begun = std::time::Instant::now();
        loop {
            let drift = daemon.engine.drift().unwrap();
            if drift.steps.is_empty() {
                break;
            }
            assert!(begun.elapsed() < DEADLINE, "after a stop {side:?} step {step}: {:#?}", drift.steps);
            tokio::time::sleep(std::time::Duration::from_millis(5)).await;
        }
        let changes = {
            let db = daemon.engine.store.read().unwrap();
            assert!(!journal::any_open(&db).unwrap(), "a change is open after a stop {side:?} step {step}");
            journal::list(&db, journal::About::All, None, 100).unwrap()
        };
        assert!(changes.iter().all(|change| change.state != ChangeState::Open));
        start::take_down(daemon).await.unwrap();
    });
    wait_for("the links to go", || (!run("ip", &["-o", "link"]).contains("drawbridge:")).then_some(()));
    assert_eq!(run("ip", &["netns", "list"]), "");
    assert_eq!(run("nft", &["list", "tables"]), "");
    runtime.shutdown_background();
}

fn bring_up(daemon: &Arc<Daemon>, runtime: &Runtime) -> Result<(), OpError> {
    runtime.block_on(start::bring_up(daemon))
}

fn nothing(_: &Arc<Daemon>, _: &Runtime) -> Result<(), OpError> {
    Ok(())
}

fn create_network(daemon: &Arc<Daemon>, runtime: &Runtime) -> Result<(), OpError> {
    let new = NewNetwork::bridge("demo".parse()?);
    runtime.block_on(network::create(daemon, Mode::Apply, Origin::Docker, new)).map(drop)
}

fn remove_network(daemon: &Arc<Daemon>, runtime: &Runtime) -> Result<(), OpError> {
    runtime.block_on(network::remove(daemon, Mode::Apply, Origin::Docker, "demo")).map(drop)
}

fn create_container(daemon: &Arc<Daemon>, runtime: &Runtime) -> Result<(), OpError> {
    create_container_in("bridge", daemon, runtime)
}

fn create_container_in(network: &str, daemon: &Arc<Daemon>, runtime: &Runtime) -> Result<(), OpError> {
    let spec = ContainerSpec {
        image: "busybox".into(),
        entrypoint: None,
        cmd: Some(vec!["sleep".into(), "1000".into()]),
        env: Vec::new(),
        working_dir: String::new(),
        user: String::new(),
        hostname: None,
        labels: BTreeMap::new(),
        stop_signal: None,
        stop_timeout_s: Some(0),
        network_mode: NetworkMode::Network(network.parse()?),
        auto_remove: false,
        exposed_ports: Vec::new(),
        console: Default::default(),
        ports: Vec::new(),
        publish_all: false,
        settings: Default::default(),
        naming: Default::default(),
    };
    let new = NewContainer { name: Some("box1".parse()?), spec, attachments: Vec::new(), links: Vec::new() };
    runtime.block_on(container::create(daemon, Mode::Apply, Origin::Docker, new)).map(drop)
}

fn start_container(daemon: &Arc<Daemon>, runtime: &Runtime) -> Result<(), OpError> {
    runtime.block_on(lifecycle::start(daemon, Mode::Apply, Origin::Docker, "box1")).map(drop)
}

fn stop_container(daemon: &Arc<Daemon>, runtime: &Runtime) -> Result<(), OpError> {
    let options = stopping::StopOptions::default();
    runtime.block_on(stopping::stop(daemon, Mode::Apply, Origin::Docker, "box1", options)).map(drop)
}

fn remove_container(daemon: &Arc<Daemon>, runtime: &Runtime) -> Result<(), OpError> {
    let remove = container::remove(
        daemon,
        Mode::Apply,
        Origin::Docker,
        "box1",
        container::Running::Kill,
        container::Volumes::Keep,
    );
    runtime.block_on(remove).map(drop)
}

#[test]
fn while_it_comes_up_for_the_first_time() {
    check_in_sandbox(|| assert!(walk(nothing, bring_up) >= 5));
}

#[test]
fn while_a_network_is_made() {
    check_in_sandbox(|| assert!(walk(bring_up, create_network) >= 4));
}

#[test]
fn while_a_network_is_removed() {
    let prepare: Scenario = |daemon, runtime| {
        bring_up(daemon, runtime)?;
        create_network(daemon, runtime)
    };
    check_in_sandbox(move || assert!(walk(prepare, remove_network) >= 2));
}

#[test]
fn while_a_container_is_started() {
    let prepare: Scenario = |daemon, runtime| {
        bring_up(daemon, runtime)?;
        create_container(daemon, runtime)
    };
    check_in_sandbox(move || assert!(walk(prepare, start_container) >= 7));
}

fn started(daemon: &Arc<Daemon>, runtime: &Runtime) -> Result<(), OpError> {
    bring_up(daemon, runtime)?;
    create_container(daemon, runtime)?;
    start_container(daemon, runtime)
}

#[test]
fn while_a_container_is_stopped() {
    check_in_sandbox(|| assert!(walk(started, stop_container) >= 1));
}

#[test]
fn while_a_running_container_is_removed() {
    check_in_sandbox(|| assert!(walk(started, remove_container) >= 1));
}

/// A container on a network with names, not started.
fn named(daemon: &Arc<Daemon>, runtime: &Runtime) -> Result<(), OpError> {
    bring_up(daemon, runtime)?;
    create_network(daemon, runtime)?;
    create_container_in("demo", daemon, runtime)
}

#[test]
fn while_a_container_with_names_is_started() {
    check_in_sandbox(|| assert!(walk(named, start_container) >= 8));
}

#[test]
fn while_a_container_with_names_is_stopped() {
    let prepare: Scenario = |daemon, runtime| {
        named(daemon, runtime)?;
        start_container(daemon, runtime)
    };
    check_in_sandbox(move || assert!(walk(prepare, stop_container) >= 1));
}
