//! The nftables tables of the host and the one of a namespace with names: constant chains over sets and maps. Networks and containers add elements, never a chain or a rule,
//! so that the cost of a packet does not grow with their number.

/// Both tables in nft(8)'s language, written by one `nft -f -` in one transaction. A set can't be called `bridge` or
/// `masquerade`: nft's grammar keeps those words for itself.
///
/// Table `inet`, in the order in which a packet meets the chains:
///
/// * `raw`: `route_localnet` lets addresses of 127.0.0.0/8 through our bridges for the host's sake; a container may not use it.
/// * `prerouting` and `output`: what comes to an address of the host is looked up among the published ports and turned to
///   its container. Not what arrives for 127.0.0.0/8 from a neighbour, which only this chain would have let in; not `::1`,
///   whose answers the kernel would not take from a bridge (`ip6_rcv_core`), so the daemon relays those.
/// * `arriving` and `leaving`: of translated connections each packet is counted by the port at which it was published.
/// * `forward`: counts by network, then: an answer passes; within a bridge all passes, or only what is published where its
///   containers are kept apart; nothing passes into or out of an internal one; into another bridge passes what is published,
///   and of routed and unprotected networks what their mode says; from an interface that a network trusts, what is published at
///   the container's own address. What is not ours is not our business.
/// * `postrouting`: a container that reached its own bridge's published port gets the bridge's address, so that the answer
///   comes back this way; so does what came from 127.0.0.1. `hairpins` and `detours` are for packets that br_netfilter turns
///   in the bridge itself, where there is no interface that they came in by. What leaves the machine takes the host's address.
///
/// Table `bridge`: a frame with a leased address for its source passes only if it comes from the holder's port; a port that
/// is kept apart reaches published services of its bridge at the most.
pub const TABLES: &str = include_str!("ruleset.nft");

/// The table of a namespace in which names are answered, in nft(8)'s language. The port of what goes to the resolver is
/// rewritten on the way out, before conntrack looks, and that of the answer afterwards, so that to conntrack, where somebody
/// uses it, both are one connection. Docker translates (DNAT and SNAT), for which the kernel has to keep an entry for each
/// question of each container; to set the port needs none, and reads shorter.
pub const RESOLVER: &str = include_str!("resolver.nft");

#[cfg(test)]
mod tests {
    use super::RESOLVER as TABLE;
    use crate::object::{RESOLVER, RESOLVER_PORT};

    #[test]
    fn the_table_of_a_namespace_leads_to_the_resolver() {
        for protocol in ["udp", "tcp"] {
            let to = format!("ip daddr {RESOLVER} {protocol} dport 53 {protocol} dport set {RESOLVER_PORT}\n");
            let from = format!("ip saddr {RESOLVER} {protocol} sport {RESOLVER_PORT} {protocol} sport set 53\n");
            assert!(TABLE.contains(&to) && TABLE.contains(&from), "{protocol}");
        }
    }
}
