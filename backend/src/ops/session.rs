//! A client's share in a process: what it prints, and what is written to it. The same for a container's main process and
//! for a command, and for every dialect.

use crate::runtime::LogStream;
use drawbridge_api::Console;
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite},
    sync::mpsc,
};

/// Pieces on their way to a client that is slower than the process. With [`PIECE`] it bounds what one client costs: half
/// a megabyte, and nothing while nothing is printed.
const IN_FLIGHT: usize = 16;

/// One read of a process's output at the most, in bytes.
const PIECE: usize = 32 << 10;

/// Something that was printed at once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Piece {
    /// Where it was printed; with a terminal always standard output.
    pub stream: LogStream,
    /// The bytes as they were printed.
    pub bytes: Vec<u8>,
}

/// A client's share in a process. Dropped, it leaves the process as it is, save that input which is given once ends.
pub struct Session {
    /// How the process is talked to.
    pub console: Console,
    /// What it prints, to the end. A client that reads slowly holds up nobody but itself, or the command that it runs.
    pub output: mpsc::Receiver<Piece>,
    /// Where what is to be written to it goes in, if it reads and the client asked for it.
    pub input: Option<Box<dyn AsyncWrite + Send + Unpin>>,
    /// What the end of the input means.
    pub at_input_end: AtInputEnd,
}

impl std::fmt::Debug for Session {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Session").field("console", &self.console).finish_non_exhaustive()
    }
}

impl Session {
    /// That of a process which never came to be: all it has to say is why.
    pub fn of_failure(console: Console, reason: &str) -> Session {
        let (pieces, output) = channel();
        // There is room for one.
        let _ = pieces.try_send(Piece { stream: LogStream::Stdout, bytes: format!("{reason}\r\n").into_bytes() });
        Session { console, output, input: None, at_input_end: AtInputEnd::TellProcess }
    }
}

/// What the end of a client's input means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AtInputEnd {
    /// The process is told, and its output goes on.
    TellProcess,
    /// The client has had its say and leaves; the process is not told.
    Leave,
}

/// A pair of ends for pieces.
pub(super) fn channel() -> (mpsc::Sender<Piece>, mpsc::Receiver<Piece>) {
    mpsc::channel(IN_FLIGHT)
}

/// Sends everything that comes out of `source`, to its end. When the client has gone, reads on and throws away: the
/// process is not to be stopped by who looked at it.
pub(super) async fn pump(mut source: impl AsyncRead + Unpin, stream: LogStream, pieces: mpsc::Sender<Piece>) {
    let mut buffer = vec![0; PIECE];
    // A terminal that nobody has open any more ends with EIO (pty(7)).
    while let Ok(length @ 1..) = source.read(&mut buffer).await {
        // An error says that nobody listens any more.
        let _ = pieces.send(Piece { stream, bytes: buffer[..length].to_vec() }).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn output_ends_when_its_source_does_even_without_a_listener() {
        let (sender, receiver) = channel();
        drop(receiver);
        pump(&b"some output"[..], LogStream::Stdout, sender).await;
    }
}
