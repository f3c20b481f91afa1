//! Trying a network from inside a container: one probe, what it saw, and where it failed the first thing in the way. The
//! daemon itself probes, by sockets opened in the container's namespace, so that an image needs no program for it.
//!
//! In reading order: [`probe`] carries out, [`naming`] finds the address, [`facts`] gathers what is known of both ends, and
//! [`judge`] says what is in the way and [`remedy`] what mends it; the last two are pure.

mod facts;
mod judge;
#[cfg(test)]
mod judge_tests;
mod naming;
mod probe;
mod remedy;

use super::{Daemon, OpError, lookup, sharing};
use drawbridge_api::{ContainerState, Hindrance, NetworkMode, NsName, Trial, TrialAnswer, TrialKind};
use judge::Obstacle;
use naming::Named;
use std::{
    net::IpAddr,
    time::{Duration, Instant},
};

/// How long one answer is waited for. A neighbour that nobody is takes the kernel three seconds to give up on (arp(7)).
const ANSWER_WITHIN: Duration = Duration::from_millis(3_500);
/// What HTTP goes to when nothing is said.
const HTTP_PORT: u16 = 80;

/// What a probe came to.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Seen {
    outcome: Outcome,
    summary: String,
    lines: Vec<String>,
}

/// How a probe ended, as far as a cause follows from it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Outcome {
    /// The target answered as it should.
    Reached,
    /// Something answered, but not as it should.
    Odd,
    /// The target, or somebody in its name, said no.
    Refused,
    /// The kernel in the namespace has no route.
    NoRoute,
    /// Somebody said that the target can't be reached, or the kernel that nobody is there.
    Unreachable,
    /// Nothing came back.
    Silent,
}

/// Tries to reach something from a container that runs.
///
/// # Errors
/// When there is no such container, when it does not run, when the request makes no sense, or no socket can be opened. That
/// the target is not reached is an answer, and no error.
pub async fn attempt(daemon: &Daemon, text: &str, trial: Trial) -> Result<TrialAnswer, OpError> {
    let began = Instant::now();
    let (trial, port) = check(trial)?;
    let record = lookup::find(daemon, text)?;
    if record.state != ContainerState::Running {
        return Err(OpError::State(format!(
            "{} does not run, so nothing can be tried from it; start it first",
            record.name
        )));
    }
    let owner = sharing::owner(daemon, &record)?;
    let source = lookup::view(daemon, &owner)?;
    if owner.spec.network_mode != NetworkMode::Host && source.namespace.is_none() {
        return Err(OpError::Invalid(format!("{} has no network namespace now; try again in a moment", record.name)));
    }
    let namespace = source.namespace.clone();

    let named = naming::find(daemon, &owner, namespace.as_ref(), &trial.target).await?;
    let (address, mut lines) = match &named {
        Named::Known { addresses, how } if trial.kind == TrialKind::Resolve && how.is_empty() => {
            let summary = format!("{} is an address itself: there is nothing to resolve", trial.target);
            let seen = Seen { outcome: Outcome::Reached, summary, lines: Vec::new() };
            return Ok(answer(began, seen, addresses.first().copied(), None));
        }
        Named::Known { addresses, how } if trial.kind == TrialKind::Resolve => {
            let lines = addresses.iter().map(|address| format!("{} has address {address}", trial.target)).collect();
            let summary = format!("{} has {} ({how})", trial.target, listed(addresses));
            return Ok(answer(
                began,
                Seen { outcome: Outcome::Reached, summary, lines },
                addresses.first().copied(),
                None,
            ));
        }
        Named::Known { addresses, how } => {
            let lines = if how.is_empty() {
                Vec::new()
            } else {
                vec![format!("{} is {} ({how})", trial.target, listed(addresses))]
            };
            (addresses.first().copied(), lines)
        }
        Named::Unknown { lines, .. } => (None, lines.clone()),
    };
    // A name that nobody knows here may be a container's all the same: what it would meet is found by its address.
    let mut unknown = None;
    let address = match address {
        Some(address) => address,
        None => {
            let facts = facts::gather(daemon, &source, &trial.target, None, None).await?;
            let hindrance = judge::unknown_name(&trial.target, &named, &facts);
            let instead = facts.target_address().filter(|_| trial.kind != TrialKind::Resolve);
            let Some(address) = instead else {
                let summary = format!("{} has no address here", trial.target);
                return Ok(answer(began, Seen { outcome: Outcome::Silent, summary, lines }, None, Some(hindrance)));
            };
            lines.push(format!("the address of container {} is tried instead: {address}", trial.target));
            unknown = Some(hindrance);
            address
        }
    };
    let mut seen = probe(daemon, namespace.as_ref(), &trial, address, port).await?;
    lines.append(&mut seen.lines);
    seen.lines = lines;
    if seen.outcome == Outcome::Reached {
        return Ok(answer(began, seen, Some(address), unknown));
    }
    // After the probe, which has made the kernel look for the neighbour.
    let tried = if matches!(trial.kind, TrialKind::Tcp | TrialKind::Http) { port } else { None };
    let facts = facts::gather(daemon, &source, &trial.target, Some(address), tried).await?;
    let obstacle = Obstacle { outcome: seen.outcome, kind: trial.kind, address, port };
    let hindrance = judge::judge(obstacle, &facts);
    Ok(answer(began, seen, Some(address), Some(hindrance)))
}

async fn probe(
    daemon: &Daemon,
    namespace: Option<&NsName>,
    trial: &Trial,
    address: IpAddr,
    port: Option<u16>,
) -> Result<Seen, OpError> {
    let from = probe::From { kernel: &daemon.kernel, namespace, target: address };
    match (trial.kind, port) {
        (TrialKind::Http, port) => {
            let path = trial.path.as_deref().unwrap_or("/");
            from.http(port.unwrap_or(HTTP_PORT), &trial.target, path).await
        }
        (TrialKind::Tcp, Some(port)) => from.tcp(port).await,
        (TrialKind::Trace, _) => from.trace().await,
        (TrialKind::Ping | TrialKind::Resolve | TrialKind::Tcp, _) => from.ping().await,
    }
}

/// The request with what it leaves open, or why it makes no sense.
fn check(mut trial: Trial) -> Result<(Trial, Option<u16>), OpError> {
    let invalid = |text: &str| OpError::Invalid(text.to_owned());
    trial.target = trial.target.trim().trim_end_matches('.').to_owned();
    if trial.target.is_empty() {
        return Err(invalid("nothing to try: name a container, an address or a host"));
    }
    if trial.target.len() > 253 || trial.target.contains(|c: char| c.is_whitespace() || c.is_control() || c == '/') {
        return Err(invalid(
            "the target is no name and no address; give a host only, without http:// and without a path",
        ));
    }
    let path_is_odd =
        |path: &str| !path.starts_with('/') || path.contains(|c: char| c.is_whitespace() || c.is_control());
    if trial.path.as_deref().is_some_and(path_is_odd) {
        return Err(invalid("the path has to begin with / and hold no blanks"));
    }
    let port = match trial.kind {
        TrialKind::Tcp if trial.port.is_none() => return Err(invalid("a TCP connection needs a port")),
        TrialKind::Http => Some(trial.port.unwrap_or(HTTP_PORT)),
        _ => trial.port,
    };
    if port == Some(0) {
        return Err(invalid("port 0 can't be reached; ports are 1 to 65535"));
    }
    Ok((trial, port))
}

fn answer(began: Instant, seen: Seen, address: Option<IpAddr>, hindrance: Option<Hindrance>) -> TrialAnswer {
    TrialAnswer {
        reached: seen.outcome == Outcome::Reached,
        summary: seen.summary,
        address,
        lines: seen.lines,
        hindrance,
        took_ms: u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX),
    }
}

fn listed(addresses: &[IpAddr]) -> String {
    addresses.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
}
