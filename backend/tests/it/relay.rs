//! Passes connections on from one network namespace into another: a socket stays in the namespace that it was opened in, and a
//! thread in the one that it was started in.

use std::{
    io,
    net::{Shutdown, SocketAddr, TcpListener, TcpStream},
    os::fd::OwnedFd,
    thread,
};

/// Takes connections on; no more once the value is gone. Those that there are end with their ends.
pub(crate) struct Relay(TcpStream);

impl Relay {
    /// What comes to `listener`, wherever it was opened, goes on to `to` in the namespace of this thread. Where nobody listens
    /// there, who comes sees the end.
    pub(crate) fn start(listener: TcpListener, to: SocketAddr) -> Self {
        let handle = listener.try_clone().unwrap();
        thread::spawn(move || {
            while let Ok((client, _)) = listener.accept() {
                if let Ok(server) = TcpStream::connect(to) {
                    pass(&client, &server);
                    pass(&server, &client);
                }
            }
        });
        // A listening socket has no function of its own to be shut down.
        Self(OwnedFd::from(handle).into())
    }
}

impl Drop for Relay {
    fn drop(&mut self) {
        // `accept` returns then (inet_shutdown() in net/ipv4/af_inet.c).
        let _ = self.0.shutdown(Shutdown::Both);
    }
}

/// One way, in the background, until one end is closed.
fn pass(from: &TcpStream, to: &TcpStream) {
    let (mut from, mut to) = (from.try_clone().unwrap(), to.try_clone().unwrap());
    // What is small is on its way at once, as without us.
    let _ = to.set_nodelay(true);
    thread::spawn(move || {
        let whole = io::copy(&mut from, &mut to);
        let _ = to.shutdown(if whole.is_ok() { Shutdown::Write } else { Shutdown::Both });
    });
}
