//! One blob from a registry, checked against its digest, and taken up again where it was cut.

use super::{
    ImagesError,
    reference::Reference,
    registry::{Endpoint, RegistryError, causes},
};
use bytes::Bytes;
use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use sha2::{Digest, Sha256};
use std::time::Duration;

/// How often a cut connection is made again before it is given up, and for how many seconds it is waited before. Bytes
/// that came begin the count anew.
const WAITS: [u64; 5] = [1, 2, 4, 8, 15];

/// A blob on its way, taken up again where it was cut.
pub(super) struct Download<'a> {
    endpoint: &'a Endpoint,
    name: &'a Reference,
    digest: &'a str,
    /// What the manifest says.
    size: Option<u64>,
    /// How much has come.
    pub(super) offset: u64,
    hasher: Sha256,
    stream: Option<stream::BoxStream<'static, std::io::Result<Bytes>>>,
    /// What the registry sends again although it was asked not to.
    skip: u64,
    tries: usize,
    ended: bool,
}

impl<'a> Download<'a> {
    pub(super) fn new(endpoint: &'a Endpoint, name: &'a Reference, digest: &'a str, size: Option<u64>) -> Self {
        let hasher = Sha256::new();
        Self { endpoint, name, digest, size, offset: 0, hasher, stream: None, skip: 0, tries: 0, ended: false }
    }

    /// The next bytes; none when all of it has come and is what it should be.
    pub(super) async fn next(&mut self, retrying: &mut (dyn FnMut(u64) + Send)) -> Result<Option<Bytes>, ImagesError> {
        if self.ended {
            return Ok(None);
        }
        loop {
            match self.piece().await {
                Ok(Some(piece)) => {
                    self.tries = 0;
                    self.offset += piece.len() as u64;
                    self.hasher.update(&piece);
                    if self.size.is_some_and(|size| self.offset > size) {
                        let found = format!("more than {} bytes", self.size.unwrap_or(0));
                        return Err(ImagesError::Registry(self.wrong(found)));
                    }
                    return Ok(Some(piece));
                }
                Ok(None) if self.size.is_none_or(|size| self.offset == size) => {
                    let found = format!("sha256:{}", hex::encode(self.hasher.finalize_reset()));
                    if found != self.digest {
                        return Err(ImagesError::Registry(self.wrong(found)));
                    }
                    self.ended = true;
                    return Ok(None);
                }
                Ok(None) => self.again("it ended too early".into(), retrying).await?,
                Err(Trouble::Passing(why)) => self.again(why, retrying).await?,
                Err(Trouble::Lasting(error)) => return Err(ImagesError::Registry(error)),
            }
        }
    }

    fn wrong(&self, found: String) -> RegistryError {
        let (registry, expected) = (self.endpoint.registry.clone(), self.digest.to_owned());
        RegistryError::WrongDigest { registry, expected, found }
    }

    async fn again(&mut self, why: String, retrying: &mut (dyn FnMut(u64) + Send)) -> Result<(), ImagesError> {
        self.stream = None;
        let Some(seconds) = WAITS.get(self.tries) else {
            return Err(ImagesError::Registry(RegistryError::CutOff {
                registry: self.endpoint.registry.clone(),
                what: self.digest.to_owned(),
                tries: self.tries + 1,
                why,
            }));
        };
        self.tries += 1;
        tracing::info!(registry = self.endpoint.registry, blob = self.digest, why, seconds, "a download goes on");
        retrying(*seconds);
        tokio::time::sleep(Duration::from_secs(*seconds)).await;
        Ok(())
    }

    async fn piece(&mut self) -> Result<Option<Bytes>, Trouble> {
        loop {
            let stream = match &mut self.stream {
                Some(stream) => stream,
                None => {
                    let opened = self.open().await?;
                    self.stream.insert(opened)
                }
            };
            let mut piece = match stream.next().await {
                None => return Ok(None),
                Some(Err(error)) => return Err(Trouble::Passing(causes(&error))),
                Some(Ok(piece)) => piece,
            };
            let skipped = self.skip.min(piece.len() as u64);
            self.skip -= skipped;
            let _ = piece.split_to(usize::try_from(skipped).unwrap_or(usize::MAX).min(piece.len()));
            if !piece.is_empty() {
                return Ok(Some(piece));
            }
        }
    }

    async fn open(&mut self) -> Result<stream::BoxStream<'static, std::io::Result<Bytes>>, Trouble> {
        match self.endpoint.blob(self.name, self.digest, self.offset).await {
            Ok(blob) => {
                self.skip = if blob.is_partial { 0 } else { self.offset };
                Ok(blob.response.bytes_stream().map_err(std::io::Error::other).boxed())
            }
            Err(error) => Err(match error {
                RegistryError::Unreachable { why, .. } | RegistryError::CutOff { why, .. } => Trouble::Passing(why),
                RegistryError::Status { code, said, .. } if code >= 500 => {
                    Trouble::Passing(format!("it answers {code} {said}"))
                }
                RegistryError::TooManyRequests { said, .. } if self.tries + 1 < WAITS.len() => {
                    Trouble::Passing(format!("it was asked too often: {said}"))
                }
                error => Trouble::Lasting(error),
            }),
        }
    }
}

enum Trouble {
    /// It may be over soon.
    Passing(String),
    Lasting(RegistryError),
}
