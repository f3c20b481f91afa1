//! A proxy before a registry that does what networks and registries do at their worst. Its threads end with the process;
//! it listens in the test's sandbox.

use std::{
    io::{self, Read, Write},
    net::{TcpListener, TcpStream},
    sync::{Arc, Mutex},
    thread,
    time::Duration,
};

/// What goes wrong; with blobs, where nothing else is said, and with large ones only.
#[derive(Clone, Debug)]
pub(crate) enum Fault {
    /// Everything is answered so.
    Status(&'static str),
    /// One byte is another.
    Damaged,
    /// More comes than there is.
    Endless,
    /// Answers that come in one piece never end: all but blobs, with this status.
    EndlessAnswer(&'static str),
    /// A manifest is said to have another digest than it has.
    Mislabelled,
    /// The answer to a request for a manifest is cut in its middle.
    CutManifest,
    /// Connections are closed without a word.
    Silent,
    /// The connection is cut after so many bytes.
    Cut(usize),
    /// Likewise, and it always begins anew.
    CutWithoutRanges(usize),
    /// A little at a time.
    Slow,
    /// Nobody comes in without a token, which is to be fetched; this is the one that is given.
    Token(&'static str),
}

pub(crate) struct Proxy {
    /// `127.0.0.1:PORT`
    pub(crate) address: String,
    fault: Arc<Mutex<Fault>>,
    /// A cut without ranges must not happen for ever: how many more there are.
    cuts: Arc<Mutex<usize>>,
}

impl Proxy {
    pub(crate) fn start(upstream: &str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let fault = Arc::new(Mutex::new(Fault::Silent));
        let cuts = Arc::new(Mutex::new(0));
        let (its_fault, its_cuts, upstream) = (Arc::clone(&fault), Arc::clone(&cuts), upstream.to_owned());
        thread::spawn(move || {
            for client in listener.incoming().flatten() {
                let (fault, cuts, upstream) =
                    (its_fault.lock().unwrap().clone(), Arc::clone(&its_cuts), upstream.clone());
                thread::spawn(move || {
                    // A client that goes away is none of the test's business.
                    let _ = serve(client, &upstream, &fault, &cuts);
                });
            }
        });
        Self { address, fault, cuts }
    }

    pub(crate) fn set(&self, fault: Fault) {
        *self.fault.lock().unwrap() = fault;
        *self.cuts.lock().unwrap() = 2;
    }
}

/// One request, and the connection is closed.
fn serve(mut client: TcpStream, upstream: &str, fault: &Fault, cuts: &Mutex<usize>) -> io::Result<()> {
    let head = head(&mut client)?;
    if head.is_empty() || matches!(fault, Fault::Silent) {
        return Ok(());
    }
    if let Fault::Status(status) = fault {
        let body = "no reason";
        let head = format!("HTTP/1.1 {status}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n", body.len());
        return client.write_all(head.as_bytes()).and_then(|()| client.write_all(body.as_bytes()));
    }
    if let Fault::Token(given) = fault
        && let Some(answer) = without_token(&head, given, &client.local_addr()?.to_string())
    {
        return client.write_all(answer.as_bytes());
    }
    let without_ranges = matches!(fault, Fault::CutWithoutRanges(_));
    let kept = |line: &&str| {
        let line = line.to_ascii_lowercase();
        let dropped = line.starts_with("connection:")
            || line.starts_with("authorization: bearer")
            || (without_ranges && line.starts_with("range:"));
        !dropped
    };
    let lines: Vec<&str> = head.trim_end().split("\r\n").filter(kept).collect();
    let mut server = TcpStream::connect(upstream)?;
    server.write_all(format!("{}\r\nConnection: close\r\n\r\n", lines.join("\r\n")).as_bytes())?;
    let answer = self::head(&mut server)?;
    let mut body = Vec::new();
    server.read_to_end(&mut body)?;
    if lines[0].contains("/manifests/") {
        match fault {
            Fault::EndlessAnswer(status) => return endless(&mut client, status),
            Fault::Mislabelled => {
                let said = format!("Docker-Content-Digest: sha256:{}", "0".repeat(64));
                let label = |line: &&str| !line.to_ascii_lowercase().starts_with("docker-content-digest:");
                let kept: Vec<&str> = answer.trim_end().split("\r\n").filter(label).collect();
                client.write_all(format!("{}\r\n{said}\r\n\r\n", kept.join("\r\n")).as_bytes())?;
                return client.write_all(&body);
            }
            Fault::CutManifest => {
                client.write_all(answer.as_bytes())?;
                return client.write_all(&body[..body.len() / 2]);
            }
            _ => {}
        }
    }
    let large = lines[0].contains("/blobs/") && body.len() > 100 << 10;
    if !large {
        return client.write_all(answer.as_bytes()).and_then(|()| client.write_all(&body));
    }
    match fault {
        Fault::Damaged => {
            body[50_000] ^= 1;
            client.write_all(answer.as_bytes()).and_then(|()| client.write_all(&body))
        }
        Fault::Endless => {
            let length = |line: &&str| !line.to_ascii_lowercase().starts_with("content-length:");
            let lines: Vec<&str> = answer.trim_end().split("\r\n").filter(length).collect();
            client.write_all(format!("{}\r\n\r\n", lines.join("\r\n")).as_bytes())?;
            client.write_all(&body)?;
            loop {
                client.write_all(&[0; 4096])?;
            }
        }
        Fault::Cut(length) => {
            client.write_all(answer.as_bytes())?;
            client.write_all(&body[..body.len().min(*length)])
        }
        Fault::CutWithoutRanges(length) => {
            let mut left = cuts.lock().unwrap();
            let length = if *left == 0 { body.len() } else { body.len().min(*length) };
            *left = left.saturating_sub(1);
            drop(left);
            client.write_all(answer.as_bytes())?;
            client.write_all(&body[..length])
        }
        Fault::Slow => {
            client.write_all(answer.as_bytes())?;
            for piece in body.chunks(32 << 10) {
                client.write_all(piece)?;
                thread::sleep(Duration::from_millis(20));
            }
            Ok(())
        }
        Fault::Token(_) => client.write_all(answer.as_bytes()).and_then(|()| client.write_all(&body)),
        Fault::Status(..) | Fault::Silent | Fault::EndlessAnswer(_) | Fault::Mislabelled | Fault::CutManifest => {
            client.write_all(answer.as_bytes()).and_then(|()| client.write_all(&body))
        }
    }
}

/// Until whoever asked goes away. A list that is not closed is JSON as far as it goes.
fn endless(client: &mut TcpStream, status: &str) -> io::Result<()> {
    client.write_all(format!("HTTP/1.1 {status}\r\nConnection: close\r\n\r\n[0").as_bytes())?;
    loop {
        client.write_all(&b",0".repeat(8192))?;
    }
}

/// The token, for whoever asks for it, or where it is to be had, for whoever has none; nothing for who has the right one
/// (distribution specification, "Token Authentication").
fn without_token(head: &str, given: &str, address: &str) -> Option<String> {
    let answer = |status: &str, header: &str, body: &str| {
        let length = body.len();
        Some(format!("HTTP/1.1 {status}\r\n{header}Content-Length: {length}\r\nConnection: close\r\n\r\n{body}"))
    };
    if head.starts_with("GET /token?") {
        let kind = "Content-Type: application/json\r\n";
        return answer("200 OK", kind, &format!("{{\"token\":\"{given}\"}}"));
    }
    if head.to_ascii_lowercase().contains("authorization: bearer let-me-in\r\n") {
        return None;
    }
    let realm = format!("Bearer realm=\"http://{address}/token\",service=\"lab\",scope=\"repository:image:pull\"");
    let body = r#"{"errors":[{"code":"UNAUTHORIZED","message":"authentication required"}]}"#;
    answer("401 Unauthorized", &format!("WWW-Authenticate: {realm}\r\nContent-Type: application/json\r\n"), body)
}

/// As far as the empty line; nothing of what is no HTTP, such as the beginning of TLS.
fn head(stream: &mut TcpStream) -> io::Result<String> {
    let mut head = Vec::new();
    let mut byte = [0];
    while !head.ends_with(b"\r\n\r\n") {
        if stream.read(&mut byte)? == 0 || (head.is_empty() && !byte[0].is_ascii_alphabetic()) {
            return Ok(String::new());
        }
        head.push(byte[0]);
    }
    Ok(String::from_utf8_lossy(&head).into_owned())
}
