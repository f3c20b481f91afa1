//! `ADD` from a URL: the file is fetched into a folder of its own, bounded in size and time, and not unpacked.

use crate::images::{
    Images, ImagesError,
    layer::Draft,
    limits,
    pipe::{self, PipeReader},
    progress::{LayerState, Progress, Reporter},
    registry_error::{causes, first_line},
    web,
};
use drawbridge_kernel::walk;
use reqwest::{
    Response, Url,
    header::{CONTENT_DISPOSITION, HeaderMap, LAST_MODIFIED},
};
use sha2::{Digest, Sha256};
use std::{
    fs::File,
    io::{Read, Write},
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};
use time::{OffsetDateTime, format_description::well_known::Rfc2822};
use tokio::task::spawn_blocking;

/// How long a file may take to come. A server that sends a byte now and then would hold a build for ever otherwise.
const WHOLE: Duration = Duration::from_secs(60 * 60);

/// What of a refusal is read, to be told.
const REFUSAL_BYTES: u64 = 4 << 10;

/// A file that was fetched; gone with its last copy.
#[derive(Clone)]
pub struct Fetched {
    /// Where it is from.
    pub url: String,
    /// What its URL or its server call it; empty when neither does.
    pub name: String,
    /// `sha256:…`
    pub digest: String,
    /// When its server says it was changed, in seconds since 1970; 0 when it does not.
    pub modified_s: i64,
    draft: Arc<Draft>,
}

impl std::fmt::Debug for Fetched {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Fetched").field(&self.url).field(&self.digest).finish()
    }
}

impl Fetched {
    /// Its content.
    pub(super) fn open(&self) -> Result<File, ImagesError> {
        let path = place(&self.draft.folder);
        File::open(&path).map_err(ImagesError::io("open", path))
    }
}

/// Whether a source of `ADD` is to be fetched.
pub fn is_url(source: &str) -> bool {
    source.starts_with("http://") || source.starts_with("https://")
}

impl Images {
    /// Fetches a file.
    ///
    /// # Errors
    /// `Fetch` with what its server said; `TooLarge`, `DiskFull`; `Canceled` when nobody listens to the reports any more.
    /// Nothing is left then.
    pub async fn fetch(&self, url: &str, reporter: &Reporter) -> Result<Fetched, ImagesError> {
        let failed = |why: String| ImagesError::Fetch { url: url.to_owned(), why };
        let fetching = tokio::time::timeout(WHOLE, self.fetch_on(url, reporter));
        tokio::select! {
            fetched = fetching => fetched.unwrap_or_else(|_| Err(failed("it took longer than an hour".into()))),
            () = reporter.gone() => Err(ImagesError::Canceled),
        }
    }

    async fn fetch_on(&self, url: &str, reporter: &Reporter) -> Result<Fetched, ImagesError> {
        let failed = |why: String| ImagesError::Fetch { url: url.to_owned(), why };
        let address: Url = url.parse().map_err(|error| failed(format!("it is no URL: {error}")))?;
        let client = web::client().build().map_err(|error| failed(causes(&error)))?;
        let response = client.get(address.clone()).send().await.map_err(|error| failed(causes(&error)))?;
        let status = response.status();
        if !status.is_success() {
            let said = web::beginning(response, REFUSAL_BYTES).await.map(|(body, _)| body).unwrap_or_default();
            let said = first_line(&String::from_utf8_lossy(&said));
            return Err(failed(format!("its server answers with status {status}: {said}")));
        }
        let too_large = || ImagesError::TooLarge(format!("{url} is larger than {} GiB", limits::FETCHED_BYTES >> 30));
        let total = response.content_length();
        if total.is_some_and(|total| total > limits::FETCHED_BYTES) {
            return Err(too_large());
        }
        let name = name_of(&address, response.headers());
        let modified_s = modified_s(response.headers());
        let draft = Arc::new(self.draft()?);
        let (sender, reader) = pipe::into_thread();
        // The folder stays as long as somebody writes into it.
        let held = Arc::clone(&draft);
        let writing = spawn_blocking(move || write(reader, &held.folder));
        let told = if name.is_empty() { "file" } else { &name };
        let sent = pass_on(response, sender, |bytes| {
            let state = LayerState::Downloading(bytes, total.unwrap_or(0));
            reporter.update(Progress::Layer { id: told.to_owned(), state });
            bytes <= limits::FETCHED_BYTES
        });
        let sent = sent.await;
        let digest = writing.await.unwrap_or(Err(ImagesError::ShuttingDown));
        match sent {
            Ok(()) => {}
            Err(Interrupted::Cut(why)) => return Err(failed(why)),
            Err(Interrupted::TooLarge) => return Err(too_large()),
            Err(Interrupted::ByWriting) => return Err(digest.err().unwrap_or(ImagesError::ShuttingDown)),
        }
        let state = LayerState::Downloaded;
        reporter.tell(Progress::Layer { id: told.to_owned(), state }).await;
        Ok(Fetched { url: url.to_owned(), name, digest: digest?, modified_s, draft })
    }
}

enum Interrupted {
    Cut(String),
    TooLarge,
    /// Its error says why.
    ByWriting,
}

/// Passes a body on, and its end only when all of it came; `go_on` is told how much there was.
async fn pass_on(
    mut response: Response,
    sender: pipe::PieceSender,
    go_on: impl Fn(u64) -> bool,
) -> Result<(), Interrupted> {
    let mut bytes = 0;
    // A body that is shorter than it was said to be is an error of the client's.
    while let Some(piece) = response.chunk().await.map_err(|error| Interrupted::Cut(causes(&error)))? {
        bytes += piece.len() as u64;
        if !go_on(bytes) {
            return Err(Interrupted::TooLarge);
        }
        sender.send(Some(piece)).await.map_err(|_| Interrupted::ByWriting)?;
    }
    sender.send(None).await.map_err(|_| Interrupted::ByWriting)
}

fn place(folder: &Path) -> PathBuf {
    folder.join("fetched")
}

/// Writes what comes to the disk, as long as there is room; its digest.
fn write(mut reader: PipeReader, folder: &Path) -> Result<String, ImagesError> {
    let path = place(folder);
    let mut file = File::create(&path).map_err(ImagesError::io("make", &path))?;
    let (mut hasher, mut buffer, mut until_look) = (Sha256::new(), vec![0; 128 << 10], 0);
    loop {
        let read = reader.read(&mut buffer).map_err(ImagesError::Read)?;
        if read == 0 {
            return Ok(format!("sha256:{}", hex::encode(hasher.finalize())));
        }
        if until_look < read as u64 {
            let free = walk::free_bytes(folder).map_err(ImagesError::io("see what is free at", folder))?;
            if free < limits::FREE_BYTES {
                return Err(ImagesError::DiskFull { mib: limits::FREE_BYTES >> 20, path: folder.to_owned() });
            }
            until_look = limits::LOOK_EVERY;
        }
        until_look -= (read as u64).min(until_look);
        hasher.update(&buffer[..read]);
        file.write_all(&buffer[..read]).map_err(ImagesError::io("write", &path))?;
    }
}

/// The last part of the URL's path, or what the server says the file is called (RFC 6266).
fn name_of(url: &Url, headers: &HeaderMap) -> String {
    let last = |path: &str| path.rsplit('/').next().filter(|name| !matches!(*name, "." | "..")).map(str::to_owned);
    let of_url = last(&decoded(url.path())).filter(|name| !name.is_empty());
    let disposition = headers.get(CONTENT_DISPOSITION).and_then(|value| value.to_str().ok());
    let said = disposition.into_iter().flat_map(|text| text.split(';')).find_map(|part| {
        let (key, value) = part.trim().split_once('=')?;
        key.trim().eq_ignore_ascii_case("filename").then(|| value.trim().trim_matches('"').to_owned())
    });
    of_url.or_else(|| last(&said?)).filter(|name| !name.contains('\0')).unwrap_or_default()
}

/// A path with its `%20`s as what they stand for.
fn decoded(path: &str) -> String {
    let (mut bytes, mut rest) = (Vec::with_capacity(path.len()), path.as_bytes());
    while let Some((&first, others)) = rest.split_first() {
        let digits = others.get(..2).and_then(|digits| hex::decode(digits).ok());
        match (first, digits) {
            (b'%', Some(byte)) => {
                bytes.extend(byte);
                rest = &others[2..];
            }
            _ => {
                bytes.push(first);
                rest = others;
            }
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

fn modified_s(headers: &HeaderMap) -> i64 {
    let text = headers.get(LAST_MODIFIED).and_then(|value| value.to_str().ok());
    // RFC 9110 §5.6.7 has the form of mails, with GMT for the zone.
    text.and_then(|text| OffsetDateTime::parse(text, &Rfc2822).ok()).map_or(0, OffsetDateTime::unix_timestamp)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_of_the_url_or_the_server() {
        let check = |url: &str, disposition: &'static str, expected: &str| {
            let mut headers = HeaderMap::new();
            headers.insert(CONTENT_DISPOSITION, disposition.parse().unwrap());
            assert_eq!(name_of(&url.parse().unwrap(), &headers), expected, "{url}");
        };
        check("http://x/a/b.tar.gz?c=d#e", "", "b.tar.gz");
        check("http://x/a%20b", "", "a b");
        check("http://x/a%2f..", "attachment; filename=\"c.txt\"", "c.txt");
        check("http://x/", "attachment; FileName=../../c.txt", "c.txt");
        check("http://x/a/", "inline", "");
    }

    #[test]
    fn times_are_those_of_http() {
        let mut headers = HeaderMap::new();
        assert_eq!(modified_s(&headers), 0);
        headers.insert(LAST_MODIFIED, "Sun, 06 Nov 1994 08:49:37 GMT".parse().unwrap());
        assert_eq!(modified_s(&headers), 784_111_777);
        headers.insert(LAST_MODIFIED, "yesterday".parse().unwrap());
        assert_eq!(modified_s(&headers), 0);
    }
}
