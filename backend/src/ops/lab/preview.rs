//! What bringing a lab up, or taking it away, would do in the kernel: the same rows, written in one transaction that is rolled back,
//! and one plan.

use super::{
    super::{
        Daemon, OpError,
        attach::{self, Names},
        container, image, network, outlet,
        publish::{self, Asker},
    },
    HASH, Lab, LabService, belongs, containers_of, known, networks_of,
    undo::is_aside,
};
use crate::{
    clock,
    engine::{Changed, Draft, Mode},
    holds::Reserved,
    model::{ContainerRecord, NewContainer},
    store::{
        Connection, attachment, container as rows, endpoint,
        journal::{self, Request, Verdict},
        network as networks, port as ports,
    },
};
use drawbridge_api::{ContainerId, ContainerState, ExplainedStep, LabPlan, Network, NetworkId, Origin, Plan};
use drawbridge_kernel::HostView;
use drawbridge_plan::Scope;
use std::collections::BTreeSet;

/// What bringing a lab up would do. Nothing is done, and no image is pulled or built: those that are missing are named.
///
/// # Errors
/// As of [`super::up`], as far as it can be known before.
pub async fn preview(daemon: &Daemon, origin: Origin, lab: &Lab) -> Result<LabPlan, OpError> {
    let host = daemon.look_at_host().await?;
    let mut pulls: Vec<String> = Vec::new();
    for service in &lab.services {
        match image::find(daemon, &service.image) {
            Ok(_) => {}
            Err(OpError::NoSuchImage(_)) if !pulls.contains(&service.image) => pulls.push(service.image.clone()),
            Err(OpError::NoSuchImage(_)) => {}
            Err(error) => return Err(error),
        }
    }
    let going = Going::find(daemon, lab)?;
    let request = Request { verb: "bring up lab", subject: lab.name.clone(), origin };
    let steps = steps_of(daemon, request, |db, draft| {
        going.take_away(db, draft)?;
        enter(daemon, db, draft, lab, &host)
    });
    Ok(LabPlan { name: lab.name.clone(), pulls, steps: steps.await? })
}

/// What taking a lab away would do. Nothing is done.
///
/// # Errors
/// As of [`super::down`], as far as it can be known before.
pub async fn preview_down(daemon: &Daemon, origin: Origin, lab: &str) -> Result<LabPlan, OpError> {
    let networks = networks_of(daemon, lab)?.into_iter().map(|network| network.id).collect();
    let going = Going { networks, containers: containers_of(daemon, lab)? };
    if going.networks.is_empty() && going.containers.is_empty() {
        return Err(OpError::NoSuchLab(lab.to_owned()));
    }
    let request = Request { verb: "take down lab", subject: lab.to_owned(), origin };
    let steps = steps_of(daemon, request, |db, draft| going.mark(db, draft)).await?;
    Ok(LabPlan { name: lab.to_owned(), pulls: Vec::new(), steps })
}

/// The plan of rows that are written and rolled back.
async fn steps_of(
    daemon: &Daemon,
    request: Request,
    write: impl FnOnce(&Connection, &Draft) -> Result<(), OpError>,
) -> Result<Vec<ExplainedStep>, OpError> {
    match daemon.engine.change(Mode::Preview, request, Scope::Everything, write).await? {
        Changed::Previewed(Plan { steps, .. }) => Ok(steps),
        Changed::Applied(()) => Err(OpError::CutOff),
    }
}

/// What gives way to something new.
struct Going {
    networks: Vec<NetworkId>,
    containers: Vec<ContainerRecord>,
}

impl Going {
    fn find(daemon: &Daemon, lab: &Lab) -> Result<Self, OpError> {
        let there = network::list(daemon)?;
        let differs = |network: &&Network| {
            let wanted = lab.networks.iter().find(|wanted| wanted.name == network.name);
            let wanted = wanted.and_then(|wanted| wanted.new.as_ref());
            belongs(&network.labels, &lab.name)
                && wanted.is_some_and(|new| new.labels.get(HASH) != network.labels.get(HASH))
        };
        let changed: Vec<&Network> = there.iter().filter(differs).collect();
        let mut renewed: BTreeSet<&str> = BTreeSet::new();
        let mut containers = Vec::new();
        let records = containers_of(daemon, &lab.name)?;
        for service in &lab.services {
            let owner_renewed = service.shares_with.as_deref().is_some_and(|owner| renewed.contains(owner));
            for wanted in &service.containers {
                let Some(record) = known(&records, &service.name, wanted.number) else { continue };
                let attached = container::view(daemon, record)?.attachments;
                let moves = attached.iter().any(|own| changed.iter().any(|network| network.name == own.network));
                if moves || owner_renewed || is_aside(record) || !is_as_wanted(daemon, record, &wanted.new)? {
                    renewed.insert(&service.name);
                    containers.push(record.clone());
                }
            }
            let beyond = records.iter().filter(|record| super::up::is_beyond(record, service));
            containers.extend(beyond.cloned());
        }
        Ok(Self { networks: changed.into_iter().map(|network| network.id.clone()).collect(), containers })
    }

    /// Writes that they go.
    fn mark(&self, db: &Connection, draft: &Draft) -> Result<(), OpError> {
        for record in &self.containers {
            endpoint::mark_removing(db, &record.id, draft.change_id)?;
        }
        for network in &self.networks {
            networks::mark_removing(db, network, draft.change_id)?;
        }
        Ok(())
    }

    /// The same, settled, as it is when each goes by a change of its own.
    fn take_away(&self, db: &Connection, draft: &Draft) -> Result<(), OpError> {
        self.mark(db, draft)?;
        journal::settle(db, draft.change_id, &Scope::Everything, &[], &Verdict::Done, clock::now_ms())?;
        for record in &self.containers {
            rows::delete(db, &record.id)?;
        }
        Ok(())
    }
}

fn is_as_wanted(daemon: &Daemon, record: &ContainerRecord, new: &NewContainer) -> Result<bool, OpError> {
    let same = record.spec.labels.get(HASH) == new.spec.labels.get(HASH);
    let image = match image::find(daemon, &new.spec.image) {
        Ok(image) => Some(image.id),
        Err(OpError::NoSuchImage(_)) => None,
        Err(error) => return Err(error),
    };
    Ok(same && Some(&record.name) == new.name.as_ref() && Some(&record.image_id) == image.as_ref())
}

/// Writes the rows of what is missing.
fn enter(daemon: &Daemon, db: &Connection, draft: &Draft, lab: &Lab, host: &HostView) -> Result<(), OpError> {
    for wanted in &lab.networks {
        match (networks::by_name(db, &wanted.name)?, &wanted.new) {
            (Some(there), Some(_)) if !belongs(&there.labels, &lab.name) => {
                return Err(super::up::not_ours(&there, lab));
            }
            (Some(_), _) => {}
            (None, None) => return Err(OpError::NoSuchNetwork(format!("{} (external)", wanted.name))),
            (None, Some(new)) => {
                let id = NetworkId::from_bytes(rand::random());
                let bridge = match &new.bridge {
                    Some(bridge) => bridge.clone(),
                    None => format!("br-{}", id.short()).parse()?,
                };
                network::enter(db, draft, new, (id, bridge), host, daemon.pools())?;
            }
        }
    }
    // Held to the end, so that two containers can't have the same port.
    let mut held = Vec::new();
    lab.services.iter().try_for_each(|service| enter_service(daemon, db, draft, service, &mut held))
}

fn enter_service(
    daemon: &Daemon,
    db: &Connection,
    draft: &Draft,
    service: &LabService,
    held: &mut Vec<Reserved>,
) -> Result<(), OpError> {
    if let Err(OpError::NoSuchImage(_)) = image::find(daemon, &service.image) {
        return Ok(());
    }
    for wanted in &service.containers {
        let new = &wanted.new;
        let there = match &new.name {
            Some(name) => rows::by_name(db, name)?,
            None => None,
        };
        let record = match there {
            None => container::insert(db, &ContainerId::from_bytes(rand::random()), new)?.0,
            Some(id) => match rows::get(db, &id)? {
                Some(record) if record.state != ContainerState::Running => record,
                Some(_) | None => continue,
            },
        };
        let attachments = attachment::of_container(db, &record.id)?;
        let mut found = Vec::with_capacity(attachments.len());
        for attachment in &attachments {
            let network = networks::by_name(db, &attachment.network)?;
            found.extend(network.map(|network| (network, attachment.gateway_priority)));
        }
        // What the container that gives way holds is free when it has gone.
        let before = match new.name.as_ref().and_then(|name| container::find(daemon, name.as_str()).ok()) {
            Some(before) => ports::of_container(&*daemon.engine.store.read()?, &before.id)?,
            None => Vec::new(),
        };
        let leading = outlet::leading(&found);
        let names = Names::new(&record.id, attachments.len())?;
        let asker = Asker::of(&record, names.endpoint(leading.position(&attachments)));
        let reserved = publish::reserve(daemon, asker, &record.spec, &leading, &before)?;
        held.push(reserved.held);
        let names = names.publishing(reserved.ports);
        attach::attach(db, draft, &record, &names)?;
    }
    Ok(())
}
