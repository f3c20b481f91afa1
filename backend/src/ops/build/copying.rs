//! `COPY` and `ADD`: what goes where, and a layer of it. What is fetched comes before anything else, since the content decides
//! whether an earlier build has done the same.

use super::{OpError, base_image, expanded, folders, stage::Building};
use crate::images::{
    ImagesError,
    build::{
        Copy, Origin, Owner,
        dockerfile::{CopyStep, Text},
        fetch::{Fetched, is_url},
        run_config,
        words::{self, Lookup},
    },
};
use tokio::task::spawn_blocking;

impl Building<'_> {
    /// Does one of them.
    pub(super) async fn copy(&mut self, step: &CopyStep) -> Result<(), OpError> {
        let word = if step.is_add { "ADD" } else { "COPY" };
        let lookup = self.lookup();
        let all = expanded_all(&step.sources, &lookup)?;
        let (urls, sources): (Vec<String>, Vec<String>) = all.into_iter().partition(|source| is_url(source));
        self.check(word, step, &urls, &sources)?;
        let target = expanded(&step.target, &lookup)?;
        let folder = target.ends_with('/') || target == "." || target.ends_with("/.");
        let mut whole = run_config::working_dir(&self.config.run(), &target);
        if folder && !whole.ends_with('/') {
            whole.push('/');
        }
        let mode = step.chmod.as_deref().map(|mode| mode_of(&expanded(mode, &lookup)?)).transpose()?;
        let chown = step.chown.as_deref().map(|owner| expanded(owner, &lookup)).transpose()?;
        let text = |text: &Text| match text.expands {
            true => words::expand_document(&text.text, &lookup).map_err(OpError::Invalid),
            false => Ok(text.text.clone()),
        };
        let texts = step.texts.iter().map(text).collect::<Result<_, _>>()?;
        let checksum = step.checksum.as_deref().map(|digest| expanded(digest, &lookup)).transpose()?;
        let copy = Copy {
            origin: self.origin(step, &lookup).await?,
            sources,
            texts,
            fetched: self.fetch(&urls, checksum.as_deref()).await?,
            target: whole.clone(),
            owner: Owner { chown, mode },
            unpacks: step.is_add,
        };
        let (images, its_copy) = (self.daemon.images.clone(), copy.clone());
        let digest = spawn_blocking(move || images.digest_of(&its_copy)).await.map_err(|_| OpError::CutOff)??;
        let noted = format!("/bin/sh -c #(nop) {word} {}:{digest} in {whole} ", kind(&copy));
        let owner = format!("{:?}", copy.owner);
        if self.take_cached(&noted, &owner).await? {
            return Ok(());
        }
        let (images, base) = (self.daemon.images.clone(), self.folders());
        let copied = spawn_blocking(move || images.copy(&base, &copy)).await.map_err(|_| OpError::CutOff)?;
        self.make(noted, owner, Some(copied?)).await
    }

    /// Whether these sources and options go together, and are built.
    fn check(&self, word: &str, step: &CopyStep, urls: &[String], sources: &[String]) -> Result<(), OpError> {
        if let Some(option) = step.unknown.first() {
            return Err(OpError::NotBuilt(format!("{word} {option}, an option of BuildKit,")));
        }
        if !urls.is_empty() && !step.is_add {
            return Err(OpError::Invalid("COPY failed: source can't be a URL for COPY; ADD fetches it".into()));
        }
        if let Some(other) = sources.iter().find(|source| source.contains("://") || source.starts_with("git@")) {
            return Err(OpError::NotBuilt(format!("{word} from {other}, which is neither http:// nor https://,")));
        }
        if step.checksum.is_some() && (urls.len() != 1 || !sources.is_empty() || !step.texts.is_empty()) {
            let why = "ADD failed: --checksum is that of one file which is fetched from a URL";
            return Err(OpError::Invalid(why.into()));
        }
        Ok(())
    }

    async fn origin(&self, step: &CopyStep, lookup: &impl Lookup) -> Result<Origin, OpError> {
        let Some(from) = &step.from else { return Ok(Origin::Context(self.context.folder())) };
        let from = expanded(from, lookup)?;
        let image = match self.stage_named(&from, self.done.len())? {
            Some(image) => image,
            None => base_image(self, &from).await?.image,
        };
        Ok(Origin::Layers(folders(self.daemon, &image.layers)))
    }

    async fn fetch(&self, urls: &[String], checksum: Option<&str>) -> Result<Vec<Fetched>, OpError> {
        let mut fetched = Vec::with_capacity(urls.len());
        for url in urls {
            let file = self.daemon.images.fetch(url, self.reporter).await?;
            if let Some(expected) = checksum.filter(|expected| *expected != file.digest) {
                let why = format!("ADD failed: digest mismatch {}: {expected} was expected of {url}", file.digest);
                return Err(OpError::Invalid(why));
            }
            fetched.push(file);
        }
        Ok(fetched)
    }
}

fn expanded_all(texts: &[String], lookup: &impl Lookup) -> Result<Vec<String>, OpError> {
    texts.iter().map(|text| expanded(text, lookup)).collect()
}

/// The word before a digest in histories.
fn kind(copy: &Copy) -> &'static str {
    if copy.sources.len() + copy.texts.len() + copy.fetched.len() > 1 { "multi" } else { "file" }
}

fn mode_of(text: &str) -> Result<u32, OpError> {
    let mode = u32::from_str_radix(text, 8).ok().filter(|mode| *mode <= 0o7777);
    mode.ok_or_else(|| OpError::Images(ImagesError::Bad(format!("invalid --chmod {text}: write it as octal digits"))))
}
