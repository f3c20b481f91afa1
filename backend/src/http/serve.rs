//! The two listeners and their end.

use super::connections::{self, HEAD_TIME, Peer};
use crate::{
    config::{Auth, Serve},
    http::{docker, panel},
    ops::Daemon,
};
use std::{fs, io, net::SocketAddr, os::unix::fs::PermissionsExt, path::PathBuf, sync::Arc};
use tokio::net::{TcpListener, UnixListener};

/// Why the daemon can't be reached.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// Everybody would come in from elsewhere.
    #[error("--auth none lets everybody in who can reach {0}; listen on 127.0.0.1 or ::1")]
    OpenToAll(SocketAddr),
    /// The token can't be kept.
    #[error("cannot keep {}", file.display())]
    Token {
        /// Where.
        file: PathBuf,
        /// Why not.
        #[source]
        source: io::Error,
    },
    /// The panel's address can't be had.
    #[error("cannot listen on {address}; name another address with --listen")]
    Listen {
        /// Which.
        address: SocketAddr,
        /// Why not.
        #[source]
        source: io::Error,
    },
    /// Something answers on the socket.
    #[error("{} is in use by another program; name another --docker-socket", .0.display())]
    SocketInUse(PathBuf),
    /// The socket can't be made.
    #[error("cannot make the socket {}; name another --docker-socket", path.display())]
    Socket {
        /// Which.
        path: PathBuf,
        /// Why not.
        #[source]
        source: io::Error,
    },
}

/// Refuses what may not be served, before anything is made.
///
/// # Errors
/// `OpenToAll`.
pub fn check(config: &Serve) -> Result<(), ServeError> {
    if config.auth == Auth::None && !config.listen.ip().is_loopback() {
        return Err(ServeError::OpenToAll(config.listen));
    }
    Ok(())
}

/// Serves both dialects until the program is asked to end. Containers go on.
///
/// # Errors
/// When an address or socket can't be taken.
pub async fn serve(daemon: Arc<Daemon>, config: &Serve) -> Result<(), ServeError> {
    let token = match config.auth {
        Auth::Token => {
            let file = config.folders.data_dir.join("token");
            Some(panel::Token::load_or_create(&file).map_err(|source| ServeError::Token { file, source })?)
        }
        Auth::None => None,
    };
    let unusable = |source| ServeError::Listen { address: config.listen, source };
    let tcp = TcpListener::bind(config.listen).await.map_err(unusable)?;
    let address = tcp.local_addr().map_err(unusable)?;
    let unix = bind_unix(config).await?;
    match &token {
        Some(token) => println!("panel: http://{address}/?token={}", token.secret()),
        None => println!("panel: http://{address}/"),
    }
    println!("docker: DOCKER_HOST=unix://{}", config.docker_socket.display());

    let facts = panel::Facts::of(&daemon, config, address);
    // Our own command line asks there, and needs no token: whoever can open the socket is root on this machine.
    let docker = panel::api(Arc::clone(&daemon), facts.clone()).fallback_service(docker::router(Arc::clone(&daemon)));
    let panel = panel::router(Arc::clone(&daemon), token, facts);
    tokio::select! {
        () = connections::serve(unix, docker, Peer::of, HEAD_TIME) => {}
        () = connections::serve(tcp, panel, |_| Peer::default(), HEAD_TIME) => {}
        () = asked_to_end() => {}
    }
    // A plan that is under way is carried out to its end; open streams are cut.
    daemon.engine.come_to_rest().await;
    let _ = fs::remove_file(&config.docker_socket);
    Ok(())
}

async fn bind_unix(config: &Serve) -> Result<UnixListener, ServeError> {
    let path = &config.docker_socket;
    let unusable = |source| ServeError::Socket { path: path.clone(), source };
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder).map_err(unusable)?;
    }
    // The lock on the data directory says that no other daemon of ours is behind it; another program's would answer.
    if tokio::net::UnixStream::connect(path).await.is_ok() {
        return Err(ServeError::SocketInUse(path.clone()));
    }
    let _ = fs::remove_file(path);
    let listener = UnixListener::bind(path).map_err(unusable)?;
    // Whoever may write to it is root on this machine.
    fs::set_permissions(path, fs::Permissions::from_mode(0o660)).map_err(unusable)?;
    Ok(listener)
}

async fn asked_to_end() {
    use tokio::signal::unix::{SignalKind, signal};
    let (Ok(mut terminate), Ok(mut interrupt)) = (signal(SignalKind::terminate()), signal(SignalKind::interrupt()))
    else {
        // Without handlers the default action ends the program, as asked.
        return std::future::pending().await;
    };
    tokio::select! {
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
    }
}
