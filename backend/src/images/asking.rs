//! What a registry is asked when something is pulled: to be let in, manifests, tags, blobs. It is spoken to here and not by
//! oci-client, which keeps an answer in memory whatever its size; a registry that means harm, or a proxy's endless page, would
//! take all there is. What comes in one piece is read as far as `limits`.

use super::{
    limits,
    reference::Reference,
    registry::{Endpoint, RegistryError},
    registry_error::{causes, first_line},
    web::{self, Rest},
};
use bytes::Bytes;
use oci_client::{
    RegistryOperation,
    errors::{OciDistributionError, OciEnvelope},
    secrets::RegistryAuth,
};
use reqwest::{
    RequestBuilder, Response, StatusCode,
    header::{ACCEPT, RANGE, WWW_AUTHENTICATE},
};
use serde::Deserialize;

/// Of a refusal, in bytes: a list of a few sentences.
const REFUSAL_BYTES: u64 = 64 << 10;

/// What lets one in (distribution specification, "Token Authentication"). Newer servers have the second name.
#[derive(Deserialize)]
struct Token {
    #[serde(alias = "access_token")]
    token: String,
}

#[derive(Deserialize)]
struct Tags {
    // Null where there are none.
    tags: Option<Vec<String>>,
}

/// A blob, from a place in it.
pub(super) struct Blob {
    /// The bytes.
    pub(super) response: Response,
    /// Whether they begin where it was asked, and not at the beginning.
    pub(super) is_partial: bool,
}

impl Endpoint {
    /// Asks what is needed to be let in, and gets it: a token, where the registry gives such.
    ///
    /// # Errors
    /// `Denied` or `Unauthorized` when it is not given; `Unreachable`.
    pub(super) async fn enter(&mut self, name: &Reference, operation: RegistryOperation) -> Result<(), RegistryError> {
        if let RegistryAuth::Bearer(_) = self.auth {
            return Ok(());
        }
        let url = format!("{}/v2/", self.base(name));
        let response = self.web.get(url).send().await.map_err(|error| self.error(name, error.into()))?;
        let challenge = response.headers().get(WWW_AUTHENTICATE).and_then(|value| value.to_str().ok());
        let challenges = challenge.and_then(|text| http_auth::parse_challenges(text).ok()).unwrap_or_default();
        let bearer = challenges.iter().find(|challenge| challenge.scheme.eq_ignore_ascii_case("bearer"));
        // Otherwise it lets everybody in, or wants the password with each request.
        let Some(bearer) = bearer else { return Ok(()) };
        let parameter = |key: &str| {
            let found = bearer.params.iter().find(|(name, _)| name.eq_ignore_ascii_case(key));
            found.map(|(_, value)| value.to_unescaped())
        };
        let Some(realm) = parameter("realm") else {
            return Err(self.nonsense("it wants a token and does not say where it is given".into()));
        };
        let actions = match operation {
            RegistryOperation::Pull => "pull",
            RegistryOperation::Push => "pull,push",
        };
        let scope = format!("repository:{}:{actions}", self.place(name, None).repository());
        let mut query = vec![("scope", scope)];
        query.extend(parameter("service").map(|service| ("service", service)));
        let mut asked = self.web.get(realm).query(&query);
        if let RegistryAuth::Basic(user, password) = &self.auth {
            asked = asked.basic_auth(user, Some(password));
        }
        let answer = asked.send().await.map_err(|error| self.error(name, error.into()))?;
        if !answer.status().is_success() {
            let said = refusal(answer).await;
            let said = first_line(&String::from_utf8_lossy(&said));
            return Err(match self.auth {
                RegistryAuth::Anonymous => RegistryError::Denied { repository: name.familiar_name(), said },
                RegistryAuth::Basic(..) | RegistryAuth::Bearer(_) => {
                    RegistryError::Unauthorized { registry: self.registry.clone(), said }
                }
            });
        }
        let json = self.whole(name, answer, "its token").await?;
        let token: Token =
            serde_json::from_slice(&json).map_err(|error| self.nonsense(format!("its token: {error}")))?;
        self.auth = RegistryAuth::Bearer(token.token);
        Ok(())
    }

    /// A manifest or index, and the digest that the registry says it has.
    ///
    /// # Errors
    /// What the registry says; `Nonsense` when it is too large.
    pub(super) async fn manifest(
        &self,
        name: &Reference,
        digest: Option<&str>,
        kinds: &[&str],
    ) -> Result<(Bytes, Option<String>), RegistryError> {
        let place = self.place(name, digest);
        let which = place.digest().or(place.tag()).unwrap_or("latest");
        let url = format!("{}/v2/{}/manifests/{which}", self.base(name), place.repository());
        let response = self.get(name, self.web.get(url).header(ACCEPT, kinds.join(", "))).await?;
        let said = response.headers().get("docker-content-digest").and_then(|value| value.to_str().ok());
        let said = said.map(str::to_owned);
        Ok((self.whole(name, response, "its manifest").await?, said))
    }

    /// The tags of a repository; no more than `count` where it is given.
    ///
    /// # Errors
    /// What the registry says; `Nonsense` when there are too many.
    pub(super) async fn tags(&self, name: &Reference, count: Option<usize>) -> Result<Vec<String>, RegistryError> {
        let url = format!("{}/v2/{}/tags/list", self.base(name), self.place(name, None).repository());
        let count: Vec<(&str, usize)> = count.map(|count| ("n", count)).into_iter().collect();
        let response = self.get(name, self.web.get(url).query(&count)).await?;
        let json = self.whole(name, response, "its list of tags").await?;
        let list: Tags = serde_json::from_slice(&json).map_err(|error| self.nonsense(error.to_string()))?;
        Ok(list.tags.unwrap_or_default())
    }

    /// A blob from an offset in bytes on, or all of it when the registry can't begin there.
    ///
    /// # Errors
    /// What the registry says.
    pub(super) async fn blob(&self, name: &Reference, digest: &str, offset: u64) -> Result<Blob, RegistryError> {
        let url = format!("{}/v2/{}/blobs/{digest}", self.base(name), self.place(name, None).repository());
        let mut request = self.web.get(url);
        if offset > 0 {
            request = request.header(RANGE, format!("bytes={offset}-"));
        }
        let response = self.get(name, request).await?;
        let is_partial = response.status() == StatusCode::PARTIAL_CONTENT;
        Ok(Blob { response, is_partial })
    }

    async fn get(&self, name: &Reference, request: RequestBuilder) -> Result<Response, RegistryError> {
        // The client takes it off again where it is sent on to another host.
        let request = match &self.auth {
            RegistryAuth::Anonymous => request,
            RegistryAuth::Basic(user, password) => request.basic_auth(user, Some(password)),
            RegistryAuth::Bearer(token) => request.bearer_auth(token),
        };
        let response = request.send().await.map_err(|error| self.error(name, error.into()))?;
        let (status, url) = (response.status(), response.url().to_string());
        if status.is_success() {
            return Ok(response);
        }
        let body = refusal(response).await;
        Err(self.error(
            name,
            match serde_json::from_slice::<OciEnvelope>(&body) {
                _ if status == StatusCode::UNAUTHORIZED => OciDistributionError::UnauthorizedError { url },
                Ok(envelope) if status.is_client_error() => OciDistributionError::RegistryError { envelope, url },
                Ok(_) | Err(_) => {
                    let message = String::from_utf8_lossy(&body).into_owned();
                    OciDistributionError::ServerError { code: status.as_u16(), url, message }
                }
            },
        ))
    }

    /// All of an answer, if it is not too large.
    async fn whole(&self, name: &Reference, response: Response, what: &str) -> Result<Bytes, RegistryError> {
        match web::beginning(response, limits::JSON_BYTES).await {
            Ok((body, Rest::None)) => Ok(body),
            Ok((_, Rest::Unread)) => Err(self.nonsense(format!("{what} is larger than {} bytes", limits::JSON_BYTES))),
            Err(error) => {
                let (registry, what, why) = (self.registry.clone(), name.to_string(), causes(&error));
                Err(RegistryError::CutOff { registry, what, tries: 1, why })
            }
        }
    }

    fn nonsense(&self, why: String) -> RegistryError {
        RegistryError::Nonsense { registry: self.registry.clone(), why }
    }

    /// `https://registry.example:5000`
    fn base(&self, name: &Reference) -> String {
        format!("{}://{}", self.scheme, self.place(name, None).resolve_registry())
    }
}

/// What is read of a refusal; nothing when it is cut off.
async fn refusal(response: Response) -> Bytes {
    web::beginning(response, REFUSAL_BYTES).await.map(|(body, _)| body).unwrap_or_default()
}
