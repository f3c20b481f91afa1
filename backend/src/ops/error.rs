//! Why an operation was not done: one sentence for the person who asked, naming the thing and the remedy. Where Docker
//! has words that clients look for, the sentence begins with them. Long because every refusal stands here with its words, and
//! nothing else does.

use crate::{
    engine::ChangeError,
    images::{Fault, ImagesError},
    runtime::RuntimeError,
    store::StoreError,
};
use drawbridge_api::{ContainerId, HostPort, InvalidName};
use drawbridge_kernel::KernelError;
use drawbridge_plan::Family;
use ipnet::IpNet;
use std::net::{IpAddr, SocketAddr};

/// What kind of refusal it is. Each dialect maps these to its status codes, once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Class {
    /// The request makes no sense.
    Invalid,
    /// The thing is not there.
    NotFound,
    /// The thing is in a state that doesn't allow it.
    Conflict,
    /// It is never allowed.
    Forbidden,
    /// It is so already.
    Already,
    /// Drawbridge can't do this yet.
    NotBuilt,
    /// What it needs is in use, used up, out of reach, or fails by itself; nothing of ours does.
    Unmet,
    /// Something of ours or of the machine failed.
    Failed,
}

/// Why an operation was not done.
#[derive(Debug, thiserror::Error)]
pub enum OpError {
    /// No container of that name or id.
    #[error("No such container: {0}")]
    NoSuchContainer(String),
    /// No network of that name or id.
    #[error("network {0} not found")]
    NoSuchNetwork(String),
    /// No image of that name or id.
    #[error("No such image: {0}")]
    NoSuchImage(String),
    /// A command of a build has failed.
    #[error("The command '{command}' returned a non-zero code: {code}")]
    CommandFailed {
        /// With its arguments.
        command: String,
        /// What it ended with.
        code: i32,
    },
    /// No lab of that name.
    #[error("there is no lab {0}; `drawbridge lab list` names those that there are")]
    NoSuchLab(String),
    /// Nothing to be pushed has that name.
    #[error("An image does not exist locally with the tag: {0}")]
    NoSuchTag(String),
    /// A name whose image a container was made of.
    #[error(
        "conflict: unable to remove repository reference \"{name}\" (must force) - container {container} is using its \
         referenced image {image}"
    )]
    ImageNameInUse {
        /// The name as it was given.
        name: String,
        /// The container's short id.
        container: String,
        /// The image's short id.
        image: String,
    },
    /// An image that something needs.
    #[error("conflict: unable to delete {image} ({force}) - {why}")]
    ImageInUse {
        /// Its short id.
        image: String,
        /// `must be forced` or `cannot be forced`.
        force: &'static str,
        /// What needs it.
        why: String,
    },
    /// Nothing of that name is in the kernel.
    #[error("there is no {kind} {name} on this machine now")]
    NoSuchObject {
        /// `link` or `namespace`.
        kind: &'static str,
        /// As it was given.
        name: String,
    },
    /// No command run in a container has that id.
    #[error("No such exec instance: {0}")]
    NoSuchExec(String),
    /// No volume of that name.
    #[error("get {0}: no such volume")]
    NoSuchVolume(String),
    /// Nothing stands at that path in the container.
    #[error("Could not find the file {path} in container {container}")]
    NoSuchFile {
        /// The path.
        path: String,
        /// The container.
        container: String,
    },
    /// Nothing may be written there.
    #[error("container rootfs is marked read-only")]
    ReadOnly,
    /// A container's files could not be read or written.
    #[error("cannot get at the files of container {container}")]
    Files {
        /// The container.
        container: String,
        /// What the kernel said.
        #[source]
        source: std::io::Error,
    },
    /// Volumes are made by `local` alone.
    #[error("error looking up volume plugin {0}: plugin \"{0}\" not found")]
    NoSuchVolumeDriver(String),
    /// Containers use the volume.
    #[error("remove {name}: volume is in use - [{users}]")]
    VolumeInUse {
        /// The volume.
        name: String,
        /// Their ids, with commas.
        users: String,
    },
    /// A volume's folder could not be made or removed.
    #[error("cannot make or remove the data of volume {name}")]
    VolumeData {
        /// The volume.
        name: String,
        /// What the kernel said.
        #[source]
        source: std::io::Error,
    },
    /// A beginning of an id that fits several.
    #[error("{kind} {text} is ambiguous ({count} matches found based on ID prefix); give more digits or the name")]
    Ambiguous {
        /// `container`, `network` or `image`.
        kind: &'static str,
        /// What was given.
        text: String,
        /// How many it fits; 9 stands for 9 or more.
        count: usize,
    },
    /// A name that breaks its rule.
    #[error(transparent)]
    Name(#[from] InvalidName),
    /// A value that makes no sense.
    #[error("{0}")]
    Invalid(String),
    /// A container has the name.
    #[error(
        "Conflict. The container name \"/{name}\" is already in use by container \"{holder}\". You have to remove (or \
         rename) that container to be able to reuse that name."
    )]
    ContainerNameTaken {
        /// The name.
        name: String,
        /// The container that has it.
        holder: ContainerId,
    },
    /// A network has the name.
    #[error("network with name {0} already exists")]
    NetworkNameTaken(String),
    /// The host has an interface of that name which isn't ours.
    #[error(
        "interface {bridge} already exists on this machine and is not Drawbridge's; choose another name with \
         com.docker.network.bridge.name, or remove it with `ip link del {bridge}`"
    )]
    BridgeTaken {
        /// The interface.
        bridge: String,
    },
    /// Another network of ours has that bridge.
    #[error("bridge {bridge} belongs to network {network}; choose another com.docker.network.bridge.name")]
    BridgeOfNetwork {
        /// The bridge.
        bridge: String,
        /// Its network.
        network: String,
    },
    /// The range shares addresses with something.
    #[error(
        "invalid pool request: Pool overlaps with other one on this address space: {subnet} overlaps {range} of \
         {holder}; choose another subnet"
    )]
    SubnetOverlaps {
        /// What was asked for.
        subnet: IpNet,
        /// What is there.
        range: IpNet,
        /// What has it: `network bridge`, `the route via eth0`.
        holder: String,
    },
    /// Every automatic range is in use.
    #[error("all predefined address pools have been fully subnetted; name a range with --subnet")]
    NoFreePool,
    /// The network's ranges are full.
    #[error("no available {family} addresses on this network's address pools: {network}; remove a container from it")]
    NoFreeAddress {
        /// Of which family.
        family: Family,
        /// The network.
        network: String,
    },
    /// An address that was asked for belongs to somebody.
    #[error("Address already in use: {address} in network {network} belongs to {holder}; ask for another")]
    AddressTaken {
        /// What was asked for.
        address: IpAddr,
        /// The network.
        network: String,
        /// Who has it: `container web`.
        holder: String,
    },
    /// The running container is in that network.
    #[error("endpoint with name {container} already exists in network {network}")]
    AlreadyConnected {
        /// The container's name.
        container: String,
        /// The network.
        network: String,
    },
    /// The container is not in that network.
    #[error("container {container} is not connected to network {network}")]
    NotConnected {
        /// The container's id.
        container: String,
        /// The network.
        network: String,
    },
    /// A port of the host is in use.
    #[error(
        "failed to set up container networking: driver failed programming external connectivity on endpoint {endpoint}: \
         Bind for {} failed: port is already allocated: {holder}{}", address_of(.host), free_port(*.free)
    )]
    PortTaken {
        /// The endpoint that was to have it, by its container and id: `web (0123..)`.
        endpoint: String,
        /// The port.
        host: HostPort,
        /// Who has it: `container web has it`.
        holder: String,
        /// The next higher port that is free.
        free: Option<u16>,
    },
    /// The host has no such address.
    #[error(
        "failed to set up container networking: driver failed programming external connectivity on endpoint {endpoint}: \
         Bind for {} failed: cannot assign requested address: no interface of this machine has {}; `ip addr` lists those \
         that there are", address_of(.host), .host.address
    )]
    NoSuchAddress {
        /// The endpoint that was to have it, by its container and id: `web (0123..)`.
        endpoint: String,
        /// The port.
        host: HostPort,
    },
    /// A port of the host could not be held.
    #[error(
        "failed to set up container networking: driver failed programming external connectivity on endpoint {endpoint}: \
         Bind for {} failed", address_of(.host)
    )]
    CannotHold {
        /// The endpoint that was to have it, by its container and id: `web (0123..)`.
        endpoint: String,
        /// The port.
        host: HostPort,
        /// What the kernel said.
        #[source]
        error: std::io::Error,
    },
    /// `bridge`, `host` or `none`.
    #[error("{0} is a pre-defined network and cannot be removed")]
    PredefinedNetwork(String),
    /// Containers are in it.
    #[error("error while removing network: network {network} has active endpoints ({endpoints})")]
    NetworkInUse {
        /// The network.
        network: String,
        /// `name:"web" id:"0123456789ab"`, with commas.
        endpoints: String,
    },
    /// It has to be stopped first.
    #[error(
        "cannot remove container \"{0}\": container is running: stop the container before removing or force remove"
    )]
    ContainerRunning(String),
    /// It is in another state than that needs.
    #[error("{0}")]
    State(String),
    /// It is never allowed.
    #[error("{0}")]
    Forbidden(String),
    /// It has to run for that.
    #[error("container {0} is not running")]
    NotRunning(String),
    /// The container whose namespace is to be shared does not run.
    #[error("cannot join network of a non running container: {0}")]
    CannotJoin(String),
    /// Start of a running container, stop of a stopped one.
    #[error("container {0} is in that state already")]
    Already(String),
    /// The command was started already.
    #[error("exec instance {0} has already been started; create another one")]
    ExecStarted(String),
    /// Not in this version.
    #[error("{0} is not built yet")]
    NotBuilt(String),
    /// A process could not be started or reached.
    #[error(transparent)]
    Runtime(#[from] RuntimeError),
    /// An image could not be made or read.
    #[error(transparent)]
    Images(#[from] ImagesError),
    /// The change could not be carried out.
    #[error(transparent)]
    Change(#[from] ChangeError),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The host could not be looked at.
    #[error("cannot see what the kernel has")]
    Kernel(#[source] KernelError),
    /// A process does not end.
    #[error("container {0} did not end although it was killed; look at it with `ps` and try again")]
    WillNotEnd(String),
    /// A task of the daemon died.
    #[error("the daemon was cut off in the middle; try again")]
    CutOff,
}

impl OpError {
    /// What kind of refusal it is.
    pub fn class(&self) -> Class {
        match self {
            OpError::NoSuchContainer(_)
            | OpError::NoSuchNetwork(_)
            | OpError::NoSuchImage(_)
            | OpError::NoSuchTag(_)
            | OpError::NoSuchExec(_)
            | OpError::NoSuchLab(_)
            | OpError::NoSuchFile { .. }
            | OpError::NoSuchObject { .. }
            | OpError::NoSuchVolume(_)
            | OpError::NoSuchVolumeDriver(_) => Class::NotFound,
            OpError::Ambiguous { .. } | OpError::Name(_) | OpError::Invalid(_) => Class::Invalid,
            OpError::ContainerNameTaken { .. }
            | OpError::NetworkNameTaken(_)
            | OpError::ImageNameInUse { .. }
            | OpError::ImageInUse { .. }
            | OpError::BridgeTaken { .. }
            | OpError::BridgeOfNetwork { .. }
            | OpError::ContainerRunning(_)
            | OpError::NotRunning(_)
            | OpError::CannotJoin(_)
            | OpError::ExecStarted(_)
            | OpError::State(_)
            | OpError::VolumeInUse { .. } => Class::Conflict,
            OpError::SubnetOverlaps { .. }
            | OpError::ReadOnly
            | OpError::PredefinedNetwork(_)
            | OpError::NetworkInUse { .. }
            | OpError::AddressTaken { .. }
            | OpError::Forbidden(_)
            | OpError::AlreadyConnected { .. } => Class::Forbidden,
            OpError::Already(_) => Class::Already,
            OpError::NotBuilt(_) => Class::NotBuilt,
            OpError::Images(error) => match error.fault() {
                Fault::Request => Class::Invalid,
                Fault::Missing => Class::NotFound,
                Fault::Stranger => Class::Forbidden,
                Fault::Elsewhere => Class::Unmet,
            },
            // It ended between the look at its row and the deed.
            OpError::Runtime(RuntimeError::NotRunning(_)) => Class::Conflict,
            OpError::Runtime(error) if super::failed_start::is_bad_command(error) => Class::Invalid,
            OpError::NoFreePool
            | OpError::CommandFailed { .. }
            | OpError::NoFreeAddress { .. }
            | OpError::NotConnected { .. }
            | OpError::PortTaken { .. }
            | OpError::NoSuchAddress { .. } => Class::Unmet,
            OpError::CannotHold { .. }
            | OpError::Runtime(_)
            | OpError::Change(_)
            | OpError::Store(_)
            | OpError::Kernel(_)
            | OpError::WillNotEnd(_)
            | OpError::Files { .. }
            | OpError::VolumeData { .. }
            | OpError::CutOff => Class::Failed,
        }
    }
}

/// `0.0.0.0:8080`, as Docker writes it.
fn address_of(host: &HostPort) -> SocketAddr {
    SocketAddr::new(host.address, host.port)
}

fn free_port(free: Option<u16>) -> String {
    free.map_or_else(String::new, |port| format!("; {port} is free"))
}
