//! Between async code and code that blocks: a stream of bytes read on a plain thread, and the other way round. Both are
//! bounded, so the quicker side waits.

use bytes::Bytes;
use std::io::{self, BufRead, Read, Write};
use tokio::sync::mpsc::{self, Receiver, Sender};

/// How many pieces may wait on their way.
const WAITING: usize = 16;

/// Writes are put together to pieces of this many bytes.
const PIECE: usize = 64 << 10;

/// The reading end, for a thread that may block. When the sender goes away without [`None`], reading fails: what is cut
/// off must not look complete.
#[derive(Debug)]
pub struct PipeReader {
    receiver: Receiver<Option<Bytes>>,
    piece: Bytes,
    ended: bool,
}

/// The sending end for async code: pieces, then `None` for the end.
pub type PieceSender = Sender<Option<Bytes>>;

/// A pipe from async code to a thread.
pub fn into_thread() -> (PieceSender, PipeReader) {
    let (sender, receiver) = mpsc::channel(WAITING);
    (sender, PipeReader { receiver, piece: Bytes::new(), ended: false })
}

impl BufRead for PipeReader {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        while self.piece.is_empty() && !self.ended {
            match self.receiver.blocking_recv() {
                Some(Some(piece)) => self.piece = piece,
                Some(None) => self.ended = true,
                None => return Err(io::Error::new(io::ErrorKind::UnexpectedEof, "it was cut off")),
            }
        }
        Ok(&self.piece)
    }

    fn consume(&mut self, amount: usize) {
        let _ = self.piece.split_to(amount.min(self.piece.len()));
    }
}

impl Read for PipeReader {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let piece = self.fill_buf()?;
        let read = piece.len().min(buffer.len());
        buffer[..read].copy_from_slice(&piece[..read]);
        self.consume(read);
        Ok(read)
    }
}

/// The writing end, for a thread that may block.
#[derive(Debug)]
pub struct PipeWriter {
    sender: Sender<io::Result<Bytes>>,
    piece: Vec<u8>,
}

/// A pipe from a thread to async code.
pub fn from_thread() -> (PipeWriter, Receiver<io::Result<Bytes>>) {
    let (sender, receiver) = mpsc::channel(WAITING);
    (PipeWriter { sender, piece: Vec::with_capacity(PIECE) }, receiver)
}

impl PipeWriter {
    /// Tells the reader that no more comes, and why.
    pub fn fail(self, error: io::Error) {
        // The reader may have gone away; then nobody needs to know.
        let _ = self.sender.blocking_send(Err(error));
    }

    fn send(&mut self) -> io::Result<()> {
        if self.piece.is_empty() {
            return Ok(());
        }
        let piece = Bytes::from(std::mem::replace(&mut self.piece, Vec::with_capacity(PIECE)));
        self.sender.blocking_send(Ok(piece)).map_err(|_| io::ErrorKind::BrokenPipe.into())
    }
}

impl Write for PipeWriter {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.piece.extend_from_slice(bytes);
        if self.piece.len() >= PIECE {
            self.send()?;
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.send()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_cut_off_does_not_look_complete() {
        let (sender, mut reader) = into_thread();
        sender.blocking_send(Some(Bytes::from_static(b"abc"))).unwrap();
        sender.blocking_send(None).unwrap();
        let mut text = String::new();
        reader.read_to_string(&mut text).unwrap();
        assert_eq!(text, "abc");

        let (sender, mut reader) = into_thread();
        sender.blocking_send(Some(Bytes::from_static(b"abc"))).unwrap();
        drop(sender);
        assert_eq!(reader.read_to_string(&mut text).unwrap_err().kind(), io::ErrorKind::UnexpectedEof);
    }
}
