//! How far a pull, push or load is, for whoever asked. What cannot be kept up with is left out, save what happens once.

use tokio::sync::mpsc::{self, Receiver, Sender};

/// How many reports may wait for their reader.
const WAITING: usize = 256;

/// One report.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Progress {
    /// A line of text.
    Line(String),
    /// A line about one thing, named before it: a tag, a layer.
    About {
        /// What it is about.
        id: String,
        /// What is said of it.
        text: String,
    },
    /// A layer, by the first twelve digits of its digest.
    Layer {
        /// Those digits.
        id: String,
        /// What becomes of it.
        state: LayerState,
    },
    /// What was pushed: the tag, the manifest's digest and its size in bytes.
    Pushed {
        /// `latest`.
        tag: String,
        /// `sha256:…`
        digest: String,
        /// Of the manifest.
        size_bytes: usize,
    },
    /// The identity of what was made.
    Made(drawbridge_api::ImageId),
    /// What a build prints, as it comes.
    Output(String),
}

/// What becomes of a layer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LayerState {
    /// It will be pulled.
    Wanted,
    /// It is here.
    Exists,
    /// It comes: bytes of how many; packed.
    Downloading(u64, u64),
    /// The connection was cut, and is made again in so many seconds.
    Retrying(u64),
    /// All of it is here, and is what it should be.
    Downloaded,
    /// It is being unpacked: bytes of how many.
    Extracting(u64, u64),
    /// It is here and unpacked.
    Pulled,
    /// It comes from an archive: bytes of how many.
    Loading(u64, u64),
    /// It will be pushed.
    Preparing,
    /// It goes: bytes of how many.
    Pushing(u64, u64),
    /// It is there.
    Pushed,
    /// It was there.
    PushedBefore,
}

/// Where reports go.
#[derive(Clone, Debug)]
pub struct Reporter {
    sender: Sender<Progress>,
}

/// A reporter and the one who hears it.
pub fn reporter() -> (Reporter, Receiver<Progress>) {
    let (sender, receiver) = mpsc::channel(WAITING);
    (Reporter { sender }, receiver)
}

impl Reporter {
    /// Reports what happens once; waits for a slow reader.
    pub async fn tell(&self, progress: Progress) {
        // A reader that has gone away is noticed by `gone`.
        let _ = self.sender.send(progress).await;
    }

    /// [`Reporter::tell`] on a thread that may block.
    pub fn tell_blocking(&self, progress: Progress) {
        let _ = self.sender.blocking_send(progress);
    }

    /// Reports a number that will be out of date soon; not to a slow reader.
    pub fn update(&self, progress: Progress) {
        let _ = self.sender.try_send(progress);
    }

    /// Returns when nobody listens any more.
    pub async fn gone(&self) {
        self.sender.closed().await;
    }

    /// Whether nobody listens any more.
    pub fn is_gone(&self) -> bool {
        self.sender.is_closed()
    }
}

/// The first twelve digits of a digest, as people see them.
pub fn short(digest: &str) -> String {
    digest.strip_prefix("sha256:").unwrap_or(digest).chars().take(12).collect()
}
