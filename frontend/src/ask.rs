//! What a person can ask of the daemon: one value for each kind of change, and the words the screen has for it. Pure.

use crate::i18n::ask;
use drawbridge_api::{
    Attachment, Change, Container, ContainerCreate, ContainerId, ContainerState, Network, NetworkCreate, NetworkId,
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
    /// Take a change back.
    Undo {
        /// Its number.
        id: i64,
        /// What it was, for the screen.
        what: String,
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

    /// To take this change back.
    pub fn undo(change: &Change) -> Self {
        Self::Undo { id: change.id, what: format!("{} {}", crate::text::verb(&change.verb), change.subject) }
    }

    /// The heading of its dialog.
    pub fn title(&self) -> String {
        match self {
            Self::CreateNetwork(_) => ask::new_network().to_owned(),
            Self::RemoveNetwork { name, .. } => ask::remove_network(name),
            Self::CreateContainer(_) => ask::new_container().to_owned(),
            Self::StartContainer { name, .. } => ask::start(name),
            Self::StopContainer { name, .. } => ask::stop(name),
            Self::UpdatePorts { name, .. } => ask::ports_of(name),
            Self::Connect { name, attachment, .. } => ask::connect(name, &attachment.network),
            Self::Disconnect { name, network, .. } => ask::disconnect(name, network),
            Self::Undo { id, what } => ask::undo(id, what),
            Self::RemoveContainer { name, .. } => ask::remove(name),
        }
    }

    /// What a person should know before saying yes.
    pub fn warning(&self) -> Option<&'static str> {
        match self {
            Self::CreateNetwork(_)
            | Self::CreateContainer(_)
            | Self::StartContainer { .. }
            | Self::Connect { .. }
            | Self::Undo { .. }
            | Self::UpdatePorts { .. } => None,
            Self::Disconnect { .. } => Some(ask::warn_disconnect()),
            Self::RemoveNetwork { .. } => Some(ask::warn_remove_network()),
            Self::StopContainer { .. } => Some(ask::warn_stop()),
            Self::RemoveContainer { state: ContainerState::Running, .. } => Some(ask::warn_remove_running()),
            Self::RemoveContainer { state: ContainerState::Created | ContainerState::Exited, .. } => {
                Some(ask::warn_remove())
            }
        }
    }

    /// What a preview can't tell yet.
    pub fn unknown(&self) -> Option<&'static str> {
        match self {
            Self::CreateNetwork(_)
            | Self::CreateContainer(_)
            | Self::StartContainer { .. }
            | Self::Undo { .. }
            | Self::Connect { .. } => Some(ask::unknown_ids()),
            Self::UpdatePorts { update, .. }
                if update.ports.iter().any(|port| port.host_port == 0 || port.host_port_end.is_some()) =>
            {
                Some(ask::unknown_ports())
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
            Self::CreateNetwork(_) => ask::create_network(),
            Self::CreateContainer(create) if create.start => ask::create_and_start(),
            Self::CreateContainer(_) => ask::create_container(),
            Self::StartContainer { .. } => ask::do_start(),
            Self::StopContainer { .. } => ask::do_stop(),
            Self::UpdatePorts { .. } => ask::save_ports(),
            Self::Connect { .. } => ask::do_connect(),
            Self::Disconnect { .. } => ask::do_disconnect(),
            Self::Undo { .. } => ask::do_undo(),
            Self::RemoveNetwork { .. } | Self::RemoveContainer { .. } => ask::do_remove(),
        }
    }

    /// The button while it is being done.
    pub fn busy(&self) -> &'static str {
        match self {
            Self::CreateNetwork(_) | Self::CreateContainer(_) => ask::creating(),
            Self::StartContainer { .. } => ask::starting(),
            Self::StopContainer { .. } => ask::stopping(),
            Self::UpdatePorts { .. } => ask::saving(),
            Self::Connect { .. } => ask::connecting(),
            Self::Disconnect { .. } => ask::disconnecting(),
            Self::Undo { .. } => ask::undoing(),
            Self::RemoveNetwork { .. } | Self::RemoveContainer { .. } => ask::removing(),
        }
    }

    /// Said once it is done.
    pub fn done(&self) -> String {
        match self {
            Self::CreateNetwork(create) => ask::network_created(&create.name),
            Self::RemoveNetwork { name, .. } => ask::network_removed(name),
            Self::CreateContainer(create) => {
                let name = create.name.as_deref().unwrap_or(ask::the_container());
                if create.start { ask::container_started(&name) } else { ask::container_created(&name) }
            }
            Self::StartContainer { name, .. } => ask::started(name),
            Self::StopContainer { name, .. } => ask::stopped(name),
            Self::UpdatePorts { name, update, .. } if update.ports.is_empty() => ask::no_ports(name),
            Self::UpdatePorts { name, .. } => ask::ports_saved(name),
            Self::Connect { name, attachment, .. } => ask::connected(name, &attachment.network),
            Self::Disconnect { name, network, .. } => ask::disconnected(name, network),
            Self::Undo { id, .. } => ask::undone(id),
            Self::RemoveContainer { name, .. } => ask::removed(name),
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
            | Self::Undo { .. }
            | Self::StopContainer { .. } => false,
        }
    }
}
