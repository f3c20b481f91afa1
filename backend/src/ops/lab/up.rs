//! Bringing a lab up: what is there as the file says is left alone, what differs is made anew, and when something fails
//! everything is as it was.

use super::{
    super::{Daemon, OpError, container, image as known_images, lifecycle, network, volume},
    HASH, Images, Lab, LabNetwork, LabService, LabVolume, Until, Wait, belongs, containers_of, image, known,
    undo::{Done, Undo, is_aside, recover},
};
use crate::{
    engine::{Changed, Mode},
    images::progress::{Progress, Reporter},
    model::{ContainerRecord, NewContainer, NewNetwork, NewRange},
};
use drawbridge_api::{ContainerState, Network, Origin};
use std::{collections::BTreeSet, sync::Arc};
use tokio::sync::broadcast::error::RecvError;

/// Brings a lab up; doing so again changes nothing. Ends early, and takes everything back, when nobody listens any more.
///
/// # Errors
/// When an image can't be had, or something can't be made or started; everything is as before then, images apart.
pub async fn up(
    daemon: &Arc<Daemon>,
    origin: Origin,
    lab: &Lab,
    images: Images,
    reporter: &Reporter,
) -> Result<(), OpError> {
    let _one_at_a_time = daemon.labs.lock().await;
    for service in &lab.services {
        image::have(daemon, origin, service, images, reporter).await?;
    }
    recover(daemon, origin, &containers_of(daemon, &lab.name)?).await?;
    let mut undo = Undo::new(daemon, origin);
    let mut work = Work { daemon, origin, lab, reporter, undo: &mut undo, renewed: BTreeSet::new() };
    match work.everything().await {
        Ok(()) => {
            undo.settle().await?;
            warn_of_others(daemon, lab, reporter).await
        }
        Err(error) => {
            reporter.tell(Progress::Line("Taking back what was done".into())).await;
            undo.take_back().await;
            Err(error)
        }
    }
}

/// Containers that the file does not have are left, and told of.
async fn warn_of_others(daemon: &Daemon, lab: &Lab, reporter: &Reporter) -> Result<(), OpError> {
    let in_file = |record: &ContainerRecord| {
        lab.services
            .iter()
            .flat_map(|service| &service.containers)
            .any(|container| container.new.name.as_ref() == Some(&record.name))
    };
    for record in containers_of(daemon, &lab.name)?.iter().filter(|record| !in_file(record)) {
        let text = "is of this lab and not in the file; it is left as it is".to_owned();
        reporter.tell(Progress::About { id: format!("Container {}", record.name), text }).await;
    }
    Ok(())
}

struct Work<'a, 'b> {
    daemon: &'a Arc<Daemon>,
    origin: Origin,
    lab: &'a Lab,
    reporter: &'a Reporter,
    undo: &'b mut Undo<'a>,
    /// Containers that were made anew, by service: who shares their network stack must be as well.
    renewed: BTreeSet<String>,
}

impl Work<'_, '_> {
    async fn everything(&mut self) -> Result<(), OpError> {
        for network in &self.lab.networks {
            self.network(network).await?;
        }
        for volume in &self.lab.volumes {
            self.volume(volume).await?;
        }
        for service in &self.lab.services {
            self.service(service).await?;
        }
        Ok(())
    }

    async fn tell(&self, kind: &str, name: impl std::fmt::Display, what: &str) {
        self.reporter.tell(Progress::About { id: format!("{kind} {name}"), text: what.to_owned() }).await;
    }

    async fn network(&mut self, wanted: &LabNetwork) -> Result<(), OpError> {
        let found = match network::find(self.daemon, wanted.name.as_str()) {
            // The beginning of an id is no name.
            Ok(network) => Some(network).filter(|network| network.name == wanted.name),
            Err(OpError::NoSuchNetwork(_)) => None,
            Err(error) => return Err(error),
        };
        match (found, &wanted.new) {
            (None, None) => return Err(OpError::NoSuchNetwork(format!("{} (external)", wanted.name))),
            (Some(_), None) => return Ok(()),
            (None, Some(new)) => self.make_network(new, "created").await?,
            (Some(network), Some(_)) if !belongs(&network.labels, &self.lab.name) => {
                return Err(not_ours(&network, self.lab));
            }
            (Some(network), Some(new)) if network.labels.get(HASH) == new.labels.get(HASH) => {}
            (Some(network), Some(new)) => {
                self.vacate(&network).await?;
                network::remove(self.daemon, Mode::Apply, self.origin, network.id.as_str()).await?;
                self.undo.note(Done::RemovedNetwork(Box::new(as_it_was(&network))));
                self.make_network(new, "recreated").await?;
            }
        }
        Ok(())
    }

    async fn make_network(&mut self, new: &NewNetwork, what: &str) -> Result<(), OpError> {
        network::create(self.daemon, Mode::Apply, self.origin, new.clone()).await?;
        self.undo.note(Done::MadeNetwork(new.name.to_string()));
        self.tell("Network", &new.name, what).await;
        Ok(())
    }

    /// Sets the lab's containers aside that are in a network which is made anew.
    async fn vacate(&mut self, network: &Network) -> Result<(), OpError> {
        for record in containers_of(self.daemon, &self.lab.name)? {
            let seen = container::view(self.daemon, &record)?;
            if seen.attachments.iter().any(|attachment| attachment.network == network.name) {
                self.undo.set_aside(&record).await?;
            }
        }
        Ok(())
    }

    async fn volume(&mut self, wanted: &LabVolume) -> Result<(), OpError> {
        match (volume::find(self.daemon, &wanted.name), &wanted.new) {
            (Ok(_), _) => Ok(()),
            (Err(OpError::NoSuchVolume(_)), Some(new)) => {
                volume::create(self.daemon, new.clone())?;
                self.undo.note(Done::MadeVolume(wanted.name.clone()));
                self.tell("Volume", &wanted.name, "created").await;
                Ok(())
            }
            (Err(error), _) => Err(error),
        }
    }

    async fn service(&mut self, service: &LabService) -> Result<(), OpError> {
        for wait in &service.waits {
            self.wait(&service.name, wait).await?;
        }
        let there = containers_of(self.daemon, &self.lab.name)?;
        let owner_renewed = service.shares_with.as_ref().is_some_and(|owner| self.renewed.contains(owner));
        for wanted in &service.containers {
            match known(&there, &service.name, wanted.number) {
                Some(found) if !owner_renewed && self.is_as_wanted(found, &wanted.new)? => self.keep(found).await?,
                Some(found) => {
                    // One in a network that was made anew is set aside already.
                    if !is_aside(found) {
                        self.undo.set_aside(found).await?;
                    }
                    self.make(service, &wanted.new, "recreated").await?;
                }
                None => self.make(service, &wanted.new, "created").await?,
            }
        }
        for record in there.iter().filter(|record| is_beyond(record, service)) {
            self.undo.set_aside(record).await?;
            self.tell("Container", &record.name, "removed").await;
        }
        Ok(())
    }

    /// Whether a container is what the file says, its image included, and was not set aside.
    fn is_as_wanted(&self, found: &ContainerRecord, wanted: &NewContainer) -> Result<bool, OpError> {
        let same = found.spec.labels.get(HASH) == wanted.spec.labels.get(HASH);
        let here = known_images::find(self.daemon, &wanted.spec.image)?;
        Ok(same && Some(&found.name) == wanted.name.as_ref() && found.image_id == here.id)
    }

    async fn keep(&mut self, found: &ContainerRecord) -> Result<(), OpError> {
        if found.state == ContainerState::Running {
            return Ok(());
        }
        lifecycle::start(self.daemon, Mode::Apply, self.origin, found.id.as_str()).await?;
        self.undo.note(Done::Started(found.id.clone()));
        self.tell("Container", &found.name, "started").await;
        Ok(())
    }

    async fn make(&mut self, service: &LabService, new: &NewContainer, what: &str) -> Result<(), OpError> {
        let made = match container::create(self.daemon, Mode::Apply, self.origin, new.clone()).await? {
            Changed::Applied(record) => record,
            Changed::Previewed(_) => return Err(OpError::CutOff),
        };
        self.undo.note(Done::MadeContainer(made.id.clone()));
        self.renewed.insert(service.name.clone());
        lifecycle::start(self.daemon, Mode::Apply, self.origin, made.id.as_str()).await?;
        self.tell("Container", &made.name, what).await;
        Ok(())
    }

    /// Waits until the containers of a service have come as far as another needs them.
    async fn wait(&self, who: &str, wait: &Wait) -> Result<(), OpError> {
        let owners = self.lab.services.iter().filter(|service| service.name == wait.service);
        for container in owners.flat_map(|service| &service.containers) {
            let Some(name) = &container.new.name else { continue };
            let record = container::find(self.daemon, name.as_str())?;
            let mut events = self.daemon.engine.events.listen();
            let mut told = false;
            while !has_come(self.daemon, &record, who, wait.until)? {
                if !told {
                    told = true;
                    let what = match wait.until {
                        Until::Started | Until::Healthy => "is not healthy yet; waiting",
                        Until::Completed => "runs; waiting for its end",
                    };
                    self.tell("Container", &record.name, what).await;
                }
                tokio::select! {
                    heard = events.recv() => if let Err(RecvError::Closed) = heard {
                        return Err(OpError::CutOff);
                    },
                    () = self.reporter.gone() => return Err(OpError::CutOff),
                }
            }
        }
        Ok(())
    }
}

/// Whether a container has come so far.
///
/// # Errors
/// When it never will.
fn has_come(daemon: &Daemon, record: &ContainerRecord, who: &str, until: Until) -> Result<bool, OpError> {
    let seen = container::view(daemon, &container::find(daemon, record.id.as_str())?)?;
    let fails = |why: String| Err(OpError::State(format!("{who} depends on container {}, which {why}", seen.name)));
    match until {
        Until::Started => Ok(true),
        Until::Healthy if seen.state != ContainerState::Running && !seen.restarting => {
            fails(format!("ended with code {}; `docker logs {}` may say why", seen.exit_code, seen.name))
        }
        Until::Healthy => match seen.health.as_deref() {
            Some("healthy") => Ok(true),
            Some("unhealthy") => {
                fails(format!("is unhealthy; `docker inspect {}` has what its check printed", seen.name))
            }
            Some(_) => Ok(false),
            None => fails("has no health check; give its service a `healthcheck`".into()),
        },
        Until::Completed => match seen.state {
            ContainerState::Exited if seen.restarting => Ok(false),
            ContainerState::Exited if seen.exit_code == 0 => Ok(true),
            ContainerState::Exited => {
                fails(format!("ended with code {}; `docker logs {}` may say why", seen.exit_code, seen.name))
            }
            ContainerState::Created | ContainerState::Running => Ok(false),
        },
    }
}

/// Whether a container is one of a service's beyond the number that is wanted.
pub(super) fn is_beyond(record: &ContainerRecord, service: &LabService) -> bool {
    let label = |key: &str| record.spec.labels.get(key);
    let number = label(super::NUMBER).and_then(|number| number.parse::<usize>().ok());
    label(super::SERVICE) == Some(&service.name) && number.is_some_and(|number| number > service.containers.len())
}

pub(super) fn not_ours(network: &Network, lab: &Lab) -> OpError {
    OpError::State(format!(
        "network {} is there and not of lab {}; give the file's another `name`, or say `external: true`",
        network.name, lab.name
    ))
}

/// What would make a network as it is.
fn as_it_was(network: &Network) -> NewNetwork {
    let ranges = network.subnets.iter().map(|subnet| NewRange {
        subnet: Some(subnet.subnet),
        gateway: Some(subnet.gateway),
        ip_range: subnet.ip_range,
        reserved: subnet.reserved.clone(),
    });
    NewNetwork {
        driver: network.driver,
        ranges: ranges.collect(),
        ipv4: network.ipv4,
        ipv6: network.ipv6,
        inhibit_ipv4: network.inhibit_ipv4,
        internal: network.internal,
        bridge: network.bridge.clone(),
        macvlan: network.macvlan.clone(),
        icc: network.icc,
        gateway4: network.gateway4.clone(),
        gateway6: network.gateway6.clone(),
        mtu: Some(network.mtu),
        attachable: network.attachable,
        options: network.options.clone(),
        ipam_options: network.ipam_options.clone(),
        labels: network.labels.clone(),
        ..NewNetwork::bridge(network.name.clone())
    }
}
