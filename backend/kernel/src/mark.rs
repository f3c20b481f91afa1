//! The mark that says a thing is ours: an alias `drawbridge:<kind>:<id>` on a link, on a namespace's loopback, or as text
//! in the file that a namespace is going to be mounted on.

use drawbridge_api::{ContainerId, EndpointId, NetworkId};

/// Whom a marked thing belongs to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Mark {
    /// A bridge, to a network.
    Network(NetworkId),
    /// A namespace, to a container.
    Container(ContainerId),
    /// A veth's host end, to an endpoint.
    Endpoint(EndpointId),
}

impl Mark {
    /// Reads an alias. None when it is not one of ours.
    pub(crate) fn parse(alias: &str) -> Option<Mark> {
        let (kind, id) = alias.strip_prefix("drawbridge:")?.split_once(':')?;
        match kind {
            "network" => Some(Mark::Network(id.parse().ok()?)),
            "container" => Some(Mark::Container(id.parse().ok()?)),
            "endpoint" => Some(Mark::Endpoint(id.parse().ok()?)),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use drawbridge_plan::Object;

    #[test]
    fn a_mark_reads_what_an_object_writes() {
        let network = NetworkId::from_bytes([1; 32]);
        let bridge = Object::Bridge { name: "docker0".parse().expect("valid"), network: network.clone(), mtu: 1500 };
        assert_eq!(Mark::parse(&bridge.mark().expect("marked")), Some(Mark::Network(network)));
        for foreign in ["", "drawbridge", "drawbridge:network", "drawbridge:network:1", "uplink"] {
            assert_eq!(Mark::parse(foreign), None, "{foreign:?} was taken for ours");
        }
    }
}
