//! What of the topology is drawn and what of it is meant: filters by network and label, and a search. Pure.

use crate::{reduce::is_member, text::lower};
use drawbridge_api::{Container, Network};
use std::{collections::BTreeSet, sync::Arc};

/// What is drawn.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Filter {
    /// Only this network and what is in it.
    pub network: Option<String>,
    /// Only containers with this label, `key=value` or a bare key, and the networks that they are in.
    pub label: Option<String>,
}

impl Filter {
    /// Whether everything is drawn.
    pub fn is_open(&self) -> bool {
        *self == Self::default()
    }

    /// What is left of networks and containers.
    pub fn apply(
        &self,
        networks: &[Arc<Network>],
        containers: &[Arc<Container>],
    ) -> (Vec<Arc<Network>>, Vec<Arc<Container>>) {
        let networks: Vec<Arc<Network>> = networks
            .iter()
            .filter(|network| self.network.as_ref().is_none_or(|name| network.name.as_str() == name))
            .cloned()
            .collect();
        let is_kept = |container: &&Arc<Container>| {
            let by_network = self.network.is_none() || networks.iter().any(|network| is_in(container, network));
            by_network && self.label.as_ref().is_none_or(|label| has_label(container, label))
        };
        let containers: Vec<Arc<Container>> = containers.iter().filter(is_kept).cloned().collect();
        let networks = networks
            .into_iter()
            .filter(|network| self.label.is_none() || containers.iter().any(|container| is_in(container, network)));
        (networks.collect(), containers)
    }
}

fn is_in(container: &Container, network: &Network) -> bool {
    is_member(container, network) || container.endpoints.iter().any(|endpoint| endpoint.network_id == network.id)
}

fn has_label(container: &Container, label: &str) -> bool {
    match label.split_once('=') {
        Some((key, value)) => container.labels.get(key).is_some_and(|kept| kept == value),
        None => container.labels.contains_key(label),
    }
}

/// All labels that any container has, as `key=value`, and bare keys that have several values.
pub fn labels(containers: &[Arc<Container>]) -> Vec<String> {
    let pairs: BTreeSet<(&String, &String)> = containers.iter().flat_map(|container| &container.labels).collect();
    let mut labels = Vec::new();
    for (key, value) in &pairs {
        let several = pairs.iter().filter(|(other, _)| other == key).count() > 1;
        if several && labels.last() != Some(*key) && !labels.contains(*key) {
            labels.push((*key).clone());
        }
        labels.push(format!("{key}={value}"));
    }
    labels
}

/// Whether a container is meant: the text is in its name, id, image, an address, a port or a label. Upper and lower case are the
/// same.
pub fn means_container(container: &Container, text: &str) -> bool {
    let text = lower(text.trim());
    let has = |word: &str| lower(word).contains(&text);
    has(container.name.as_str())
        || container.id.as_str().starts_with(&text)
        || has(&container.image)
        || container.endpoints.iter().any(|endpoint| {
            endpoint.addresses().iter().any(|address| has(&address.to_string()))
                || endpoint.host_end.as_ref().is_some_and(|link| has(link.as_str()))
                || has(&endpoint.mac.to_string())
        })
        || container.ports.iter().any(|port| port.host.port.to_string() == text)
        || container.labels.iter().any(|(key, value)| has(&format!("{key}={value}")))
}

/// Whether a network is meant: the text is in its name, its bridge's name or a range.
pub fn means_network(network: &Network, text: &str) -> bool {
    let text = lower(text.trim());
    lower(network.name.as_str()).contains(&text)
        || network.bridge.as_ref().is_some_and(|bridge| bridge.as_str().contains(&text))
        || network.subnets.iter().any(|subnet| subnet.subnet.to_string().contains(&text))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sample;

    fn labelled(n: u8, network: u8, labels: &[(&str, &str)]) -> Arc<Container> {
        let mut container = sample::container(n, network);
        container.labels = labels.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect();
        Arc::new(container)
    }

    fn names(filter: &Filter) -> (Vec<String>, Vec<String>) {
        let mut two_homed = sample::container(4, 2);
        two_homed.endpoints.extend(sample::container(5, 1).endpoints);
        let containers = [
            labelled(1, 1, &[("tier", "web"), ("team", "a")]),
            labelled(2, 1, &[("tier", "db")]),
            labelled(3, 3, &[("tier", "db")]),
            Arc::new(two_homed),
        ];
        let networks: Vec<_> = (1..=3).map(|n| Arc::new(sample::network(n))).collect();
        let (networks, containers) = filter.apply(&networks, &containers);
        let networks = networks.iter().map(|network| network.name.to_string()).collect();
        (networks, containers.iter().map(|container| container.name.to_string()).collect())
    }

    #[test]
    fn filters_keep_what_belongs_together() {
        let all = names(&Filter::default());
        assert_eq!((all.0.len(), all.1.len()), (3, 4));
        let (networks, containers) = names(&Filter { network: Some("bridge".into()), label: None });
        assert_eq!(
            (networks, containers),
            (vec!["bridge".to_owned()], ["box1", "box2", "box4"].map(str::to_owned).to_vec())
        );
        let (networks, containers) = names(&Filter { network: None, label: Some("tier=db".into()) });
        assert_eq!(
            (networks, containers),
            (["bridge", "net3"].map(str::to_owned).to_vec(), ["box2", "box3"].map(str::to_owned).to_vec())
        );
        let (networks, containers) = names(&Filter { network: Some("bridge".into()), label: Some("team".into()) });
        assert_eq!((networks.len(), containers), (1, vec!["box1".to_owned()]));
        assert!(names(&Filter { network: Some("gone".into()), label: None }).1.is_empty());
    }

    #[test]
    fn labels_are_told_once_and_a_key_of_several_values_by_itself_too() {
        let containers = [
            labelled(1, 1, &[("tier", "web"), ("team", "a")]),
            labelled(2, 1, &[("tier", "db")]),
            labelled(3, 1, &[("tier", "db")]),
        ];
        assert_eq!(labels(&containers), ["team=a", "tier", "tier=db", "tier=web"]);
    }

    #[test]
    fn a_search_looks_where_people_look() {
        let container = sample::publishing(sample::container(7, 2), 1);
        for text in ["BOX7", " box7 ", "busybox", "172.18.0.8", "veth0000007", "8000", "070707"] {
            assert!(means_container(&container, text), "{text}");
        }
        for text in ["box8", "800", "172.17"] {
            assert!(!means_container(&container, text), "{text}");
        }
        assert!(means_network(&sample::network(1), "Docker0".to_lowercase().as_str()));
        assert!(means_network(&sample::network(2), "NET2") && means_network(&sample::network(2), "172.18"));
        assert!(!means_network(&sample::network(2), "x"));
    }
}
