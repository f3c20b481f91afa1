//! The images of a lab: pulled, or built, when they are not here.

use super::{
    super::{
        Daemon, OpError,
        build::{self, BuildOptions, Cache, Files, Instructions, Pull},
        image,
    },
    LabBuild, LabService,
};
use crate::images::{
    Reference,
    progress::{Progress, Reporter},
    registry::Credentials,
};
use drawbridge_api::Origin;
use std::sync::Arc;

/// Which images are built.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Images {
    /// Those that are missing.
    Missing,
    /// All that the file says how to build: something may have changed in their folders.
    Build,
}

/// Sees to it that a service's image is here.
///
/// # Errors
/// When it can't be pulled or built.
pub(super) async fn have(
    daemon: &Arc<Daemon>,
    origin: Origin,
    service: &LabService,
    images: Images,
    reporter: &Reporter,
) -> Result<(), OpError> {
    match (image::find(daemon, &service.image), images, &service.build) {
        (Ok(_), Images::Missing, _) | (Ok(_), Images::Build, None) => return Ok(()),
        (Ok(_), Images::Build, Some(_)) | (Err(OpError::NoSuchImage(_)), _, _) => {}
        (Err(error), _, _) => return Err(error),
    }
    let name = named(&service.image)?;
    match &service.build {
        Some(build) => built(daemon, origin, &name, build, reporter).await,
        None => {
            reporter.tell(Progress::About { id: service.image.clone(), text: "is not here; pulling it".into() }).await;
            image::registry::pull(daemon, &name, &Credentials::None, reporter).await
        }
    }
}

async fn built(
    daemon: &Arc<Daemon>,
    origin: Origin,
    name: &Reference,
    build: &LabBuild,
    reporter: &Reporter,
) -> Result<(), OpError> {
    let text = format!("building it from {}", build.folder.display());
    reporter.tell(Progress::About { id: name.to_string(), text }).await;
    let instructions = match &build.inline {
        Some(text) => text.clone(),
        None => tokio::fs::read_to_string(&build.dockerfile).await.map_err(|error| {
            OpError::Invalid(format!("Cannot locate specified Dockerfile: {}: {error}", build.dockerfile.display()))
        })?,
    };
    let plain = BuildOptions::plain(origin, Instructions::Text(instructions))?;
    let mut tags = vec![name.clone()];
    for tag in &build.tags {
        tags.push(named(tag)?);
    }
    let options = BuildOptions {
        tags,
        arguments: build.arguments.clone(),
        labels: build.labels.clone(),
        target: build.target.clone(),
        cache: if build.without_cache { Cache::Ignored } else { Cache::Used },
        pull: if build.always_pulls { Pull::Always } else { Pull::Missing },
        container: build.container.as_deref().cloned().unwrap_or_else(|| plain.container.clone()),
        ..plain
    };
    build::build(daemon, Files::Folder(build.folder.clone()), options, reporter).await
}

fn named(text: &str) -> Result<Reference, OpError> {
    text.parse().map_err(|error| OpError::Invalid(format!("{text}: {error}")))
}
