//! What a registry says when it says no, in words that name it and the remedy.

use super::reference::Reference;
use oci_client::errors::{OciDistributionError, OciErrorCode};

/// What a registry said no with, or why it said nothing.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RegistryError {
    /// It has no such image.
    #[error("manifest for {name} not found: {said}")]
    NotFound {
        /// As it was asked for.
        name: String,
        /// Its own words.
        said: String,
    },
    /// It does not give it to this user.
    #[error("pull access denied for {repository}, repository does not exist or may require 'docker login': {said}")]
    Denied {
        /// The repository.
        repository: String,
        /// Its own words.
        said: String,
    },
    /// It wants to know who asks, or does not believe it.
    #[error("unauthorized: {registry} wants another name or password; log in with `docker login {registry}`: {said}")]
    Unauthorized {
        /// The registry.
        registry: String,
        /// Its own words.
        said: String,
    },
    /// It was asked too often.
    #[error("toomanyrequests: {registry} was asked too often; try again later or log in: {said}")]
    TooManyRequests {
        /// The registry.
        registry: String,
        /// Its own words.
        said: String,
    },
    /// It failed.
    #[error("received unexpected HTTP status: {code} from {registry}: {said}")]
    Status {
        /// The registry.
        registry: String,
        /// The status code.
        code: u16,
        /// Its own words.
        said: String,
    },
    /// It can't be reached.
    #[error("cannot reach the registry {registry}: {why}; see that it runs and that its name and port are right")]
    Unreachable {
        /// The registry.
        registry: String,
        /// The last cause.
        why: String,
    },
    /// The connection was cut, again and again.
    #[error("the connection to {registry} was cut while {what} came, {tries} times: {why}")]
    CutOff {
        /// The registry.
        registry: String,
        /// What came.
        what: String,
        /// How often it was tried.
        tries: usize,
        /// The last cause.
        why: String,
    },
    /// What came is not what was asked for.
    #[error(
        "{registry} sent something else than {expected}: its digest is {found}; the registry or the way to it is damaged"
    )]
    WrongDigest {
        /// The registry.
        registry: String,
        /// What was asked for.
        expected: String,
        /// What came.
        found: String,
    },
    /// It answered what makes no sense.
    #[error("{registry} answered what is no image: {why}")]
    Nonsense {
        /// The registry.
        registry: String,
        /// Why not.
        why: String,
    },
    /// It has the image for other machines only.
    #[error("no matching manifest for linux/{architecture} in the manifest list entries: {name} is there for {there}")]
    NoPlatform {
        /// As it was asked for.
        name: String,
        /// This machine's.
        architecture: &'static str,
        /// What it is there for.
        there: String,
    },
}

/// What an error of the client means.
pub(super) fn explain(registry: &str, name: &Reference, error: OciDistributionError) -> RegistryError {
    let registry = registry.to_owned();
    match error {
        OciDistributionError::RegistryError { envelope, .. } => {
            let Some(first) = envelope.errors.first() else {
                return RegistryError::Status { registry, code: 400, said: "it gave no reason".into() };
            };
            let said = format!("{}: {}", words(&first.code), first.message);
            match &first.code {
                OciErrorCode::ManifestUnknown
                | OciErrorCode::NotFound
                | OciErrorCode::BlobUnknown
                | OciErrorCode::NameUnknown => RegistryError::NotFound { name: name.to_string(), said },
                OciErrorCode::Denied => RegistryError::Denied { repository: name.familiar_name(), said },
                OciErrorCode::Unauthorized => RegistryError::Unauthorized { registry, said },
                OciErrorCode::Toomanyrequests => {
                    RegistryError::TooManyRequests { registry, said: first.message.clone() }
                }
                _ => RegistryError::Status { registry, code: 400, said },
            }
        }
        OciDistributionError::UnauthorizedError { .. } => {
            RegistryError::Unauthorized { registry, said: "authentication required".into() }
        }
        OciDistributionError::ServerError { code, message, .. } => {
            by_status(registry, name, code, first_line(&message))
        }
        OciDistributionError::DigestError(error) => {
            RegistryError::WrongDigest { registry, expected: name.to_string(), found: error.to_string() }
        }
        OciDistributionError::RequestError(error) if error.is_decode() || error.is_body() => {
            let why = causes(&error);
            RegistryError::CutOff { registry, what: name.to_string(), tries: 1, why }
        }
        OciDistributionError::RequestError(error) if error.status().is_some() => {
            let code = error.status().map_or(0, |status| status.as_u16());
            by_status(registry, name, code, "it gave no reason".into())
        }
        OciDistributionError::RequestError(error) => RegistryError::Unreachable { registry, why: causes(&error) },
        error => RegistryError::Nonsense { registry, why: error.to_string() },
    }
}

fn by_status(registry: String, name: &Reference, code: u16, said: String) -> RegistryError {
    match code {
        404 => RegistryError::NotFound { name: name.to_string(), said: not_empty(said, "not found") },
        401 => RegistryError::Unauthorized { registry, said: not_empty(said, "authentication required") },
        403 => RegistryError::Denied { repository: name.familiar_name(), said },
        429 => RegistryError::TooManyRequests { registry, said },
        code => RegistryError::Status { registry, code, said },
    }
}

fn words(code: &OciErrorCode) -> String {
    let text = serde_json::to_value(code).ok().and_then(|value| value.as_str().map(str::to_owned));
    text.unwrap_or_default().to_lowercase().replace('_', " ")
}

/// The last cause of an error, which says most: `connection refused`.
pub(super) fn causes(error: &dyn std::error::Error) -> String {
    let mut last = error;
    while let Some(cause) = last.source() {
        last = cause;
    }
    last.to_string()
}

pub(super) fn first_line(text: &str) -> String {
    text.lines().next().unwrap_or_default().trim().chars().take(300).collect()
}

fn not_empty(text: String, otherwise: &str) -> String {
    if text.is_empty() { otherwise.to_owned() } else { text }
}
