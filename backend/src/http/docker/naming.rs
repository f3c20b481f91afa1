//! How Docker clients say what a container is called and how it finds names.

use super::extract::null_as_default;
use crate::{
    model::{ExtraHost, NamingSpec},
    ops::OpError,
};
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
}
