//! Labs as the page of labs lists them, by the labels of their containers and networks. Pure.

use crate::{
    listing::{Key, Listing},
    text::lower,
};
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

/// Those that have each word of the filter in their name or in that of a container or network, in the order that is chosen.
pub fn chosen(labs: &[Lab], listing: &Listing) -> Vec<Lab> {
    let words: Vec<String> = listing.find.split_whitespace().map(lower).collect();
    let has = |lab: &Lab, word: &str| {
        let mut names = lab.containers.iter().chain(&lab.networks).chain([&lab.name]);
        names.any(|name| lower(name).contains(word))
    };
    let mut found: Vec<Lab> = labs.iter().filter(|lab| words.iter().all(|word| has(lab, word))).cloned().collect();
    let count = |names: &[String]| Key::Number(i64::try_from(names.len()).unwrap_or(i64::MAX));
    listing.sort(&mut found, |lab, column| match column {
        "containers" => count(&lab.containers),
        "networks" => count(&lab.networks),
        _ => Key::text(&lab.name),
    });
    found
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
        assert_eq!(found, std::slice::from_ref(&school));
        let class = Lab { name: "class".into(), containers: vec!["a".into(), "b".into()], ..Lab::default() };
        let names = |find: &str, sort: &str| {
            let listing = Listing { find: find.into(), sort: sort.into() };
            chosen(&[school.clone(), class.clone()], &listing).into_iter().map(|lab| lab.name).collect::<Vec<_>>()
        };
        assert_eq!(names("", ""), ["school", "class"]);
        assert_eq!(names("", "name"), ["class", "school"]);
        assert_eq!(names("", "-containers"), ["class", "school"]);
        assert_eq!(names(container.name.as_str(), ""), ["school"]);
    }

    #[test]
    fn a_file_names_its_lab() {
        for (file, name) in [("two-boxes.yaml", "two-boxes"), ("compose.yaml", "lab"), ("a.yml", "a"), ("b", "b")] {
            assert_eq!(name_of_file(file), name);
        }
    }
}
