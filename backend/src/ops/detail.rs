//! What a page about one container says beyond what events tell: its environment, mounts and health, and what it uses.

use super::{Daemon, OpError, linking, lookup, process};
use crate::{clock, life::RestartPolicy, mounts::MountKind, runtime::Consumption, store::image};
use drawbridge_api::{ContainerDetail, HealthCheckDetail, HealthDetail, MountDetail, Usage};

/// A container with all that its page shows.
///
/// # Errors
/// `NoSuchContainer`, or when the store fails.
pub fn detail(daemon: &Daemon, text: &str) -> Result<ContainerDetail, OpError> {
    let record = lookup::find(daemon, text)?;
    let image = image::get(&*daemon.engine.store.read()?, &record.image_id)?;
    // An image may be gone whose containers are there; what it said is gone with it.
    let defaults = image.as_ref().map(process::image_defaults).transpose()?.unwrap_or_default();
    // One that is linked to may not run now; it would be in the way of a start, and not of a look.
    let linked = linking::linked(&*daemon.engine.store.read()?, &record).unwrap_or_default();
    let linked = linking::environment(daemon, &record, &linked)?;
    let hostname = process::hostname(&record, &daemon.host.name);
    let health = record.life.health.as_ref().map(|health| HealthDetail {
        status: health.status.as_str().to_owned(),
        failing_streak: health.failing_streak,
        checks: health
            .checks
            .iter()
            .map(|check| HealthCheckDetail {
                started_at_ms: check.started_at_ms,
                code: check.code,
                output: check.output.clone(),
            })
            .collect(),
    });
    Ok(ContainerDetail {
        env: process::environment(&record.spec, &defaults, &hostname, linked),
        hostname,
        restart: match record.spec.settings.restart {
            RestartPolicy::No => "no".to_owned(),
            RestartPolicy::OnFailure { retries: 0 } => "on-failure".to_owned(),
            RestartPolicy::OnFailure { retries } => format!("on-failure:{retries}"),
            RestartPolicy::Always => "always".to_owned(),
            RestartPolicy::UnlessStopped => "unless-stopped".to_owned(),
        },
        mounts: record.spec.settings.mounts.iter().map(mount).collect(),
        health,
        container: lookup::view(daemon, &record)?,
    })
}

fn mount(mount: &crate::mounts::Mount) -> MountDetail {
    let (kind, source) = match &mount.kind {
        MountKind::Bind { source, .. } => ("bind", source.display().to_string()),
        MountKind::Volume { name, .. } => ("volume", name.clone()),
        MountKind::Memory { .. } => ("tmpfs", String::new()),
    };
    MountDetail { kind: kind.to_owned(), source, target: mount.target.clone(), read_only: mount.read_only }
}

/// What a container uses now; none when it does not run.
///
/// # Errors
/// `NoSuchContainer`, or when its cgroup can't be read.
pub async fn usage(daemon: &Daemon, text: &str) -> Result<Option<Usage>, OpError> {
    let record = lookup::find(daemon, text)?;
    Ok(daemon.runtime.consumption(&record.id).await?.map(|seen| used(&seen, clock::now_ms())))
}

fn used(seen: &Consumption, at_ms: i64) -> Usage {
    // What was read from files and not used lately; version 1 of cgroups calls it by the first name (docker/cli, stats_helpers).
    let idle = ["total_inactive_file", "inactive_file"].iter().find_map(|word| seen.memory.stats.get(*word));
    let of = |bytes: fn(&crate::runtime::Interface) -> u64| seen.interfaces.values().map(bytes).sum();
    Usage {
        at_ms,
        cpu_ns: seen.cpu.total_ns,
        cpus: seen.online_cpus as u64,
        memory_bytes: seen.memory.usage.saturating_sub(idle.copied().unwrap_or(0)),
        memory_limit_bytes: seen.memory.limit,
        pids: seen.pids,
        received_bytes: of(|interface| interface.received.bytes),
        sent_bytes: of(|interface| interface.sent.bytes),
    }
}
