//! Taking images away: a name, an image with what it was made of, all that nobody needs.

use super::{Daemon, OpError, find, is_hex, publish, sweep};
use crate::{
    images::reference::Reference,
    model::ImageRecord,
    notices::ImageDeed,
    store::{Connection, StoreError, image},
};
use drawbridge_api::{ContainerState, ImageId};
use sha2::{Digest, Sha256};
use std::{collections::HashSet, sync::Arc};

/// What went.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Removed {
    /// A name.
    Name(String),
    /// An image, or the chain of layers up to one that no other image has: `sha256:…`.
    Digest(String),
}

/// How much is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Insistence {
    /// Not what is in use or has several names.
    Gentle,
    /// Also that.
    Forced,
}

/// What becomes of the images that an image was made of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Parents {
    /// Those without names go too.
    Removed,
    /// They stay.
    Kept,
}

/// Takes a name away, and with the last one the image.
///
/// # Errors
/// As of [`find`]; `ImageInUse`, `ImageNameInUse`.
pub async fn remove(
    daemon: &Arc<Daemon>,
    text: &str,
    insistence: Insistence,
    parents: Parents,
) -> Result<Vec<Removed>, OpError> {
    let record = find(daemon, text)?;
    let mut removal = Removal::new(insistence, parents);
    let by_name = (!names_id(text, &record.id)).then(|| text.parse::<Reference>().ok()).flatten();
    let done: Result<(), OpError> = daemon.engine.write(|db| {
        let done = match &by_name {
            Some(name) => removal.by_name(db, &record, name, text),
            None => removal.by_id(db, &record),
        };
        match done {
            Ok(()) => Ok(Ok(())),
            // It was refused before anything was changed.
            Err(Refusal::Op(error)) => Ok(Err(*error)),
            Err(Refusal::Store(error)) => Err(error),
        }
    })?;
    done?;
    finish(daemon, removal).await
}

/// Takes away every image that `choose` picks of those that no container is made of.
///
/// # Errors
/// When store or disk fail.
pub async fn prune(
    daemon: &Arc<Daemon>,
    choose: impl Fn(&ImageRecord) -> bool,
) -> Result<(Vec<Removed>, i64), OpError> {
    let before = super::layers_size(daemon)?;
    let mut removal = Removal::new(Insistence::Gentle, Parents::Removed);
    let candidates: Vec<ImageRecord> = super::without_steps(super::list(daemon)?).into_iter().filter(choose).collect();
    for record in candidates {
        daemon.engine.write(|db| {
            // It may have gone with another, or have got a container.
            let Some(record) = image::get(db, &record.id)? else { return Ok(()) };
            if !image::containers(db, &record.id)?.is_empty() || !image::children(db, &record.id)?.is_empty() {
                return Ok(());
            }
            removal.take_names(db, &record)?;
            removal.delete(db, &record).map_err(Refusal::into_store)
        })?;
    }
    let removed = finish(daemon, removal).await?;
    Ok((removed, before - super::layers_size(daemon)?))
}

async fn finish(daemon: &Arc<Daemon>, removal: Removal) -> Result<Vec<Removed>, OpError> {
    for id in &removal.touched {
        publish(daemon, id)?;
    }
    for (deed, id) in &removal.deeds {
        daemon.tell_image(format!("sha256:{id}"), format!("sha256:{id}"), std::collections::BTreeMap::new(), *deed);
    }
    sweep(daemon).await?;
    Ok(removal.removed)
}

/// Whether a text is the beginning of this id, and not a name.
fn names_id(text: &str, id: &ImageId) -> bool {
    let digits = text.strip_prefix("sha256:").unwrap_or(text);
    is_hex(digits) && id.as_str().starts_with(digits)
}

enum Refusal {
    Op(Box<OpError>),
    Store(StoreError),
}

impl Refusal {
    fn into_store(self) -> StoreError {
        match self {
            Refusal::Store(error) => error,
            Refusal::Op(error) => StoreError::Conflict { constraint: error.to_string() },
        }
    }
}

impl From<StoreError> for Refusal {
    fn from(error: StoreError) -> Self {
        Refusal::Store(error)
    }
}

struct Removal {
    insistence: Insistence,
    parents: Parents,
    removed: Vec<Removed>,
    touched: Vec<ImageId>,
    deeds: Vec<(ImageDeed, ImageId)>,
}

impl Removal {
    fn new(insistence: Insistence, parents: Parents) -> Self {
        Self { insistence, parents, removed: Vec::new(), touched: Vec::new(), deeds: Vec::new() }
    }

    fn untagged(&mut self, id: &ImageId, name: String) {
        self.removed.push(Removed::Name(name));
        self.deeds.push((ImageDeed::Untag, id.clone()));
    }

    fn by_name(&mut self, db: &Connection, record: &ImageRecord, name: &Reference, text: &str) -> Result<(), Refusal> {
        let users = image::containers(db, &record.id)?;
        if let ([(user, _), ..], true, Insistence::Gentle) = (users.as_slice(), is_single(record), self.insistence) {
            return Err(Refusal::Op(Box::new(OpError::ImageNameInUse {
                name: text.to_owned(),
                container: user.short().to_owned(),
                image: record.id.short().to_owned(),
            })));
        }
        let repository = name.familiar_name();
        match &name.digest {
            Some(digest) => {
                image::delete_digest(db, &repository, digest)?;
                self.untagged(&record.id, format!("{repository}@{digest}"));
            }
            None => {
                image::delete_tag(db, &name.to_string())?;
                self.untagged(&record.id, name.to_string());
            }
        }
        self.touched.push(record.id.clone());
        let of_repository = |tag: &String| tag.parse::<Reference>().is_ok_and(|tag| tag.familiar_name() == repository);
        let mut now = image::get(db, &record.id)?.unwrap_or_else(|| record.clone());
        // Digests without a tag of their repository would keep an image that nobody can see.
        if name.digest.is_none() && !now.tags.iter().any(of_repository) {
            for digest in now.digests.iter().filter_map(|name| name.strip_prefix(&format!("{repository}@"))) {
                image::delete_digest(db, &repository, digest)?;
                self.untagged(&record.id, format!("{repository}@{digest}"));
            }
            now = image::get(db, &record.id)?.unwrap_or(now);
        }
        if !now.tags.is_empty() || !now.digests.is_empty() {
            return Ok(());
        }
        // The name is gone, which was asked for; what still needs the image keeps it.
        match self.delete(db, &now) {
            Err(Refusal::Op(_)) => Ok(()),
            done => done,
        }
    }

    fn by_id(&mut self, db: &Connection, record: &ImageRecord) -> Result<(), Refusal> {
        if !is_single(record) && self.insistence == Insistence::Gentle {
            return Err(refuse(record, "must be forced", "image is referenced in multiple repositories"));
        }
        self.check(db, record)?;
        self.take_names(db, record)?;
        self.delete(db, record)
    }

    /// Whether an image may go.
    fn check(&self, db: &Connection, record: &ImageRecord) -> Result<(), Refusal> {
        let users = image::containers(db, &record.id)?;
        if let Some((user, _)) = users.iter().find(|(_, state)| *state == ContainerState::Running) {
            let why = format!("image is being used by running container {}", user.short());
            return Err(refuse(record, "cannot be forced", &why));
        }
        if !image::children(db, &record.id)?.is_empty() {
            return Err(refuse(record, "cannot be forced", "image has dependent child images"));
        }
        if let [(user, _), ..] = users.as_slice() {
            // Its files are below the container's own, so even force leaves it until the container is removed.
            let why = format!("image is being used by stopped container {}", user.short());
            let force = if self.insistence == Insistence::Gentle { "must be forced" } else { "cannot be forced" };
            let names_go = self.insistence == Insistence::Forced && !record.tags.is_empty();
            return if names_go { Ok(()) } else { Err(refuse(record, force, &why)) };
        }
        Ok(())
    }

    fn take_names(&mut self, db: &Connection, record: &ImageRecord) -> Result<(), StoreError> {
        for tag in &record.tags {
            image::delete_tag(db, tag)?;
            self.untagged(&record.id, tag.clone());
        }
        for name in &record.digests {
            if let Some((repository, digest)) = name.split_once('@') {
                image::delete_digest(db, repository, digest)?;
                self.untagged(&record.id, name.clone());
            }
        }
        self.touched.push(record.id.clone());
        Ok(())
    }

    /// Takes an image away that has no name, and those it was made of as far as nothing else needs them.
    fn delete(&mut self, db: &Connection, record: &ImageRecord) -> Result<(), Refusal> {
        let mut next = Some(record.clone());
        let mut first = true;
        while let Some(record) = next {
            let in_use = !image::containers(db, &record.id)?.is_empty() || !image::children(db, &record.id)?.is_empty();
            if in_use && first {
                // Its names are gone all the same.
                return match self.check(db, &record) {
                    Err(refusal) if self.removed.is_empty() => Err(refusal),
                    Ok(()) | Err(_) => Ok(()),
                };
            }
            if in_use || (!first && (!record.tags.is_empty() || !record.digests.is_empty())) {
                return Ok(());
            }
            image::delete(db, &record.id)?;
            self.touched.push(record.id.clone());
            self.deeds.push((ImageDeed::Delete, record.id.clone()));
            self.removed.push(Removed::Digest(format!("sha256:{}", record.id)));
            let kept = image::referenced_layers(db)?;
            self.removed.extend(chains(&record.layers, &kept).into_iter().rev().map(Removed::Digest));
            next = match (self.parents, record.parent_id) {
                (Parents::Removed, Some(parent)) => image::get(db, &parent)?,
                (Parents::Kept, _) | (Parents::Removed, None) => None,
            };
            first = false;
        }
        Ok(())
    }
}

fn refuse(record: &ImageRecord, force: &'static str, why: &str) -> Refusal {
    Refusal::Op(Box::new(OpError::ImageInUse { image: record.id.short().to_owned(), force, why: why.to_owned() }))
}

/// Whether an image has one name at the most, digests of the same repository not counted.
fn is_single(record: &ImageRecord) -> bool {
    let repositories: HashSet<&str> =
        record.digests.iter().filter_map(|name| name.split_once('@')).map(|(repository, _)| repository).collect();
    match record.tags.as_slice() {
        [] => repositories.len() <= 1,
        [tag] => tag.parse::<Reference>().is_ok_and(|tag| {
            let name = tag.familiar_name();
            repositories.iter().all(|repository| *repository == name)
        }),
        _ => false,
    }
}

/// The chains of layers (OCI image specification, "Layer ChainID") whose top layer is kept by no image.
fn chains(layers: &[String], kept: &HashSet<String>) -> Vec<String> {
    let mut chain = String::new();
    let mut gone = Vec::new();
    for layer in layers {
        chain = if chain.is_empty() {
            layer.clone()
        } else {
            format!("sha256:{}", hex::encode(Sha256::digest(format!("{chain} {layer}"))))
        };
        if !kept.contains(layer) {
            gone.push(chain.clone());
        }
    }
    gone
}
