//! Names with a rule: parsed once at the edge, valid ever after.

use serde::{Deserialize, Serialize};
use std::{fmt, net::Ipv4Addr, str::FromStr};

/// A name that breaks its rule. The message is meant for the person who typed it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("Invalid {kind} name ({value}), {rule}")]
pub struct InvalidName {
    /// What the name is for: `container`, `network`, `interface`, `namespace`.
    pub kind: &'static str,
    /// The text as it came.
    pub value: String,
    /// The rule that it breaks, as the end of a sentence.
    pub rule: &'static str,
}

macro_rules! name {
    ($(#[$doc:meta])* $name:ident, $kind:literal, $rule:literal, $valid:path) => {
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
        #[cfg_attr(feature = "openapi", schema(value_type = String))]
#[serde(try_from = "String", into = "String")]
        pub struct $name(String);

        impl $name {
            /// The name as text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl FromStr for $name {
            type Err = InvalidName;
            fn from_str(text: &str) -> Result<Self, InvalidName> {
                if $valid(text) {
                    Ok(Self(text.to_owned()))
                } else {
                    Err(InvalidName { kind: $kind, value: text.to_owned(), rule: $rule })
                }
            }
        }

        impl TryFrom<String> for $name {
            type Error = InvalidName;
            fn try_from(text: String) -> Result<Self, InvalidName> {
                text.parse()
            }
        }

        impl From<$name> for String {
            fn from(name: $name) -> String {
                name.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
    };
}

name! {
    /// A container's name: Docker's `[a-zA-Z0-9][a-zA-Z0-9_.-]+`, 2 to 255 characters, without the leading `/`.
    ContainerName, "container", "only [a-zA-Z0-9][a-zA-Z0-9_.-] are allowed", is_docker_name
}
name! {
    /// A network's name: Docker's `[a-zA-Z0-9][a-zA-Z0-9_.-]*`, 1 to 255 characters.
    NetworkName, "network", "only [a-zA-Z0-9][a-zA-Z0-9_.-] are allowed", is_network_name
}
name! {
    /// A network interface's name as the kernel takes it: 1 to 15 bytes, no `/`, `:` or white space, not `.` or `..`
    /// (`dev_valid_name` in net/core/dev.c). Kept to printable ASCII, so that every command can carry it unquoted.
    IfName, "interface", "an interface name has 1 to 15 of the characters [a-zA-Z0-9_.@-]", is_interface_name
}
name! {
    /// A named network namespace: a file name under `/run/netns` (ip-netns(8)).
    NsName, "namespace", "a namespace name has 1 to 64 of the characters [a-zA-Z0-9_.-]", is_namespace_name
}

fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'.' | b'-')
}

fn is_network_name(text: &str) -> bool {
    (1..=255).contains(&text.len()) && text.as_bytes()[0].is_ascii_alphanumeric() && text.bytes().all(is_word)
}

fn is_docker_name(text: &str) -> bool {
    text.len() >= 2 && is_network_name(text)
}

fn is_interface_name(text: &str) -> bool {
    (1..=15).contains(&text.len())
        && text != "."
        && text != ".."
        && !text.starts_with('-')
        && text.bytes().all(|byte| is_word(byte) || byte == b'@')
}

fn is_namespace_name(text: &str) -> bool {
    (1..=64).contains(&text.len()) && !text.starts_with(['.', '-']) && text.bytes().all(is_word)
}

/// A 48-bit Ethernet address, in JSON and on screen as `02:42:ac:11:00:02`.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[cfg_attr(feature = "openapi", schema(value_type = String))]
#[serde(try_from = "String", into = "String")]
pub struct MacAddress(pub [u8; 6]);

impl MacAddress {
    /// The locally administered address that carries an IPv4 address in its last four bytes. An address that comes
    /// back with a restarted container brings its MAC with it, so neighbours' ARP caches stay right; and a class can
    /// read one from the other, as in the chapter.
    pub fn from_ipv4(address: Ipv4Addr) -> Self {
        let [a, b, c, d] = address.octets();
        Self([0x02, 0x42, a, b, c, d])
    }
}

impl fmt::Display for MacAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [a, b, c, d, e, g] = self.0;
        write!(f, "{a:02x}:{b:02x}:{c:02x}:{d:02x}:{e:02x}:{g:02x}")
    }
}

impl fmt::Debug for MacAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "MacAddress({self})")
    }
}

impl FromStr for MacAddress {
    type Err = InvalidName;
    fn from_str(text: &str) -> Result<Self, InvalidName> {
        let invalid =
            || InvalidName { kind: "MAC", value: text.to_owned(), rule: "write six pairs of hex digits with colons" };
        let parts: Vec<&str> = text.split(':').collect();
        let [a, b, c, d, e, f] = parts.as_slice() else { return Err(invalid()) };
        let mut bytes = [0; 6];
        for (byte, part) in bytes.iter_mut().zip([a, b, c, d, e, f]) {
            if part.len() != 2 {
                return Err(invalid());
            }
            *byte = u8::from_str_radix(part, 16).map_err(|_| invalid())?;
        }
        Ok(Self(bytes))
    }
}

impl TryFrom<String> for MacAddress {
    type Error = InvalidName;
    fn try_from(text: String) -> Result<Self, InvalidName> {
        text.parse()
    }
}

impl From<MacAddress> for String {
    fn from(mac: MacAddress) -> String {
        mac.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check<T: FromStr>(good: &[&str], bad: &[&str]) {
        for text in good {
            assert!(text.parse::<T>().is_ok(), "{text:?} was refused");
        }
        for text in bad {
            assert!(text.parse::<T>().is_err(), "{text:?} was taken");
        }
    }

    #[test]
    fn container_names_follow_docker() {
        check::<ContainerName>(
            &["box1", "a_b", "A.b-c", "0x"],
            &["", "a", "-x", "/web", "a b", "ü1", &"a".repeat(256)],
        );
    }

    #[test]
    fn network_names_follow_docker() {
        check::<NetworkName>(&["n", "demo-network", "a_1.b"], &["", "_n", "a/b", "a b", "a\n"]);
    }

    #[test]
    fn interface_names_follow_the_kernel() {
        check::<IfName>(
            &["docker0", "br-0123456789ab", "eth0"],
            &["", ".", "..", "a/b", "sixteen-letters-", "a b", "-x"],
        );
    }

    #[test]
    fn mac_addresses_round_trip() {
        let mac = MacAddress::from_ipv4(Ipv4Addr::new(172, 17, 0, 2));
        assert_eq!(mac.to_string(), "02:42:ac:11:00:02");
        assert_eq!(mac.to_string().parse(), Ok(mac));
        check::<MacAddress>(&["00:00:00:00:00:00"], &["", "02:42", "02:42:ac:11:00:0g", "2:42:ac:11:00:02:"]);
    }
}
