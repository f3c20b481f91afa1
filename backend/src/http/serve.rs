//! The two listeners and their end.

use crate::{
    config::{Auth, Serve},
    http::{docker, panel},
    ops::Daemon,
};
use anyhow::{Context, Result, bail};
use std::{fs, os::unix::fs::PermissionsExt, sync::Arc};
use tokio::net::{TcpListener, UnixListener};

/// Serves both dialects until the program is asked to end. Containers go on.
///
/// # Errors
/// When an address or socket can't be taken.
pub async fn serve(daemon: Arc<Daemon>, config: &Serve) -> Result<()> {
    if config.auth == Auth::None && !config.listen.ip().is_loopback() {
        bail!("--auth none lets everybody in who can reach {}; listen on 127.0.0.1 or ::1", config.listen);
    }
    let token = match config.auth {
        Auth::Token => {
            let file = config.folders.data_dir.join("token");
            Some(panel::Token::load_or_create(&file).with_context(|| format!("cannot keep {}", file.display()))?)
        }
        Auth::None => None,
    };
    let tcp = TcpListener::bind(config.listen)
        .await
        .with_context(|| format!("cannot listen on {}; name another address with --listen", config.listen))?;
    let unix = bind_unix(config).await?;
    let address = tcp.local_addr()?;
    match &token {
        Some(token) => println!("panel: http://{address}/?token={}", token.secret()),
        None => println!("panel: http://{address}/"),
    }
    println!("docker: DOCKER_HOST=unix://{}", config.docker_socket.display());

    let docker = axum::serve(unix, docker::router(Arc::clone(&daemon)));
    let panel = axum::serve(tcp, panel::router(Arc::clone(&daemon), token));
    tokio::select! {
        done = docker => done.context("the Docker socket failed")?,
        done = panel => done.context("the panel's listener failed")?,
        () = asked_to_end() => {}
    }
    // A plan that is under way is carried out to its end; open streams are cut.
    daemon.engine.come_to_rest().await;
    let _ = fs::remove_file(&config.docker_socket);
    Ok(())
}

async fn bind_unix(config: &Serve) -> Result<UnixListener> {
    let path = &config.docker_socket;
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder).with_context(|| format!("cannot make {}", folder.display()))?;
    }
    // The lock on the data directory says that no other daemon of ours is behind it; another program's would answer.
    if tokio::net::UnixStream::connect(path).await.is_ok() {
        bail!("{} is in use by another program; name another --docker-socket", path.display());
    }
    let _ = fs::remove_file(path);
    let listener = UnixListener::bind(path)
        .with_context(|| format!("cannot make the socket {}; name another --docker-socket", path.display()))?;
    // Whoever may write to it is root on this machine.
    fs::set_permissions(path, fs::Permissions::from_mode(0o660))?;
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
