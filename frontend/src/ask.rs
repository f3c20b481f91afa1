//! What a person can ask of the daemon: one value for each kind of change, and the words the screen has for it. Pure.

use drawbridge_api::{
    Attachment, Container, ContainerCreate, ContainerId, ContainerState, Network, NetworkCreate, NetworkId,
    NetworkName, PortsUpdate,
};

/// A change that is asked for: first as a preview, then for good.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ask {
    /// Make a bridge network.
    CreateNetwork(NetworkCreate),
    /// Remove a network.
    RemoveNetwork {
        /// Which one.
        id: NetworkId,
        /// Its name, for the screen.
        name: String,
    },
    /// Make a container.
    CreateContainer(ContainerCreate),
    /// Start a container.
    StartContainer {
        /// Which one.
        id: ContainerId,
        /// Its name, for the screen.
        name: String,
    },
    /// Stop a container.
    StopContainer {
        /// Which one.
        id: ContainerId,
        /// Its name, for the screen.
        name: String,
    },
    /// Publish other ports of a container.
    UpdatePorts {
        /// Which one.
        id: ContainerId,
        /// Its name, for the screen.
        name: String,
        /// All ports that shall be published.
        update: PortsUpdate,
    },
    /// Connect a container to one more network.
    Connect {
        /// Which one.
        id: ContainerId,
        /// Its name, for the screen.
        name: String,
        /// The network, and what is asked for in it.
        attachment: Attachment,
    },
    /// Disconnect a container from a network.
    Disconnect {
        /// Which one.
        id: ContainerId,
        /// Its name, for the screen.
        name: String,
        /// The network.
        network: NetworkName,
    },
    /// Remove a container.
    RemoveContainer {
        /// Which one.
        id: ContainerId,
        /// Its name, for the screen.
        name: String,
        /// Where it is in its life: a running one is stopped first.
        state: ContainerState,
    },
}

impl Ask {
    /// To remove this network.
    pub fn remove_network(network: &Network) -> Self {
        Self::RemoveNetwork { id: network.id.clone(), name: network.name.to_string() }
    }

    /// To start this container.
    pub fn start(container: &Container) -> Self {
        Self::StartContainer { id: container.id.clone(), name: container.name.to_string() }
    }

    /// To stop this container.
    pub fn stop(container: &Container) -> Self {
        Self::StopContainer { id: container.id.clone(), name: container.name.to_string() }
    }

    /// To remove this container.
    pub fn remove_container(container: &Container) -> Self {
        Self::RemoveContainer { id: container.id.clone(), name: container.name.to_string(), state: container.state }
    }

    /// To connect this container to a network.
    pub fn connect(container: &Container, attachment: Attachment) -> Self {
        Self::Connect { id: container.id.clone(), name: container.name.to_string(), attachment }
    }

    /// To disconnect this container from a network.
    pub fn disconnect(container: &Container, network: NetworkName) -> Self {
        Self::Disconnect { id: container.id.clone(), name: container.name.to_string(), network }
    }

    /// The heading of its dialog.
    pub fn title(&self) -> String {
        match self {
            Self::CreateNetwork(_) => "New network".to_owned(),
            Self::RemoveNetwork { name, .. } => format!("Remove network {name}"),
            Self::CreateContainer(_) => "New container".to_owned(),
            Self::StartContainer { name, .. } => format!("Start {name}"),
            Self::StopContainer { name, .. } => format!("Stop {name}"),
            Self::UpdatePorts { name, .. } => format!("Ports of {name}"),
            Self::Connect { name, attachment, .. } => format!("Connect {name} to {}", attachment.network),
            Self::Disconnect { name, network, .. } => format!("Disconnect {name} from {network}"),
            Self::RemoveContainer { name, .. } => format!("Remove {name}"),
        }
    }

    /// What a person should know before saying yes.
    pub fn warning(&self) -> Option<&'static str> {
        match self {
            Self::CreateNetwork(_)
            | Self::CreateContainer(_)
            | Self::StartContainer { .. }
            | Self::Connect { .. }
            | Self::UpdatePorts { .. } => None,
            Self::Disconnect { .. } => Some("Connections through that network end."),
            Self::RemoveNetwork { .. } => Some("The bridge and its address range are given up."),
            Self::StopContainer { .. } => {
                Some("Its main process is asked to end, and killed after ten seconds if it does not.")
            }
            Self::RemoveContainer { state: ContainerState::Running, .. } => {
                Some("It is running: it is killed first. Files written inside it are lost.")
            }
            Self::RemoveContainer { state: ContainerState::Created | ContainerState::Exited, .. } => {
                Some("Files written inside it are lost.")
            }
        }
    }

    /// What a preview can't tell yet.
    pub fn unknown(&self) -> Option<&'static str> {
        match self {
            Self::CreateNetwork(_) | Self::CreateContainer(_) | Self::StartContainer { .. } | Self::Connect { .. } => {
                Some("Ids are drawn at random when it is done, so names made of them will differ from these.")
            }
            Self::UpdatePorts { update, .. }
                if update.ports.iter().any(|port| port.host_port == 0 || port.host_port_end.is_some()) =>
            {
                Some("A host port that is left to the machine is chosen when it is done, and may differ from these.")
            }
            Self::UpdatePorts { .. }
            | Self::RemoveNetwork { .. }
            | Self::Disconnect { .. }
            | Self::StopContainer { .. }
            | Self::RemoveContainer { .. } => None,
        }
    }

    /// The button that does it.
    pub fn button(&self) -> &'static str {
        match self {
            Self::CreateNetwork(_) => "Create network",
            Self::CreateContainer(create) if create.start => "Create and start",
            Self::CreateContainer(_) => "Create container",
            Self::StartContainer { .. } => "Start",
            Self::StopContainer { .. } => "Stop",
            Self::UpdatePorts { .. } => "Save ports",
            Self::Connect { .. } => "Connect",
            Self::Disconnect { .. } => "Disconnect",
            Self::RemoveNetwork { .. } | Self::RemoveContainer { .. } => "Remove",
        }
    }

    /// The button while it is being done.
    pub fn busy(&self) -> &'static str {
        match self {
            Self::CreateNetwork(_) | Self::CreateContainer(_) => "Creating…",
            Self::StartContainer { .. } => "Starting…",
            Self::StopContainer { .. } => "Stopping…",
            Self::UpdatePorts { .. } => "Saving…",
            Self::Connect { .. } => "Connecting…",
            Self::Disconnect { .. } => "Disconnecting…",
            Self::RemoveNetwork { .. } | Self::RemoveContainer { .. } => "Removing…",
        }
    }

    /// Said once it is done.
    pub fn done(&self) -> String {
        match self {
            Self::CreateNetwork(create) => format!("Network {} was created.", create.name),
            Self::RemoveNetwork { name, .. } => format!("Network {name} was removed."),
            Self::CreateContainer(create) => {
                let name = create.name.as_deref().unwrap_or("The container");
                format!("{name} was created{}.", if create.start { " and started" } else { "" })
            }
            Self::StartContainer { name, .. } => format!("{name} was started."),
            Self::StopContainer { name, .. } => format!("{name} was stopped."),
            Self::UpdatePorts { name, update, .. } if update.ports.is_empty() => {
                format!("{name} publishes no port any more.")
            }
            Self::UpdatePorts { name, .. } => format!("The ports of {name} were saved."),
            Self::Connect { name, attachment, .. } => format!("{name} is connected to {}.", attachment.network),
            Self::Disconnect { name, network, .. } => format!("{name} is disconnected from {network}."),
            Self::RemoveContainer { name, .. } => format!("{name} was removed."),
        }
    }

    /// Whether it takes something away that can't be brought back.
    pub fn is_destructive(&self) -> bool {
        match self {
            Self::RemoveNetwork { .. } | Self::RemoveContainer { .. } => true,
            Self::CreateNetwork(_)
            | Self::CreateContainer(_)
            | Self::StartContainer { .. }
            | Self::UpdatePorts { .. }
            | Self::Connect { .. }
            | Self::Disconnect { .. }
            | Self::StopContainer { .. } => false,
        }
    }
}
