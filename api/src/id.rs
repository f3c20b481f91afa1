//! Identifiers: 64 lower-case hex digits, as Docker's. Each kind is its own type, so that a container's id can't be
//! passed where a network's is meant.

use serde::{Deserialize, Serialize};
use std::{fmt, str::FromStr};

/// A text that is not an id.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("invalid id {value:?}: an id is 64 lower-case hexadecimal digits")]
pub struct InvalidId {
    /// The text as it came.
    pub value: String,
}

fn is_id(text: &str) -> bool {
    text.len() == 64 && text.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'))
}

macro_rules! id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
        #[cfg_attr(feature = "openapi", schema(value_type = String))]
#[serde(try_from = "String", into = "String")]
        pub struct $name(String);

        impl $name {
            /// Makes an id of 32 random bytes.
            pub fn from_bytes(bytes: [u8; 32]) -> Self {
                Self(bytes.iter().map(|byte| format!("{byte:02x}")).collect())
            }

            /// All 64 digits.
            pub fn as_str(&self) -> &str {
                &self.0
            }

            /// The first 12 digits, the form that people read and type.
            pub fn short(&self) -> &str {
                &self.0[..12]
            }
        }

        impl FromStr for $name {
            type Err = InvalidId;
            fn from_str(text: &str) -> Result<Self, InvalidId> {
                if is_id(text) { Ok(Self(text.to_owned())) } else { Err(InvalidId { value: text.to_owned() }) }
            }
        }

        impl TryFrom<String> for $name {
            type Error = InvalidId;
            fn try_from(text: String) -> Result<Self, InvalidId> {
                if is_id(&text) { Ok(Self(text)) } else { Err(InvalidId { value: text }) }
            }
        }

        impl From<$name> for String {
            fn from(id: $name) -> String {
                id.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{}({})", stringify!($name), self.short())
            }
        }
    };
}

id! {
    /// A network, for all its life.
    NetworkId
}
id! {
    /// A container, for all its life.
    ContainerId
}
id! {
    /// One attachment of a container to a network, from start to stop. Each start makes a new one, as in Docker.
    EndpointId
}
id! {
    /// An image: the SHA-256 of its configuration (OCI image spec, "ImageID"), without the `sha256:` that APIs print.
    ImageId
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_is_64_lower_case_hex_digits() {
        let id = NetworkId::from_bytes([0xab; 32]);
        assert_eq!(id.short(), "abababababab");
        assert_eq!(id.as_str().parse::<NetworkId>(), Ok(id));
        for bad in ["", "abab", &"AB".repeat(32), &"zz".repeat(32)] {
            assert!(bad.parse::<NetworkId>().is_err(), "{bad:?} was taken");
        }
    }
}
