//! What happens when the daemon comes up: the built-in image and networks are made sure of, what a crash left half done
//! is settled, and the containers that outlived the last daemon are taken up again.

use super::{Daemon, OpError, health, image, lifecycle, lookup, network, publish, removal, restart, stopping, taken};
use crate::{
    clock,
    engine::{Changed, Mode},
    model::{ContainerRecord, NewNetwork, NewRange},
    runtime::{Exit, ProcessState},
    store::{container as rows, endpoint, journal, journal::Request, life, network as networks},
};
use drawbridge_api::{ContainerId, ContainerState, Driver, IfName, Network, NetworkId, Origin};
use drawbridge_kernel::HostView;
use drawbridge_plan::{Scope, alloc};
use ipnet::{IpNet, Ipv4Net};
use std::{
    collections::{BTreeMap, HashSet},
    net::Ipv4Addr,
    sync::Arc,
};

/// What Docker calls its default network's range.
const DEFAULT_RANGE: Ipv4Net = Ipv4Net::new_assert(Ipv4Addr::new(172, 17, 0, 0), 16);

/// The exit code of a process of which no trace is left: the machine was restarted under it.
const LOST: i32 = 255;

/// Brings kernel and rows together, and takes up what still runs.
///
/// # Errors
/// When the image can't be made, or the kernel refuses what the rows want.
pub async fn bring_up(daemon: &Arc<Daemon>) -> Result<(), OpError> {
    image::ensure_busybox(daemon).await?;
    image::sweep(daemon).await?;
    let fates = fates(daemon).await?;
    reconcile(daemon, &fates).await?;
    for (record, fate) in fates {
        match fate {
            Fate::Running(_) => {
                publish::take_up(daemon, &record.id)?;
                lifecycle::watch(daemon, record.id.clone());
                health::watch(daemon, &record);
            }
            Fate::Ended(exit) => bury(daemon, record, exit).await?,
        }
    }
    daemon.engine.take_up_names()?;
    sweep_files(daemon).await?;
    ensure_networks(daemon).await?;
    restart::take_up(daemon)
}

/// Takes away the files of containers whose rows are gone, and what is left of runs that have ended by their rows: a crash fell
/// between the two.
async fn sweep_files(daemon: &Daemon) -> Result<(), OpError> {
    let records = rows::list(&*daemon.engine.store.read()?)?;
    let ended = records.iter().filter(|record| record.state != ContainerState::Running);
    for record in ended.filter(|record| daemon.runtime.has_left(&record.id)) {
        for error in daemon.runtime.clean_up(&record.id).await {
            tracing::warn!(container = %record.id.short(), error = &error as &dyn std::error::Error, "left behind");
        }
    }
    let known: HashSet<ContainerId> = records.into_iter().map(|record| record.id).collect();
    for id in daemon.runtime.kept().await?.into_iter().filter(|id| !known.contains(id)) {
        for error in daemon.runtime.remove(&id).await {
            tracing::warn!(container = %id.short(), error = &error as &dyn std::error::Error, "left behind");
        }
    }
    Ok(())
}

/// What became of a container that the rows have in the kernel.
#[derive(Clone, Copy, Debug)]
enum Fate {
    /// Its process runs.
    Running(i32),
    /// It has ended, or never began.
    Ended(Option<Exit>),
}

/// Asks the runtime about every container that runs by its row or that has a namespace: a crash between plan and
/// process leaves the one without the other.
async fn fates(daemon: &Daemon) -> Result<Vec<(ContainerRecord, Fate)>, OpError> {
    let (records, namespaces) = {
        let db = daemon.engine.store.read()?;
        (rows::list(&db)?, endpoint::namespaces(&db)?)
    };
    let mut fates = Vec::new();
    for record in records {
        let by_row = record.state == ContainerState::Running;
        if !by_row && !namespaces.iter().any(|(id, _)| *id == record.id) {
            continue;
        }
        let fate = match daemon.runtime.state(&record.id).await? {
            ProcessState::Running { pid } => Fate::Running(pid),
            ProcessState::Exited(exit) => Fate::Ended(Some(exit)),
            ProcessState::Unknown if by_row => Fate::Ended(Some(Exit { code: LOST, at_ms: clock::now_ms() })),
            ProcessState::Unknown => Fate::Ended(None),
        };
        fates.push((record, fate));
    }
    Ok(fates)
}

/// Makes the kernel as the rows want it, after the rows are told what became of the processes. Changes that were cut off
/// are finished by this one.
async fn reconcile(daemon: &Daemon, fates: &[(ContainerRecord, Fate)]) -> Result<(), OpError> {
    let cut_off = journal::any_open(&*daemon.engine.store.read()?)?;
    let news = fates.iter().any(|(record, fate)| match fate {
        Fate::Running(_) => record.state != ContainerState::Running,
        Fate::Ended(_) => true,
    });
    let needed = cut_off || news || !daemon.engine.drift()?.steps.is_empty();
    if !needed {
        return Ok(());
    }
    let request = Request { verb: "reconcile", subject: String::new(), origin: Origin::Daemon };
    daemon
        .engine
        .change(Mode::Apply, request, Scope::Everything, |db, draft| {
            journal::take_over(db, draft.change_id, clock::now_ms())?;
            for (record, fate) in fates {
                match fate {
                    Fate::Running(pid) if record.state != ContainerState::Running => {
                        rows::set_running(db, &record.id, *pid, clock::now_ms())?;
                    }
                    Fate::Running(_) => {}
                    Fate::Ended(exit) => {
                        endpoint::mark_removing(db, &record.id, draft.change_id)?;
                        if let Some(exit) = exit {
                            rows::set_exited(db, &record.id, exit.code, exit.at_ms)?;
                        }
                    }
                }
            }
            Ok::<_, OpError>(())
        })
        .await?;
    Ok(())
}

async fn bury(daemon: &Daemon, record: ContainerRecord, exit: Option<Exit>) -> Result<(), OpError> {
    if let Some(exit) = exit {
        daemon.engine.write(|db| {
            health::end(db, &record)?;
            restart::note(db, &record, exit)
        })?;
        lifecycle::tell_end(daemon, &record, exit);
    }
    for error in daemon.runtime.clean_up(&record.id).await {
        tracing::warn!(container = %record.id.short(), error = &error as &dyn std::error::Error, "left behind");
    }
    if record.spec.auto_remove {
        let now = lookup::get(daemon, &record.id)?;
        removal::delete(daemon, &now, Origin::Daemon, removal::Volumes::Remove).await?;
    }
    Ok(())
}

/// Makes `bridge`, `host` and `none` at the first start.
async fn ensure_networks(daemon: &Daemon) -> Result<(), OpError> {
    let there = network::list(daemon)?;
    let missing = |name: &str| !there.iter().any(|network| network.name.as_str() == name);
    if missing("bridge") {
        let host = daemon.look_at_host().await?;
        let ranges = networks::ranges(&*daemon.engine.store.read()?)?;
        let new = default_network(&host, &taken::ranges(&ranges, &host))?;
        network::create(daemon, Mode::Apply, Origin::Daemon, new).await?;
    }
    for (name, driver) in [("host", Driver::Host), ("none", Driver::Null)] {
        if missing(name) {
            insert_unbridged(daemon, name, driver).await?;
        }
    }
    Ok(())
}

/// The default network as the chapter shows it, where its interface name and range are free; otherwise the next ones,
/// with a line in the log that says why.
fn default_network(host: &HostView, taken: &[(IpNet, String)]) -> Result<NewNetwork, OpError> {
    let mut bridge: IfName = "docker0".parse()?;
    for number in 1.. {
        if !taken::is_foreign(host, &bridge) {
            break;
        }
        tracing::warn!(%bridge, "an interface of that name exists and is not ours; taking the next name");
        bridge = format!("docker{number}").parse()?;
    }
    let overlapping = taken.iter().find(|(range, _)| alloc::overlap(*range, IpNet::V4(DEFAULT_RANGE)));
    let subnet = match overlapping {
        None => IpNet::V4(DEFAULT_RANGE),
        Some((range, holder)) => {
            tracing::warn!(%DEFAULT_RANGE, %range, %holder, "the default range is in use; taking the next free pool");
            let ranges: Vec<IpNet> = taken.iter().map(|(range, _)| *range).collect();
            alloc::free_pool(alloc::default_pools().map(IpNet::V4), &ranges).ok_or(OpError::NoFreePool)?
        }
    };
    let option = |name: &str, value: String| (format!("com.docker.network.{name}"), value);
    let options = BTreeMap::from([
        option("bridge.default_bridge", "true".into()),
        option("bridge.enable_icc", "true".into()),
        option("bridge.enable_ip_masquerade", "true".into()),
        option("bridge.host_binding_ipv4", "0.0.0.0".into()),
        option("bridge.name", bridge.to_string()),
        option("driver.mtu", host.default_route_mtu.unwrap_or(1500).to_string()),
    ]);
    Ok(NewNetwork {
        ranges: vec![NewRange::of(subnet)],
        bridge: Some(bridge),
        mtu: host.default_route_mtu,
        options,
        predefined: true,
        ..NewNetwork::bridge("bridge".parse()?)
    })
}

/// `host` and `none` are names only: the kernel has nothing of them.
async fn insert_unbridged(daemon: &Daemon, name: &str, driver: Driver) -> Result<(), OpError> {
    let network = Network {
        predefined: true,
        created_at_ms: clock::now_ms(),
        ..Network::new(NetworkId::from_bytes(rand::random()), name.parse()?, driver)
    };
    let request = Request { verb: "create network", subject: name.to_owned(), origin: Origin::Daemon };
    let changed = daemon
        .engine
        .change(Mode::Apply, request, Scope::Everything, |db, draft| {
            Ok::<_, OpError>(networks::insert(db, &network, draft.change_id)?)
        })
        .await?;
    match changed {
        Changed::Applied(()) | Changed::Previewed(_) => Ok(()),
    }
}

/// Ends every container and takes everything of ours out of the kernel; the rows stay, and the next start makes it all
/// again.
///
/// # Errors
/// When a container doesn't end or the kernel refuses.
pub async fn take_down(daemon: &Daemon) -> Result<(), OpError> {
    for (record, _) in lookup::list(daemon)? {
        if record.state == ContainerState::Running {
            stopping::kill_and_wait(daemon, &record, stopping::STOP, Origin::Daemon).await?;
        }
        // The next daemon goes on with what was not stopped by hand.
        if record.spec.settings.restart.at_daemon_start(&record.life) && record.started_at_ms.is_some() {
            daemon.engine.write(|db| life::set_restart_at(db, &record.id, clock::now_ms(), 0))?;
        }
    }
    let request = Request { verb: "take down", subject: String::new(), origin: Origin::Daemon };
    Ok(daemon.engine.take_down(request).await?)
}
