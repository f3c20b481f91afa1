//! Domain words that the panel does not see: what the operations and the store say to each other. No SQL, no JSON of
//! either dialect, no kernel.

use crate::{life::Life, settings::Settings};
use drawbridge_api::{
    Attachment, Console, ContainerId, ContainerName, ContainerState, Driver, Gateway, IfName, ImageId, Macvlan,
    NetworkMode, NetworkName, PortRequest,
};
use ipnet::IpNet;
use serde::{Deserialize, Serialize, Serializer, ser::Error as _};
use serde_json::Value;
use std::{collections::BTreeMap, net::IpAddr};

/// A network to be made.
#[derive(Clone, Debug)]
pub struct NewNetwork {
    /// Its name.
    pub name: NetworkName,
    /// How it is made.
    pub driver: Driver,
    /// Its ranges; of a family that is wanted and has none, the next free pool.
    pub ranges: Vec<NewRange>,
    /// Whether containers get IPv4 addresses in it.
    pub ipv4: bool,
    /// Whether containers get IPv6 addresses in it.
    pub ipv6: bool,
    /// The bridge goes without its IPv4 address.
    pub inhibit_ipv4: bool,
    /// No way out and none in.
    pub internal: bool,
    /// The bridge's interface name; made of the id when absent.
    pub bridge: Option<IfName>,
    /// What it shares, if it is one of the macvlan driver.
    pub macvlan: Option<Macvlan>,
    /// Whether its containers reach one another at ports that are not published.
    pub icc: bool,
    /// Out and in by IPv4.
    pub gateway4: Gateway,
    /// Out and in by IPv6.
    pub gateway6: Gateway,
    /// Largest packet in bytes; that of the default route when absent.
    pub mtu: Option<u32>,
    /// Kept for clients that ask for it.
    pub attachable: bool,
    /// Driver options as they were given.
    pub options: BTreeMap<String, String>,
    /// Options of the address management as they were given.
    pub ipam_options: BTreeMap<String, String>,
    /// Labels as they were given.
    pub labels: BTreeMap<String, String>,
    /// One of those that are always there.
    pub predefined: bool,
    /// What it is asked for, as text of the dialect, where it is settings only.
    pub settings: Option<String>,
    /// The network whose settings it has.
    pub settings_of: Option<NetworkName>,
}

impl NewNetwork {
    /// A bridge network with the next free pool and a way out by NAT.
    pub fn bridge(name: NetworkName) -> NewNetwork {
        NewNetwork {
            name,
            driver: Driver::Bridge,
            ranges: Vec::new(),
            ipv4: true,
            ipv6: false,
            inhibit_ipv4: false,
            internal: false,
            bridge: None,
            macvlan: None,
            icc: true,
            gateway4: Gateway::nat(),
            gateway6: Gateway::nat(),
            mtu: None,
            attachable: false,
            options: BTreeMap::new(),
            ipam_options: BTreeMap::new(),
            labels: BTreeMap::new(),
            predefined: false,
            settings: None,
            settings_of: None,
        }
    }
}

/// A range of a network to be made.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct NewRange {
    /// The range; the next free pool when absent.
    pub subnet: Option<IpNet>,
    /// The bridge's address in the range; the first that is leased from when absent.
    pub gateway: Option<IpAddr>,
    /// The part of it that addresses are leased from.
    pub ip_range: Option<IpNet>,
    /// Addresses that are never leased, by the names given to them.
    pub reserved: BTreeMap<String, IpAddr>,
}

impl NewRange {
    /// A range with nothing special about it.
    pub fn of(subnet: IpNet) -> NewRange {
        NewRange { subnet: Some(subnet), ..NewRange::default() }
    }
}

/// What a container's process is to be. Kept as JSON, so a field that comes later needs a default.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ContainerSpec {
    /// The image as it was asked for.
    pub image: String,
    /// Program and first arguments; the image's when absent.
    pub entrypoint: Option<Vec<String>>,
    /// Arguments, or the program when there is no entrypoint; the image's when absent.
    pub cmd: Option<Vec<String>>,
    /// `NAME=value`, over the image's.
    pub env: Vec<String>,
    /// Where the process starts; the image's when empty.
    pub working_dir: String,
    /// `user[:group]`; the image's when empty.
    pub user: String,
    /// The name it has for itself; the short id when absent.
    pub hostname: Option<String>,
    /// Labels as they were given.
    pub labels: BTreeMap<String, String>,
    /// The signal that asks it to end; the image's, or SIGTERM, when absent.
    pub stop_signal: Option<String>,
    /// How long it may take to end before it is killed, in seconds.
    pub stop_timeout_s: Option<u32>,
    /// What kind of network stack it gets.
    pub network_mode: NetworkMode,
    /// Removed when its process ends.
    pub auto_remove: bool,
    /// Ports that it says it listens on: `80/tcp`.
    pub exposed_ports: Vec<String>,
    /// How its process is talked to.
    #[serde(default)]
    pub console: Console,
    /// Ports to be published.
    #[serde(default)]
    pub ports: Vec<PortRequest>,
    /// Publish every port that container or image says it listens on.
    #[serde(default)]
    pub publish_all: bool,
    /// What it may use, see and do.
    #[serde(default, serialize_with = "what_differs")]
    pub settings: Settings,
    /// How it is named and finds names.
    #[serde(default, serialize_with = "what_differs")]
    pub naming: NamingSpec,
}

impl ContainerSpec {
    /// What `docker run IMAGE` asks for, save the network.
    pub fn plain(image: String, network_mode: NetworkMode) -> Self {
        Self {
            image,
            entrypoint: None,
            cmd: None,
            env: Vec::new(),
            working_dir: String::new(),
            user: String::new(),
            hostname: None,
            labels: BTreeMap::new(),
            stop_signal: None,
            stop_timeout_s: None,
            network_mode,
            auto_remove: false,
            exposed_ports: Vec::new(),
            console: Console::default(),
            ports: Vec::new(),
            publish_all: false,
            settings: Settings::default(),
            naming: NamingSpec::default(),
        }
    }
}

/// Writes of a part only the fields that are not at their defaults. Most containers ask for little, and a list reads all of
/// every spec.
fn what_differs<T: Default + Serialize, S: Serializer>(part: &T, serializer: S) -> Result<S::Ok, S::Error> {
    let object = |part: &T| match serde_json::to_value(part) {
        Ok(Value::Object(fields)) => Ok(fields),
        Ok(other) => Err(S::Error::custom(format!("{other} has no fields"))),
        Err(error) => Err(S::Error::custom(error)),
    };
    let (mut fields, usual) = (object(part)?, object(&T::default())?);
    fields.retain(|name, value| usual.get(name) != Some(value));
    fields.serialize(serializer)
}

/// How a container is named, besides its hostname, and how it finds the names of others.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct NamingSpec {
    /// The domain behind its hostname; empty for none.
    pub domainname: String,
    /// Resolvers in place of the host's.
    pub dns_servers: Vec<IpAddr>,
    /// Search domains in place of the host's; `.` alone for none.
    pub dns_search: Vec<String>,
    /// Options of resolv.conf(5) in place of the host's.
    pub dns_options: Vec<String>,
    /// Lines for its `/etc/hosts`.
    pub extra_hosts: Vec<ExtraHost>,
}

/// A line of `/etc/hosts` that was asked for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ExtraHost {
    /// The name.
    pub name: String,
    /// Its address; that of the host, as the container reaches it, when absent (`host-gateway`).
    pub address: Option<IpAddr>,
}

/// A container to be made.
#[derive(Clone, Debug)]
pub struct NewContainer {
    /// Its name; made up when absent.
    pub name: Option<ContainerName>,
    /// What its process is to be.
    pub spec: ContainerSpec,
    /// What it asks for in networks, which may be named by the beginning of an id. The network of its mode needs no mention.
    pub attachments: Vec<Attachment>,
    /// What it calls others on the default network.
    pub links: Vec<NewLink>,
}

/// A name for another container that is asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewLink {
    /// The other: its name, its id or the beginning of one.
    pub target: String,
    /// What it is called.
    pub alias: String,
}

/// A container as it is kept, without its endpoints.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ContainerRecord {
    /// Its identity.
    pub id: ContainerId,
    /// Its name.
    pub name: ContainerName,
    /// Its image.
    pub image_id: ImageId,
    /// What its process is to be.
    pub spec: ContainerSpec,
    /// Where it is in its life.
    pub state: ContainerState,
    /// The main process on the host.
    pub pid: Option<i32>,
    /// What the last run ended with.
    pub exit_code: i32,
    /// Why the last start failed.
    pub error: String,
    /// UTC milliseconds.
    pub created_at_ms: i64,
    /// UTC milliseconds.
    pub started_at_ms: Option<i64>,
    /// UTC milliseconds.
    pub finished_at_ms: Option<i64>,
    /// What else is known of its life.
    pub life: Life,
}

/// An image as it is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ImageRecord {
    /// Its identity.
    pub id: ImageId,
    /// The OCI image configuration, byte for byte.
    pub config: String,
    /// Diff ids, lowest first.
    pub layers: Vec<String>,
    /// Its layers, unpacked, in bytes.
    pub size_bytes: i64,
    /// UTC milliseconds.
    pub created_at_ms: i64,
    /// The names that point at it.
    pub tags: Vec<String>,
    /// The manifests that it came or went with: `redis@sha256:…`.
    pub digests: Vec<String>,
    /// The image that it was made of, while that is here.
    pub parent_id: Option<ImageId>,
    /// When a name was last made to point at it, UTC milliseconds; none without names.
    pub tagged_at_ms: Option<i64>,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::settings::Namespace;

    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    struct Stored {
        #[serde(default, serialize_with = "what_differs")]
        settings: Settings,
    }

    #[test]
    fn only_what_is_asked_for_is_stored() {
        let check = |settings: Settings, expected: &str| {
            let stored = Stored { settings };
            let text = serde_json::to_string(&stored).unwrap();
            assert_eq!(text, expected);
            assert_eq!(serde_json::from_str::<Stored>(&text).unwrap(), stored);
        };
        check(Settings::default(), r#"{"settings":{}}"#);
        let asked = Settings { init: true, pids: Namespace::Host, ..Settings::default() };
        check(asked, r#"{"settings":{"init":true,"pids":"host"}}"#);
    }
}
