//! An image comes from a registry: its manifest, its configuration, its layers. A layer is unpacked as it comes, nothing
//! is kept of it packed; when the connection is cut it goes on where it was.

use super::{
    BuiltImage, Images, ImagesError, Layer,
    archive::{Index, Manifest, check_count, choose, is_index, parse},
    config::{self, ImageConfig},
    download::Download,
    limits,
    pipe::{self, PieceSender},
    progress::{LayerState, Progress, Reporter, short},
    reference::Reference,
    registry::{self, Credentials, Endpoint, RegistryError},
};
use bytes::Bytes;
use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use oci_client::RegistryOperation;
use sha2::{Digest, Sha256};
use std::{collections::HashMap, sync::Arc};
use tokio::task::spawn_blocking;

/// How many layers come at a time, as with Docker.
const AT_A_TIME: usize = 3;

/// What is asked for: manifests and indexes of both forms.
const MANIFESTS: [&str; 4] = [
    "application/vnd.oci.image.index.v1+json",
    "application/vnd.docker.distribution.manifest.list.v2+json",
    "application/vnd.oci.image.manifest.v1+json",
    "application/vnd.docker.distribution.manifest.v2+json",
];

/// An image that was pulled.
#[derive(Clone, Debug)]
pub struct PulledImage {
    /// The image.
    pub image: BuiltImage,
    /// The digest of what the name led to: an index where there is one.
    pub digest: String,
}

/// What a registry says of a name, without its layers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Description {
    /// The kind of manifest.
    pub media_type: String,
    /// Its digest.
    pub digest: String,
    /// Its size in bytes.
    pub size_bytes: usize,
    /// What it is for: operating system and architecture.
    pub platforms: Vec<(String, String)>,
}

impl Images {
    /// Pulls an image. Layers that are here already are not pulled.
    ///
    /// # Errors
    /// `Registry` with what the registry said; as of [`Images::add_layer`]; `Canceled` when nobody listens to the
    /// reports any more. Complete layers may be left then, for [`Images::collect`].
    pub async fn pull(
        &self,
        name: &Reference,
        credentials: &Credentials,
        reporter: &Reporter,
    ) -> Result<PulledImage, ImagesError> {
        tokio::select! {
            pulled = self.pull_on(name, credentials, reporter) => pulled,
            () = reporter.gone() => Err(ImagesError::Canceled),
        }
    }

    async fn pull_on(
        &self,
        name: &Reference,
        credentials: &Credentials,
        reporter: &Reporter,
    ) -> Result<PulledImage, ImagesError> {
        let options = self.registries();
        let mut errors = Vec::new();
        for candidate in registry::candidates(&options, name) {
            let endpoint = registry::reach(&options, &candidate, name, credentials).await;
            let fetched = match endpoint {
                Ok(endpoint) => {
                    let fetched = fetch(&endpoint, name, None).await.map_err(ImagesError::Registry);
                    fetched.map(|fetched| (endpoint, fetched))
                }
                Err(error) => Err(error),
            };
            match fetched {
                Ok((endpoint, found)) => {
                    let id = name.digest.clone().or_else(|| name.tag.clone()).unwrap_or_default();
                    let text = format!("Pulling from {}", path(name));
                    reporter.tell(Progress::About { id, text }).await;
                    return self.pull_from(Arc::new(endpoint), name, found, reporter).await;
                }
                Err(ImagesError::Registry(error)) => {
                    if let registry::Candidate::Mirror(mirror) = candidate {
                        tracing::warn!(%mirror, %error, "a mirror does not give an image");
                    }
                    errors.push(error);
                }
                Err(error) => return Err(error),
            }
        }
        Err(ImagesError::Registry(most_telling(errors)))
    }

    async fn pull_from(
        &self,
        endpoint: Arc<Endpoint>,
        name: &Reference,
        found: Fetched,
        reporter: &Reporter,
    ) -> Result<PulledImage, ImagesError> {
        let digest = found.digest.clone();
        let manifest = manifest_for_here(&endpoint, name, found).await?;
        check_count(manifest.layers.len())?;
        let json = small_blob(&endpoint, name, &manifest.config.digest).await?;
        let config = ImageConfig::parse(&json)?;
        let (os, diff_ids) = (config.text("os").to_owned(), config.diff_ids());
        let nonsense = |why: String| RegistryError::Nonsense { registry: endpoint.registry.clone(), why };
        if !matches!(os.as_str(), "" | "linux") {
            let why = format!("image operating system {os:?} cannot be used on this platform");
            return Err(ImagesError::Registry(nonsense(why)));
        }
        if diff_ids.len() != manifest.layers.len() {
            let why = "manifest and configuration differ in their layers".to_owned();
            return Err(ImagesError::Registry(nonsense(why)));
        }
        for layer in &manifest.layers {
            let id = short(&layer.digest);
            reporter.tell(Progress::Layer { id, state: LayerState::Wanted }).await;
        }
        // A layer that is there twice is pulled once.
        let mut wanted: Vec<(String, String, u64)> = Vec::new();
        for (diff_id, layer) in diff_ids.iter().zip(&manifest.layers) {
            if !wanted.iter().any(|(known, _, _)| known == diff_id) {
                wanted.push((diff_id.clone(), layer.digest.clone(), layer.size));
            }
        }
        let pulls = wanted.into_iter().map(|(diff_id, digest, size)| {
            let pull = LayerPull {
                images: self.clone(),
                endpoint: Arc::clone(&endpoint),
                name: name.clone(),
                id: short(&digest),
                digest,
                size,
                reporter: reporter.clone(),
            };
            async move { Ok::<_, ImagesError>((diff_id.clone(), pull.run(&diff_id).await?)) }
        });
        let layers: HashMap<String, Layer> = stream::iter(pulls).buffer_unordered(AT_A_TIME).try_collect().await?;
        let layers = diff_ids.iter().filter_map(|diff_id| layers.get(diff_id).cloned()).collect();
        let json = String::from_utf8(json).map_err(|_| ImagesError::Bad("the configuration is not UTF-8".into()))?;
        Ok(PulledImage { image: BuiltImage::new(json, layers)?, digest })
    }

    /// What a registry says of a name.
    ///
    /// # Errors
    /// As of [`Images::pull`].
    pub async fn describe(&self, name: &Reference, credentials: &Credentials) -> Result<Description, ImagesError> {
        let options = self.registries();
        let endpoint = registry::own(&options, name, credentials, RegistryOperation::Pull).await?;
        let found = fetch(&endpoint, name, None).await.map_err(ImagesError::Registry)?;
        let (media_type, size_bytes, digest) = (found.media_type.clone(), found.json.len(), found.digest.clone());
        let platforms = if is_index(&found.media_type, &found.json) {
            let index: Index = parse(&found.digest, &found.json)?;
            let platforms = index.manifests.into_iter().filter_map(|manifest| manifest.platform);
            platforms.map(|platform| (platform.os, platform.architecture)).collect()
        } else {
            let manifest: Manifest = parse(&found.digest, &found.json)?;
            let config = ImageConfig::parse(&small_blob(&endpoint, name, &manifest.config.digest).await?)?;
            vec![(config.text("os").to_owned(), config.text("architecture").to_owned())]
        };
        Ok(Description { media_type, digest, size_bytes, platforms })
    }

    /// Whether a registry lets somebody in.
    ///
    /// # Errors
    /// `Registry`: `Unauthorized`, `Unreachable`.
    pub async fn log_in(&self, registry: &str, credentials: &Credentials) -> Result<(), ImagesError> {
        let name = Reference {
            domain: registry.to_owned(),
            path: "library/hello-world".into(),
            tag: Some("latest".into()),
            digest: None,
        };
        registry::check(&self.registries(), &name, credentials).await
    }

    /// The tags of a repository.
    ///
    /// # Errors
    /// `Registry` with what the registry said.
    pub async fn tags(&self, name: &Reference, credentials: &Credentials) -> Result<Vec<String>, ImagesError> {
        let (options, mut errors) = (self.registries(), Vec::new());
        for candidate in registry::candidates(&options, name) {
            let endpoint = match registry::reach(&options, &candidate, name, credentials).await {
                Ok(endpoint) => endpoint,
                Err(ImagesError::Registry(error)) => {
                    errors.push(error);
                    continue;
                }
                Err(error) => return Err(error),
            };
            match endpoint.tags(name, None).await {
                Ok(tags) => return Ok(tags),
                Err(error) => errors.push(error),
            }
        }
        Err(ImagesError::Registry(most_telling(errors)))
    }
}

/// What several registries said: the last one's word, for it is the one that was meant, unless it could not be reached
/// and another had something to say.
fn most_telling(mut errors: Vec<RegistryError>) -> RegistryError {
    let last = errors.pop();
    let unreachable = matches!(last, Some(RegistryError::Unreachable { .. }));
    let told = errors.into_iter().rev().find(|error| !matches!(error, RegistryError::Unreachable { .. }));
    let nobody = || RegistryError::Unreachable { registry: "none".into(), why: "there is no registry to ask".into() };
    match told {
        Some(told) if unreachable => told,
        Some(_) | None => last.unwrap_or_else(nobody),
    }
}

/// The repository within its registry.
fn path(name: &Reference) -> &str {
    &name.path
}

struct Fetched {
    json: Bytes,
    digest: String,
    media_type: String,
}

/// A manifest or index; its digest is checked when it was asked for by one.
async fn fetch(endpoint: &Endpoint, name: &Reference, digest: Option<&str>) -> Result<Fetched, RegistryError> {
    let (json, said) = endpoint.manifest(name, digest, &MANIFESTS).await?;
    let found = format!("sha256:{}", hex::encode(Sha256::digest(&json)));
    let media_type = serde_json::from_slice::<serde_json::Value>(&json)
        .ok()
        .and_then(|value| value.get("mediaType")?.as_str().map(str::to_owned))
        .unwrap_or_default();
    // By a tag, what the registry itself says of it.
    let said = said.as_deref().filter(|said| said.starts_with("sha256:"));
    if let Some(expected) = digest.or(name.digest.as_deref()).or(said)
        && expected != found
    {
        let (registry, expected) = (endpoint.registry.clone(), expected.to_owned());
        return Err(RegistryError::WrongDigest { registry, expected, found });
    }
    Ok(Fetched { json, digest: found, media_type })
}

/// The manifest for this machine, of an index or alone.
async fn manifest_for_here(endpoint: &Endpoint, name: &Reference, found: Fetched) -> Result<Manifest, ImagesError> {
    let mut found = found;
    // An index may be of indexes; never for long.
    for _ in 0..4 {
        if !is_index(&found.media_type, &found.json) {
            return parse(&format!("the manifest {} of {}", found.digest, endpoint.registry), &found.json);
        }
        let index: Index = parse(&found.digest, &found.json)?;
        let Some(chosen) = choose(&index.manifests) else {
            let platforms = index.manifests.iter().filter_map(|manifest| manifest.platform.as_ref());
            let there: Vec<String> =
                platforms.map(|platform| format!("{}/{}", platform.os, platform.architecture)).collect();
            return Err(ImagesError::Registry(RegistryError::NoPlatform {
                name: name.to_string(),
                architecture: config::architecture(),
                there: if there.is_empty() { "nothing".into() } else { there.join(", ") },
            }));
        };
        found = fetch(endpoint, name, Some(&chosen.digest)).await.map_err(ImagesError::Registry)?;
    }
    let why = "its indexes are nested too deeply".to_owned();
    Err(ImagesError::Registry(RegistryError::Nonsense { registry: endpoint.registry.clone(), why }))
}

/// A configuration, whole.
async fn small_blob(endpoint: &Endpoint, name: &Reference, digest: &str) -> Result<Vec<u8>, ImagesError> {
    let mut bytes = Vec::new();
    let mut download = Download::new(endpoint, name, digest, None);
    while let Some(piece) = download.next(&mut |_| {}).await? {
        bytes.extend_from_slice(&piece);
        if bytes.len() as u64 > limits::JSON_BYTES {
            let text = format!("the image's configuration is larger than {} bytes", limits::JSON_BYTES);
            return Err(ImagesError::TooLarge(text));
        }
    }
    Ok(bytes)
}

/// One layer on its way.
struct LayerPull {
    images: Images,
    endpoint: Arc<Endpoint>,
    name: Reference,
    digest: String,
    size: u64,
    id: String,
    reporter: Reporter,
}

impl LayerPull {
    async fn run(self, diff_id: &str) -> Result<Layer, ImagesError> {
        if let Some(layer) = self.images.layer(diff_id)? {
            self.tell(LayerState::Exists).await;
            return Ok(layer);
        }
        let (sender, reader) = pipe::into_thread();
        let images = self.images.clone();
        let unpacking = spawn_blocking(move || images.add_layer(reader));
        let downloaded = self.download(sender).await;
        let unpacked = unpacking.await.unwrap_or(Err(ImagesError::ShuttingDown));
        let layer = match (downloaded, unpacked) {
            (Ok(()), unpacked) => unpacked?,
            (Err(Interrupted::ByUnpacking), Err(error)) => return Err(error),
            (Err(Interrupted::ByUnpacking), Ok(_)) => return Err(ImagesError::ShuttingDown),
            (Err(Interrupted::By(error)), _) => return Err(error),
        };
        if layer.diff_id != diff_id {
            let (registry, expected, found) = (self.endpoint.registry.clone(), diff_id.to_owned(), layer.diff_id);
            return Err(ImagesError::Registry(RegistryError::WrongDigest { registry, expected, found }));
        }
        self.tell(LayerState::Pulled).await;
        Ok(layer)
    }

    /// Passes the blob on; its end only when all of it is what it should be.
    async fn download(&self, sender: PieceSender) -> Result<(), Interrupted> {
        let mut download = Download::new(&self.endpoint, &self.name, &self.digest, Some(self.size));
        let mut told = 0;
        let mut retrying = |seconds| {
            let state = LayerState::Retrying(seconds);
            self.reporter.update(Progress::Layer { id: self.id.clone(), state });
        };
        let mut is_read = true;
        while let Some(piece) = download.next(&mut retrying).await.map_err(Interrupted::By)? {
            // What can't be unpacked may have been damaged on the way: only the digest of all of it tells.
            is_read = is_read && sender.send(Some(piece)).await.is_ok();
            if download.offset - told >= 256 << 10 {
                told = download.offset;
                let state = LayerState::Downloading(download.offset, self.size.max(download.offset));
                self.reporter.update(Progress::Layer { id: self.id.clone(), state });
            }
        }
        if !is_read {
            return Err(Interrupted::ByUnpacking);
        }
        self.tell(LayerState::Downloaded).await;
        self.reporter.update(Progress::Layer {
            id: self.id.clone(),
            state: LayerState::Extracting(download.offset, download.offset),
        });
        sender.send(None).await.map_err(|_| Interrupted::ByUnpacking)
    }

    async fn tell(&self, state: LayerState) {
        self.reporter.tell(Progress::Layer { id: self.id.clone(), state }).await;
    }
}

enum Interrupted {
    By(ImagesError),
    /// Its error says why.
    ByUnpacking,
}
