//! How Docker clients say what a container is called and how it finds names.

use super::extract::null_as_default;
use crate::{
    model::{ExtraHost, NamingSpec, NewLink},
    ops::OpError,
};
use drawbridge_api::NetworkMode;
use serde::Deserialize;

/// Docker's word for the host's address as a container reaches it.
const HOST_GATEWAY: &str = "host-gateway";

/// The part of `HostConfig` that is about names.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Naming {
    #[serde(default, deserialize_with = "null_as_default")]
    dns: Vec<String>,
    #[serde(default, deserialize_with = "null_as_default")]
    dns_search: Vec<String>,
    #[serde(default, deserialize_with = "null_as_default")]
    dns_options: Vec<String>,
    #[serde(default, deserialize_with = "null_as_default")]
    extra_hosts: Vec<String>,
}

/// What was asked for, in domain words.
pub(super) fn spec(domainname: &str, asked: &Naming) -> Result<NamingSpec, OpError> {
    let server = |text: &String| {
        text.parse().map_err(|_| OpError::Invalid(format!("invalid DNS server {text}: write an IP address")))
    };
    let words = |texts: &[String], what: &str| match texts.iter().find(|text| !is_word(text)) {
        None => Ok(texts.to_vec()),
        Some(text) => Err(OpError::Invalid(format!("invalid {what} {text:?}: write one word"))),
    };
    if !domainname.is_empty() && !is_word(domainname) {
        return Err(OpError::Invalid(format!("invalid domainname {domainname:?}: write one word")));
    }
    Ok(NamingSpec {
        domainname: domainname.to_owned(),
        dns_servers: asked.dns.iter().map(server).collect::<Result<_, _>>()?,
        dns_search: words(&asked.dns_search, "DNS search domain")?,
        dns_options: words(&asked.dns_options, "DNS option")?,
        extra_hosts: asked.extra_hosts.iter().map(|text| extra_host(text)).collect::<Result<_, _>>()?,
    })
}

/// The links of a container on the default network; on others they are part of the endpoint.
///
/// # Errors
/// `Invalid` for what is no link, and where there is no network of the container's own.
pub(super) fn links(asked: &[String], mode: &NetworkMode) -> Result<Vec<NewLink>, OpError> {
    let kind = match mode {
        _ if asked.is_empty() => return Ok(Vec::new()),
        NetworkMode::Network(name) if name.as_str() == "bridge" => {
            return asked.iter().map(|text| link(text)).collect();
        }
        NetworkMode::Network(_) => return Ok(Vec::new()),
        NetworkMode::Host => "host type networking",
        NetworkMode::Container(_) => "container type network",
        NetworkMode::None => "network none",
    };
    Err(OpError::Invalid(format!(
        "conflicting options: {kind} can't be used with links. This would result in undefined behavior"
    )))
}

/// `CONTAINER:ALIAS`, `CONTAINER`, or as inspect shows it, `/CONTAINER:/HOLDER/ALIAS`.
fn link(text: &str) -> Result<NewLink, OpError> {
    let (target, alias) = text.split_once(':').unwrap_or((text, text));
    let (target, alias) = match target.strip_prefix('/') {
        Some(target) => (target, alias.rsplit('/').next().unwrap_or(alias)),
        None => (target, alias),
    };
    // It stands in a line of a file and at the head of variables.
    let is_name = |character: char| character.is_ascii_alphanumeric() || "_.-".contains(character);
    if target.is_empty() || alias.is_empty() || !alias.chars().all(is_name) {
        return Err(OpError::Invalid(format!("bad format for links: {text}; write CONTAINER:ALIAS")));
    }
    Ok(NewLink { target: target.to_owned(), alias: alias.to_owned() })
}

/// What would not end up as more lines, or more words, than it is.
fn is_word(text: &str) -> bool {
    !text.is_empty() && !text.chars().any(|character| character.is_whitespace() || character.is_control())
}

/// `NAME:ADDRESS`; an IPv6 address has colons of its own and may stand in brackets.
fn extra_host(text: &str) -> Result<ExtraHost, OpError> {
    let bad = || OpError::Invalid(format!("bad format for add-host: {text:?}: write NAME:ADDRESS"));
    let (name, address) = text.split_once([':', '=']).ok_or_else(bad)?;
    if !is_word(name) {
        return Err(bad());
    }
    let name = name.to_owned();
    if address == HOST_GATEWAY {
        return Ok(ExtraHost { name, address: None });
    }
    let inner = address.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(address);
    let invalid =
        || OpError::Invalid(format!("invalid IP address in add-host: {address:?}: write an address or {HOST_GATEWAY}"));
    Ok(ExtraHost { name, address: Some(inner.parse().map_err(|_| invalid())?) })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(text: &str) -> Result<NamingSpec, String> {
        let naming: Naming = serde_json::from_str(text).unwrap();
        spec("lab.example", &naming).map_err(|error| error.to_string())
    }

    #[test]
    fn what_the_command_sends_is_read() {
        let spec = asked(
            r#"{"Dns":["10.0.0.1","::1"],"DnsSearch":["a.example","."],"DnsOptions":["ndots:2"],
                "ExtraHosts":["one:10.0.0.2","six:::1","seven:[fd00::7]","gate:host-gateway"]}"#,
        )
        .unwrap();
        assert_eq!(spec.dns_servers, ["10.0.0.1", "::1"].map(|text| text.parse::<std::net::IpAddr>().unwrap()));
        assert_eq!(spec.dns_search, ["a.example", "."]);
        assert_eq!(spec.dns_options, ["ndots:2"]);
        let hosts = [("one", Some("10.0.0.2")), ("six", Some("::1")), ("seven", Some("fd00::7")), ("gate", None)];
        let hosts = hosts.map(|(name, address)| ExtraHost {
            name: name.to_owned(),
            address: address.map(|text| text.parse().unwrap()),
        });
        assert_eq!(spec.extra_hosts, hosts);
        let none = asked(r#"{"Dns":null,"ExtraHosts":null}"#).unwrap();
        assert_eq!(none, NamingSpec { domainname: "lab.example".to_owned(), ..NamingSpec::default() });
    }

    #[test]
    fn nothing_gets_a_line_of_its_own_into_the_files() {
        for (bad, word) in [
            (r#"{"Dns":["host"]}"#, "invalid DNS server"),
            (r#"{"DnsSearch":["a\nnameserver 1.2.3.4"]}"#, "search domain"),
            (r#"{"DnsOptions":["a b"]}"#, "option"),
            (r#"{"ExtraHosts":["name"]}"#, "bad format for add-host"),
            (r#"{"ExtraHosts":[":10.0.0.1"]}"#, "bad format for add-host"),
            (r#"{"ExtraHosts":["a\nb:10.0.0.1"]}"#, "bad format for add-host"),
            (r#"{"ExtraHosts":["name:nowhere"]}"#, "invalid IP address in add-host"),
        ] {
            let message = asked(bad).unwrap_err();
            assert!(message.contains(word), "{bad}: {message}");
        }
    }

    #[test]
    fn links_are_read_as_they_are_written_and_shown() {
        let bridge = NetworkMode::Network("bridge".parse().unwrap());
        let read = |text: &str| {
            let links = links(&[text.to_owned()], &bridge).map_err(|error| error.to_string())?;
            Ok::<_, String>(links.into_iter().map(|link| format!("{} {}", link.target, link.alias)).collect::<String>())
        };
        for (text, expected) in [("redis:db", "redis db"), ("redis", "redis redis"), ("/redis:/web/db", "redis db")] {
            assert_eq!(read(text).unwrap(), expected);
        }
        for bad in ["", ":db", "redis:", "redis:a b", "redis:a:b"] {
            assert!(read(bad).unwrap_err().starts_with("bad format for links"), "{bad}");
        }
        let asked = ["redis:db".to_owned()];
        assert_eq!(links(&asked, &NetworkMode::Network("demo".parse().unwrap())).unwrap(), []);
        assert!(links(&asked, &NetworkMode::Host).unwrap_err().to_string().starts_with("conflicting options: host"));
    }
}
