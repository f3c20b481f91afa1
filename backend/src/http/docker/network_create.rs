//! What Docker clients send to create a network, in domain words, with Docker's defaults.

use super::{error::DockerError, extract::null_as_default};
use crate::{
    model::{NewNetwork, NewRange},
    ops::OpError,
};
use drawbridge_api::{Driver, Gateway, GatewayMode, IfName, Macvlan};
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use serde_json::Value;
use std::{collections::BTreeMap, net::IpAddr, str::FromStr};

/// The body of `POST /networks/create`, as far as this version reads it.
#[derive(Debug, Deserialize, Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct CreateBody {
    #[serde(default)]
    name: String,
    #[serde(default)]
    driver: Option<String>,
    #[serde(default)]
    internal: bool,
    #[serde(default)]
    attachable: bool,
    #[serde(default)]
    ingress: bool,
    #[serde(default)]
    config_only: bool,
    #[serde(default)]
    config_from: Option<ConfigFrom>,
    #[serde(default, deserialize_with = "null_as_default")]
    scope: String,
    #[serde(default, rename = "EnableIPv4")]
    enable_ipv4: Option<bool>,
    #[serde(default, rename = "EnableIPv6")]
    enable_ipv6: Option<bool>,
    #[serde(default, rename = "IPAM")]
    ipam: Option<Ipam>,
    #[serde(default, deserialize_with = "null_as_default")]
    options: BTreeMap<String, String>,
    #[serde(default, deserialize_with = "null_as_default")]
    labels: BTreeMap<String, String>,
}

/// The network whose settings a network is to have.
#[derive(Debug, Default, Deserialize, Serialize)]
#[serde(rename_all = "PascalCase")]
struct ConfigFrom {
    #[serde(default, deserialize_with = "null_as_default")]
    network: String,
}

#[derive(Debug, Default, Deserialize, Serialize)]
#[serde(rename_all = "PascalCase")]
struct Ipam {
    #[serde(default)]
    driver: Option<String>,
    #[serde(default, deserialize_with = "null_as_default")]
    options: BTreeMap<String, String>,
    #[serde(default, deserialize_with = "null_as_default")]
    config: Vec<IpamConfig>,
}

#[derive(Debug, Default, Deserialize, Serialize)]
#[serde(rename_all = "PascalCase")]
struct IpamConfig {
    #[serde(default, deserialize_with = "null_as_default")]
    subnet: String,
    #[serde(default, rename = "IPRange", deserialize_with = "null_as_default")]
    ip_range: String,
    #[serde(default, deserialize_with = "null_as_default")]
    gateway: String,
    #[serde(default, deserialize_with = "null_as_default")]
    auxiliary_addresses: BTreeMap<String, String>,
}

const NAME: &str = "com.docker.network.bridge.name";
const MTU: &str = "com.docker.network.driver.mtu";
const MASQUERADE: &str = "com.docker.network.bridge.enable_ip_masquerade";
const ICC: &str = "com.docker.network.bridge.enable_icc";
const INHIBIT_IPV4: &str = "com.docker.network.bridge.inhibit_ipv4";
const MODE4: &str = "com.docker.network.bridge.gateway_mode_ipv4";
const MODE6: &str = "com.docker.network.bridge.gateway_mode_ipv6";
const SOURCE4: &str = "com.docker.network.host_ipv4";
const SOURCE6: &str = "com.docker.network.host_ipv6";
const BINDING4: &str = "com.docker.network.bridge.host_binding_ipv4";
const BINDING6: &str = "com.docker.network.bridge.host_binding_ipv6";
const ENABLE4: &str = "com.docker.network.enable_ipv4";
const ENABLE6: &str = "com.docker.network.enable_ipv6";
const TRUSTED: &str = "com.docker.network.bridge.trusted_host_interfaces";
const DEFAULT_BRIDGE: &str = "com.docker.network.bridge.default_bridge";
const PREFIX: &str = "com.docker.network.container_iface_prefix";
const PARENT: &str = "parent";
const MACVLAN_MODE: &str = "macvlan_mode";

/// Names that are always somebody's: `default` is what clients call the default network.
const PREDEFINED: [&str; 4] = ["bridge", "default", "host", "none"];

/// The options that each driver honours.
const OF_BRIDGE: [&str; 16] = [
    NAME,
    MTU,
    MASQUERADE,
    ICC,
    INHIBIT_IPV4,
    MODE4,
    MODE6,
    SOURCE4,
    SOURCE6,
    BINDING4,
    BINDING6,
    TRUSTED,
    DEFAULT_BRIDGE,
    ENABLE4,
    ENABLE6,
    PREFIX,
];
const OF_MACVLAN: [&str; 6] = [MTU, ENABLE4, ENABLE6, PREFIX, PARENT, MACVLAN_MODE];

/// The request in domain words, and a warning for everything that is accepted and not honoured.
pub(super) fn new_network(body: CreateBody) -> Result<(NewNetwork, Vec<String>), DockerError> {
    let settings = if body.config_only { Some(serde_json::to_string(&body).map_err(unreadable)?) } else { None };
    let driver = driver(body.driver.as_deref().unwrap_or_default())?;
    if PREDEFINED.contains(&body.name.as_str()) {
        let text = format!("operation is not permitted on predefined {} network", body.name);
        return Err(OpError::Forbidden(text).into());
    }
    check_scope(&body)?;
    let ipam = body.ipam.unwrap_or_default();
    match ipam.driver.as_deref().unwrap_or("default") {
        "" | "default" => {}
        driver => return Err(DockerError::NoSuchDriver(driver.to_owned())),
    }
    let given = Options(&body.options);
    let ipv4 = body.enable_ipv4.map_or_else(|| given.flag(ENABLE4, true), Ok)?;
    let ipv6 = body.enable_ipv6.map_or_else(|| given.flag(ENABLE6, false), Ok)?;
    let ranges = ipam.config.iter().map(range).collect::<Result<Vec<_>, _>>()?;
    let mut warnings = Vec::new();
    for subnet in ranges.iter().filter_map(|range| range.subnet) {
        if if subnet.addr().is_ipv4() { !ipv4 } else { !ipv6 } {
            warnings.push(format!("subnet {subnet} is left out: its address family is not enabled on this network"));
        }
    }
    // Which driver they are for is not known before they are taken over.
    let honoured: &[&str] = if driver == Driver::Macvlan { &OF_MACVLAN } else { &OF_BRIDGE };
    let unknown = body.options.keys().filter(|name| settings.is_none() && !honoured.contains(&name.as_str()));
    warnings.extend(unknown.map(|name| format!("option {name} is kept but not honoured yet")));
    for name in [BINDING4, BINDING6] {
        given.address(name)?;
    }
    if given.flag(DEFAULT_BRIDGE, false)? {
        warnings.push(format!("option {DEFAULT_BRIDGE} does nothing: the default network is always \"bridge\""));
    }
    given.interfaces(TRUSTED)?;
    let masquerade = given.flag(MASQUERADE, true)?;
    let gateway = |mode: &str, source: &str| {
        Ok::<_, OpError>(Gateway { mode: given.mode(mode)?, masquerade, source: given.address(source)? })
    };
    let new = NewNetwork {
        driver,
        ranges,
        ipv4,
        ipv6,
        inhibit_ipv4: given.flag(INHIBIT_IPV4, false)?,
        internal: body.internal,
        bridge: given.name(NAME)?,
        macvlan: if driver == Driver::Macvlan { Some(macvlan(&given)?) } else { None },
        icc: given.flag(ICC, true)?,
        gateway4: gateway(MODE4, SOURCE4)?,
        gateway6: gateway(MODE6, SOURCE6)?,
        mtu: given.mtu()?,
        attachable: body.attachable,
        ipam_options: ipam.options,
        ..NewNetwork::bridge(body.name.parse().map_err(OpError::from)?)
    };
    let settings_of = body.config_from.map(|from| from.network).filter(|name| !name.is_empty());
    let new =
        NewNetwork { settings_of: settings_of.map(|name| name.parse()).transpose().map_err(OpError::from)?, ..new };
    let new = NewNetwork { options: body.options, labels: body.labels, ..new };
    if settings.is_some() {
        return Ok((NewNetwork { driver: Driver::Null, ranges: Vec::new(), macvlan: None, settings, ..new }, warnings));
    }
    Ok((new, warnings))
}

fn unreadable(error: serde_json::Error) -> OpError {
    OpError::Invalid(format!("the settings cannot be kept: {error}"))
}

impl CreateBody {
    /// The network whose settings are asked for.
    pub(super) fn settings_of(&self) -> Option<&str> {
        self.config_from.as_ref().map(|from| from.network.as_str()).filter(|name| !name.is_empty())
    }

    /// The request with the settings of another network, which it may not have any of its own beside.
    ///
    /// # Errors
    /// `Forbidden` where it has.
    pub(super) fn with_settings(self, settings: &str) -> Result<CreateBody, DockerError> {
        let ipam = self.ipam.as_ref();
        let has_own = self.enable_ipv4 == Some(false)
            || self.enable_ipv6 == Some(true)
            || !self.labels.is_empty()
            || ipam.is_some_and(|ipam| !ipam.config.is_empty() || !ipam.options.is_empty());
        let refused = |text: &str| Err(OpError::Forbidden(text.to_owned()).into());
        match () {
            () if self.config_only => refused("a configuration network cannot depend on another configuration network"),
            () if has_own => refused(
                "user-specified configurations are not supported if the network depends on a configuration network",
            ),
            () if !self.options.is_empty() => {
                refused("network driver options are not supported if the network depends on a configuration network")
            }
            () => {
                let taken: CreateBody = serde_json::from_str(settings).map_err(unreadable)?;
                let CreateBody { enable_ipv4, enable_ipv6, ipam, options, labels, .. } = taken;
                Ok(CreateBody { enable_ipv4, enable_ipv6, ipam, options, labels, ..self })
            }
        }
    }
}

fn driver(text: &str) -> Result<Driver, DockerError> {
    match text {
        "" | "bridge" | "default" => Ok(Driver::Bridge),
        "host" | "null" => Err(OpError::Invalid(format!("only one instance of \"{text}\" network is allowed")).into()),
        "macvlan" => Ok(Driver::Macvlan),
        // Docker's words: the one needs a swarm, and there is none.
        "overlay" => Err(OpError::Forbidden(DockerError::NoSwarm.to_string()).into()),
        "ipvlan" => Err(DockerError::not_built("network driver \"ipvlan\" (macvlan puts containers on the same wire)")),
        _ => Err(DockerError::NoSuchDriver(text.to_owned())),
    }
}

/// Networks of one machine are what there is; a network that spans several needs a swarm.
fn check_scope(body: &CreateBody) -> Result<(), DockerError> {
    let forbidden = |text: &str| Err(OpError::Forbidden(text.to_owned()).into());
    match body.scope.as_str() {
        _ if body.ingress => forbidden("Ingress network can only be global scope network"),
        scope if body.config_only && (body.internal || body.attachable || !scope.is_empty()) => forbidden(
            "configuration network can only contain network specific fields. Network operator fields like [ ingress | internal \
             | attachable | scope ] are not supported.",
        ),
        "" | "local" => Ok(()),
        "swarm" => forbidden("cannot create a swarm scoped network when swarm is not active"),
        scope => Err(OpError::Invalid(format!(
            "invalid scope {scope}: a network of this machine is local; leave --scope out"
        ))
        .into()),
    }
}

fn macvlan(given: &Options<'_>) -> Result<Macvlan, DockerError> {
    let Some(parent) = given.name(PARENT)? else {
        return Err(DockerError::not_built("a macvlan network without a parent (-o parent=INTERFACE)"));
    };
    Ok(Macvlan { parent, mode: given.word(MACVLAN_MODE, "bridge, private, vepa and passthru")?.unwrap_or_default() })
}

fn range(config: &IpamConfig) -> Result<NewRange, OpError> {
    let mut reserved = BTreeMap::new();
    for (name, text) in &config.auxiliary_addresses {
        if let Some(address) = of_ipam("auxiliary address", "invalid address", text)? {
            reserved.insert(name.clone(), address);
        }
    }
    Ok(NewRange {
        subnet: of_ipam("subnet", "invalid CIDR block notation; write it like 172.20.0.0/16", &config.subnet)?,
        gateway: of_ipam("gateway", "invalid address; write it like 172.20.0.1", &config.gateway)?,
        ip_range: of_ipam("ip-range", "invalid CIDR block notation; write it like 172.20.5.0/24", &config.ip_range)?,
        reserved,
    })
}

fn of_ipam<T: FromStr>(what: &str, why: &str, text: &str) -> Result<Option<T>, OpError> {
    if text.is_empty() {
        return Ok(None);
    }
    let invalid = || OpError::Invalid(format!("invalid network config:\ninvalid {what} {text}: {why}"));
    text.parse().map(Some).map_err(|_| invalid())
}

/// Driver options, each read as what it is.
struct Options<'a>(&'a BTreeMap<String, String>);

impl Options<'_> {
    fn invalid(name: &str, text: &str, remedy: &str) -> OpError {
        OpError::Invalid(format!("invalid value for {name}: {text:?}; {remedy}"))
    }

    /// Go's words for truth and falsehood (pkg.go.dev/strconv#ParseBool).
    fn flag(&self, name: &str, default: bool) -> Result<bool, OpError> {
        match self.0.get(name).map(String::as_str) {
            None => Ok(default),
            Some("1" | "t" | "T" | "true" | "TRUE" | "True") => Ok(true),
            Some("0" | "f" | "F" | "false" | "FALSE" | "False") => Ok(false),
            Some(text) => Err(Self::invalid(name, text, "write \"true\" or \"false\"")),
        }
    }

    fn address(&self, name: &str) -> Result<Option<IpAddr>, OpError> {
        let Some(text) = self.0.get(name) else { return Ok(None) };
        text.parse().map(Some).map_err(|_| Self::invalid(name, text, "write an address like 192.0.2.1"))
    }

    /// Names of interfaces with colons between them.
    fn interfaces(&self, name: &str) -> Result<Vec<IfName>, OpError> {
        let names = self.0.get(name).map(String::as_str).unwrap_or_default().split(':');
        let names = names.filter(|name| !name.is_empty()).map(str::parse).collect::<Result<_, _>>();
        names.map_err(|error| OpError::Invalid(format!("invalid value for {name}: {error}")))
    }

    fn name<T: FromStr>(&self, name: &str) -> Result<Option<T>, OpError>
    where
        OpError: From<T::Err>,
    {
        let text = self.0.get(name).filter(|text| !text.is_empty());
        Ok(text.map(|text| text.parse()).transpose()?)
    }

    fn mtu(&self) -> Result<Option<u32>, OpError> {
        let Some(text) = self.0.get(MTU) else { return Ok(None) };
        match text.parse::<u32>() {
            Ok(mtu) if (68..=65535).contains(&mtu) => Ok(Some(mtu)),
            Ok(_) | Err(_) => Err(Self::invalid(MTU, text, "write a number from 68 to 65535")),
        }
    }

    fn mode(&self, name: &str) -> Result<GatewayMode, OpError> {
        Ok(self.word(name, "nat, nat-unprotected, routed and isolated")?.unwrap_or_default())
    }

    /// One of an enum's words.
    fn word<T: DeserializeOwned>(&self, name: &str, words: &str) -> Result<Option<T>, OpError> {
        let Some(text) = self.0.get(name).filter(|text| !text.is_empty()) else { return Ok(None) };
        let parsed = serde_json::from_value(Value::from(text.as_str()));
        parsed.map(Some).map_err(|_| Self::invalid(name, text, &format!("it is one of {words}")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn convert(text: &str) -> Result<(NewNetwork, Vec<String>), String> {
        new_network(serde_json::from_str(text).unwrap()).map_err(|error| error.to_string())
    }

    #[test]
    fn what_the_command_sends_is_read() {
        let (new, warnings) = convert(
            r#"{"Driver":"bridge","EnableIPv6":true,"IPAM":{"Driver":"default","Options":{"k":"v"},"Config":[{"Subnet":
            "10.5.0.0/16","IPRange":"10.5.1.0/24","Gateway":"10.5.0.1","AuxiliaryAddresses":{"a":"10.5.0.9"}},{"Subnet":
            "fd00:5::/64"}]},"Internal":true,"Attachable":true,"Options":{"com.docker.network.bridge.name":"br-x",
            "com.docker.network.driver.mtu":"1400","com.docker.network.bridge.inhibit_ipv4":"1","x":"y"},
            "Labels":{"a":"b"},"Name":"net2"}"#,
        )
        .unwrap();
        let four = NewRange {
            subnet: Some("10.5.0.0/16".parse().unwrap()),
            gateway: Some("10.5.0.1".parse().unwrap()),
            ip_range: Some("10.5.1.0/24".parse().unwrap()),
            reserved: [("a".to_owned(), "10.5.0.9".parse().unwrap())].into(),
        };
        assert_eq!(new.ranges, [four, NewRange::of("fd00:5::/64".parse().unwrap())]);
        assert!(new.ipv4 && new.ipv6 && new.internal && new.attachable && new.inhibit_ipv4);
        assert_eq!((new.mtu, new.bridge.unwrap().as_str()), (Some(1400), "br-x"));
        assert_eq!((new.ipam_options["k"].as_str(), new.labels["a"].as_str()), ("v", "b"));
        assert_eq!(warnings, ["option x is kept but not honoured yet"]);
    }

    #[test]
    fn what_is_left_out_is_said_and_nonsense_is_refused() {
        let (_, warnings) = convert(r#"{"Name":"n","IPAM":{"Config":[{"Subnet":"fd00::/64"}]}}"#).unwrap();
        assert_eq!(warnings, ["subnet fd00::/64 is left out: its address family is not enabled on this network"]);
        for (text, expected) in [
            (
                r#"{"Name":"n","IPAM":{"Config":[{"Subnet":"10.0.0.0/33"}]}}"#,
                "invalid subnet 10.0.0.0/33: invalid CIDR",
            ),
            (r#"{"Name":"n","IPAM":{"Config":[{"Gateway":"x"}]}}"#, "invalid gateway x: invalid address"),
            (
                r#"{"Name":"n","Options":{"com.docker.network.bridge.enable_icc":"maybe"}}"#,
                "write \"true\" or \"false\"",
            ),
            (r#"{"Name":"n","Options":{"com.docker.network.driver.mtu":"9"}}"#, "write a number from 68 to 65535"),
            (r#"{"Name":"n","Options":{"com.docker.network.bridge.gateway_mode_ipv4":"x"}}"#, "it is one of nat,"),
            (r#"{"Name":"n","Driver":"host"}"#, "only one instance of \"host\" network is allowed"),
            (
                r#"{"Name":"n","Driver":"ipvlan"}"#,
                "network driver \"ipvlan\" (macvlan puts containers on the same wire) is not built yet",
            ),
            (r#"{"Name":"default"}"#, "operation is not permitted on predefined default network"),
            (r#"{"Name":"n","Driver":"overlay"}"#, "This node is not a swarm manager"),
            (r#"{"Name":"n","Scope":"swarm"}"#, "cannot create a swarm scoped network when swarm is not active"),
            (r#"{"Name":"n","Scope":"global"}"#, "invalid scope global"),
            (r#"{"Name":"n","Ingress":true}"#, "Ingress network can only be global scope network"),
            (r#"{"Name":"n","ConfigOnly":true,"Internal":true}"#, "can only contain network specific fields"),
            (
                r#"{"Name":"n","Options":{"com.docker.network.bridge.trusted_host_interfaces":"eth0:a/b"}}"#,
                "invalid value for com.docker.network.bridge.trusted_host_interfaces: ",
            ),
            (r#"{"Name":"n","Driver":"nope"}"#, "plugin \"nope\" not found"),
        ] {
            let message = convert(text).unwrap_err();
            assert!(message.contains(expected), "{message}");
        }
    }
}
