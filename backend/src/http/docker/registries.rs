//! Images from registries and into them: pull, push, what a registry says of a name, and logging in.

use super::{
    archives::{self, Import},
    error::DockerError,
    extract::DockerJson,
    progress::{self, Detail},
    query::{named_by, query_of, values},
};
use crate::{
    images::{Reference, config, registry::Credentials},
    ops::{
        Daemon, OpError,
        image::registry::{self, describe, log_in},
    },
};
use axum::{
    Json,
    extract::{Path, Query, RawQuery, Request, State},
    http::HeaderMap,
    response::Response,
};
use base64::{
    Engine as _,
    alphabet::URL_SAFE,
    engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig},
};
use serde::Deserialize;
use serde_json::{Value, json};
use std::{collections::BTreeMap, sync::Arc};

/// Base64 for URLs, its padding there or not: Go clients pad, others do not.
const ENCODING: GeneralPurpose = GeneralPurpose::new(
    &URL_SAFE,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// What `docker login` keeps, as it comes with a request.
#[derive(Debug, Default, Deserialize)]
struct AuthConfig {
    #[serde(default)]
    username: String,
    #[serde(default)]
    password: String,
    #[serde(default)]
    identitytoken: String,
    #[serde(default)]
    registrytoken: String,
    #[serde(default)]
    serveraddress: String,
}

impl AuthConfig {
    fn credentials(self) -> Result<Credentials, DockerError> {
        if !self.identitytoken.is_empty() {
            return Err(DockerError::not_built("logging in with an identity token"));
        }
        if !self.registrytoken.is_empty() {
            return Ok(Credentials::Token(self.registrytoken));
        }
        if self.username.is_empty() {
            return Ok(Credentials::None);
        }
        Ok(Credentials::Password { user: self.username, password: self.password })
    }
}

/// Who asks, by the header that goes with pulls and pushes.
pub(super) fn credentials(headers: &HeaderMap) -> Result<Credentials, DockerError> {
    let Some(value) = headers.get("x-registry-auth").filter(|value| !value.is_empty()) else {
        return Ok(Credentials::None);
    };
    let invalid =
        || DockerError::BadRequest("invalid X-Registry-Auth header: it is not JSON in base64 for URLs".into());
    // Some clients use the other alphabet.
    let text = value.to_str().map_err(|_| invalid())?.replace('+', "-").replace('/', "_");
    let json = ENCODING.decode(text).map_err(|_| invalid())?;
    if json.is_empty() {
        return Ok(Credentials::None);
    }
    // A list of registries may come too; it is of no use to a pull.
    let auth: AuthConfig = serde_json::from_slice(&json).map_err(|_| invalid())?;
    auth.credentials()
}

/// Who asks at which registry, by the header that goes with builds.
pub(super) fn all_credentials(headers: &HeaderMap) -> Result<BTreeMap<String, Credentials>, DockerError> {
    let Some(value) = headers.get("x-registry-config").filter(|value| !value.is_empty()) else {
        return Ok(BTreeMap::new());
    };
    let invalid =
        || DockerError::BadRequest("invalid X-Registry-Config header: it is not JSON in base64 for URLs".into());
    let text = value.to_str().map_err(|_| invalid())?.replace('+', "-").replace('/', "_");
    let json = ENCODING.decode(text).map_err(|_| invalid())?;
    let all: Option<BTreeMap<String, AuthConfig>> = serde_json::from_slice(&json).map_err(|_| invalid())?;
    let known = all.unwrap_or_default().into_iter().map(|(address, auth)| Ok((host(&address), auth.credentials()?)));
    known.collect()
}

/// The registry of an address as clients keep it: `https://index.docker.io/v1/` is docker.io.
fn host(address: &str) -> String {
    let address = address.trim_start_matches("https://").trim_start_matches("http://");
    match address.split('/').next().unwrap_or_default() {
        "" | "index.docker.io" | "docker.io" | "registry-1.docker.io" => "docker.io".to_owned(),
        host => host.to_owned(),
    }
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct CreateQuery {
    from_image: Option<String>,
    from_src: Option<String>,
    repo: Option<String>,
    tag: Option<String>,
    message: Option<String>,
    platform: Option<String>,
}

/// `POST /images/create`: a pull, or an import.
pub(super) async fn create(
    State(daemon): State<Arc<Daemon>>,
    Query(query): Query<CreateQuery>,
    RawQuery(raw): RawQuery,
    request: Request,
) -> Result<Response, DockerError> {
    check_platform(query.platform.as_deref())?;
    let Some(name) = query.from_image.filter(|name| !name.is_empty()) else {
        if query.from_src.as_deref() != Some("-") {
            return Err(DockerError::not_built("importing from a URL"));
        }
        let changes = values(raw.as_deref().unwrap_or_default(), "changes");
        let import = Import { repository: query.repo, tag: query.tag, message: query.message, changes };
        return archives::import(daemon, import, request).await;
    };
    let credentials = credentials(request.headers())?;
    let tag = query.tag.filter(|tag| !tag.is_empty());
    let name_says = name.contains('@') || name.rsplit('/').next().is_some_and(|last| last.contains(':'));
    let all_tags = tag.is_none() && !name_says;
    let name = named_by(&name, tag.as_deref())?;
    progress::answer(Detail::Everything, |reporter| async move {
        if all_tags {
            registry::pull_all(&daemon, &name, &credentials, &reporter).await
        } else {
            registry::pull(&daemon, &name, &credentials, &reporter).await
        }
    })
    .await
}

/// `linux` and `linux/amd64` are this machine's; others are not pulled, since they could not be run.
pub(super) fn check_platform(platform: Option<&str>) -> Result<(), DockerError> {
    let ours = [String::new(), "linux".into(), format!("linux/{}", config::architecture()), "linux/arm64/v8".into()];
    match platform {
        Some(other) if !ours[..3].iter().any(|known| known == other) => {
            let v8 = config::architecture() == "arm64" && other == ours[3];
            if v8 { Ok(()) } else { Err(DockerError::not_built(format!("platform {other} on this machine"))) }
        }
        Some(_) | None => Ok(()),
    }
}

#[derive(Debug, Deserialize)]
struct PushQuery {
    tag: Option<String>,
}

/// `POST /images/{name}/push`: one tag, or without one all of the repository.
pub(super) async fn push(daemon: Arc<Daemon>, name: &str, request: Request) -> Result<Response, DockerError> {
    let credentials = credentials(request.headers())?;
    let query: PushQuery = query_of(request).await?;
    let names = match query.tag.filter(|tag| !tag.is_empty()) {
        Some(tag) => vec![named_by(name, Some(&tag))?],
        None => registry::tags_of(&daemon, &named_by(name, None)?)?,
    };
    progress::answer(Detail::Everything, |reporter| async move {
        for name in names {
            registry::push(&daemon, &name, &credentials, &reporter).await?;
        }
        Ok(())
    })
    .await
}

/// `GET /distribution/{name}/json`.
pub(super) async fn distribution(
    State(daemon): State<Arc<Daemon>>,
    Path(rest): Path<String>,
    request: Request,
) -> Result<Json<Value>, DockerError> {
    let name = rest.strip_suffix("/json").ok_or(DockerError::PageNotFound)?;
    let credentials = credentials(request.headers())?;
    let described = describe(&daemon, &named_by(name, None)?, &credentials).await?;
    let platform = |(os, architecture): &(String, String)| json!({ "architecture": architecture, "os": os });
    Ok(Json(json!({
        "Descriptor": {
            "mediaType": described.media_type,
            "digest": described.digest,
            "size": described.size_bytes,
        },
        "Platforms": described.platforms.iter().map(platform).collect::<Vec<_>>(),
    })))
}

/// `POST /auth`: whether a registry lets somebody in. Nothing is kept here; the client keeps it.
pub(super) async fn auth(
    State(daemon): State<Arc<Daemon>>,
    DockerJson(body): DockerJson<AuthBody>,
) -> Result<Json<Value>, DockerError> {
    let AuthBody(auth) = body;
    let host = host(&auth.serveraddress);
    // What is no name of a registry is refused before it is asked.
    let _: Reference = format!("{host}/name").parse().map_err(|error| OpError::Invalid(format!("{host}: {error}")))?;
    log_in(&daemon, &host, &auth.credentials()?).await.map_err(OpError::from)?;
    Ok(Json(json!({ "Status": "Login Succeeded", "IdentityToken": "" })))
}

/// `GET /images/search`: Docker Hub alone has such a search, and no registry of the distribution API.
pub(super) async fn search() -> DockerError {
    DockerError::not_built("searching Docker Hub")
}

/// The body of `POST /auth`.
#[derive(Debug, Deserialize)]
pub(super) struct AuthBody(AuthConfig);

#[cfg(test)]
mod tests {
    use super::*;

    fn check(header: &str, expected: Result<Credentials, ()>) {
        let headers = HeaderMap::from_iter([("x-registry-auth".parse().unwrap(), header.parse().unwrap())]);
        assert_eq!(credentials(&headers).map_err(|_| ()), expected, "{header}");
    }

    #[test]
    fn who_asks_is_read_as_clients_write_it() {
        let user = Credentials::Password { user: "u".into(), password: "p?>".into() };
        let json = r#"{"username":"u","password":"p?>","serveraddress":"x"}"#;
        check(&ENCODING.encode(json), Ok(user.clone()));
        check(&base64::engine::general_purpose::STANDARD_NO_PAD.encode(json), Ok(user));
        check("e30=", Ok(Credentials::None));
        check("", Ok(Credentials::None));
        check("e30", Ok(Credentials::None));
        check(&ENCODING.encode(r#"{"registrytoken":"t"}"#), Ok(Credentials::Token("t".into())));
        check(&ENCODING.encode(r#"{"identitytoken":"t"}"#), Err(()));
        check("nonsense!", Err(()));
        assert!(check_platform(Some("linux")).is_ok() && check_platform(Some("windows/amd64")).is_err());
    }
}
