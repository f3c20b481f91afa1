//! Registries: where an image's name leads, how they are spoken to, and what they say when they say no.

pub use super::registry_error::RegistryError;
pub(super) use super::registry_error::causes;
use super::{ImagesError, reference::Reference, registry_error::explain, web};
use oci_client::{
    Client, Reference as Place, RegistryOperation,
    client::{Certificate, CertificateEncoding, ClientConfig, ClientProtocol},
    errors::OciDistributionError,
    secrets::RegistryAuth,
};
use std::{fs, net::IpAddr};

/// Where certificates of private registries are looked for, by `HOST:PORT/*.crt`: where dockerd has them.
const CERTIFICATES: &str = "/etc/docker/certs.d";

/// Which registries are asked, and how.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RegistryOptions {
    /// Asked before docker.io: `http://10.0.0.5:5000`.
    pub mirrors: Vec<Mirror>,
    /// Spoken to without a certificate that is known, or without TLS; 127.0.0.0/8 and ::1 always are.
    pub insecure: Vec<Insecure>,
}

/// A registry that is asked before docker.io.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mirror {
    scheme: Scheme,
    host: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Scheme {
    Http,
    Https,
}

impl std::str::FromStr for Mirror {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (scheme, host) = match text.split_once("://") {
            Some(("http", host)) => (Scheme::Http, host),
            Some(("https", host)) => (Scheme::Https, host),
            Some(_) | None => {
                return Err(format!("{text} is no URL of a registry; write http:// or https:// before it"));
            }
        };
        let host = host.trim_end_matches('/');
        if host.is_empty() || host.contains(['/', '?', '#', '@']) {
            return Err(format!("{text} is no URL of a registry: nothing may follow the host and its port"));
        }
        Ok(Self { scheme, host: host.to_owned() })
    }
}

impl std::fmt::Display for Mirror {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let scheme = match self.scheme {
            Scheme::Http => "http",
            Scheme::Https => "https",
        };
        write!(f, "{scheme}://{}/", self.host)
    }
}

/// Registries that are spoken to without TLS, or without knowing their certificate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Insecure {
    /// One, by host or host and port.
    Host(String),
    /// Those with an address in a range.
    Range(ipnet::IpNet),
}

impl std::str::FromStr for Insecure {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if let Ok(range) = text.parse() {
            return Ok(Insecure::Range(range));
        }
        if text.is_empty() || text.contains('/') {
            return Err(format!("{text} is neither a registry's host and port nor a range of addresses"));
        }
        Ok(Insecure::Host(text.to_owned()))
    }
}

/// Who asks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Credentials {
    /// Nobody in particular.
    None,
    /// A name and a password.
    Password {
        /// The name.
        user: String,
        /// The password.
        password: String,
    },
    /// A token for the registry itself.
    Token(String),
}

impl From<&Credentials> for RegistryAuth {
    fn from(credentials: &Credentials) -> Self {
        match credentials {
            Credentials::None => RegistryAuth::Anonymous,
            Credentials::Password { user, password } => RegistryAuth::Basic(user.clone(), password.clone()),
            Credentials::Token(token) => RegistryAuth::Bearer(token.clone()),
        }
    }
}

/// A registry and the client that speaks to it for one operation: names and passwords are of that operation only.
pub(super) struct Endpoint {
    /// For what is pushed.
    pub(super) client: Client,
    /// For what is asked (`asking`).
    pub(super) web: reqwest::Client,
    /// `https` or `http`.
    pub(super) scheme: &'static str,
    /// `127.0.0.1:5000`
    pub(super) registry: String,
    pub(super) auth: RegistryAuth,
}

impl Endpoint {
    /// Where in this registry a name leads; by digest when one is given.
    pub(super) fn place(&self, name: &Reference, digest: Option<&str>) -> Place {
        let (registry, path) = (self.registry.clone(), name.path.clone());
        match (digest.or(name.digest.as_deref()), &name.tag) {
            (Some(digest), _) => Place::with_digest(registry, path, digest.to_owned()),
            (None, tag) => Place::with_tag(registry, path, tag.clone().unwrap_or_else(|| "latest".into())),
        }
    }

    /// What an error of the client is.
    pub(super) fn error(&self, name: &Reference, error: OciDistributionError) -> RegistryError {
        explain(&self.registry, name, error)
    }
}

/// A registry that may have an image.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Candidate {
    Mirror(Mirror),
    /// The one that the name says.
    Own,
}

/// The registries to ask for a name, in this order.
pub(super) fn candidates(options: &RegistryOptions, name: &Reference) -> Vec<Candidate> {
    let mirrors = options.mirrors.iter().filter(|_| name.domain == "docker.io").cloned().map(Candidate::Mirror);
    mirrors.chain([Candidate::Own]).collect()
}

/// Reaches a registry and is let in by it, for reading.
pub(super) async fn reach(
    options: &RegistryOptions,
    candidate: &Candidate,
    name: &Reference,
    credentials: &Credentials,
) -> Result<Endpoint, ImagesError> {
    let Candidate::Mirror(mirror) = candidate else {
        return own(options, name, credentials, RegistryOperation::Pull).await;
    };
    let plain = mirror.scheme == Scheme::Http;
    let trust = if plain || is_insecure(options, &mirror.host).await { Trust::Anyone } else { Trust::Known };
    // A password is for the registry that it was given for.
    let mut endpoint = endpoint(mirror.scheme, trust, &mirror.host, RegistryAuth::Anonymous)?;
    endpoint.enter(name, RegistryOperation::Pull).await.map_err(ImagesError::Registry)?;
    Ok(endpoint)
}

/// The registry that a name says.
pub(super) async fn own(
    options: &RegistryOptions,
    name: &Reference,
    credentials: &Credentials,
    operation: RegistryOperation,
) -> Result<Endpoint, ImagesError> {
    let host = name.domain.clone();
    let insecure = is_insecure(options, &host).await;
    let trust = if insecure { Trust::Anyone } else { Trust::Known };
    let mut by_tls = endpoint(Scheme::Https, trust, &host, credentials.into())?;
    let error = match by_tls.enter(name, operation).await {
        Ok(()) => return Ok(by_tls),
        Err(error) => error,
    };
    if !insecure || !matches!(error, RegistryError::Unreachable { .. }) {
        return Err(ImagesError::Registry(error));
    }
    let mut plain = endpoint(Scheme::Http, trust, &host, credentials.into())?;
    plain.enter(name, operation).await.map_err(ImagesError::Registry)?;
    Ok(plain)
}

/// Whose certificates are taken.
#[derive(Clone, Copy)]
enum Trust {
    /// Those that the machine's authorities or its folder of certificates vouch for.
    Known,
    Anyone,
}

fn endpoint(scheme: Scheme, trust: Trust, host: &str, auth: RegistryAuth) -> Result<Endpoint, ImagesError> {
    let certificates = match trust {
        Trust::Known => certificates(host),
        Trust::Anyone => Vec::new(),
    };
    let anyone = matches!(trust, Trust::Anyone);
    let unreachable = |error: &dyn std::error::Error| {
        let why = format!("no connection by TLS can be made: {}; install the package ca-certificates", causes(error));
        ImagesError::Registry(RegistryError::Unreachable { registry: host.to_owned(), why })
    };
    let known = certificates.iter().map(|pem| reqwest::Certificate::from_pem(pem));
    let known = known.collect::<Result<Vec<_>, _>>().map_err(|error| unreachable(&error))?;
    let web = web::client().tls_danger_accept_invalid_certs(anyone).tls_certs_merge(known);
    let config = ClientConfig {
        protocol: match scheme {
            Scheme::Http => ClientProtocol::Http,
            Scheme::Https => ClientProtocol::Https,
        },
        accept_invalid_certificates: anyone,
        use_monolithic_push: true,
        extra_root_certificates: certificates
            .into_iter()
            .map(|data| Certificate { encoding: CertificateEncoding::Pem, data })
            .collect(),
        platform_resolver: None,
        read_timeout: Some(web::PATIENCE),
        connect_timeout: Some(web::PATIENCE),
        user_agent: web::USER_AGENT,
        ..ClientConfig::default()
    };
    Ok(Endpoint {
        web: web.build().map_err(|error| unreachable(&error))?,
        client: Client::try_from(config).map_err(|error| unreachable(&error))?,
        scheme: match scheme {
            Scheme::Http => "http",
            Scheme::Https => "https",
        },
        registry: host.to_owned(),
        auth,
    })
}

/// The certificates of authorities that a registry's own may be signed by, in PEM.
fn certificates(host: &str) -> Vec<Vec<u8>> {
    let folder = std::path::Path::new(CERTIFICATES).join(host);
    let files = fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.path());
    let files = files.filter(|path| path.extension().is_some_and(|extension| extension == "crt"));
    files.filter_map(|path| fs::read(path).ok()).collect()
}

/// Whether a registry may be spoken to without TLS: it is on this machine, or it was said so.
async fn is_insecure(options: &RegistryOptions, host: &str) -> bool {
    let name = match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => name,
        Some(_) | None => host,
    };
    let listed = |insecure: &Insecure| matches!(insecure, Insecure::Host(known) if known == host || known == name);
    if host == "docker.io" {
        return false;
    }
    if name == "localhost" || options.insecure.iter().any(listed) {
        return true;
    }
    let bare = name.trim_start_matches('[').trim_end_matches(']');
    let within = |address: IpAddr| {
        let in_range = |insecure: &Insecure| matches!(insecure, Insecure::Range(range) if range.contains(&address));
        address.is_loopback() || options.insecure.iter().any(in_range)
    };
    if let Ok(address) = bare.parse() {
        return within(address);
    }
    if options.insecure.iter().all(|insecure| matches!(insecure, Insecure::Host(_))) {
        return false;
    }
    let found = tokio::net::lookup_host((bare, 443)).await;
    found.is_ok_and(|mut addresses| addresses.any(|address| within(address.ip())))
}

/// Whether a name and a password are good at a registry.
///
/// # Errors
/// `Unauthorized` when they are not; `Unreachable`.
pub(super) async fn check(
    options: &RegistryOptions,
    name: &Reference,
    credentials: &Credentials,
) -> Result<(), ImagesError> {
    let endpoint = own(options, name, credentials, RegistryOperation::Pull).await?;
    // A registry that gives tokens has looked at the password. One without is asked for something; that it is not there
    // does not matter.
    match endpoint.tags(name, Some(1)).await {
        Err(error @ (RegistryError::Unauthorized { .. } | RegistryError::Unreachable { .. })) => {
            Err(ImagesError::Registry(error))
        }
        Err(_) | Ok(_) => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mirrors_are_urls_without_a_path() {
        let mirror: Mirror = "http://10.0.0.5:5000/".parse().unwrap();
        assert_eq!((mirror.host.as_str(), mirror.to_string().as_str()), ("10.0.0.5:5000", "http://10.0.0.5:5000/"));
        for text in ["10.0.0.5:5000", "ftp://x", "https://", "https://x/path", "https://u:p@x"] {
            assert!(text.parse::<Mirror>().is_err(), "{text}");
        }
    }

    #[tokio::test]
    async fn this_machine_is_spoken_to_without_tls_and_others_only_when_said() {
        let options = RegistryOptions {
            mirrors: Vec::new(),
            insecure: ["lab:5000", "10.0.0.0/8"].map(|text| text.parse().unwrap()).to_vec(),
        };
        for (host, expected) in [
            ("localhost:5000", true),
            ("127.0.0.9", true),
            ("[::1]:5000", true),
            ("lab:5000", true),
            ("lab:5001", false),
            ("10.1.2.3:80", true),
            ("192.0.2.1", false),
        ] {
            // Without ranges, so that no name is looked up.
            let listed = RegistryOptions { insecure: options.insecure[..1].to_vec(), ..options.clone() };
            let options = if host.starts_with("10.") { &options } else { &listed };
            assert_eq!(is_insecure(options, host).await, expected, "{host}");
        }
    }
}
