//! Telling what was done: the operations' way to the notices. Call it after the commit of what it tells of.

use super::{Daemon, network};
use crate::{
    model::ContainerRecord,
    notices::{ContainerDeed, Deed, NetworkDeed},
};
use drawbridge_api::{Endpoint, Network, NetworkMode};

impl Daemon {
    /// Tells what was done to a container.
    pub fn tell_container(&self, record: &ContainerRecord, deed: ContainerDeed) {
        self.notices.tell(Deed::Container {
            id: record.id.clone(),
            name: record.name.to_string(),
            image: record.spec.image.clone(),
            labels: record.spec.labels.clone(),
            deed,
        });
    }

    /// Tells what was done to a network.
    pub(super) fn tell_network(&self, network: &Network, deed: NetworkDeed) {
        self.notices.tell(Deed::Network {
            id: network.id.clone(),
            name: network.name.to_string(),
            driver: network.driver,
            deed,
        });
    }

    /// Tells that a container has joined its networks. `endpoints` are those of its bridges; `host` and `none` have
    /// none, and are told of all the same.
    pub(super) fn tell_joined(&self, record: &ContainerRecord, endpoints: &[Endpoint]) {
        for network in self.networks_of(record, endpoints) {
            self.tell_network(&network, NetworkDeed::Connect { container: record.id.clone() });
        }
    }

    /// Tells that a container has left its networks.
    pub(super) fn tell_left(&self, record: &ContainerRecord, endpoints: &[Endpoint]) {
        for network in self.networks_of(record, endpoints) {
            self.tell_network(&network, NetworkDeed::Disconnect { container: record.id.clone() });
        }
    }

    fn networks_of(&self, record: &ContainerRecord, endpoints: &[Endpoint]) -> Vec<Network> {
        let without_endpoint = match &record.spec.network_mode {
            NetworkMode::Host => Some("host"),
            NetworkMode::None if endpoints.is_empty() => Some("none"),
            NetworkMode::None | NetworkMode::Network(_) | NetworkMode::Container(_) => None,
        };
        let texts = without_endpoint.into_iter().chain(endpoints.iter().map(|endpoint| endpoint.network_id.as_str()));
        let found = texts.filter_map(|text| match network::find(self, text) {
            Ok(network) => Some(network),
            Err(error) => {
                // What was done is done: a notice less, and a line in the log that says so.
                tracing::warn!(network = text, error = &error as &dyn std::error::Error, "cannot tell of a network");
                None
            }
        });
        found.collect()
    }
}
