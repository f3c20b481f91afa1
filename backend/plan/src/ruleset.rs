//! The nftables table: constant chains over sets. Networks and containers add elements, never a chain or a rule, so
//! that the cost of a packet does not grow with their number.

/// The table's family and name.
pub const TABLE_NAME: &str = "inet drawbridge";

/// The whole table in nft(8)'s language. Written by one `nft -f -`, in one transaction. A set can't be called `bridge` or
/// `masquerade`: nft's grammar keeps those words for itself.
///
/// * `forward`, hook forward, after conntrack: an answer passes, and so does what a pair allows; nothing else passes
///   between two of our bridges, nor in or out of an internal one. Policy accept: what is not ours is not our business.
/// * `postrouting`, hook postrouting at srcnat: a packet from one of our ranges that leaves through something that is
///   not our bridge takes the address of that interface (the kernel keeps source ports apart, nf_nat_core.c).
pub const TABLE: &str = "\
table inet drawbridge {
	comment \"Made by Drawbridge. Chains are constant; networks and containers are elements of the sets.\"
	set bridges {
		type ifname
		comment \"bridges of ours\"
	}
	set pairs {
		type ifname . ifname
		comment \"bridges between which packets may be forwarded\"
	}
	set internal {
		type ifname
		comment \"bridges that reach nothing outside\"
	}
	set masqueraded {
		type ipv4_addr
		flags interval
		comment \"ranges that leave with the host's address\"
	}
	chain forward {
		type filter hook forward priority filter; policy accept;
		ct state established,related accept
		iifname . oifname @pairs accept
		iifname @internal drop
		oifname @internal drop
		iifname @bridges oifname @bridges drop
	}
	chain postrouting {
		type nat hook postrouting priority srcnat; policy accept;
		ip saddr @masqueraded oifname != @bridges masquerade
	}
}
";
