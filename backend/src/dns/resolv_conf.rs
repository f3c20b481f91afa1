//! `/etc/resolv.conf` (resolv.conf(5)): the host's is read, a container's is written, with what was asked for it in place of
//! what the host has. Which lines there are follows Docker 28.

use super::table::Naming;
use drawbridge_plan::RESOLVER;
use std::{
    fmt, fs,
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV6},
};

/// Who is asked where neither the host nor the request names a resolver that can be reached; Docker's choice.
pub const FALLBACK4: [IpAddr; 2] = [IpAddr::V4(Ipv4Addr::new(8, 8, 8, 8)), IpAddr::V4(Ipv4Addr::new(8, 8, 4, 4))];
/// As [`FALLBACK4`], besides, for a container with IPv6.
pub const FALLBACK6: [IpAddr; 2] = [
    IpAddr::V6(Ipv6Addr::new(0x2001, 0x4860, 0x4860, 0, 0, 0, 0, 0x8888)),
    IpAddr::V6(Ipv6Addr::new(0x2001, 0x4860, 0x4860, 0, 0, 0, 0, 0x8844)),
];
/// The first of the comments at the end, which are Docker's: programs read `ExtServers` from them.
const BASED_ON: &str = "# Based on host file: '/etc/resolv.conf'";
/// A bare name is asked for as it is, before the search domains: it may be a container's.
const NDOTS: &str = "ndots:0";

/// A resolver, as the file names it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Nameserver {
    /// Its address.
    pub address: IpAddr,
    /// The link that it is reached by, of a link-local address: `fe80::1%eth0`.
    pub zone: Option<String>,
}

impl Nameserver {
    fn parse(text: &str) -> Option<Nameserver> {
        let (address, zone) = text.split_once('%').map_or((text, None), |(address, zone)| (address, Some(zone)));
        Some(Nameserver { address: address.parse().ok()?, zone: zone.map(str::to_owned) })
    }

    /// Where it is asked from the host; none when its link is gone.
    pub fn socket(&self, port: u16) -> Option<SocketAddr> {
        match (self.address, &self.zone) {
            (IpAddr::V6(address), Some(zone)) => {
                let number = fs::read_to_string(format!("/sys/class/net/{zone}/ifindex")).ok();
                let number = zone.parse().ok().or_else(|| number?.trim().parse().ok())?;
                Some(SocketAddrV6::new(address, port, 0, number).into())
            }
            (address, _) => Some(SocketAddr::new(address, port)),
        }
    }
}

impl fmt::Display for Nameserver {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.zone {
            Some(zone) => write!(f, "{}%{zone}", self.address),
            None => write!(f, "{}", self.address),
        }
    }
}

/// The file, as far as it means something.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ResolvConf {
    /// `nameserver`, each.
    pub nameservers: Vec<Nameserver>,
    /// `search`, the last.
    pub search: Vec<String>,
    /// `options`, all.
    pub options: Vec<String>,
    /// Lines that mean something to others.
    pub other: Vec<String>,
}

/// What was asked for a container, each in place of what the host has.
#[derive(Clone, Copy, Debug, Default)]
pub struct Overrides<'a> {
    /// `--dns`
    pub servers: &'a [IpAddr],
    /// `--dns-search`; `.` is for none.
    pub search: &'a [String],
    /// `--dns-option`
    pub options: &'a [String],
}

impl Overrides<'_> {
    /// Whether nothing was asked for.
    pub fn is_empty(&self) -> bool {
        self.servers.is_empty() && self.search.is_empty() && self.options.is_empty()
    }
}

/// Where the container is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Surroundings {
    /// Whether it is on a network with names.
    pub naming: Naming,
    /// Whether it has IPv6.
    pub family: Families,
}

/// What a container can reach.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Families {
    /// IPv4 only.
    Ipv4,
    /// IPv6, perhaps besides IPv4.
    WithIpv6,
}

impl ResolvConf {
    /// Reads a file; what can't be read is passed over.
    pub fn parse(text: &str) -> ResolvConf {
        let mut file = ResolvConf::default();
        for line in text.lines() {
            let words: Vec<&str> = line.split_whitespace().collect();
            let owned = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect::<Vec<_>>();
            match words.as_slice() {
                [] => {}
                [comment, ..] if comment.starts_with(['#', ';']) => {}
                ["nameserver", server, ..] => file.nameservers.extend(Nameserver::parse(server)),
                // The older word for the same; the last of either counts.
                ["search" | "domain", domains @ ..] if !domains.is_empty() => file.search = owned(domains),
                ["options", options @ ..] => file.options.extend(owned(options)),
                ["nameserver" | "search" | "domain"] => {}
                _ => file.other.push(line.to_owned()),
            }
        }
        file
    }

    /// With what was asked for in the place of what the file says.
    fn with(&self, asked: Overrides<'_>) -> ResolvConf {
        let mut file = self.clone();
        if !asked.servers.is_empty() {
            file.nameservers = asked.servers.iter().map(own).collect();
        }
        if !asked.search.is_empty() {
            file.search = asked.search.iter().filter(|domain| *domain != ".").cloned().collect();
        }
        if !asked.options.is_empty() {
            file.options = asked.options.to_vec();
        }
        file
    }

    /// What the file of a container in the host's own namespace says.
    pub fn for_host_mode(&self, asked: Overrides<'_>) -> String {
        self.with(asked).with_comments(&[BASED_ON.to_owned()])
    }

    /// What the file of a container in a namespace of its own says.
    pub fn for_container(&self, asked: Overrides<'_>, place: Surroundings) -> String {
        let mut file = self.with(asked);
        let fallbacks = || {
            let six: &[IpAddr] = if place.family == Families::WithIpv6 { &FALLBACK6 } else { &[] };
            FALLBACK4.iter().chain(six).map(own).collect::<Vec<_>>()
        };
        let mut comments = vec![BASED_ON.to_owned()];
        match place.naming {
            Naming::AddressesOnly => {
                comments[0].push_str(" (legacy)");
                // What was asked for is meant so; the host's own loopback would be the container's.
                if asked.servers.is_empty() {
                    file.nameservers.retain(|server| {
                        !server.address.is_loopback()
                            && (server.address.is_ipv4() || place.family == Families::WithIpv6)
                    });
                    if file.nameservers.is_empty() {
                        file.nameservers = fallbacks();
                        comments.push("# Used default nameservers.".to_owned());
                    }
                }
            }
            Naming::Names => {
                comments[0].push_str(" (internal resolver)");
                let mut behind = std::mem::replace(&mut file.nameservers, vec![own(&RESOLVER.into())]);
                if behind.is_empty() {
                    behind = fallbacks();
                    comments.push("# Used default nameservers.".to_owned());
                }
                let told = behind.iter().map(|server| match asked.servers {
                    [] => format!("host({server})"),
                    _ => server.to_string(),
                });
                comments.push(format!("# ExtServers: [{}]", told.collect::<Vec<_>>().join(" ")));
                file.options
                    .retain(|option| option.strip_prefix("ndots:").is_none_or(|number| number.parse::<u32>().is_ok()));
                if ndots(&file.options).is_none() {
                    file.options.push(NDOTS.to_owned());
                }
            }
        }
        file.with_comments(&comments)
    }

    fn with_comments(&self, comments: &[String]) -> String {
        let mut lines = vec![
            "# Written by Drawbridge when the container starts and when its networks change, unless somebody has"
                .to_owned(),
            "# changed it since.".to_owned(),
            String::new(),
        ];
        lines.extend(self.nameservers.iter().map(|server| format!("nameserver {server}")));
        if !self.search.is_empty() {
            lines.push(format!("search {}", self.search.join(" ")));
        }
        if !self.options.is_empty() {
            lines.push(format!("options {}", self.options.join(" ")));
        }
        lines.extend(self.other.iter().cloned());
        lines.push(String::new());
        lines.extend(comments.iter().cloned());
        lines.iter().map(|line| format!("{line}\n")).collect()
    }
}

fn own(address: &IpAddr) -> Nameserver {
    Nameserver { address: *address, zone: None }
}

/// How many dots a name must have to be asked for as it is; none when no option says so.
pub fn ndots(options: &[String]) -> Option<u32> {
    options.iter().rev().find_map(|option| option.strip_prefix("ndots:")?.parse().ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOST: &str = "# made by hand\nsearch lab.example\nnameserver 127.0.0.53\nnameserver 10.0.0.1\n\
                        nameserver fe80::1%eth9\nnameserver nonsense\noptions edns0 trust-ad\nsortlist 10.0.0.0\n";

    /// The lines without comments.
    fn written(host: &str, asked: Overrides<'_>, naming: Naming, family: Families) -> Vec<String> {
        let text = ResolvConf::parse(host).for_container(asked, Surroundings { naming, family });
        text.lines().filter(|line| !line.is_empty() && !line.starts_with('#')).map(str::to_owned).collect()
    }

    #[test]
    fn on_the_default_bridge_the_hosts_resolvers_are_copied_save_those_on_loopback() {
        let plain = |host, family| written(host, Overrides::default(), Naming::AddressesOnly, family);
        assert_eq!(
            plain(HOST, Families::Ipv4),
            ["nameserver 10.0.0.1", "search lab.example", "options edns0 trust-ad", "sortlist 10.0.0.0"]
        );
        assert_eq!(plain(HOST, Families::WithIpv6)[1], "nameserver fe80::1%eth9");
        assert_eq!(plain("nameserver 127.0.0.1\n", Families::Ipv4), ["nameserver 8.8.8.8", "nameserver 8.8.4.4"]);
        assert_eq!(plain("", Families::WithIpv6).len(), 4);
    }

    #[test]
    fn on_a_network_with_names_the_daemon_is_the_only_resolver() {
        let named = |host, asked| written(host, asked, Naming::Names, Families::Ipv4);
        assert_eq!(
            named(HOST, Overrides::default()),
            ["nameserver 127.0.0.11", "search lab.example", "options edns0 trust-ad ndots:0", "sortlist 10.0.0.0"]
        );
        assert_eq!(named("", Overrides::default()), ["nameserver 127.0.0.11", "options ndots:0"]);
        assert_eq!(named("options ndots:2\n", Overrides::default())[1], "options ndots:2");
        assert_eq!(named("options ndots:x\n", Overrides::default())[1], "options ndots:0");
        let text = ResolvConf::parse(HOST)
            .for_container(Overrides::default(), Surroundings { naming: Naming::Names, family: Families::Ipv4 });
        assert!(text.contains("# ExtServers: [host(127.0.0.53) host(10.0.0.1) host(fe80::1%eth9)]\n"), "{text}");
    }

    #[test]
    fn what_is_asked_for_takes_the_place_of_what_the_host_has() {
        let (servers, search) = (["127.0.0.1".parse().unwrap()], [".".to_owned()]);
        let options = ["ndots:3".to_owned()];
        let asked = Overrides { servers: &servers, search: &search, options: &options };
        assert_eq!(
            written(HOST, asked, Naming::AddressesOnly, Families::Ipv4),
            ["nameserver 127.0.0.1", "options ndots:3", "sortlist 10.0.0.0"]
        );
        assert_eq!(
            written(HOST, asked, Naming::Names, Families::Ipv4),
            ["nameserver 127.0.0.11", "options ndots:3", "sortlist 10.0.0.0"]
        );
    }
}
