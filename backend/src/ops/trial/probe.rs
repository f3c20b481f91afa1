//! The probes: ping, trace, TCP and HTTP, each from the namespace of a container, or from the host's. They tell what they saw.

use super::{ANSWER_WITHIN, Outcome, Seen};
use crate::ops::OpError;
use drawbridge_api::NsName;
use drawbridge_kernel::{Echo, EchoKind, Echoes, Kernel, Transport};
use std::{
    io,
    net::{IpAddr, SocketAddr},
    sync::Arc,
    time::{Duration, Instant},
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpSocket, TcpStream},
    task::spawn_blocking,
    time::timeout,
};

/// Echo requests of one ping.
const PINGS: u16 = 3;
/// Between an answer and the next request.
const PING_WITHIN: Duration = Duration::from_millis(1_500);
/// Routers on the way at the most; on the way to another container there is one.
const HOPS: u8 = 16;
/// As patient as with a router that may not answer at all.
const HOP_WITHIN: Duration = Duration::from_millis(1_000);
/// Silent routers one after the other, behind which nobody else is expected.
const SILENT_HOPS: u8 = 4;
/// As much of an answer by HTTP as is read.
const HTTP_BYTES: usize = 8 * 1024;
/// errno(3)
const EACCES: i32 = 13;
/// As many lines of it as are told.
const HTTP_LINES: usize = 12;

/// Where it is tried from, and what is to be reached.
pub(super) struct From<'a> {
    pub(super) kernel: &'a Arc<Kernel>,
    /// None for the host.
    pub(super) namespace: Option<&'a NsName>,
    pub(super) target: IpAddr,
}

impl From<'_> {
    /// `ping -c 3 TARGET`
    pub(super) async fn ping(&self) -> Result<Seen, OpError> {
        let target = self.target;
        self.echoes(move |echoes| {
            let mut lines = Vec::new();
            let mut outcome = Outcome::Silent;
            let mut fastest = None::<Duration>;
            for sequence in 1..=PINGS {
                // The first one may have to wait until the kernel gives up on a neighbour.
                let within = if sequence == 1 { ANSWER_WITHIN } else { PING_WITHIN };
                match echoes.ask(sequence, None, within) {
                    Ok(Some(Echo { kind: EchoKind::Reply, from, took })) => {
                        lines.push(format!("reply from {from}: seq={sequence} time={}", milliseconds(took)));
                        fastest = Some(fastest.map_or(took, |fastest| fastest.min(took)));
                        outcome = Outcome::Reached;
                    }
                    Ok(Some(Echo { kind: EchoKind::Unreachable(code), from, .. })) => {
                        lines.push(format!("from {from}: seq={sequence} {}", unreachable(target, code)));
                        outcome = Outcome::Unreachable;
                        break;
                    }
                    Ok(Some(Echo { kind: EchoKind::Expired, from, .. })) => {
                        lines.push(format!("from {from}: seq={sequence} the packet was sent round until it expired"));
                        outcome = Outcome::Unreachable;
                        break;
                    }
                    Ok(None) => {
                        lines.push(format!("seq={sequence} no answer in {}", milliseconds(within)));
                        if outcome != Outcome::Reached {
                            break;
                        }
                    }
                    Err(error) => {
                        outcome = told(&error);
                        lines.push(format!("seq={sequence} {}", words(&error)));
                        break;
                    }
                }
            }
            let summary = match fastest {
                Some(fastest) => format!("{target} answers, in {} at best", milliseconds(fastest)),
                None => format!("{target} does not answer"),
            };
            Seen { outcome, summary, lines }
        })
        .await
    }

    /// `traceroute -I TARGET`
    pub(super) async fn trace(&self) -> Result<Seen, OpError> {
        let target = self.target;
        self.echoes(move |echoes| {
            let mut lines = Vec::new();
            let mut silent = 0;
            for hops in 1..=HOPS {
                // The first may have to wait until the kernel gives up on a neighbour.
                let within = if hops == 1 { ANSWER_WITHIN } else { HOP_WITHIN };
                match echoes.ask(hops.into(), Some(hops), within) {
                    Ok(Some(Echo { kind: EchoKind::Reply, from, took })) => {
                        lines.push(format!("{hops}  {from}  {}", milliseconds(took)));
                        let summary = match hops - 1 {
                            0 => format!("{target} is reached directly"),
                            1 => format!("{target} is reached by way of 1 router"),
                            routers => format!("{target} is reached by way of {routers} routers"),
                        };
                        return Seen { outcome: Outcome::Reached, summary, lines };
                    }
                    Ok(Some(Echo { kind: EchoKind::Expired, from, took })) => {
                        silent = 0;
                        lines.push(format!("{hops}  {from}  {}", milliseconds(took)));
                    }
                    Ok(Some(Echo { kind: EchoKind::Unreachable(code), from, .. })) => {
                        lines.push(format!("{hops}  {from}  {}", unreachable(target, code)));
                        let summary = format!("{from} says that {target} can’t be reached");
                        return Seen { outcome: Outcome::Unreachable, summary, lines };
                    }
                    Ok(None) => {
                        silent += 1;
                        lines.push(format!("{hops}  *"));
                        if silent == SILENT_HOPS {
                            break;
                        }
                    }
                    Err(error) => {
                        lines.push(format!("{hops}  {}", words(&error)));
                        let summary = format!("nothing can be sent to {target}");
                        return Seen { outcome: told(&error), summary, lines };
                    }
                }
            }
            Seen { outcome: Outcome::Silent, summary: format!("the way to {target} ends in silence"), lines }
        })
        .await
    }

    /// `nc -z TARGET PORT`
    pub(super) async fn tcp(&self, port: u16) -> Result<Seen, OpError> {
        let at = SocketAddr::new(self.target, port);
        Ok(match self.connect(at).await? {
            Ok((_, took)) => Seen {
                outcome: Outcome::Reached,
                summary: format!("{at} accepts TCP connections"),
                lines: vec![format!("connected to {at} in {}", milliseconds(took))],
            },
            Err(error) => failed(at, &error),
        })
    }

    /// `curl -i http://HOST:PORT/PATH`, at the address that was found.
    pub(super) async fn http(&self, port: u16, host: &str, path: &str) -> Result<Seen, OpError> {
        let at = SocketAddr::new(self.target, port);
        let (mut stream, took) = match self.connect(at).await? {
            Ok(connected) => connected,
            Err(error) => return Ok(failed(at, &error)),
        };
        let mut lines = vec![format!("connected to {at} in {}", milliseconds(took))];
        let host = if host.contains(':') { format!("[{host}]") } else { host.to_owned() };
        let host = if port == super::HTTP_PORT { host } else { format!("{host}:{port}") };
        let request = format!(
            "GET {path} HTTP/1.1\r\nHost: {host}\r\nUser-Agent: drawbridge\r\nAccept: */*\r\nConnection: close\r\n\r\n"
        );
        let mut answer = Vec::new();
        let exchange = async {
            stream.write_all(request.as_bytes()).await?;
            stream.take(HTTP_BYTES as u64).read_to_end(&mut answer).await
        };
        let ended = timeout(ANSWER_WITHIN, exchange).await;
        let text = String::from_utf8_lossy(&answer);
        let Some(status) = text.lines().next().filter(|line| line.starts_with("HTTP/")) else {
            let summary = match (ended, answer.is_empty()) {
                (Err(_), true) => format!("{at} accepts the connection and then says nothing"),
                (Ok(Err(error)), true) => format!("{at} breaks the connection off: {}", words(&error)),
                (_, true) => format!("{at} closes the connection without an answer"),
                (_, false) => format!("{at} answers, but not by HTTP"),
            };
            lines.extend(text.lines().take(1).map(|line| line.chars().take(120).collect()));
            return Ok(Seen { outcome: Outcome::Odd, summary, lines });
        };
        lines.push(format!("GET {path}"));
        lines.extend(text.lines().map(|line| line.trim_end().chars().take(200).collect()).take(HTTP_LINES));
        let status = status.split_once(' ').map_or(status, |(_, status)| status).trim();
        // A page that is not there was said so by the server that was asked for.
        Ok(Seen { outcome: Outcome::Reached, summary: format!("{at} answers: {status}"), lines })
    }

    /// A connection and how long it took. The outer error is ours, the inner the network's.
    async fn connect(&self, at: SocketAddr) -> Result<io::Result<(TcpStream, Duration)>, OpError> {
        let socket = match self.namespace {
            None if at.is_ipv4() => TcpSocket::new_v4(),
            None => TcpSocket::new_v6(),
            Some(namespace) => {
                let (kernel, namespace) = (Arc::clone(self.kernel), namespace.clone());
                let opened = spawn_blocking(move || kernel.socket_in(&namespace, Transport::Tcp, at)).await;
                let opened = opened.map_err(|_| OpError::CutOff)?.map_err(OpError::Kernel)?;
                opened.map(|socket| TcpSocket::from_std_stream(socket.into())).ok_or(io::ErrorKind::NotFound.into())
            }
        };
        let socket = match socket {
            Ok(socket) => socket,
            Err(error) => return Ok(Err(error)),
        };
        let began = Instant::now();
        let connected = timeout(ANSWER_WITHIN, socket.connect(at)).await;
        let connected = connected.unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into()));
        Ok(connected.map(|stream| (stream, began.elapsed())))
    }

    async fn echoes(&self, body: impl FnOnce(&Echoes) -> Seen + Send + 'static) -> Result<Seen, OpError> {
        let (namespace, target) = (self.namespace.cloned(), self.target);
        let probed = spawn_blocking(move || {
            let echoes = Echoes::open(namespace.as_ref(), target, rand::random())?;
            Ok(echoes.map(|echoes| body(&echoes)))
        });
        let seen = probed.await.map_err(|_| OpError::CutOff)?.map_err(OpError::Kernel)?;
        seen.ok_or_else(|| OpError::Invalid("the container has just stopped; start it again".to_owned()))
    }
}

fn failed(at: SocketAddr, error: &io::Error) -> Seen {
    Seen { outcome: told(error), summary: format!("no connection to {at}"), lines: vec![words(error)] }
}

/// What an error of a socket means here (connect(2), ip(7)).
fn told(error: &io::Error) -> Outcome {
    match error.kind() {
        io::ErrorKind::ConnectionRefused | io::ErrorKind::ConnectionReset => Outcome::Refused,
        io::ErrorKind::NetworkUnreachable => Outcome::NoRoute,
        io::ErrorKind::HostUnreachable | io::ErrorKind::PermissionDenied => Outcome::Unreachable,
        _ => Outcome::Silent,
    }
}

fn words(error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::ConnectionRefused => "the connection was refused".to_owned(),
        io::ErrorKind::ConnectionReset => "the connection was reset".to_owned(),
        io::ErrorKind::NetworkUnreachable => "there is no route".to_owned(),
        io::ErrorKind::HostUnreachable => "the host can’t be reached".to_owned(),
        // Netfilter says EPERM, and the kernel EACCES to a socket without SO_BROADCAST (ip(7)).
        io::ErrorKind::PermissionDenied if error.raw_os_error() == Some(EACCES) => {
            "it is a broadcast address, or a route prohibits it".to_owned()
        }
        io::ErrorKind::PermissionDenied => "a rule forbids it".to_owned(),
        io::ErrorKind::TimedOut => format!("no answer in {}", milliseconds(ANSWER_WITHIN)),
        _ => error.to_string(),
    }
}

/// The words for a code of "destination unreachable" (RFC 792, RFC 1812 §5.2.7; RFC 4443 §3.1).
fn unreachable(target: IpAddr, code: u8) -> String {
    let words = match (target.is_ipv4(), code) {
        (true, 0) | (false, 0) => "there is no route to the target",
        (true, 1) | (false, 3) => "the target does not answer on its link",
        (true, 9 | 10 | 13) | (false, 1 | 5) => "a rule forbids it",
        (true, 3) | (false, 4) => "nothing listens there",
        _ => return format!("the target can’t be reached (code {code})"),
    };
    words.to_owned()
}

fn milliseconds(duration: Duration) -> String {
    let us = duration.as_micros();
    // Three digits, as ping(8) has them.
    match us {
        ..10_000 => format!("{}.{:03} ms", us / 1000, us % 1000),
        10_000..100_000 => format!("{}.{} ms", us / 1000, us % 1000 / 100),
        _ => format!("{} ms", us / 1000),
    }
}
