//! Labs as the page of labs lists them, by the labels of their containers and networks. Pure.

use drawbridge_api::{Container, ContainerState, Network};
use std::{collections::BTreeMap, sync::Arc};

/// The label that names the lab of a thing.
const PROJECT: &str = "com.docker.compose.project";

/// A lab that is there.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Lab {
    /// Its name.
    pub name: String,
    /// Its containers.
    pub containers: Vec<String>,
    /// How many of them run.
    pub running: usize,
    /// Its networks.
    pub networks: Vec<String>,
}

/// All labs by name.
pub fn labs(containers: &[Arc<Container>], networks: &[Arc<Network>]) -> Vec<Lab> {
    let mut labs: BTreeMap<String, Lab> = BTreeMap::new();
    let mut of = |labels: &BTreeMap<String, String>, add: &dyn Fn(&mut Lab)| {
        if let Some(name) = labels.get(PROJECT) {
            let lab = labs.entry(name.clone()).or_insert_with(|| Lab { name: name.clone(), ..Lab::default() });
            add(lab);
        }
    };
    for container in containers {
        of(&container.labels, &|lab| {
            lab.containers.push(container.name.to_string());
            lab.running += usize::from(container.state == ContainerState::Running);
        });
    }
    for network in networks {
        of(&network.labels, &|lab| lab.networks.push(network.name.to_string()));
    }
    labs.into_values().collect()
}

/// What a lab is called by its file: `flask-redis.yaml` is `flask-redis`.
pub fn name_of_file(file: &str) -> String {
    let stem = file.strip_suffix(".yaml").or_else(|| file.strip_suffix(".yml")).unwrap_or(file);
    if matches!(stem, "compose" | "docker-compose") { "lab".to_owned() } else { stem.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sample;

    #[test]
    fn labs_are_found_by_labels() {
        let mut container = sample::container(1, 1);
        let mut network = sample::network(2);
        assert_eq!(labs(&[Arc::new(container.clone())], &[Arc::new(network.clone())]), []);
        container.labels.insert(PROJECT.into(), "school".into());
        network.labels.insert(PROJECT.into(), "school".into());
        let found = labs(&[Arc::new(container.clone())], &[Arc::new(network.clone())]);
        let school = Lab {
            name: "school".into(),
            containers: vec![container.name.to_string()],
            running: 1,
            networks: vec![network.name.to_string()],
        };
        assert_eq!(found, [school]);
    }

    #[test]
    fn a_file_names_its_lab() {
        for (file, name) in [("two-boxes.yaml", "two-boxes"), ("compose.yaml", "lab"), ("a.yml", "a"), ("b", "b")] {
            assert_eq!(name_of_file(file), name);
        }
    }
}
