//! The same road with the Docker SDK of Rust, over the daemon's unix socket: what programs do that are not the docker
//! command. And requests that no SDK makes, written by hand.

use crate::harness::{DEADLINE, Daemon, links, run};
use ::bollard::{
    ClientVersion, Docker,
    container::LogOutput,
    errors::Error,
    exec::StartExecResults,
    models::{
        ContainerCreateBody, ContainerStateStatusEnum, ContainerSummaryStateEnum, ExecConfig, HostConfig, Ipam,
        IpamConfig, NetworkCreateRequest,
    },
    query_parameters::{
        CreateContainerOptionsBuilder, ListContainersOptionsBuilder, LogsOptionsBuilder, RemoveContainerOptionsBuilder,
        StopContainerOptionsBuilder,
    },
};
use drawbridge_kernel::testing::check_in_sandbox;
use futures_util::{Stream, TryStreamExt};
use serde_json::json;
use std::{
    io::{Read, Write},
    os::unix::net::UnixStream,
    time::Duration,
};

/// Runs a test in a sandbox with a daemon and a client on its socket.
fn check(test: impl AsyncFnOnce(&Daemon, &Docker) + Send) {
    check_in_sandbox(|| {
        let daemon = Daemon::start();
        // On this thread and no other, for only this one is in the sandbox.
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let newest = ClientVersion { major_version: 1, minor_version: 50 };
            let socket = daemon.socket();
            let docker = Docker::connect_with_unix(socket.to_str().unwrap(), 60, &newest).unwrap();
            test(&daemon, &docker).await;
        });
    });
}

fn words(text: &str) -> Option<Vec<String>> {
    Some(text.split('|').map(ToOwned::to_owned).collect())
}

/// A container of busybox that runs `command`, its words parted by `|`.
fn body(command: &str, network: Option<&str>) -> ContainerCreateBody {
    let host_config = HostConfig { network_mode: network.map(ToOwned::to_owned), ..HostConfig::default() };
    ContainerCreateBody {
        image: Some("busybox".to_owned()),
        cmd: words(command),
        host_config: Some(host_config),
        ..ContainerCreateBody::default()
    }
}

async fn create(docker: &Docker, name: &str, body: ContainerCreateBody) -> Result<String, Error> {
    let options = CreateContainerOptionsBuilder::new().name(name).build();
    docker.create_container(Some(options), body).await.map(|created| created.id)
}

fn network(name: &str, subnet: Option<&str>) -> NetworkCreateRequest {
    let config = subnet.map(|subnet| vec![IpamConfig { subnet: Some(subnet.to_owned()), ..IpamConfig::default() }]);
    NetworkCreateRequest {
        name: name.to_owned(),
        driver: Some("bridge".to_owned()),
        ipam: Some(Ipam { config, ..Ipam::default() }),
        ..NetworkCreateRequest::default()
    }
}

/// Standard output and standard error.
async fn both(stream: impl Stream<Item = Result<LogOutput, Error>>) -> (String, String) {
    let outputs: Vec<LogOutput> = stream.try_collect().await.unwrap();
    let (mut stdout, mut stderr) = (String::new(), String::new());
    for output in outputs {
        match &output {
            LogOutput::StdOut { .. } => stdout += &output.to_string(),
            LogOutput::StdErr { .. } => stderr += &output.to_string(),
            LogOutput::StdIn { .. } | LogOutput::Console { .. } => panic!("neither was asked for: {output:?}"),
        }
    }
    (stdout, stderr)
}

#[track_caller]
fn check_refused<T: std::fmt::Debug>(result: Result<T, Error>, status: u16, words: &str) {
    match result {
        Err(Error::DockerResponseServerError { status_code, message }) => {
            assert_eq!(status_code, status, "{message}");
            assert!(message.contains(words), "{message}");
        }
        other => panic!("expected {status} {words:?}, got {other:?}"),
    }
}

#[test]
fn networks_are_made_found_and_removed() {
    check(async |_: &Daemon, docker: &Docker| {
        let version = docker.version().await.unwrap();
        assert_eq!(version.api_version.as_deref(), Some("1.50"));
        assert_eq!(docker.info().await.unwrap().images, Some(1));
        assert_eq!(docker.ping().await.unwrap(), "OK");

        let id = docker.create_network(network("demo", Some("10.9.0.0/24"))).await.unwrap().id;
        let networks = docker.list_networks(None).await.unwrap();
        let names: Vec<_> = networks.iter().filter_map(|network| network.name.as_deref()).collect();
        assert_eq!(names.len(), 4);
        assert!(["bridge", "host", "none", "demo"].iter().all(|name| names.contains(name)), "{names:?}");
        let found = docker.inspect_network("demo", None).await.unwrap();
        assert_eq!(found.id.as_ref(), Some(&id));
        let config = &found.ipam.unwrap().config.unwrap()[0];
        assert_eq!((config.subnet.as_deref(), config.gateway.as_deref()), (Some("10.9.0.0/24"), Some("10.9.0.1")));
        assert!(run("ip", &["-o", "-4", "address"]).contains("10.9.0.1/24"));

        check_refused(docker.create_network(network("demo", None)).await, 409, "network with name demo already exists");
        check_refused(docker.create_network(network("a b", None)).await, 400, "Invalid network name (a b)");
        check_refused(docker.create_network(network("ov", Some("10.9.0.128/25"))).await, 403, "overlaps 10.9.0.0/24");
        check_refused(docker.create_network(network("ov", Some("10.8.0.0/99"))).await, 400, "10.8.0.0/99");
        check_refused(docker.inspect_network("nope", None).await, 404, "network nope not found");
        check_refused(docker.remove_network("nope").await, 404, "network nope not found");
        check_refused(docker.remove_network("bridge").await, 403, "pre-defined network and cannot be removed");

        docker.remove_network(&id[..12]).await.unwrap();
        assert!(!run("ip", &["-o", "-4", "address"]).contains("10.9.0.1/24"));
        assert_eq!(docker.list_networks(None).await.unwrap().len(), 3);
    });
}

/// A model of the SDK, by the JSON that it stands for.
fn model<T: serde::de::DeserializeOwned>(json: serde_json::Value) -> T {
    serde_json::from_value(json).unwrap()
}

#[test]
fn containers_are_plugged_and_unplugged() {
    check(async |_: &Daemon, docker: &Docker| {
        let range =
            json!({"Subnet": "10.9.0.0/24", "IPRange": "10.9.0.128/25", "AuxiliaryAddresses": {"r": "10.9.0.129"}});
        let six = json!({"Subnet": "fd00:9::/64"});
        let made = docker.create_network(model(json!({
            "Name": "lab", "EnableIPv6": true, "IPAM": {"Driver": "default", "Config": [range, six]}, "Attachable": true,
            "Options": {"com.docker.network.driver.mtu": "1400", "unknown": "x"}, "Labels": {"a": "b"}
        })));
        assert_eq!(made.await.unwrap().warning, "option unknown is kept but not honoured yet");
        create(docker, "one", body("sleep|1000", None)).await.unwrap();
        docker.start_container("one", None).await.unwrap();
        let wanted = json!({"Container": "one", "EndpointConfig": {
            "IPAMConfig": {"IPv4Address": "10.9.0.200", "IPv6Address": "fd00:9::77", "LinkLocalIPs": ["169.254.3.4", "fe80::34"]},
            "Aliases": ["web"], "MacAddress": "02:00:00:00:00:09", "GwPriority": 7
        }});
        docker.connect_network("lab", model(wanted.clone())).await.unwrap();
        check_refused(docker.connect_network("lab", model(wanted)).await, 403, "endpoint with name one already exists");
        let found = docker.inspect_container("one", None).await.unwrap().network_settings.unwrap().networks.unwrap();
        let lab = &found["lab"];
        assert_eq!((lab.ip_address.as_deref(), lab.gw_priority), (Some("10.9.0.200"), Some(7)));
        assert_eq!(lab.global_ipv6_address.as_deref(), Some("fd00:9::77"));
        let (links, _, _) = exec(docker, "one", "ip|addr|show|eth1").await;
        for part in ["10.9.0.200/24", "fd00:9::77/64", "169.254.3.4/16", "fe80::34/64", "02:00:00:00:00:09", "mtu 1400"]
        {
            assert!(links.contains(part), "{part}: {links}");
        }
        assert!(exec(docker, "one", "ip|route").await.0.contains("default via 10.9.0.128 dev eth1"));
        docker.disconnect_network("lab", model(json!({"Container": "one", "Force": false}))).await.unwrap();
        assert!(exec(docker, "one", "ip|route").await.0.contains("default via 172.17.0.1 dev eth0"));
        let pruned = docker.prune_networks(None).await.unwrap();
        assert_eq!(pruned.networks_deleted, Some(vec!["lab".to_owned()]));
    });
}

#[test]
fn a_container_lives_and_ends() {
    check(async |_: &Daemon, docker: &Docker| {
        docker.create_network(network("demo", None)).await.unwrap();
        let script = "echo out; echo err >&2; exec sleep 1000";
        let id = create(docker, "one", body(&format!("sh|-c|{script}"), Some("demo"))).await.unwrap();
        let found = docker.inspect_container("one", None).await.unwrap();
        assert_eq!(found.state.unwrap().status, Some(ContainerStateStatusEnum::CREATED));
        docker.start_container("one", None).await.unwrap();
        // Once more is no error: 304.
        docker.start_container("one", None).await.unwrap();

        let found = docker.inspect_container(&id, None).await.unwrap();
        let state = found.state.unwrap();
        assert_eq!(state.status, Some(ContainerStateStatusEnum::RUNNING));
        assert!(std::path::Path::new(&format!("/proc/{}", state.pid.unwrap())).exists());
        let endpoint = found.network_settings.unwrap().networks.unwrap()["demo"].clone();
        assert_eq!(endpoint.ip_address.as_deref(), Some("172.18.0.2"));
        assert_eq!(endpoint.gateway.as_deref(), Some("172.18.0.1"));
        let members = docker.inspect_network("demo", None).await.unwrap().containers.unwrap();
        assert_eq!(members[&id].ipv4_address.as_deref(), Some("172.18.0.2/16"));
        let listed = docker.list_containers(None).await.unwrap();
        assert_eq!(listed[0].names, Some(vec!["/one".to_owned()]));
        assert_eq!(listed[0].state, Some(ContainerSummaryStateEnum::RUNNING));

        for (command, code, expected) in
            [("ping|-c|1|-q|172.18.0.1", 0, "1 packets received"), ("sh|-c|echo out; echo err >&2; exit 7", 7, "out\n")]
        {
            let (stdout, _, exit_code) = exec(docker, "one", command).await;
            assert_eq!(exit_code, Some(code), "{command}: {stdout}");
            assert!(stdout.contains(expected), "{stdout}");
        }
        assert_eq!(exec(docker, "one", "sh|-c|echo err >&2").await, (String::new(), "err\n".to_owned(), Some(0)));

        let logs = || docker.logs("one", Some(LogsOptionsBuilder::new().stdout(true).stderr(true).build()));
        // The container writes when it gets to it.
        let all = ("out\n".to_owned(), "err\n".to_owned());
        let written = async || {
            while both(logs()).await != all {
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        };
        if tokio::time::timeout(DEADLINE, written()).await.is_err() {
            assert_eq!(both(logs()).await, all);
        }

        check_refused(docker.remove_network("demo").await, 403, "has active endpoints (name:\"one\"");
        check_refused(create(docker, "one", body("true", None)).await, 409, "\"/one\" is already in use");
        check_refused(create(docker, "-x", body("true", None)).await, 400, "Invalid container name (-x)");
        let unknown = ContainerCreateBody { image: Some("nosuch".to_owned()), ..ContainerCreateBody::default() };
        check_refused(create(docker, "two", unknown).await, 404, "No such image: nosuch:latest");
        check_refused(docker.remove_container("one", None).await, 409, "container is running");
        check_refused(docker.inspect_container("nope", None).await, 404, "No such container: nope");
        check_refused(docker.start_container("nope", None).await, 404, "No such container: nope");
        check_refused(docker.create_exec("nope", ExecConfig::default()).await, 404, "No such container: nope");

        docker.stop_container("one", Some(StopContainerOptionsBuilder::new().t(0).build())).await.unwrap();
        let state = docker.inspect_container("one", None).await.unwrap().state.unwrap();
        assert_eq!((state.status, state.exit_code), (Some(ContainerStateStatusEnum::EXITED), Some(137)));
        let config = ExecConfig { cmd: words("true"), ..ExecConfig::default() };
        check_refused(docker.create_exec("one", config).await, 409, "is not running");
        docker.remove_container("one", None).await.unwrap();
        check_refused(docker.remove_container("one", None).await, 404, "No such container: one");
        docker.remove_network("demo").await.unwrap();
        assert_eq!(run("ip", &["netns", "list"]), "");
    });
}

#[test]
fn the_end_of_a_container_is_waited_for() {
    check(async |daemon: &Daemon, docker: &Docker| {
        create(docker, "one", body("sh|-c|exit 3", None)).await.unwrap();
        docker.start_container("one", None).await.unwrap();
        let waited: Result<Vec<_>, _> = docker.wait_container("one", None).try_collect().await;
        // The SDK makes an error of every code but 0.
        assert!(matches!(waited, Err(Error::DockerContainerWaitError { code: 3, .. })), "{waited:?}");

        create(docker, "two", body("sleep|1000", None)).await.unwrap();
        docker.start_container("two", None).await.unwrap();
        // Who waits knows by the head of the answer that it is heard; the SDK keeps that to itself.
        let mut waiting = UnixStream::connect(daemon.socket()).unwrap();
        waiting.set_read_timeout(Some(DEADLINE)).unwrap();
        waiting.write_all(&post("/v1.50/containers/two/wait", "", "")).unwrap();
        let mut first = [0; 12];
        waiting.read_exact(&mut first).unwrap();
        assert_eq!(&first, b"HTTP/1.1 200");
        let remove = docker.remove_container("two", Some(RemoveContainerOptionsBuilder::new().force(true).build()));
        remove.await.unwrap();
        let mut waited = String::new();
        waiting.read_to_string(&mut waited).unwrap();
        assert!(waited.contains("\"StatusCode\":137"), "{waited}");
        let all = docker.list_containers(Some(ListContainersOptionsBuilder::new().all(true).build())).await.unwrap();
        assert_eq!(all.len(), 1);
    });
}

/// Runs a command, its words parted by `|`, and returns what it printed and its exit code.
async fn exec(docker: &Docker, container: &str, command: &str) -> (String, String, Option<i64>) {
    let config = ExecConfig {
        cmd: words(command),
        attach_stdout: Some(true),
        attach_stderr: Some(true),
        ..ExecConfig::default()
    };
    let id = docker.create_exec(container, config).await.unwrap().id;
    let StartExecResults::Attached { output, .. } = docker.start_exec(&id, None).await.unwrap() else {
        panic!("an exec that was to be attached is not");
    };
    let (stdout, stderr) = both(output).await;
    (stdout, stderr, docker.inspect_exec(&id).await.unwrap().exit_code)
}

/// Sends bytes and returns the whole answer: what comes until the daemon closes.
fn send(daemon: &Daemon, request: &[u8]) -> String {
    let mut stream = UnixStream::connect(daemon.socket()).unwrap();
    stream.set_read_timeout(Some(DEADLINE)).unwrap();
    // The daemon may answer and close before it has read all of it.
    let _ = stream.write_all(request);
    let mut answer = Vec::new();
    let _ = stream.read_to_end(&mut answer);
    String::from_utf8_lossy(&answer).into_owned()
}

fn post(path: &str, headers: &str, body: &str) -> Vec<u8> {
    let length = body.len();
    format!("POST {path} HTTP/1.1\r\nHost: d\r\nConnection: close\r\nContent-Length: {length}\r\n{headers}\r\n{body}")
        .into_bytes()
}

#[test]
fn what_no_client_sends_is_refused_and_leaves_nothing() {
    check(async |daemon: &Daemon, docker: &Docker| {
        let json = "Content-Type: application/json\r\n";
        let everything = async || {
            let kernel = [links(&[]), run("nft", &["list", "ruleset"]), run("ip", &["netns", "list"])];
            let all = ListContainersOptionsBuilder::new().all(true).build();
            let containers = docker.list_containers(Some(all)).await.unwrap().len();
            (kernel, containers, docker.list_networks(None).await.unwrap().len())
        };
        let before = everything().await;
        let oversize = format!(r#"{{"Name":"big","Labels":{{"x":"{}"}}}}"#, "x".repeat(5 << 20));
        let get = |path: &str| format!("GET {path} HTTP/1.1\r\nHost: d\r\nConnection: close\r\n\r\n").into_bytes();
        for (what, request, status, words) in [
            ("oversize", post("/v1.50/networks/create", json, &oversize), 413, "request body is larger than 4194304"),
            ("truncated JSON", post("/v1.50/networks/create", json, r#"{"Name":"half"#), 400, "invalid JSON"),
            ("empty body", post("/v1.50/networks/create", json, ""), 400, "invalid JSON"),
            ("not an object", post("/v1.50/containers/create", json, "[1]"), 400, "invalid JSON"),
            ("wrong type", post("/v1.50/networks/create", json, r#"{"Name":7}"#), 400, "invalid JSON"),
            ("nested too deep", post("/v1.50/networks/create", json, &"[".repeat(100_000)), 400, "invalid JSON"),
            ("no content type", post("/v1.50/networks/create", "", r#"{"Name":"n"}"#), 400, "Content-Type"),
            (
                "another content type",
                post("/v1.50/networks/create", "Content-Type: text/plain\r\n", r#"{"Name":"n"}"#),
                400,
                "Content-Type",
            ),
            ("unknown route", get("/v1.50/nonsense"), 404, "page not found"),
            ("no route at all", get("/"), 404, "page not found"),
            ("too new", get("/v1.99/networks"), 400, "client version 1.99 is too new"),
            ("too old", get("/v1.1/networks"), 400, "client version 1.1 is too old"),
            ("not UTF-8", get("/v1.50/networks/%ff%fe"), 0, ""),
            ("a path upwards", get("/v1.50/networks/..%2f..%2fetc"), 404, "not found"),
        ] {
            let answer = send(daemon, &request);
            let (head, rest) = answer.split_once("\r\n\r\n").unwrap_or((&answer, ""));
            if status == 0 {
                assert!(head.starts_with("HTTP/1.1 4"), "{what}: {answer}");
            } else {
                assert!(head.starts_with(&format!("HTTP/1.1 {status} ")), "{what}: {answer}");
                assert!(rest.starts_with(r#"{"message":"#) && rest.contains(words), "{what}: {answer}");
            }
        }

        // Bodies that never come to their end, each from a client that goes away.
        let begun = "POST /v1.50/networks/create HTTP/1.1\r\nHost: d\r\nContent-Type: application/json\r\n";
        for framing in
            ["Content-Length: 100\r\n\r\n{\"Name\":\"half\"}", "Transfer-Encoding: chunked\r\n\r\n50\r\n{\"Na"]
        {
            let mut stream = UnixStream::connect(daemon.socket()).unwrap();
            stream.write_all(format!("{begun}{framing}").as_bytes()).unwrap();
            drop(stream);
        }
        // No HTTP at all; and one that says nothing and stays.
        send(daemon, b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03");
        let silent = UnixStream::connect(daemon.socket()).unwrap();

        assert_eq!(everything().await, before);
        docker.create_network(network("half", None)).await.unwrap();
        docker.remove_network("half").await.unwrap();
        drop(silent);
        let socket = daemon.socket().display().to_string();
        let all_closed = async || {
            while !run("ss", &["-xH", "state", "connected", "src", &socket]).trim().is_empty() {
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        };
        tokio::time::timeout(DEADLINE, all_closed())
            .await
            .expect("the daemon keeps no connection of clients that are gone");
    });
}
