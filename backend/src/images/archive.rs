//! Archives of images, as `docker save`, skopeo and others write them: the Docker form (`manifest.json`) and the OCI
//! image layout (`index.json`), which many archives are both. What is in one may come in any order, so its files are laid
//! aside first.

use super::{
    BuiltImage, Images, ImagesError, Layer, compression,
    config::{self, ImageConfig},
    layer::Draft,
    limits,
    progress::{LayerState, Progress, Reporter, short},
};
use drawbridge_kernel::{folder, walk};
use serde::{Deserialize, de::DeserializeOwned};
use sha2::{Digest, Sha256};
use std::{
    collections::{BTreeMap, HashMap},
    fs::File,
    io::{self, Read, Write},
    path::{Path, PathBuf},
};
use tar::EntryType;

/// An image of an archive.
#[derive(Clone, Debug)]
pub struct LoadedImage {
    /// The image.
    pub image: BuiltImage,
    /// Its names, as they stand there.
    pub names: Vec<LoadedName>,
}

/// A name as it stands in an archive.
pub type LoadedName = String;

#[derive(Deserialize)]
struct DockerManifest {
    #[serde(rename = "Config")]
    config: String,
    #[serde(default, rename = "RepoTags")]
    repo_tags: Option<Vec<String>>,
    #[serde(default, rename = "Layers")]
    layers: Option<Vec<String>>,
}

/// OCI image specification, "Image Index" and "Image Manifest", as far as they are read.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Descriptor {
    #[serde(default)]
    pub(super) media_type: String,
    pub(super) digest: String,
    /// Of what it is the digest of, in bytes.
    #[serde(default)]
    pub(super) size: u64,
    #[serde(default)]
    pub(super) annotations: Option<BTreeMap<String, String>>,
    #[serde(default)]
    pub(super) platform: Option<Platform>,
}

#[derive(Clone, Debug, Deserialize)]
pub(super) struct Platform {
    #[serde(default)]
    pub(super) architecture: String,
    #[serde(default)]
    pub(super) os: String,
    #[serde(default)]
    pub(super) variant: Option<String>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Index {
    #[serde(default)]
    pub(super) manifests: Vec<Descriptor>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Manifest {
    pub(super) config: Descriptor,
    #[serde(default)]
    pub(super) layers: Vec<Descriptor>,
}

impl Images {
    /// Reads an archive of images, packed or not, and unpacks their layers. Blocks.
    ///
    /// # Errors
    /// `Bad` for an archive of something else or one that is incomplete; as of [`Images::add_layer`].
    pub fn load(&self, archive: impl Read + Send, reporter: &Reporter) -> Result<Vec<LoadedImage>, ImagesError> {
        let aside = Aside::read(self.draft()?, archive)?;
        let loading = Loading { images: self, aside, reporter };
        if loading.aside.has("manifest.json") {
            let manifests: Vec<DockerManifest> = loading.aside.json("manifest.json")?;
            return manifests.into_iter().map(|manifest| loading.docker(manifest)).collect();
        }
        if loading.aside.has("index.json") {
            let index: Index = loading.aside.json("index.json")?;
            let mut loaded = Vec::new();
            for descriptor in &index.manifests {
                loaded.extend(loading.oci(descriptor, 0)?);
            }
            return Ok(loaded);
        }
        Err(ImagesError::Bad(
            "the archive holds no images: neither manifest.json nor index.json is in it; a file system is imported with \
             `docker import`"
                .into(),
        ))
    }
}

struct Loading<'a> {
    images: &'a Images,
    aside: Aside,
    reporter: &'a Reporter,
}

impl Loading<'_> {
    fn docker(&self, manifest: DockerManifest) -> Result<LoadedImage, ImagesError> {
        let config = self.aside.bytes(&manifest.config)?;
        let diff_ids = ImageConfig::parse(&config)?.diff_ids();
        let files = manifest.layers.unwrap_or_default();
        if files.len() != diff_ids.len() {
            return Err(ImagesError::Bad(format!(
                "the archive is inconsistent: {} layers are listed and {} are in the configuration",
                files.len(),
                diff_ids.len()
            )));
        }
        check_count(diff_ids.len())?;
        let layers = diff_ids.iter().zip(&files).map(|(diff_id, file)| self.layer(diff_id, file, None));
        let layers = layers.collect::<Result<Vec<Layer>, _>>()?;
        Ok(LoadedImage { image: image(config, layers)?, names: manifest.repo_tags.unwrap_or_default() })
    }

    /// An image of a layout, or those of an index in it that are for this machine.
    fn oci(&self, descriptor: &Descriptor, depth: usize) -> Result<Vec<LoadedImage>, ImagesError> {
        if depth > 4 {
            return Err(ImagesError::Bad("the archive's indexes are nested too deeply".into()));
        }
        let json = self.blob(descriptor)?;
        let name = name(descriptor);
        if is_index(&descriptor.media_type, &json) {
            let index: Index = parse(&descriptor.digest, &json)?;
            let Some(chosen) = choose(&index.manifests) else {
                return Err(ImagesError::Bad(format!("no image in the archive is for {}", config::architecture())));
            };
            let mut loaded = self.oci(chosen, depth + 1)?;
            if let (Some(name), [only]) = (name, loaded.as_mut_slice()) {
                only.names.push(name);
            }
            return Ok(loaded);
        }
        let manifest: Manifest = parse(&descriptor.digest, &json)?;
        let config = self.blob(&manifest.config)?;
        let diff_ids = ImageConfig::parse(&config)?.diff_ids();
        if diff_ids.len() != manifest.layers.len() {
            return Err(ImagesError::Bad(
                "the archive is inconsistent: manifest and configuration differ in layers".into(),
            ));
        }
        check_count(diff_ids.len())?;
        let mut layers = Vec::new();
        for (diff_id, layer) in diff_ids.iter().zip(&manifest.layers) {
            layers.push(self.layer(diff_id, &blob_path(&layer.digest)?, Some(&layer.digest))?);
        }
        Ok(vec![LoadedImage { image: image(config, layers)?, names: name.into_iter().collect() }])
    }

    fn layer(&self, diff_id: &str, file: &str, digest: Option<&str>) -> Result<Layer, ImagesError> {
        if let Some(layer) = self.images.layer(diff_id)? {
            return Ok(layer);
        }
        let (path, size) = self.aside.find(file)?;
        let opened = File::open(path).map_err(ImagesError::io("open", path))?;
        let id = short(diff_id);
        let mut hashed =
            Hashed { reader: opened, hasher: Sha256::new(), read: 0, told: 0, size, id, reporter: self.reporter };
        let layer = self.images.add_layer(&mut hashed)?;
        // What its unpacking did not need is part of the digest.
        io::copy(&mut hashed, &mut io::sink()).map_err(ImagesError::Read)?;
        let found = format!("sha256:{}", hex::encode(hashed.hasher.finalize()));
        if digest.is_some_and(|digest| digest != found) {
            return Err(ImagesError::Bad(format!("{file} in the archive is damaged: its digest is {found}")));
        }
        if layer.diff_id != diff_id {
            return Err(ImagesError::Bad(format!(
                "{file} in the archive is damaged: it is layer {}, and {diff_id} was expected",
                layer.diff_id
            )));
        }
        Ok(layer)
    }

    fn blob(&self, descriptor: &Descriptor) -> Result<Vec<u8>, ImagesError> {
        let bytes = self.aside.bytes(&blob_path(&descriptor.digest)?)?;
        let found = format!("sha256:{}", hex::encode(Sha256::digest(&bytes)));
        if found == descriptor.digest {
            return Ok(bytes);
        }
        Err(ImagesError::Bad(format!("{} in the archive is damaged: its digest is {found}", descriptor.digest)))
    }
}

fn image(config: Vec<u8>, layers: Vec<Layer>) -> Result<BuiltImage, ImagesError> {
    let config = String::from_utf8(config);
    BuiltImage::new(config.map_err(|_| ImagesError::Bad("the image's configuration is not UTF-8".into()))?, layers)
}

/// # Errors
/// `TooLarge` for more layers than the kernel stacks.
pub(super) fn check_count(layers: usize) -> Result<(), ImagesError> {
    if layers <= limits::LAYERS {
        return Ok(());
    }
    Err(ImagesError::TooLarge(format!(
        "the image has {layers} layers; the kernel takes {} at the most",
        limits::LAYERS
    )))
}

/// The whole name, where the archive has it: containerd's note, or the specification's when it is more than a tag.
fn name(descriptor: &Descriptor) -> Option<String> {
    let annotations = descriptor.annotations.as_ref()?;
    let reference = annotations.get("org.opencontainers.image.ref.name");
    annotations
        .get("io.containerd.image.name")
        .or(reference.filter(|name| name.contains([':', '/'])))
        .filter(|name| !name.is_empty())
        .cloned()
}

/// The one of several that is for this machine.
pub(super) fn choose(manifests: &[Descriptor]) -> Option<&Descriptor> {
    let ours = |descriptor: &&Descriptor| {
        descriptor.platform.as_ref().is_some_and(|platform| {
            platform.os == "linux"
                && platform.architecture == config::architecture()
                && platform.variant.as_deref().is_none_or(|variant| matches!(variant, "" | "v8" | "v1"))
        })
    };
    manifests.iter().find(ours).or_else(|| match manifests {
        // One alone, of which nothing is said.
        [only] if only.platform.is_none() => Some(only),
        _ => None,
    })
}

pub(super) fn is_index(media_type: &str, json: &[u8]) -> bool {
    if media_type.is_empty() {
        return serde_json::from_slice::<serde_json::Value>(json).is_ok_and(|value| value.get("manifests").is_some());
    }
    media_type.ends_with("image.index.v1+json") || media_type.ends_with("manifest.list.v2+json")
}

pub(super) fn parse<T: DeserializeOwned>(what: &str, json: &[u8]) -> Result<T, ImagesError> {
    serde_json::from_slice(json).map_err(|error| ImagesError::Bad(format!("{what} can't be read: {error}")))
}

fn blob_path(digest: &str) -> Result<String, ImagesError> {
    match digest.split_once(':') {
        Some(("sha256", digits)) if digits.len() == 64 => Ok(format!("blobs/sha256/{digits}")),
        Some(_) | None => Err(ImagesError::Bad(format!("{digest} is no digest that is read here; sha256 is"))),
    }
}

/// Hashes what passes, and reports it.
struct Hashed<'a> {
    reader: File,
    hasher: Sha256,
    read: u64,
    told: u64,
    size: u64,
    id: String,
    reporter: &'a Reporter,
}

impl Read for Hashed<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.reader.read(buffer)?;
        self.hasher.update(&buffer[..read]);
        self.read += read as u64;
        if self.read - self.told >= 512 << 10 || (self.read == self.size && self.told < self.size) {
            self.told = self.read;
            let state = LayerState::Loading(self.read, self.size);
            self.reporter.update(Progress::Layer { id: self.id.clone(), state });
        }
        Ok(read)
    }
}

/// The files of an archive, laid aside under numbers.
struct Aside {
    _draft: Draft,
    files: HashMap<PathBuf, (PathBuf, u64)>,
    links: HashMap<PathBuf, PathBuf>,
}

impl Aside {
    fn read(draft: Draft, archive: impl Read + Send) -> Result<Self, ImagesError> {
        let mut tar = tar::Archive::new(compression::unpacked(archive)?);
        let (mut files, mut links) = (HashMap::new(), HashMap::new());
        for (number, entry) in (0..).zip(tar.entries().map_err(ImagesError::Read)?) {
            let mut entry = entry.map_err(ImagesError::Read)?;
            if number > limits::LAYER_ENTRIES / 100 {
                return Err(ImagesError::TooLarge("the archive has too many files to be one of images".into()));
            }
            let shown = entry.path().map_err(ImagesError::Read)?.into_owned();
            let path = folder::inside(&shown).map_err(|source| ImagesError::Entry { path: shown, source })?;
            match entry.header().entry_type() {
                EntryType::Regular | EntryType::Continuous => {
                    let target = draft.folder.join(number.to_string());
                    let size = entry.size();
                    copy(&mut entry, &target, size)?;
                    files.insert(path, (target, size));
                }
                // Older archives have one layer under several names.
                EntryType::Symlink | EntryType::Link => {
                    let link = entry.link_name().map_err(ImagesError::Read)?.unwrap_or_default().into_owned();
                    let from_root = entry.header().entry_type() == EntryType::Link;
                    let base = if from_root { Path::new("") } else { path.parent().unwrap_or(Path::new("")) };
                    links.insert(path.clone(), resolved(base, &link));
                }
                _ => {}
            }
        }
        Ok(Self { _draft: draft, files, links })
    }

    fn has(&self, name: &str) -> bool {
        self.files.contains_key(Path::new(name))
    }

    fn find(&self, name: &str) -> Result<(&Path, u64), ImagesError> {
        let missing = || ImagesError::Bad(format!("the archive is incomplete: {name} is not in it"));
        let mut path = folder::inside(Path::new(name)).map_err(|_| missing())?;
        // A link may lead to a link; never in a circle.
        for _ in 0..8 {
            if let Some((file, size)) = self.files.get(&path) {
                return Ok((file, *size));
            }
            path = self.links.get(&path).cloned().ok_or_else(missing)?;
        }
        Err(missing())
    }

    fn bytes(&self, name: &str) -> Result<Vec<u8>, ImagesError> {
        let (path, size) = self.find(name)?;
        if size > limits::JSON_BYTES {
            return Err(ImagesError::TooLarge(format!(
                "{name} in the archive is larger than {} bytes",
                limits::JSON_BYTES
            )));
        }
        std::fs::read(path).map_err(ImagesError::io("read", path))
    }

    fn json<T: DeserializeOwned>(&self, name: &str) -> Result<T, ImagesError> {
        parse(&format!("{name} in the archive"), &self.bytes(name)?)
    }
}

/// A link's end, without asking the file system.
fn resolved(base: &Path, link: &Path) -> PathBuf {
    let mut path = if link.is_absolute() { PathBuf::new() } else { base.to_owned() };
    for component in link.components() {
        match component {
            std::path::Component::Normal(name) => path.push(name),
            std::path::Component::ParentDir => {
                path.pop();
            }
            std::path::Component::RootDir | std::path::Component::CurDir | std::path::Component::Prefix(_) => {}
        }
    }
    path
}

fn copy(from: &mut impl Read, to: &Path, size: u64) -> Result<(), ImagesError> {
    let free = walk::free_bytes(to.parent().unwrap_or(to)).map_err(ImagesError::io("see what is free at", to))?;
    if size > free.saturating_sub(limits::FREE_BYTES) {
        return Err(ImagesError::DiskFull { mib: limits::FREE_BYTES >> 20, path: to.to_owned() });
    }
    let mut file = File::create(to).map_err(ImagesError::io("make", to))?;
    let mut buffer = vec![0; 128 << 10];
    let mut copied = 0;
    loop {
        let read = from.read(&mut buffer).map_err(ImagesError::Read)?;
        if read == 0 {
            break;
        }
        file.write_all(&buffer[..read]).map_err(ImagesError::io("write", to))?;
        copied += read as u64;
    }
    if copied == size {
        return Ok(());
    }
    Err(ImagesError::Read(io::Error::new(io::ErrorKind::UnexpectedEof, "it ends in the middle of a file")))
}
