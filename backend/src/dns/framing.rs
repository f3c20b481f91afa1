//! Messages on a TCP connection: the length of each stands before it, as two bytes (RFC 1035 §4.2.2).

use std::io;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

/// The next message of a connection.
pub(super) async fn read(stream: &mut TcpStream) -> io::Result<Vec<u8>> {
    let length = stream.read_u16().await?;
    let mut message = vec![0; usize::from(length)];
    stream.read_exact(&mut message).await?;
    Ok(message)
}

/// Sends a message on a connection.
pub(super) async fn write(stream: &mut TcpStream, message: &[u8]) -> io::Result<()> {
    let length = u16::try_from(message.len()).map_err(|_| io::ErrorKind::InvalidInput)?;
    // In one segment: a program may read the length and expect the rest to be there.
    stream.write_all(&[&length.to_be_bytes(), message].concat()).await
}
