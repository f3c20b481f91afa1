//! Where a container meets the outside: which of its endpoints lead out, and which networks will before it has any.

use drawbridge_api::{Attachment, Driver, Endpoint, EndpointId, Network, PublishedPort};
use drawbridge_plan::{Candidate, outlets};
use std::net::IpAddr;

/// The endpoints that lead out of a container: its ports are reached there.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Outlets<'a> {
    four: Option<&'a Endpoint>,
    six: Option<&'a Endpoint>,
}

impl<'a> Outlets<'a> {
    /// Those of a container with these endpoints.
    pub(super) fn of(endpoints: &'a [Endpoint]) -> Self {
        let candidate = |endpoint: &'a Endpoint| Candidate {
            priority: endpoint.gateway_priority,
            network: endpoint.network.as_str(),
            ipv4: endpoint.gateway4.is_some(),
            ipv6: endpoint.gateway6.is_some(),
        };
        let (four, six) = outlets(&endpoints.iter().map(candidate).collect::<Vec<_>>());
        Outlets { four: four.map(|position| &endpoints[position]), six: six.map(|position| &endpoints[position]) }
    }

    /// The endpoint at which a port is published: where containers have IPv4 only, IPv6 connections are passed on to it.
    pub(super) fn of_port(&self, port: &PublishedPort) -> Option<&'a Endpoint> {
        if port.host.address.is_ipv4() { self.four } else { self.six.or(self.four) }
    }

    /// Where connections are passed on to that the kernel can't turn, IPv6 first.
    pub(super) fn addresses(&self) -> Vec<IpAddr> {
        let four = self.four.and_then(|endpoint| endpoint.address4).map(|address| address.addr().into());
        let six = self.six.and_then(|endpoint| endpoint.address6).map(|address| address.addr().into());
        six.into_iter().chain(four).collect()
    }
}

/// The networks that lead out of a container, before it has endpoints in them.
#[derive(Clone, Debug, Default)]
pub(super) struct Leading {
    /// By IPv4.
    pub(super) four: Option<Network>,
    /// By IPv6.
    pub(super) six: Option<Network>,
}

impl Leading {
    /// The one whose endpoint has the published ports, IPv4's first.
    fn first(&self) -> Option<&Network> {
        self.four.as_ref().or(self.six.as_ref())
    }

    /// Of the networks that a container asks for, the place of that whose endpoint will have the published ports.
    pub(super) fn position(&self, networks: &[Attachment]) -> Option<usize> {
        let first = self.first()?;
        networks.iter().position(|asked| asked.network == first.name)
    }

    /// Of a container's endpoints, that which has the published ports.
    pub(super) fn endpoint<'a>(&self, endpoints: &'a [Endpoint]) -> Option<&'a EndpointId> {
        let first = self.first()?;
        endpoints.iter().find(|endpoint| endpoint.network == first.name).map(|endpoint| &endpoint.id)
    }
}

/// The networks of these that lead out, with the priorities that were asked for.
pub(super) fn leading(networks: &[(Network, i32)]) -> Leading {
    let candidates: Vec<Candidate<'_>> = networks
        .iter()
        .map(|(network, priority)| Candidate {
            priority: *priority,
            network: network.name.as_str(),
            ipv4: !network.internal && network.subnets4().next().is_some(),
            ipv6: !network.internal && network.subnets6().next().is_some(),
        })
        .collect();
    let (four, six) = outlets(&candidates);
    // Ports are published by way of bridges only: a macvlan network's containers are reached at their own addresses.
    let network = |position: Option<usize>| {
        position.map(|position| networks[position].0.clone()).filter(|network| network.driver == Driver::Bridge)
    };
    Leading { four: network(four), six: network(six) }
}
