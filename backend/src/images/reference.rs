//! Names of images: `busybox`, `ghcr.io/owner/name:tag`, `name@sha256:…`, read as Docker reads them
//! (<https://pkg.go.dev/github.com/distribution/reference>). Pure.

use std::{fmt, str::FromStr};

/// The registry of a name that says none.
const DEFAULT_DOMAIN: &str = "docker.io";
/// Where that registry has the images of a name without a slash.
const DEFAULT_FOLDER: &str = "library/";
const DEFAULT_TAG: &str = "latest";

/// An image's name in full. `Display` is the form that people read: without what is the default.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Reference {
    /// The registry: `docker.io`, `localhost:5000`.
    pub domain: String,
    /// The repository there: `library/busybox`.
    pub path: String,
    /// The tag; `latest` when neither tag nor digest was given.
    pub tag: Option<String>,
    /// The digest: `sha256:` and 64 hex digits.
    pub digest: Option<String>,
}

/// A text that is no image's name. The messages are Docker's.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidReference {
    /// It does not have the form of one.
    #[error("invalid reference format")]
    Format,
    /// A repository has capital letters.
    #[error("invalid reference format: repository name ({0}) must be lowercase")]
    Uppercase(String),
    /// It would be read as an image's id.
    #[error("invalid repository name ({0}), cannot specify 64-byte hexadecimal strings")]
    Identity(String),
    /// It is too long.
    #[error("repository name must not be more than 255 characters")]
    Length,
}

impl Reference {
    /// The form that registries and logs have: `docker.io/library/busybox:latest`.
    pub fn canonical(&self) -> String {
        self.written(&format!("{}/{}", self.domain, self.path), self.tag.as_deref())
    }

    /// The repository as people read it: `busybox`.
    pub fn familiar_name(&self) -> String {
        if self.domain != DEFAULT_DOMAIN {
            return format!("{}/{}", self.domain, self.path);
        }
        let short = self.path.strip_prefix(DEFAULT_FOLDER).filter(|rest| !rest.contains('/'));
        short.unwrap_or(&self.path).to_owned()
    }

    fn written(&self, name: &str, tag: Option<&str>) -> String {
        let tag = tag.map(|tag| format!(":{tag}")).unwrap_or_default();
        let digest = self.digest.as_ref().map(|digest| format!("@{digest}")).unwrap_or_default();
        format!("{name}{tag}{digest}")
    }
}

impl fmt::Display for Reference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.written(&self.familiar_name(), self.tag.as_deref()))
    }
}

impl FromStr for Reference {
    type Err = InvalidReference;

    fn from_str(text: &str) -> Result<Reference, InvalidReference> {
        if text.len() == 64 && text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f')) {
            return Err(InvalidReference::Identity(text.to_owned()));
        }
        let (rest, digest) = match text.split_once('@') {
            Some((rest, digest)) => (rest, Some(digest)),
            None => (text, None),
        };
        let (domain, rest) = split_domain(rest);
        // A colon behind the domain begins the tag.
        let (path, tag) = match rest.split_once(':') {
            Some((path, tag)) => (path, Some(tag)),
            None => (rest, None),
        };
        let path = if domain == DEFAULT_DOMAIN && !path.contains('/') {
            format!("{DEFAULT_FOLDER}{path}")
        } else {
            path.to_owned()
        };
        if path.bytes().any(|byte| byte.is_ascii_uppercase()) {
            return Err(InvalidReference::Uppercase(path));
        }
        let is_valid = is_domain(domain)
            && path.split('/').all(is_component)
            && tag.is_none_or(is_tag)
            && digest.is_none_or(is_digest);
        if !is_valid {
            return Err(InvalidReference::Format);
        }
        if domain.len() + 1 + path.len() > 255 {
            return Err(InvalidReference::Length);
        }
        let default_tag = digest.is_none().then_some(DEFAULT_TAG);
        Ok(Reference {
            domain: domain.to_owned(),
            path,
            tag: tag.or(default_tag).map(str::to_owned),
            digest: digest.map(str::to_owned),
        })
    }
}

/// What stands before the first slash is a registry only if it looks like a host: `owner/name` is at the default one.
fn split_domain(text: &str) -> (&str, &str) {
    match text.split_once('/') {
        Some(("index.docker.io", rest)) => (DEFAULT_DOMAIN, rest),
        Some((domain, rest))
            if domain.contains(['.', ':'])
                || domain == "localhost"
                || domain.bytes().any(|byte| byte.is_ascii_uppercase()) =>
        {
            (domain, rest)
        }
        Some(_) | None => (DEFAULT_DOMAIN, text),
    }
}

/// A host name or IPv6 address in brackets, and a port.
fn is_domain(text: &str) -> bool {
    let (host, port) = match text.rsplit_once(':') {
        Some((host, port)) if !text.ends_with(']') => (host, Some(port)),
        Some(_) | None => (text, None),
    };
    let is_label = |label: &str| {
        !label.is_empty()
            && !label.starts_with('-')
            && !label.ends_with('-')
            && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
    };
    let is_address =
        |address: &str| !address.is_empty() && address.bytes().all(|byte| byte.is_ascii_hexdigit() || byte == b':');
    let is_host = match host.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
        Some(address) => is_address(address),
        None => host.split('.').all(is_label),
    };
    is_host && port.is_none_or(|port| !port.is_empty() && port.bytes().all(|byte| byte.is_ascii_digit()))
}

/// Words of small letters and digits, with one `.`, one or two `_`, or any number of `-` between them.
fn is_component(text: &str) -> bool {
    let is_word = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    let bytes = text.as_bytes();
    let ends_in_words = bytes.first().copied().is_some_and(is_word) && bytes.last().copied().is_some_and(is_word);
    ends_in_words
        && text
            .split(|c: char| c.is_ascii_lowercase() || c.is_ascii_digit())
            .all(|between| matches!(between, "" | "." | "_" | "__") || between.bytes().all(|byte| byte == b'-'))
}

fn is_tag(text: &str) -> bool {
    let is_word = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
    text.len() <= 128
        && text.bytes().next().is_some_and(is_word)
        && text.bytes().all(|byte| is_word(byte) || matches!(byte, b'.' | b'-'))
}

/// `algorithm:hex`; of the known algorithm the length is known too.
fn is_digest(text: &str) -> bool {
    let Some((algorithm, hex)) = text.split_once(':') else { return false };
    let is_part = |part: &str| {
        part.bytes().next().is_some_and(|byte| byte.is_ascii_alphabetic())
            && part.bytes().all(|byte| byte.is_ascii_alphanumeric())
    };
    algorithm.split(['-', '_', '+', '.']).all(is_part)
        && hex.bytes().all(|byte| byte.is_ascii_hexdigit())
        && if algorithm == "sha256" { hex.len() == 64 } else { hex.len() >= 32 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_completed_and_shortened() {
        let digest = format!("sha256:{}", "ab".repeat(32));
        let check = |text: &str, canonical: &str, familiar: &str| {
            let reference: Reference = text.parse().unwrap_or_else(|error| panic!("{text}: {error}"));
            assert_eq!(reference.canonical(), canonical, "{text}");
            assert_eq!(reference.to_string(), familiar, "{text}");
            assert_eq!(reference.to_string().parse(), Ok(reference), "{text}");
        };
        check("busybox", "docker.io/library/busybox:latest", "busybox:latest");
        check("busybox:1.36", "docker.io/library/busybox:1.36", "busybox:1.36");
        check("library/busybox", "docker.io/library/busybox:latest", "busybox:latest");
        check("docker.io/library/busybox:latest", "docker.io/library/busybox:latest", "busybox:latest");
        check("index.docker.io/busybox", "docker.io/library/busybox:latest", "busybox:latest");
        check("owner/name", "docker.io/owner/name:latest", "owner/name:latest");
        check("localhost/a/b", "localhost/a/b:latest", "localhost/a/b:latest");
        check("localhost:5000/a:T-1", "localhost:5000/a:T-1", "localhost:5000/a:T-1");
        check("[::1]:5000/a", "[::1]:5000/a:latest", "[::1]:5000/a:latest");
        check("Host/a", "Host/a:latest", "Host/a:latest");
        check("f/a--b__c.d_e", "docker.io/f/a--b__c.d_e:latest", "f/a--b__c.d_e:latest");
        check(
            &format!("busybox@{digest}"),
            &format!("docker.io/library/busybox@{digest}"),
            &format!("busybox@{digest}"),
        );
        check(&format!("a:b@{digest}"), &format!("docker.io/library/a:b@{digest}"), &format!("a:b@{digest}"));
    }

    #[test]
    fn what_is_no_name_is_refused_in_known_words() {
        for bad in [
            "",
            ":",
            ":tag",
            "a:",
            "a:-x",
            "a..b",
            "a___b",
            "-a",
            "a-",
            "a/",
            "/a",
            "a//b",
            "a b",
            "a@",
            "a@sha256:1",
            "é",
            "h:x/a",
            "a.b:/c",
            "a:b:c",
        ] {
            assert_eq!(bad.parse::<Reference>(), Err(InvalidReference::Format), "{bad:?}");
        }
        let error = |text: &str| text.parse::<Reference>().expect_err("invalid").to_string();
        assert_eq!(error("a b"), "invalid reference format");
        assert_eq!(error("Busybox"), "invalid reference format: repository name (library/Busybox) must be lowercase");
        assert_eq!(error("owner/Name"), "invalid reference format: repository name (owner/Name) must be lowercase");
        let id = "0123456789abcdef".repeat(4);
        assert_eq!(error(&id), format!("invalid repository name ({id}), cannot specify 64-byte hexadecimal strings"));
        assert_eq!(error(&format!("a/{}", "b".repeat(250))), "repository name must not be more than 255 characters");
    }
}
