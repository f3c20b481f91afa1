//! Images from registries and into them.

use super::{Daemon, Names, OpError, find, labels, record, sweep};
use crate::{
    images::{
        Description, ImagesError,
        progress::{Progress, Reporter},
        reference::Reference,
        registry::Credentials,
    },
    notices::ImageDeed,
    store::image,
};
use std::{collections::BTreeMap, sync::Arc};

/// Pulls an image and records it.
///
/// # Errors
/// As of [`crate::images::Images::pull`]; when the store fails. Nothing of it is left then.
pub async fn pull(
    daemon: &Arc<Daemon>,
    name: &Reference,
    credentials: &Credentials,
    reporter: &Reporter,
) -> Result<(), OpError> {
    let pulled = match daemon.images.pull(name, credentials, reporter).await {
        Ok(pulled) => pulled,
        Err(error) => {
            sweep(daemon).await?;
            return Err(error.into());
        }
    };
    let tag = name.digest.is_none().then(|| name.clone());
    let before = match &tag {
        Some(tag) => image::by_tag(&*daemon.engine.store.read()?, &tag.to_string())?,
        None => image::get(&*daemon.engine.store.read()?, &pulled.image.id)?.map(|image| image.id),
    };
    let digests = vec![(name.familiar_name(), pulled.digest.clone())];
    record(daemon, &pulled.image, Names { tags: tag.into_iter().collect(), digests, ..Names::default() })?;
    let found = find(daemon, pulled.image.id.as_str())?;
    daemon.tell_image(name.to_string(), name.to_string(), labels(&found), ImageDeed::Pull);
    reporter.tell(Progress::Line(format!("Digest: {}", pulled.digest))).await;
    let status = match before {
        Some(before) if before == pulled.image.id => format!("Status: Image is up to date for {name}"),
        Some(_) | None => format!("Status: Downloaded newer image for {name}"),
    };
    reporter.tell(Progress::Line(status)).await;
    // One that lost its name and its last user may have left layers.
    sweep(daemon).await
}

/// Pulls every tag of a repository.
///
/// # Errors
/// As of [`pull`]; what was pulled before stays.
pub async fn pull_all(
    daemon: &Arc<Daemon>,
    repository: &Reference,
    credentials: &Credentials,
    reporter: &Reporter,
) -> Result<(), OpError> {
    for tag in daemon.images.tags(repository, credentials).await? {
        let name = Reference { tag: Some(tag), ..repository.clone() };
        pull(daemon, &name, credentials, reporter).await?;
    }
    Ok(())
}

/// Pushes an image under one of its names.
///
/// # Errors
/// `Invalid` when there is no image of that name; as of [`crate::images::Images::push`].
pub async fn push(
    daemon: &Arc<Daemon>,
    name: &Reference,
    credentials: &Credentials,
    reporter: &Reporter,
) -> Result<(), OpError> {
    let id = image::by_tag(&*daemon.engine.store.read()?, &name.to_string())?;
    let id = id.ok_or_else(|| OpError::NoSuchTag(name.to_string()))?;
    let found = find(daemon, id.as_str())?;
    let built = daemon.images.recorded(&found.config, &found.layers)?;
    let pushed = daemon.images.push(name, &built, credentials, reporter).await?;
    daemon.engine.write(|db| image::set_digest(db, &name.familiar_name(), &pushed.digest, &id))?;
    super::publish(daemon, &id)?;
    daemon.tell_image(name.to_string(), name.familiar_name(), BTreeMap::new(), ImageDeed::Push);
    let tag = name.tag.clone().unwrap_or_default();
    let (digest, size) = (pushed.digest, pushed.size_bytes);
    reporter.tell(Progress::Line(format!("{tag}: digest: {digest} size: {size}"))).await;
    reporter.tell(Progress::Pushed { tag, digest, size_bytes: size }).await;
    Ok(())
}

/// The names that an image has in a repository, for pushing all of them.
///
/// # Errors
/// `NoSuchTag` when it has none.
pub fn tags_of(daemon: &Daemon, repository: &Reference) -> Result<Vec<Reference>, OpError> {
    let wanted = repository.familiar_name();
    let tags = super::list(daemon)?.into_iter().flat_map(|image| image.tags);
    let names: Vec<Reference> =
        tags.filter_map(|tag| tag.parse().ok()).filter(|name: &Reference| name.familiar_name() == wanted).collect();
    if names.is_empty() { Err(OpError::NoSuchTag(wanted)) } else { Ok(names) }
}

/// What a registry says of a name.
///
/// # Errors
/// As of [`crate::images::Images::describe`].
pub async fn describe(daemon: &Daemon, name: &Reference, credentials: &Credentials) -> Result<Description, OpError> {
    Ok(daemon.images.describe(name, credentials).await?)
}

/// Whether a registry lets somebody in.
///
/// # Errors
/// As of [`crate::images::Images::log_in`].
pub async fn log_in(daemon: &Daemon, registry: &str, credentials: &Credentials) -> Result<(), ImagesError> {
    daemon.images.log_in(registry, credentials).await
}
