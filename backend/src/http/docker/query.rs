//! Queries of requests about images: several values of one key, and an image's name in two halves.

use super::error::DockerError;
use crate::{
    images::{InvalidReference, Reference},
    ops::OpError,
};
use axum::extract::{FromRequestParts, Query, Request};

/// The query of a request whose path says what it is.
pub(super) async fn query_of<T: serde::de::DeserializeOwned + 'static>(request: Request) -> Result<T, DockerError> {
    let (mut parts, _) = request.into_parts();
    let query = Query::<T>::from_request_parts(&mut parts, &()).await;
    query.map(|Query(query)| query).map_err(|error| DockerError::BadRequest(error.to_string()))
}

/// Every value of one key of a query, which may stand in it more than once.
pub(super) fn values(query: &str, key: &str) -> Vec<String> {
    let pairs: Vec<(String, String)> =
        Query::<Vec<(String, String)>>::try_from_uri(&format!("/?{query}").parse().unwrap_or_default())
            .map(|Query(pairs)| pairs)
            .unwrap_or_default();
    pairs.into_iter().filter(|(name, _)| name == key).map(|(_, value)| value).collect()
}

/// A name of a repository and a tag, or a repository with its tag behind a colon.
pub(super) fn named_by(repository: &str, tag: Option<&str>) -> Result<Reference, OpError> {
    let text = match tag.filter(|tag| !tag.is_empty()) {
        Some(tag) if tag.contains(':') => format!("{repository}@{tag}"),
        Some(tag) => {
            let bare: Reference = repository.parse().map_err(|error| OpError::Invalid(format!("{error}")))?;
            format!("{}:{tag}", bare.familiar_name())
        }
        None => repository.to_owned(),
    };
    text.parse().map_err(|error: InvalidReference| OpError::Invalid(error.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_put_together() {
        let check = |repository, tag, expected: &str| {
            assert_eq!(named_by(repository, tag).unwrap().to_string(), expected, "{repository} {tag:?}");
        };
        check("docker.io/library/redis", Some("7"), "redis:7");
        check("localhost:5000/a/b", None, "localhost:5000/a/b:latest");
        check("a:1", None, "a:1");
        let digest = format!("sha256:{}", "0".repeat(64));
        check("redis", Some(&digest), &format!("redis@{digest}"));
        assert!(named_by("", None).is_err() && named_by("A", Some("x")).is_err());
    }
}
