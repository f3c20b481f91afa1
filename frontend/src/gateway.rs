//! How a network meets the outside, in words: the gateway modes, and what the form of a new network sends. Pure.

use crate::i18n::networks;
use drawbridge_api::{Gateway, GatewayMode, Network, NetworkCreate};

/// All modes, in the order in which a form offers them.
pub const MODES: [GatewayMode; 4] =
    [GatewayMode::Nat, GatewayMode::NatUnprotected, GatewayMode::Routed, GatewayMode::Isolated];

/// One line about a mode.
pub fn explain(mode: GatewayMode) -> &'static str {
    match mode {
        GatewayMode::Nat => networks::explain_nat(),
        GatewayMode::NatUnprotected => networks::explain_unprotected(),
        GatewayMode::Routed => networks::explain_routed(),
        GatewayMode::Isolated => networks::explain_isolated(),
    }
}

/// Whether a network may have this mode: `isolated` is for internal ones.
pub fn is_possible(mode: GatewayMode, internal: bool) -> bool {
    internal || mode != GatewayMode::Isolated
}

/// Whether the form asks for the address that packets leave with: only what leaves and is translated can have another.
pub fn can_masquerade(mode: GatewayMode, internal: bool) -> bool {
    mode.translates() && !internal
}

/// What was chosen in the form.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Choice {
    /// No way out.
    pub internal: bool,
    /// Containers reach one another.
    pub icc: bool,
    /// What leaves takes the host's address.
    pub masquerade: bool,
    /// How it meets the outside.
    pub mode: GatewayMode,
}

impl Choice {
    /// Writes it into a request; what is the default is left to the daemon.
    pub fn write(self, create: NetworkCreate) -> NetworkCreate {
        NetworkCreate {
            internal: self.internal,
            icc: (!self.icc).then_some(false),
            masquerade: (!self.masquerade && can_masquerade(self.mode, self.internal)).then_some(false),
            gateway_mode: (self.mode != GatewayMode::Nat).then_some(self.mode),
            ..create
        }
    }
}

/// The gateway of each family that a network has addresses of.
fn gateways(network: &Network) -> impl Iterator<Item = (&'static str, &Gateway)> {
    let has = |is_v4: bool| network.subnets.iter().any(|subnet| subnet.subnet.addr().is_ipv4() == is_v4);
    [("IPv4", true, &network.gateway4), ("IPv6", false, &network.gateway6)]
        .into_iter()
        .filter(move |(_, is_v4, _)| has(*is_v4))
        .map(|(family, _, gateway)| (family, gateway))
}

/// How packets leave a network, for each family that it has: `IPv4` and a sentence.
pub fn ways_out(network: &Network) -> Vec<(&'static str, String)> {
    gateways(network).map(|(family, gateway)| (family, way_out(network, gateway))).collect()
}

/// The modes that a network has, each once; two where its families differ.
pub fn modes(network: &Network) -> Vec<GatewayMode> {
    let mut modes: Vec<GatewayMode> = gateways(network).map(|(_, gateway)| gateway.mode).collect();
    modes.dedup();
    modes
}

fn way_out(network: &Network, gateway: &Gateway) -> String {
    if network.internal {
        return networks::way_internal().to_owned();
    }
    match (gateway.mode.translates() && gateway.masquerade, gateway.source) {
        (true, Some(source)) => networks::way_snat(&source),
        (true, None) => networks::way_masquerade().to_owned(),
        (false, _) => networks::way_own().to_owned(),
    }
}

/// What is not as usual about a network, in as few words as a table has room for.
pub fn tags(network: &Network) -> Vec<&'static str> {
    let mut tags = Vec::new();
    if network.internal {
        tags.push(networks::tag_internal());
    }
    if !network.icc {
        tags.push(networks::tag_apart());
    }
    tags.extend(modes(network).into_iter().filter(|mode| *mode != GatewayMode::Nat).map(GatewayMode::as_str));
    tags
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sample;

    fn write(choice: Choice) -> NetworkCreate {
        choice.write(NetworkCreate { name: "demo".into(), ..NetworkCreate::default() })
    }

    #[test]
    fn defaults_are_left_to_the_daemon() {
        let usual = Choice { internal: false, icc: true, masquerade: true, mode: GatewayMode::Nat };
        let sent = write(usual);
        assert_eq!((sent.internal, sent.icc, sent.masquerade, sent.gateway_mode), (false, None, None, None));
        let sent = write(Choice { icc: false, masquerade: false, mode: GatewayMode::NatUnprotected, ..usual });
        assert_eq!((sent.icc, sent.masquerade), (Some(false), Some(false)));
        assert_eq!(sent.gateway_mode, Some(GatewayMode::NatUnprotected));
    }

    #[test]
    fn masquerade_is_not_asked_where_nothing_is_translated() {
        let choice = Choice { internal: false, icc: true, masquerade: false, mode: GatewayMode::Routed };
        assert_eq!(write(choice).masquerade, None);
        assert_eq!(write(Choice { internal: true, mode: GatewayMode::Isolated, ..choice }).masquerade, None);
        assert!(!is_possible(GatewayMode::Isolated, false) && is_possible(GatewayMode::Isolated, true));
        assert!(MODES[..3].iter().all(|mode| is_possible(*mode, false)));
    }

    #[test]
    fn a_way_out_is_said_for_each_family_there_is() {
        let mut network = sample::network(1);
        network.gateway6.mode = GatewayMode::Isolated;
        assert_eq!(modes(&network), [GatewayMode::Nat], "what it has no addresses of is not said");
        assert_eq!(ways_out(&network), [("IPv4", "With the host’s address (masquerade)".to_owned())]);
        network.gateway4.source = Some("192.0.2.10".parse().unwrap());
        assert_eq!(ways_out(&network)[0].1, "With the host’s address 192.0.2.10 (source NAT)");
        let mut six = network.subnets[0].clone();
        six.subnet = "fd00::/64".parse().unwrap();
        network.subnets.push(six);
        network.gateway6.mode = GatewayMode::Routed;
        assert_eq!(ways_out(&network)[1], ("IPv6", "With the container’s own address".to_owned()));
        assert_eq!(tags(&network), ["routed"]);
        assert_eq!(modes(&network), [GatewayMode::Nat, GatewayMode::Routed]);
        network.internal = true;
        network.icc = false;
        assert_eq!(ways_out(&network)[0].1, "None: internal");
        assert_eq!(tags(&network), ["internal", "kept apart", "routed"]);
    }
}
