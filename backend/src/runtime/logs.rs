//! Reading what a container has printed: from the start or the last lines, up to the end or on and on. In pieces, so
//! that the size of the log does not matter.

use super::{Exit, LogEntry, Runtime, RuntimeError, log_tail::start_of_tail, wait::Changes};
use drawbridge_api::ContainerId;
use futures_util::{Stream, stream};
use std::{
    future::Future,
    io::{self, Seek},
    os::unix::fs::MetadataExt,
    path::PathBuf,
    pin::Pin,
};
use time::OffsetDateTime;
use tokio::{
    fs::File,
    io::{AsyncBufReadExt, AsyncReadExt, BufReader},
    task::spawn_blocking,
    time::sleep,
};

/// A line is at most some 8 KiB long, conmon's buffer and a head; a file that has longer ones is not conmon's.
const LONGEST_LINE: u64 = 64 << 10;

/// Whether one waits for what will be printed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Follow {
    /// Up to what is there.
    #[default]
    No,
    /// Until the main process has ended.
    Yes,
}

/// What of a log is read. By default all that is there.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LogOptions {
    /// The last so many lines; all when absent.
    pub tail: Option<u64>,
    /// Nothing that was printed earlier.
    pub since: Option<OffsetDateTime>,
    /// Nothing that was printed later.
    pub until: Option<OffsetDateTime>,
    /// Whether one waits for more.
    pub follow: Follow,
}

/// Reads one container's log.
pub struct LogReader {
    path: PathBuf,
    options: LogOptions,
    file: Option<Opened>,
    /// What has been read of a line that is not written to its end.
    line: Vec<u8>,
    wait: Wait,
}

/// A log that is being read.
struct Opened {
    file: BufReader<File>,
    /// Device and inode: the path may come to mean another file.
    identity: (u64, u64),
    /// Where the line begins that is being read, in bytes.
    position: u64,
}

/// What more there may be to come.
enum Wait {
    /// Nothing: the end of the file is the end.
    Over,
    /// More, until this future is ready; after that the file is complete.
    Until { ended: Pin<Box<dyn Future<Output = Result<Exit, RuntimeError>> + Send>>, changes: Option<Changes> },
}

impl std::fmt::Debug for LogReader {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("LogReader").field("path", &self.path).field("options", &self.options).finish_non_exhaustive()
    }
}

impl Runtime {
    /// Reads what the container has printed, over all its runs. A container that was never started has printed nothing.
    pub fn logs(&self, id: &ContainerId, options: LogOptions) -> LogReader {
        let path = self.inner.folders.container(id).log();
        let follow = options.follow;
        let mut reader = LogReader { path, options, file: None, line: Vec::new(), wait: Wait::Over };
        reader.follow(self, id, follow);
        reader
    }
}

impl LogReader {
    /// From here on, whether the end of the log is waited for: that of the main process which runs now.
    pub fn follow(&mut self, runtime: &Runtime, id: &ContainerId, follow: Follow) {
        self.wait = match follow {
            Follow::No => Wait::Over,
            Follow::Yes => {
                let (runtime, id) = (runtime.clone(), id.clone());
                Wait::Until { ended: Box::pin(async move { runtime.exit(&id).await }), changes: None }
            }
        };
    }

    /// Takes hold of the log as it is now, and makes it where there is none: `tail` counts from here, and what is printed
    /// from now on is read even when the container is removed meanwhile.
    ///
    /// # Errors
    /// `Io` when the log can't be made or opened.
    pub async fn hold(&mut self) -> Result<(), RuntimeError> {
        let path = self.path.clone();
        let made = spawn_blocking(move || {
            if let Some(folder) = path.parent() {
                std::fs::create_dir_all(folder)?;
            }
            // The monitor opens it so too, whoever comes first.
            std::fs::OpenOptions::new().create(true).append(true).open(&path).map(drop)
        });
        made.await.map_err(|_| RuntimeError::ShuttingDown)?.map_err(RuntimeError::io("make", &self.path))?;
        self.file = open(self.path.clone(), self.options.tail).await.map_err(RuntimeError::io("read", &self.path))?;
        Ok(())
    }

    /// The next entry, none after the last. When this is dropped half way nothing is lost.
    ///
    /// # Errors
    /// `Io` when the log can't be read.
    pub async fn next(&mut self) -> Result<Option<LogEntry>, RuntimeError> {
        loop {
            if self.read_line().await? {
                let line = self.take_line();
                // A line that conmon did not write is passed over.
                let Some(entry) = LogEntry::parse(&line) else { continue };
                if self.options.until.is_some_and(|until| entry.time > until) {
                    return Ok(None);
                }
                if self.options.since.is_none_or(|since| entry.time >= since) {
                    return Ok(Some(entry));
                }
            } else if !self.is_replaced().await && !self.more().await {
                return Ok(None);
            }
        }
    }

    /// The entries as a stream, which ends after the first error.
    pub fn into_stream(self) -> impl Stream<Item = Result<LogEntry, RuntimeError>> + Send {
        stream::try_unfold(self, |mut reader| async move { Ok(reader.next().await?.map(|entry| (entry, reader))) })
    }

    fn take_line(&mut self) -> Vec<u8> {
        if let Some(file) = &mut self.file {
            file.position += self.line.len() as u64;
        }
        std::mem::take(&mut self.line)
    }

    /// Reads up to the next newline; says whether it came that far.
    async fn read_line(&mut self) -> Result<bool, RuntimeError> {
        if self.file.is_none() {
            self.file =
                open(self.path.clone(), self.options.tail).await.map_err(RuntimeError::io("read", &self.path))?;
        }
        let Some(Opened { file, .. }) = &mut self.file else { return Ok(false) };
        let read = file.take(LONGEST_LINE).read_until(b'\n', &mut self.line).await;
        read.map_err(RuntimeError::io("read", &self.path))?;
        if self.line.len() as u64 >= LONGEST_LINE && !self.line.ends_with(b"\n") {
            self.take_line();
        }
        Ok(self.line.ends_with(b"\n"))
    }

    /// Whether the log that was read to its end is another one by now, as after a rotation; then that is read from its
    /// start.
    async fn is_replaced(&mut self) -> bool {
        let Some(file) = &self.file else { return false };
        let Ok(now) = tokio::fs::metadata(&self.path).await else { return false };
        // Another file took its place, or it was cut down.
        if file.identity == (now.dev(), now.ino()) && now.len() >= file.position + self.line.len() as u64 {
            return false;
        }
        // What was there of a line will not be ended any more.
        self.line.clear();
        self.options.tail = None;
        self.file = None;
        if let Wait::Until { changes, .. } = &mut self.wait {
            *changes = None;
        }
        true
    }

    /// Waits until there may be more to read; says whether there may.
    async fn more(&mut self) -> bool {
        let Wait::Until { ended, changes } = &mut self.wait else { return false };
        let Some(changes) = changes else {
            // Look once more: something may have been written before the watch was there.
            *changes = Some(Changes::of(&self.path));
            return true;
        };
        let deadline =
            self.options.until.map(|until| (until - OffsetDateTime::now_utc()).try_into().unwrap_or_default());
        tokio::select! {
            () = changes.next() => true,
            // The monitor writes the exit after the last output, so one more look finds all of it. A container that
            // does not run has no more to say either.
            _ = ended => {
                self.wait = Wait::Over;
                true
            }
            () = sleep(deadline.unwrap_or_default()), if deadline.is_some() => {
                self.wait = Wait::Over;
                true
            }
        }
    }
}

/// The file from the first line that is wanted; none when there is no log yet.
async fn open(path: PathBuf, tail: Option<u64>) -> io::Result<Option<Opened>> {
    let opened = spawn_blocking(move || {
        let mut file = std::fs::File::open(path)?;
        let position = tail.map_or(Ok(0), |count| start_of_tail(&mut file, count))?;
        file.seek(io::SeekFrom::Start(position))?;
        let metadata = file.metadata()?;
        Ok::<_, io::Error>((file, (metadata.dev(), metadata.ino()), position))
    });
    match opened.await? {
        Ok((file, identity, position)) => {
            let file = BufReader::with_capacity(32 << 10, File::from_std(file));
            Ok(Some(Opened { file, identity, position }))
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}
