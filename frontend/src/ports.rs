//! Published ports in words: as `docker ps` prints them, as `docker run -p` takes them, as a form's rows have them. Pure.

use crate::i18n::forms as texts;
use drawbridge_api::{HostPort, PortRequest, PortTraffic, Protocol, PublishedPort, Traffic};
use std::{collections::BTreeSet, fmt, net::IpAddr};

/// The first and the last port of a range; the same for one port.
type Span = (u16, u16);

/// Consecutive ports of the host that lead, one by one, to as many consecutive ports of a container.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Range {
    /// The host's address; `0.0.0.0` and `::` stand for all of their family.
    pub address: IpAddr,
    /// Transport protocol.
    pub protocol: Protocol,
    /// The ports of the host.
    pub host: Span,
    /// The ports of the container.
    pub container: Span,
}

impl Range {
    /// Whether this port of the host is one of them.
    pub fn contains(&self, host: &HostPort) -> bool {
        self.address == host.address
            && self.protocol == host.protocol
            && (self.host.0..=self.host.1).contains(&host.port)
    }

    /// What went through its ports so far, as a report says of this container's; none when it does not know them.
    pub fn traffic<'a>(&self, report: impl IntoIterator<Item = &'a PortTraffic>) -> Option<Traffic> {
        report
            .into_iter()
            .filter(|port| self.contains(&port.host))
            .map(|port| port.traffic)
            .reduce(|a, b| Traffic { packets: a.packets + b.packets, bytes: a.bytes + b.bytes })
    }
}

impl fmt::Display for Range {
    /// As in the last column of `docker ps`, with an arrow: `0.0.0.0:8000-8002→80-82/tcp`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let host = span(self.host);
        match self.address {
            IpAddr::V4(address) => write!(f, "{address}:{host}")?,
            IpAddr::V6(address) => write!(f, "[{address}]:{host}")?,
        }
        write!(f, "→{}/{}", span(self.container), self.protocol)
    }
}

/// Published ports in the order of address, protocol and host port, consecutive ones as one.
pub fn ranges(ports: &[PublishedPort]) -> Vec<Range> {
    let mut sorted = ports.to_vec();
    sorted.sort_unstable();
    let mut ranges: Vec<Range> = Vec::new();
    for PublishedPort { host: HostPort { address, protocol, port }, container_port } in sorted {
        match ranges.last_mut() {
            Some(last)
                if (last.address, last.protocol) == (address, protocol)
                    && last.host.1.checked_add(1) == Some(port)
                    && last.container.1.checked_add(1) == Some(container_port) =>
            {
                (last.host.1, last.container.1) = (port, container_port);
            }
            _ => ranges.push(Range {
                address,
                protocol,
                host: (port, port),
                container: (container_port, container_port),
            }),
        }
    }
    ranges
}

/// The set, without its kind, and the key by which nft knows a port of the host: `4_at` and `127.0.0.1 . tcp . 8080`.
pub fn nft_key(host: &HostPort) -> (&'static str, String) {
    let HostPort { address, protocol, port } = host;
    match (address, address.is_unspecified()) {
        (IpAddr::V4(_), true) => ("4", format!("{protocol} . {port}")),
        (IpAddr::V6(_), true) => ("6", format!("{protocol} . {port}")),
        (IpAddr::V4(address), false) => ("4_at", format!("{address} . {protocol} . {port}")),
        (IpAddr::V6(address), false) => ("6_at", format!("{address} . {protocol} . {port}")),
    }
}

/// The way in to a container, in the few words that a node of the topology has room for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// On the host: `8080/tcp`, `127.0.0.1:8080/tcp`, `12 ports`.
    pub outside: String,
    /// In the container: `80/tcp`, `12 ports`.
    pub inside: String,
}

/// The way in through these ports; none when there are none. A port of all IPv4 and of all IPv6 addresses is one.
pub fn entry(ports: &[PublishedPort]) -> Option<Entry> {
    let mut doors: Vec<(Option<IpAddr>, u16, Protocol, u16)> = Vec::new();
    for PublishedPort { host: HostPort { address, protocol, port }, container_port } in ports {
        let address = Some(*address).filter(|address| !address.is_unspecified());
        let door = (address, *port, *protocol, *container_port);
        if !doors.contains(&door) {
            doors.push(door);
        }
    }
    let (address, port, protocol, container_port) = doors.first()?;
    if doors.len() > 1 {
        let words = format!("{} ports", doors.len());
        return Some(Entry { outside: words.clone(), inside: words });
    }
    let outside = match address {
        None => format!("{port}/{protocol}"),
        Some(IpAddr::V4(address)) => format!("{address}:{port}/{protocol}"),
        Some(IpAddr::V6(address)) => format!("[{address}]:{port}/{protocol}"),
    };
    Some(Entry { outside, inside: format!("{container_port}/{protocol}") })
}

/// What one row of the form and one `-p` ask for: one port, or a range of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Publish {
    /// The host's address; every address when absent.
    pub address: Option<IpAddr>,
    /// The host's ports; of the kernel's choice when absent.
    pub host: Option<Span>,
    /// The container's ports; as many as the host's, or one that takes any free port of the host's range.
    pub container: Span,
    /// Transport protocol.
    pub protocol: Protocol,
}

impl Publish {
    /// One request for each port of the container.
    pub fn requests(&self) -> Vec<PortRequest> {
        let (first, last) = self.container;
        (first..=last)
            .map(|container_port| {
                let (host_port, host_port_end) = match self.host {
                    None => (0, None),
                    Some((from, to)) if first == last => (from, Some(to).filter(|to| *to != from)),
                    Some((from, _)) => (from + (container_port - first), None),
                };
                PortRequest {
                    container_port,
                    protocol: self.protocol,
                    host_address: self.address,
                    host_port,
                    host_port_end,
                }
            })
            .collect()
    }
}

impl fmt::Display for Publish {
    /// What stands behind `-p` (docker-run(1)): `127.0.0.1:8080:80/udp`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.address {
            Some(IpAddr::V4(address)) => write!(f, "{address}:")?,
            Some(IpAddr::V6(address)) => write!(f, "[{address}]:")?,
            None => {}
        }
        match self.host {
            Some(host) => write!(f, "{}:", span(host))?,
            // The place stays: `127.0.0.1::80`.
            None if self.address.is_some() => f.write_str(":")?,
            None => {}
        }
        f.write_str(&span(self.container))?;
        // Docker's default is not written.
        if self.protocol == Protocol::Tcp { Ok(()) } else { write!(f, "/{}", self.protocol) }
    }
}

/// Requests as as few `-p` as say the same, in their order.
pub fn publishes(requests: &[PortRequest]) -> Vec<Publish> {
    let mut publishes: Vec<Publish> = Vec::new();
    for request in requests {
        let PortRequest { container_port, protocol, host_address, host_port, host_port_end } = *request;
        let host = (host_port != 0).then(|| (host_port, host_port_end.unwrap_or(host_port)));
        let is_any_of = host.is_some_and(|(from, to)| from != to);
        match publishes.last_mut() {
            Some(last)
                if !is_any_of
                    && (last.address, last.protocol) == (host_address, protocol)
                    && last.container.1.checked_add(1) == Some(container_port)
                    && follows(last, host) =>
            {
                last.container.1 = container_port;
                if let (Some(last), Some(host)) = (&mut last.host, host) {
                    last.1 = host.1;
                }
            }
            _ => publishes.push(Publish {
                address: host_address,
                host,
                container: (container_port, container_port),
                protocol,
            }),
        }
    }
    publishes
}

/// Whether a host port is the next one of a row, which must not be one that takes any port of a range.
fn follows(last: &Publish, host: Option<Span>) -> bool {
    match (last.host, host) {
        (None, None) => true,
        (Some((from, to)), Some((next, _))) => {
            to - from == last.container.1 - last.container.0 && to.checked_add(1) == Some(next)
        }
        (None, Some(_)) | (Some(_), None) => false,
    }
}

/// A row of the form, as it is typed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row {
    /// The host's address; every address when empty.
    pub address: String,
    /// The host's port or range; of the kernel's choice when empty.
    pub host: String,
    /// The container's port or range.
    pub container: String,
    /// Transport protocol.
    pub protocol: Protocol,
}

impl Default for Row {
    fn default() -> Self {
        Self { address: String::new(), host: String::new(), container: String::new(), protocol: Protocol::Tcp }
    }
}

impl From<Publish> for Row {
    fn from(publish: Publish) -> Self {
        Self {
            address: publish.address.map(|address| address.to_string()).unwrap_or_default(),
            host: publish.host.map(span).unwrap_or_default(),
            container: span(publish.container),
            protocol: publish.protocol,
        }
    }
}

/// A field of a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Field {
    /// The host's address.
    Address,
    /// The host's port.
    Host,
    /// The container's port.
    Container,
}

/// What is wrong with a row, in words for the person who typed it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// Where.
    pub field: Field,
    /// What, and what to write instead.
    pub text: String,
}

impl Row {
    /// Whether nothing was typed into it.
    pub fn is_blank(&self) -> bool {
        [&self.address, &self.host, &self.container].iter().all(|text| text.trim().is_empty())
    }

    /// Reads it.
    ///
    /// # Errors
    /// The first `Problem` from left to right.
    pub fn parse(&self) -> Result<Publish, Problem> {
        let problem = |field, text| Problem { field, text };
        let address = parse_address(&self.address).map_err(|text| problem(Field::Address, text))?;
        let host = parse_span(&self.host).map_err(|text| problem(Field::Host, text))?;
        let container = parse_span(&self.container).map_err(|text| problem(Field::Container, text))?;
        let Some(container) = container else {
            let text = texts::problem_missing();
            return Err(problem(Field::Container, text.to_owned()));
        };
        if let Some(host) = host
            && container.0 != container.1
            && size(host) != size(container)
        {
            let (host, container) = (size(host), size(container));
            return Err(problem(Field::Host, texts::problem_lengths(&host, &container)));
        }
        Ok(Publish { address, host, container, protocol: self.protocol })
    }
}

/// What all rows ask for; blank ones ask for nothing.
///
/// # Errors
/// The first `Problem`, with the row that it is in, counted from 0.
pub fn requests(rows: &[Row]) -> Result<Vec<PortRequest>, (usize, Problem)> {
    let mut requests = Vec::new();
    let mut taken = BTreeSet::new();
    for (index, row) in rows.iter().enumerate().filter(|(_, row)| !row.is_blank()) {
        for request in row.parse().map_err(|problem| (index, problem))?.requests() {
            let PortRequest { host_port, host_port_end, host_address, protocol, .. } = request;
            let is_fixed = host_port != 0 && host_port_end.is_none();
            let address = host_address.filter(|address| !address.is_unspecified());
            if is_fixed && !taken.insert((address, host_port, protocol)) {
                let text = texts::problem_twice(&format!("{host_port}/{protocol}"));
                return Err((index, Problem { field: Field::Host, text }));
            }
            requests.push(request);
        }
    }
    Ok(requests)
}

fn size((first, last): Span) -> u32 {
    u32::from(last - first) + 1
}

/// `80` or `80-82`.
fn span((first, last): Span) -> String {
    if first == last { first.to_string() } else { format!("{first}-{last}") }
}

fn parse_address(text: &str) -> Result<Option<IpAddr>, String> {
    let text = text.trim();
    if text.is_empty() {
        return Ok(None);
    }
    // Docker writes IPv6 in brackets.
    let bare = text.strip_prefix('[').and_then(|text| text.strip_suffix(']')).unwrap_or(text);
    bare.parse().map(Some).map_err(|_| texts::problem_address(&text))
}

fn parse_span(text: &str) -> Result<Option<Span>, String> {
    let text = text.trim();
    if text.is_empty() {
        return Ok(None);
    }
    let port = |part: &str| {
        let part = part.trim();
        let is_number = part.bytes().all(|byte| byte.is_ascii_digit());
        part.parse::<u16>().ok().filter(|port| *port != 0 && is_number).ok_or_else(|| texts::problem_port(&text))
    };
    let (first, last) = text.split_once(['-', '–']).unwrap_or((text, text));
    let (first, last) = (port(first)?, port(last)?);
    if first > last {
        return Err(texts::problem_backwards(&first, &last));
    }
    Ok(Some((first, last)))
}

#[cfg(test)]
#[path = "ports_tests.rs"]
mod tests;
