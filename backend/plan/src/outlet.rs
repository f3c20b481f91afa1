//! Which of a container's endpoints leads out: where its default routes go, and where its published ports are reached.

use std::cmp::Reverse;

/// What decides whether an endpoint leads out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Candidate<'a> {
    /// The priority that was asked for; the highest comes first.
    pub priority: i32,
    /// Its network's name, which decides where all else is equal.
    pub network: &'a str,
    /// Whether its network has an IPv4 gateway that leads out.
    pub ipv4: bool,
    /// Whether its network has an IPv6 gateway that leads out.
    pub ipv6: bool,
}

/// The positions of the endpoints that lead out by IPv4 and by IPv6: the one of the highest priority; among equals one with
/// both families, so that both go the same way; then the first by name (moby, daemon/libnetwork/endpoint.go `Less`).
pub fn outlets(candidates: &[Candidate<'_>]) -> (Option<usize>, Option<usize>) {
    let best = |leads_out: fn(&Candidate<'_>) -> bool| {
        (0..candidates.len()).filter(|position| leads_out(&candidates[*position])).min_by_key(|position| {
            let Candidate { priority, network, ipv4, ipv6 } = candidates[*position];
            (Reverse(priority), !(ipv4 && ipv6), network)
        })
    };
    (best(|candidate| candidate.ipv4), best(|candidate| candidate.ipv6))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Each candidate is `name priority families`.
    fn check(candidates: &[(&str, i32, &str)], expected: (Option<&str>, Option<&str>)) {
        let list: Vec<Candidate<'_>> = candidates
            .iter()
            .map(|(network, priority, families)| Candidate {
                priority: *priority,
                network,
                ipv4: families.contains('4'),
                ipv6: families.contains('6'),
            })
            .collect();
        let (four, six) = outlets(&list);
        let name = |position: Option<usize>| position.map(|position| candidates[position].0);
        assert_eq!((name(four), name(six)), expected, "{candidates:?}");
    }

    #[test]
    fn priority_then_both_families_then_the_name() {
        check(&[], (None, None));
        check(&[("inner", 5, "")], (None, None));
        check(&[("b", 0, "4"), ("a", 0, "4")], (Some("a"), None));
        check(&[("b", 1, "4"), ("a", 0, "4")], (Some("b"), None));
        check(&[("b", 0, "46"), ("a", 0, "4")], (Some("b"), Some("b")));
        check(&[("b", 0, "46"), ("a", 1, "4"), ("inner", 9, "")], (Some("a"), Some("b")));
        check(&[("a", -1, "6"), ("b", -2, "6")], (None, Some("a")));
    }
}
