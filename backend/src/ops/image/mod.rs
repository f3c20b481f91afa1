//! Images: find, list, record, name, and the built-in one. Taking away is in `remove`, archives in `archive`, what a
//! container wrote becomes an image in `commit`.

pub mod archive;
pub mod commit;
pub mod registry;
pub mod remove;

use super::{Daemon, OpError};
use crate::{
    clock,
    images::{BuiltImage, config::ImageConfig, reference::Reference},
    model::ImageRecord,
    notices::{Deed, ImageDeed},
    store::{Connection, image},
};
use drawbridge_api::{EventKind, Image, ImageId};
use std::collections::{BTreeMap, HashMap, HashSet};

/// The image that a reference, an id or the beginning of one means.
///
/// # Errors
/// `NoSuchImage`, `Ambiguous`, or `Invalid` for a reference that makes no sense.
pub fn find(daemon: &Daemon, text: &str) -> Result<ImageRecord, OpError> {
    find_in(&*daemon.engine.store.read()?, text)
}

pub(super) fn find_in(db: &Connection, text: &str) -> Result<ImageRecord, OpError> {
    let reference: Result<Reference, _> = text.parse();
    let missing = || OpError::NoSuchImage(reference.as_ref().map_or_else(|_| text.to_owned(), ToString::to_string));
    let named = match &reference {
        Ok(reference) => match &reference.digest {
            Some(digest) => image::by_digest(db, &reference.familiar_name(), digest)?,
            None => image::by_tag(db, &reference.to_string())?,
        },
        Err(_) => None,
    };
    let id = match named {
        Some(id) => id,
        None => by_id(db, text)?.ok_or_else(|| match &reference {
            Ok(_) => missing(),
            Err(error) if !text.starts_with("sha256:") => OpError::Invalid(error.to_string()),
            Err(_) => missing(),
        })?,
    };
    image::get(db, &id)?.ok_or_else(missing)
}

fn by_id(db: &Connection, text: &str) -> Result<Option<ImageId>, OpError> {
    let digits = text.strip_prefix("sha256:").unwrap_or(text);
    if digits.len() < 2 || !is_hex(digits) {
        return Ok(None);
    }
    let mut ids = image::by_prefix(db, digits)?;
    match ids.len() {
        0 | 1 => Ok(ids.pop()),
        count => Err(OpError::Ambiguous { kind: "image", text: text.to_owned(), count }),
    }
}

fn is_hex(digits: &str) -> bool {
    digits.bytes().all(|byte| byte.is_ascii_hexdigit())
}

/// All images, newest first.
///
/// # Errors
/// When the store fails.
pub fn list(daemon: &Daemon) -> Result<Vec<ImageRecord>, OpError> {
    Ok(image::list(&*daemon.engine.store.read()?)?)
}

/// The images that people ask for: not those that a build went through on its way to another.
pub fn without_steps(mut images: Vec<ImageRecord>) -> Vec<ImageRecord> {
    let parents: HashSet<ImageId> = images.iter().filter_map(|image| image.parent_id.clone()).collect();
    images.retain(|image| !image.tags.is_empty() || !image.digests.is_empty() || !parents.contains(&image.id));
    images
}

/// What of each image is in layers that another of them has too, in bytes.
///
/// # Errors
/// When a layer can't be read.
pub fn shared_sizes(daemon: &Daemon, images: &[ImageRecord]) -> Result<HashMap<ImageId, i64>, OpError> {
    let mut owners: HashMap<&String, HashSet<&ImageId>> = HashMap::new();
    for image in images {
        for diff_id in &image.layers {
            owners.entry(diff_id).or_default().insert(&image.id);
        }
    }
    let mut shared = HashMap::new();
    for (diff_id, images) in owners.into_iter().filter(|(_, images)| images.len() > 1) {
        let size_bytes = daemon.images.layer(diff_id)?.map_or(0, |layer| layer.size_bytes);
        for image in images {
            *shared.entry(image.clone()).or_default() += size_bytes;
        }
    }
    Ok(shared)
}

/// What images use of the disk: each layer once, in bytes.
///
/// # Errors
/// When a layer can't be read.
pub fn layers_size(daemon: &Daemon) -> Result<i64, OpError> {
    let layers = image::referenced_layers(&*daemon.engine.store.read()?)?;
    let mut sum = 0;
    for diff_id in layers {
        sum += daemon.images.layer(&diff_id)?.map_or(0, |layer| layer.size_bytes);
    }
    Ok(sum)
}

/// One line of an image's history, newest first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HistoryLine {
    /// The image that it made, where that is known.
    pub id: Option<ImageId>,
    /// UTC milliseconds since 1970.
    pub created_at_ms: i64,
    /// The instruction.
    pub created_by: String,
    /// The names of that image.
    pub tags: Vec<String>,
    /// What it added, in bytes.
    pub size_bytes: i64,
    /// What its maker says.
    pub comment: String,
}

/// What was done to make an image, the last first.
///
/// # Errors
/// As of [`find`]; when a layer can't be read.
pub fn history(daemon: &Daemon, text: &str) -> Result<Vec<HistoryLine>, OpError> {
    let record = find(daemon, text)?;
    let config = ImageConfig::parse(record.config.as_bytes())?;
    let mut layers = record.layers.iter();
    let mut lines = Vec::new();
    for entry in config.history() {
        let layer = if entry.empty_layer { None } else { layers.next() };
        let size_bytes = match layer {
            Some(diff_id) => daemon.images.layer(diff_id)?.map_or(0, |layer| layer.size_bytes),
            None => 0,
        };
        let (created_at_ms, created_by, comment) = (entry.created_at_ms, entry.created_by, entry.comment);
        lines.push(HistoryLine { id: None, created_at_ms, created_by, tags: Vec::new(), size_bytes, comment });
    }
    lines.reverse();
    // The images on the way are known as far as they were made here.
    let mut step = Some(record);
    for line in &mut lines {
        let Some(image) = step else { break };
        line.id = Some(image.id);
        line.tags = image.tags;
        step = match image.parent_id {
            Some(parent) => image::get(&*daemon.engine.store.read()?, &parent)?,
            None => None,
        };
    }
    Ok(lines)
}

/// What an image is recorded with.
#[derive(Clone, Debug, Default)]
pub struct Names {
    /// The names that are to point at it.
    pub tags: Vec<Reference>,
    /// The manifests that it came with: repository and digest.
    pub digests: Vec<(String, String)>,
    /// The image that it was made of.
    pub parent_id: Option<ImageId>,
}

/// Records an image, makes its names point at it and tells of it. Images that lose a name to it are told of too; they
/// are returned with the name that they lost.
///
/// # Errors
/// When the store fails.
pub fn record(daemon: &Daemon, built: &BuiltImage, names: Names) -> Result<Vec<(String, ImageId)>, OpError> {
    let tags: Vec<String> = names.tags.iter().map(ToString::to_string).collect();
    let record = ImageRecord {
        id: built.id.clone(),
        config: built.config.clone(),
        layers: built.layers.iter().map(|layer| layer.diff_id.clone()).collect(),
        size_bytes: built.size_bytes(),
        created_at_ms: built.created_at_ms,
        tags: Vec::new(),
        digests: Vec::new(),
        parent_id: names.parent_id,
        tagged_at_ms: None,
    };
    let robbed = daemon.engine.write(|db| {
        image::put(db, &record, clock::now_ms())?;
        let mut robbed = Vec::new();
        for tag in &tags {
            robbed.extend(point(db, tag, &record.id)?.map(|id| (tag.clone(), id)));
        }
        for (repository, digest) in &names.digests {
            image::set_digest(db, repository, digest, &record.id)?;
        }
        Ok(robbed)
    })?;
    for id in robbed.iter().map(|(_, id)| id).chain([&record.id]) {
        publish(daemon, id)?;
    }
    Ok(robbed)
}

/// Makes a tag point at an image; the other image that it pointed at.
fn point(db: &Connection, tag: &str, id: &ImageId) -> Result<Option<ImageId>, crate::store::StoreError> {
    let before = image::by_tag(db, tag)?;
    image::set_tag(db, tag, id, clock::now_ms())?;
    Ok(before.filter(|before| before != id))
}

/// What an image says of itself; nothing when its configuration can't be read.
pub(super) fn labels(record: &ImageRecord) -> BTreeMap<String, String> {
    ImageConfig::parse(record.config.as_bytes()).map(|config| config.labels()).unwrap_or_default()
}

/// Gives an image one more name.
///
/// # Errors
/// As of [`find`]; `Invalid` for a name with a digest.
pub fn tag(daemon: &Daemon, text: &str, name: &Reference) -> Result<(), OpError> {
    if name.digest.is_some() {
        return Err(OpError::Invalid("refusing to create a tag with a digest reference".into()));
    }
    let record = find(daemon, text)?;
    let robbed = daemon.engine.write(|db| point(db, &name.to_string(), &record.id))?;
    for id in robbed.iter().chain([&record.id]) {
        publish(daemon, id)?;
    }
    daemon.tell_image(format!("sha256:{}", record.id), name.to_string(), labels(&record), ImageDeed::Tag);
    Ok(())
}

/// Tells of an image as it is now.
pub(super) fn publish(daemon: &Daemon, id: &ImageId) -> Result<(), OpError> {
    daemon.publish(|| {
        let now = image::get(&*daemon.engine.store.read()?, id)?;
        Ok(now.map_or_else(|| EventKind::ImageRemoved(id.clone()), |record| EventKind::Image(view(&record))))
    })
}

impl Daemon {
    /// Tells what was done to an image.
    pub(super) fn tell_image(&self, id: String, name: String, labels: BTreeMap<String, String>, deed: ImageDeed) {
        self.notices.tell(Deed::Image { id, name, labels, deed });
    }
}

/// Makes the built-in `busybox` image of the host's static busybox, and records it. A name that was given to another
/// image stays with that.
///
/// # Errors
/// When the host has none, or the layer can't be written.
pub async fn ensure_busybox(daemon: &Daemon) -> Result<(), OpError> {
    let built = daemon.images.busybox().await?;
    let name: Reference = "busybox".parse().map_err(|error| OpError::Invalid(format!("busybox: {error}")))?;
    let taken = image::by_tag(&*daemon.engine.store.read()?, &name.to_string())?;
    let replaces = match taken {
        None => true,
        Some(id) => image::get(&*daemon.engine.store.read()?, &id)?.is_none_or(|record| is_built_in(&record)),
    };
    let tags = if replaces { vec![name] } else { Vec::new() };
    record(daemon, &built, Names { tags, ..Names::default() })?;
    Ok(())
}

/// Whether an image was made here of a host's busybox.
fn is_built_in(record: &ImageRecord) -> bool {
    let config = ImageConfig::parse(record.config.as_bytes());
    config.is_ok_and(|config| {
        let history = config.history();
        history.len() == 1 && history[0].created_by.starts_with("drawbridge:")
    })
}

/// Takes away the layers that no image has any more, as after a crash.
///
/// # Errors
/// When store or disk fail.
pub async fn sweep(daemon: &std::sync::Arc<Daemon>) -> Result<(), OpError> {
    let daemon = std::sync::Arc::clone(daemon);
    let swept = tokio::task::spawn_blocking(move || {
        daemon.images.collect(|| Ok::<_, OpError>(image::referenced_layers(&*daemon.engine.store.read()?)?))
    });
    swept.await.unwrap_or(Err(OpError::CutOff))
}

/// An image as the panel sees it.
pub fn view(record: &ImageRecord) -> Image {
    Image {
        id: record.id.clone(),
        tags: record.tags.clone(),
        size_bytes: record.size_bytes,
        created_at_ms: record.created_at_ms,
    }
}
