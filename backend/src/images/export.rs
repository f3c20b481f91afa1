//! Images become an archive that is both the Docker form and an OCI image layout, as `docker save` writes it since
//! Docker 25: the configuration and the layers as blobs, then the lists of both forms.

use super::{BuiltImage, Images, ImagesError, reference::Reference};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use std::{
    collections::{BTreeMap, HashSet},
    io::{self, Read, Write},
};
use tar::{Builder, EntryType, Header};

const OCI_MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
const OCI_CONFIG: &str = "application/vnd.oci.image.config.v1+json";
const OCI_LAYER: &str = "application/vnd.oci.image.layer.v1.tar";

/// An image to be written, and the names to be written with it.
#[derive(Clone, Debug)]
pub struct ExportImage {
    /// The image.
    pub image: BuiltImage,
    /// Its names; none when it was asked for by its id.
    pub names: Vec<Reference>,
}

impl Images {
    /// Writes an archive of images. Blocks.
    ///
    /// # Errors
    /// What `out` says, or `Io` when a layer isn't there or is not what it was.
    pub fn export(&self, images: &[ExportImage], out: impl Write) -> Result<(), ImagesError> {
        let mut export = Export { images: self, tar: Builder::new(out), written: HashSet::new() };
        for folder in ["blobs/", "blobs/sha256/"] {
            export.append(folder, EntryType::Directory, 0, io::empty())?;
        }
        let (mut index, mut manifests) = (Vec::new(), Vec::new());
        let mut repositories: BTreeMap<String, BTreeMap<String, String>> = BTreeMap::new();
        for ExportImage { image, names } in images {
            let (descriptor, manifest) = export.image(image, names)?;
            if names.is_empty() {
                index.push(descriptor.clone());
            }
            for name in names {
                let tag = name.tag.clone().unwrap_or_default();
                let mut named = descriptor.clone();
                named["annotations"] = json!({
                    "io.containerd.image.name": name.canonical(),
                    "org.opencontainers.image.ref.name": tag,
                });
                index.push(named);
                let top = image.layers.last().map(|layer| digits(&layer.diff_id).to_owned()).unwrap_or_default();
                repositories.entry(name.familiar_name()).or_default().insert(tag, top);
            }
            manifests.push(manifest);
        }
        let media_type = "application/vnd.oci.image.index.v1+json";
        let index = json!({ "schemaVersion": 2, "mediaType": media_type, "manifests": index });
        for (name, value) in [
            ("index.json", index),
            ("manifest.json", Value::from(manifests)),
            ("oci-layout", json!({ "imageLayoutVersion": "1.0.0" })),
            ("repositories", json!(repositories)),
        ] {
            let text = value.to_string();
            export.append(name, EntryType::Regular, text.len() as u64, text.as_bytes())?;
        }
        export.tar.into_inner().and_then(|mut out| out.flush()).map_err(ImagesError::Read)
    }

    /// An image that was recorded, with its layers pinned.
    ///
    /// # Errors
    /// `Bad` when a layer is missing.
    pub fn recorded(&self, config: &str, layers: &[String]) -> Result<BuiltImage, ImagesError> {
        let found = layers.iter().map(|diff_id| {
            self.layer(diff_id)?.ok_or_else(|| {
                ImagesError::Bad(format!("layer {diff_id} is missing; remove the image and get it again"))
            })
        });
        BuiltImage::new(config.to_owned(), found.collect::<Result<_, _>>()?)
    }
}

struct Export<'a, W: Write> {
    images: &'a Images,
    tar: Builder<W>,
    written: HashSet<String>,
}

impl<W: Write> Export<'_, W> {
    /// Writes an image's blobs; its descriptor in the index and its line in Docker's manifest.
    fn image(&mut self, image: &BuiltImage, names: &[Reference]) -> Result<(Value, Value), ImagesError> {
        let mut layers = Vec::new();
        for layer in &image.layers {
            let blob = format!("blobs/sha256/{}", digits(&layer.diff_id));
            if self.written.insert(blob.clone()) {
                let archive = self.images.read_layer(&layer.diff_id)?;
                self.append(&blob, EntryType::Regular, layer.archive_bytes, archive)?;
            }
            layers.push(json!({ "mediaType": OCI_LAYER, "digest": layer.diff_id, "size": layer.archive_bytes }));
        }
        let config = format!("blobs/sha256/{}", image.id);
        self.blob(&config, image.config.as_bytes())?;
        let manifest = json!({
            "schemaVersion": 2,
            "mediaType": OCI_MANIFEST,
            "config": {
                "mediaType": OCI_CONFIG,
                "digest": format!("sha256:{}", image.id),
                "size": image.config.len(),
            },
            "layers": layers,
        })
        .to_string();
        let digest = hex::encode(Sha256::digest(manifest.as_bytes()));
        self.blob(&format!("blobs/sha256/{digest}"), manifest.as_bytes())?;
        let descriptor =
            json!({ "mediaType": OCI_MANIFEST, "digest": format!("sha256:{digest}"), "size": manifest.len() });
        let tags: Vec<String> = names.iter().map(ToString::to_string).collect();
        let files: Vec<String> =
            image.layers.iter().map(|layer| format!("blobs/sha256/{}", digits(&layer.diff_id))).collect();
        let line = json!({
            "Config": config,
            "RepoTags": if tags.is_empty() { Value::Null } else { json!(tags) },
            "Layers": files,
        });
        Ok((descriptor, line))
    }

    fn blob(&mut self, name: &str, bytes: &[u8]) -> Result<(), ImagesError> {
        if !self.written.insert(name.to_owned()) {
            return Ok(());
        }
        self.append(name, EntryType::Regular, bytes.len() as u64, bytes)
    }

    fn append(&mut self, name: &str, kind: EntryType, size: u64, content: impl Read) -> Result<(), ImagesError> {
        let mut header = Header::new_ustar();
        header.set_entry_type(kind);
        header.set_mode(if kind == EntryType::Directory { 0o755 } else { 0o644 });
        header.set_size(size);
        header.set_mtime(0);
        header.set_uid(0);
        header.set_gid(0);
        // The builder counts for itself; a layer shorter than it was must not become a shorter blob.
        let mut content = content;
        let written = self.tar.append_data(&mut header, name, &mut content);
        written.map_err(ImagesError::Read)
    }
}

fn digits(digest: &str) -> &str {
    digest.strip_prefix("sha256:").unwrap_or(digest)
}
