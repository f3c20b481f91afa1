//! Labs: networks, volumes and containers that come up and go together. What belongs to one is known by its labels, which are
//! those of docker-compose, so that it sees the same projects. In reading order: what a lab is, up, images, undo, down,
//! preview, script.

mod down;
mod image;
mod preview;
mod script;
mod undo;
mod up;

pub use down::{Volumes, down};
pub use image::Images;
pub use preview::{preview, preview_down};
pub use script::script;
pub use up::up;

use super::{Daemon, OpError, container, network};
use crate::model::{ContainerRecord, ContainerSpec, NewContainer, NewNetwork};
use drawbridge_api::{ContainerState, Lab as Seen, Network, NetworkName};
use std::{
    collections::{BTreeMap, BTreeSet},
    path::PathBuf,
};

/// The lab that a thing belongs to.
pub const PROJECT: &str = "com.docker.compose.project";
/// The service that a container is of.
pub const SERVICE: &str = "com.docker.compose.service";
/// Which of its service's containers it is, from 1.
pub const NUMBER: &str = "com.docker.compose.container-number";
/// What it was made of, as a digest.
pub const HASH: &str = "com.docker.compose.config-hash";
/// `False` for all but what `docker-compose run` makes.
pub const ONE_OFF: &str = "com.docker.compose.oneoff";
/// The file's name for a network.
pub const NETWORK: &str = "com.docker.compose.network";
/// The file's name for a volume.
pub const VOLUME: &str = "com.docker.compose.volume";
/// The folder of the file.
pub const FOLDER: &str = "com.docker.compose.project.working_dir";
/// Of the rules by which the labels are written.
pub const VERSION: &str = "com.docker.compose.version";

/// A lab to be brought up.
#[derive(Clone, Debug)]
pub struct Lab {
    /// Its name.
    pub name: String,
    /// Its networks.
    pub networks: Vec<LabNetwork>,
    /// Its volumes.
    pub volumes: Vec<LabVolume>,
    /// Its services; each behind those that it waits for.
    pub services: Vec<LabService>,
}

/// A network of a lab.
#[derive(Clone, Debug)]
pub struct LabNetwork {
    /// Its name on this machine.
    pub name: NetworkName,
    /// What is to be made; none for one that must be there already.
    pub new: Option<NewNetwork>,
}

/// A volume of a lab.
#[derive(Clone, Debug)]
pub struct LabVolume {
    /// Its name on this machine.
    pub name: String,
    /// What is to be made; none for one that must be there already.
    pub new: Option<super::volume::NewVolume>,
}

/// A service of a lab: containers of one kind.
#[derive(Clone, Debug)]
pub struct LabService {
    /// Its name.
    pub name: String,
    /// Its image.
    pub image: String,
    /// What its image is built of, where it is not pulled.
    pub build: Option<LabBuild>,
    /// Its containers.
    pub containers: Vec<LabContainer>,
    /// What must be before they are started.
    pub waits: Vec<Wait>,
    /// The service whose network stack they share.
    pub shares_with: Option<String>,
}

/// What an image of a lab is built of.
#[derive(Clone, Debug, Default)]
pub struct LabBuild {
    /// The folder of its files.
    pub folder: PathBuf,
    /// The file of instructions.
    pub dockerfile: PathBuf,
    /// The instructions themselves, in place of that file.
    pub inline: Option<String>,
    /// Values of `ARG`.
    pub arguments: BTreeMap<String, String>,
    /// Labels of the image.
    pub labels: BTreeMap<String, String>,
    /// The stage to stop at.
    pub target: Option<String>,
    /// Further names of the image.
    pub tags: Vec<String>,
    /// Whether everything is done anew.
    pub without_cache: bool,
    /// Whether base images that are here are asked for again.
    pub always_pulls: bool,
    /// What commands run in; the default network when absent.
    pub container: Option<Box<ContainerSpec>>,
}

/// A container of a lab.
#[derive(Clone, Debug)]
pub struct LabContainer {
    /// Which of its service's, from 1.
    pub number: u32,
    /// What is to be made.
    pub new: NewContainer,
}

/// What must be before a container is started.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wait {
    /// Whose containers.
    pub service: String,
    /// How far they must have come.
    pub until: Until,
}

/// How far a container must have come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Until {
    /// It runs.
    Started,
    /// Its health checks say so.
    Healthy,
    /// It has ended with code 0.
    Completed,
}

/// All labs by name, those of other compose tools among them.
///
/// # Errors
/// When the store fails.
pub fn list(daemon: &Daemon) -> Result<Vec<Seen>, OpError> {
    let containers: Vec<ContainerRecord> = container::list(daemon)?.into_iter().map(|(record, _)| record).collect();
    let networks = network::list(daemon)?;
    let of_containers = containers.iter().filter_map(|record| record.spec.labels.get(PROJECT));
    let of_networks = networks.iter().filter_map(|network| network.labels.get(PROJECT));
    let names: BTreeSet<&String> = of_containers.chain(of_networks).collect();
    let seen = names.into_iter().map(|name| {
        let own: Vec<&ContainerRecord> =
            containers.iter().filter(|record| belongs(&record.spec.labels, name)).collect();
        Seen {
            name: name.clone(),
            folder: own.iter().find_map(|record| record.spec.labels.get(FOLDER)).cloned(),
            networks: networks
                .iter()
                .filter(|network| belongs(&network.labels, name))
                .map(|it| it.name.clone())
                .collect(),
            running: own.iter().filter(|record| record.state == ContainerState::Running).count(),
            containers: own.into_iter().map(|record| record.name.clone()).collect(),
        }
    });
    Ok(seen.collect())
}

fn belongs(labels: &BTreeMap<String, String>, lab: &str) -> bool {
    labels.get(PROJECT).is_some_and(|project| project == lab)
}

/// The containers of a lab, those apart that a client ran once.
fn containers_of(daemon: &Daemon, lab: &str) -> Result<Vec<ContainerRecord>, OpError> {
    let all = container::list(daemon)?.into_iter().map(|(record, _)| record);
    let is_once = |record: &ContainerRecord| record.spec.labels.get(ONE_OFF).is_some_and(|word| word == "True");
    Ok(all.filter(|record| belongs(&record.spec.labels, lab) && !is_once(record)).collect())
}

fn networks_of(daemon: &Daemon, lab: &str) -> Result<Vec<Network>, OpError> {
    Ok(network::list(daemon)?.into_iter().filter(|network| belongs(&network.labels, lab)).collect())
}

/// The container of a service and number among those of a lab.
fn known<'a>(records: &'a [ContainerRecord], service: &str, number: u32) -> Option<&'a ContainerRecord> {
    records.iter().find(|record| {
        let label = |key: &str| record.spec.labels.get(key).map(String::as_str);
        label(SERVICE) == Some(service) && label(NUMBER) == Some(number.to_string().as_str())
    })
}
