//! Writing to a container's main process, and telling its terminal's size: both by way of the monitor, so they work for
//! a container that an earlier daemon has started.

use super::{Runtime, RuntimeError};
use drawbridge_api::{ContainerId, TerminalSize};
use drawbridge_kernel::local;
use std::{io, os::unix};
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWriteExt},
    net::{UnixStream, unix::pipe},
};

/// One packet to or from the monitor at the most, in bytes. conmon 2.1 reads 32 KiB at once and would cut a longer one
/// off; it sends 8 KiB and a byte before them that names the stream.
const PACKET: usize = 8 << 10;

/// The monitor's message that is followed by a terminal's height and width (conmon, src/config.h `WIN_RESIZE_EVENT`).
const RESIZE: u8 = 1;

/// The way to a main process's standard input.
#[derive(Debug)]
pub struct MainInput {
    socket: UnixStream,
}

impl MainInput {
    /// Writes what comes from `source`, and says when there is no more; a process whose input is kept open does not hear
    /// of that. Waits as long as the process does not read, and returns when it has ended.
    pub async fn feed(self, mut source: impl AsyncRead + Unpin) {
        let (mut from_monitor, mut to_monitor) = self.socket.into_split();
        // The output is read from the log. The monitor writes it to whoever attaches too, and waits for them, and with it
        // the container. To close this end instead would not do: conmon 2.1 then forgets to end the process's input.
        let drain = async {
            let mut buffer = vec![0; PACKET + 1];
            while let Ok(1..) = from_monitor.read(&mut buffer).await {}
        };
        let write = async {
            let mut buffer = vec![0; PACKET];
            while let Ok(length @ 1..) = source.read(&mut buffer).await {
                // A packet goes whole or not at all. A process that has closed its input or ended takes none.
                if to_monitor.write_all(&buffer[..length]).await.is_err() {
                    break;
                }
            }
            // The monitor reads what came before, then this.
            let _ = to_monitor.shutdown().await;
        };
        tokio::join!(drain, write);
    }
}

impl Runtime {
    /// Opens the standard input of a running container; several may be open at once.
    ///
    /// # Errors
    /// `NotRunning`, or `Io` when the monitor can't be reached.
    pub async fn input(&self, id: &ContainerId) -> Result<MainInput, RuntimeError> {
        let path = self.inner.folders.container(id).attach();
        let connected = local::connect_packets(&path).and_then(|socket| {
            // For the system calls that are used here, one kind of connection is like the other.
            UnixStream::from_std(unix::net::UnixStream::from(socket))
        });
        connected.map(|socket| MainInput { socket }).map_err(|source| match source.kind() {
            io::ErrorKind::NotFound | io::ErrorKind::ConnectionRefused => RuntimeError::NotRunning(id.clone()),
            _ => RuntimeError::io("connect to", path)(source),
        })
    }

    /// Tells the terminal of a container's main process its size.
    ///
    /// # Errors
    /// `NotRunning`, or `Io` when the monitor can't be told.
    pub async fn resize(&self, id: &ContainerId, size: TerminalSize) -> Result<(), RuntimeError> {
        let path = self.inner.folders.container(id).control();
        // Opening does not wait: without a reader it fails (fifo(7)).
        let mut control = pipe::OpenOptions::new().open_sender(&path).map_err(|source| match source.kind() {
            io::ErrorKind::NotFound => RuntimeError::NotRunning(id.clone()),
            _ if source.raw_os_error() == Some(NO_READER) => RuntimeError::NotRunning(id.clone()),
            _ => RuntimeError::io("open", &path)(source),
        })?;
        // A line that is shorter than a page is written whole (pipe(7), PIPE_BUF).
        let line = format!("{RESIZE} {} {}\n", size.rows, size.columns);
        control.write_all(line.as_bytes()).await.map_err(RuntimeError::io("write to", &path))
    }
}

/// ENXIO: nobody reads the FIFO.
const NO_READER: i32 = 6;
