//! An image goes to a registry: its layers packed with gzip, its configuration, its manifest in Docker's form.

use super::{
    BuiltImage, Images, ImagesError, Layer,
    progress::{LayerState, Progress, Reporter, short},
    reference::Reference,
    registry::{self, Credentials, Endpoint},
};
use bytes::Bytes;
use flate2::{Compression, write::GzEncoder};
use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use oci_client::{RegistryOperation, errors::OciDistributionError, secrets::RegistryAuth};
use serde_json::json;
use sha2::{Digest, Sha256};
use std::{
    fs::File,
    io::{self, BufWriter, Read, Seek, Write},
    path::PathBuf,
};
use tokio::task::spawn_blocking;

/// How many layers go at a time.
const AT_A_TIME: usize = 3;

const MANIFEST: &str = "application/vnd.docker.distribution.manifest.v2+json";
const CONFIG: &str = "application/vnd.docker.container.image.v1+json";
const LAYER: &str = "application/vnd.docker.image.rootfs.diff.tar.gzip";

/// What was pushed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PushedImage {
    /// The manifest's digest.
    pub digest: String,
    /// Its size in bytes.
    pub size_bytes: usize,
}

/// A packed layer.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Packed {
    digest: String,
    size: u64,
}

impl Images {
    /// Pushes an image under a name. What the registry has already is not sent.
    ///
    /// # Errors
    /// `Registry` with what the registry said; `Io` when a layer can't be read; `Canceled` when nobody listens any more.
    pub async fn push(
        &self,
        name: &Reference,
        image: &BuiltImage,
        credentials: &Credentials,
        reporter: &Reporter,
    ) -> Result<PushedImage, ImagesError> {
        tokio::select! {
            pushed = self.push_on(name, image, credentials, reporter) => pushed,
            () = reporter.gone() => Err(ImagesError::Canceled),
        }
    }

    async fn push_on(
        &self,
        name: &Reference,
        image: &BuiltImage,
        credentials: &Credentials,
        reporter: &Reporter,
    ) -> Result<PushedImage, ImagesError> {
        let text = format!("The push refers to repository [{}/{}]", name.domain, name.path);
        reporter.tell(Progress::Line(text)).await;
        let endpoint = registry::own(&self.registries(), name, credentials, RegistryOperation::Push).await?;
        if endpoint.auth != RegistryAuth::Anonymous {
            // A token that was given, or the password, goes with each request from here on.
            let known =
                endpoint.client.auth(&endpoint.place(name, None), &endpoint.auth, RegistryOperation::Push).await;
            known.map_err(|error| ImagesError::Registry(endpoint.error(name, error)))?;
        }
        for layer in image.layers.iter().rev() {
            let (id, state) = (short(&layer.diff_id), LayerState::Preparing);
            reporter.tell(Progress::Layer { id, state }).await;
        }
        let pushes: Vec<_> =
            image.layers.iter().map(|layer| self.push_layer(&endpoint, name, layer, reporter)).collect();
        let packed: Vec<Packed> = stream::iter(pushes).buffered(AT_A_TIME).try_collect().await?;

        let config = image.config.as_bytes();
        let config_digest = format!("sha256:{}", image.id);
        let place = endpoint.place(name, None);
        let failed = |error| ImagesError::Registry(endpoint.error(name, error));
        if !endpoint.client.blob_exists(&place, &config_digest).await.map_err(failed)? {
            let bytes = Bytes::copy_from_slice(config);
            endpoint.client.push_blob(&place, bytes, &config_digest).await.map_err(failed)?;
        }
        let layers: Vec<_> = packed
            .iter()
            .map(|layer| json!({ "mediaType": LAYER, "size": layer.size, "digest": layer.digest }))
            .collect();
        let manifest = json!({
            "schemaVersion": 2,
            "mediaType": MANIFEST,
            "config": { "mediaType": CONFIG, "size": config.len(), "digest": config_digest },
            "layers": layers,
        });
        let manifest = serde_json::to_vec(&manifest).map_err(|error| ImagesError::Bad(error.to_string()))?;
        let digest = format!("sha256:{}", hex::encode(Sha256::digest(&manifest)));
        let size_bytes = manifest.len();
        let content_type = MANIFEST.parse().map_err(|_| ImagesError::Bad("the manifest has no type".into()))?;
        endpoint.client.push_manifest_raw(&place, manifest, content_type).await.map_err(failed)?;
        Ok(PushedImage { digest, size_bytes })
    }

    async fn push_layer(
        &self,
        endpoint: &Endpoint,
        name: &Reference,
        layer: &Layer,
        reporter: &Reporter,
    ) -> Result<Packed, ImagesError> {
        let id = short(&layer.diff_id);
        let place = endpoint.place(name, None);
        let failed = |error| ImagesError::Registry(endpoint.error(name, error));
        // What it was packed to before it will be packed to again.
        if let Some(packed) = self.packed_before(layer)
            && endpoint.client.blob_exists(&place, &packed.digest).await.map_err(failed)?
        {
            reporter.tell(Progress::Layer { id, state: LayerState::PushedBefore }).await;
            return Ok(packed);
        }
        let (images, owned) = (self.clone(), layer.clone());
        let packing = spawn_blocking(move || images.pack_layer(&owned)).await;
        let (packed, file) = packing.unwrap_or(Err(ImagesError::ShuttingDown))?;
        if endpoint.client.blob_exists(&place, &packed.digest).await.map_err(failed)? {
            reporter.tell(Progress::Layer { id, state: LayerState::PushedBefore }).await;
            return Ok(packed);
        }
        let body = pieces(file, packed.size, id.clone(), reporter.clone());
        let pushed = endpoint.client.push_blob_stream(&place, body, &packed.digest, Some(packed.size)).await;
        pushed.map_err(failed)?;
        reporter.tell(Progress::Layer { id, state: LayerState::Pushed }).await;
        Ok(packed)
    }

    /// Packs a layer into a file that goes with its descriptor.
    fn pack_layer(&self, layer: &Layer) -> Result<(Packed, File), ImagesError> {
        let draft = self.draft()?;
        let path = draft.folder.join("packed");
        let unwritable = |error| ImagesError::io("write", &path)(error);
        let file = File::options().read(true).write(true).create_new(true).open(&path).map_err(unwritable)?;
        let counted = Counted { out: BufWriter::new(file), hasher: Sha256::new(), size: 0 };
        // The quickest level: a registry on the way to the container is nearer than the processor is quick.
        let mut packer = GzEncoder::new(counted, Compression::fast());
        let mut archive = self.read_layer(&layer.diff_id)?;
        io::copy(&mut archive, &mut packer).map_err(ImagesError::io("pack", self.layer_dir(&layer.diff_id)))?;
        let Counted { out, hasher, size } = packer.finish().map_err(unwritable)?;
        let mut file = out.into_inner().map_err(|error| unwritable(error.into_error()))?;
        file.rewind().map_err(unwritable)?;
        let packed = Packed { digest: format!("sha256:{}", hex::encode(hasher.finalize())), size };
        let note = self.packed_note(layer);
        std::fs::write(&note, format!("{} {}", packed.digest, packed.size)).map_err(ImagesError::io("write", &note))?;
        Ok((packed, file))
    }

    fn packed_before(&self, layer: &Layer) -> Option<Packed> {
        let note = std::fs::read_to_string(self.packed_note(layer)).ok()?;
        let (digest, size) = note.split_once(' ')?;
        Some(Packed { digest: digest.to_owned(), size: size.parse().ok()? })
    }

    /// Beside the layer's folder: what it was packed to.
    fn packed_note(&self, layer: &Layer) -> PathBuf {
        self.layer_dir(&layer.diff_id).with_file_name("packed")
    }
}

struct Counted<W> {
    out: W,
    hasher: Sha256,
    size: u64,
}

impl<W: Write> Write for Counted<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.out.write(bytes)?;
        self.hasher.update(&bytes[..written]);
        self.size += written as u64;
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}

/// A file's bytes as they are asked for, each piece read on a thread that may block.
fn pieces(
    file: File,
    size: u64,
    id: String,
    reporter: Reporter,
) -> impl futures_util::Stream<Item = Result<Bytes, OciDistributionError>> + Send + 'static {
    stream::unfold((file, 0_u64), move |(mut file, sent)| {
        let (id, reporter) = (id.clone(), reporter.clone());
        async move {
            let read = spawn_blocking(move || {
                let mut buffer = vec![0; 256 << 10];
                let read = file.read(&mut buffer)?;
                buffer.truncate(read);
                Ok::<_, io::Error>((file, buffer))
            });
            match read.await.unwrap_or_else(|_| Err(io::ErrorKind::Interrupted.into())) {
                Ok((_, buffer)) if buffer.is_empty() => None,
                Ok((file, buffer)) => {
                    let sent = sent + buffer.len() as u64;
                    reporter.update(Progress::Layer { id, state: LayerState::Pushing(sent, size) });
                    Some((Ok(Bytes::from(buffer)), (file, sent)))
                }
                Err(error) => {
                    // The file is gone with its thread: an empty one ends the stream after the error.
                    let rest = File::open("/dev/null").ok()?;
                    Some((Err(OciDistributionError::IoError(error)), (rest, sent)))
                }
            }
        }
    })
    .boxed()
}
