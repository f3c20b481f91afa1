//! Taking a lab away: its containers all at once, then its networks. Its volumes hold data, and stay unless they are asked for.

use super::{
    super::{
        Daemon, OpError,
        container::{self, Running},
        network, stopping, volume,
    },
    containers_of, networks_of,
};
use crate::{
    engine::Mode,
    images::progress::{Progress, Reporter},
};
use drawbridge_api::Origin;
use futures_util::future::join_all;
use std::sync::Arc;

/// What becomes of a lab's volumes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Volumes {
    /// They stay, with their data.
    Keep,
    /// They go.
    Remove,
}

/// Takes a lab away.
///
/// # Errors
/// `Invalid` when there is no such lab. When something can't be removed the rest is removed all the same, and the first error
/// is returned.
pub async fn down(
    daemon: &Arc<Daemon>,
    origin: Origin,
    lab: &str,
    volumes: Volumes,
    reporter: &Reporter,
) -> Result<(), OpError> {
    let _one_at_a_time = daemon.labs.lock().await;
    let containers = containers_of(daemon, lab)?;
    let networks = networks_of(daemon, lab)?;
    let own_volumes: Vec<String> = match volumes {
        Volumes::Keep => Vec::new(),
        Volumes::Remove => {
            let all = volume::list(daemon)?.into_iter().map(|seen| seen.record);
            all.filter(|record| super::belongs(&record.labels, lab)).map(|record| record.name).collect()
        }
    };
    if containers.is_empty() && networks.is_empty() && own_volumes.is_empty() {
        return Err(OpError::NoSuchLab(lab.to_owned()));
    }
    let tell = |kind: &str, name: String| {
        reporter.tell(Progress::About { id: format!("{kind} {name}"), text: "removed".into() })
    };
    let mut failed = Vec::new();
    // Most processes are given ten seconds to end; one after the other that would be minutes.
    let removals = containers.iter().map(|record| async {
        match stopping::stop(daemon, Mode::Apply, origin, record.id.as_str(), Default::default()).await {
            Ok(_) | Err(OpError::Already(_) | OpError::NoSuchContainer(_)) => {}
            Err(error) => return Err(error),
        }
        let gone = container::remove(
            daemon,
            Mode::Apply,
            origin,
            record.id.as_str(),
            Running::Kill,
            container::Volumes::Remove,
        );
        match gone.await {
            Ok(_) | Err(OpError::NoSuchContainer(_)) => tell("Container", record.name.to_string()).await,
            Err(error) => return Err(error),
        }
        Ok(())
    });
    failed.extend(join_all(removals).await.into_iter().filter_map(Result::err));
    for network in networks {
        match network::remove(daemon, Mode::Apply, origin, network.id.as_str()).await {
            Ok(_) => tell("Network", network.name.to_string()).await,
            Err(error) => failed.push(error),
        }
    }
    for name in own_volumes {
        match volume::remove(daemon, &name) {
            Ok(()) => tell("Volume", name).await,
            Err(error) => failed.push(error),
        }
    }
    for error in failed.iter().skip(1) {
        tracing::warn!(lab, error = error as &dyn std::error::Error, "part of a lab is left");
    }
    failed.into_iter().next().map_or(Ok(()), Err)
}
