//! Traps in what is shown: network settings, ports, endpoints, rows, an image's configuration, networks.

use super::{ask, create, encoded, inspect, start};
use crate::{
    harness::{Daemon, wait_for},
    streams::Raw,
};
use drawbridge_kernel::testing::check_in_sandbox;
use serde_json::{Value, json};
use std::{io::Write, os::unix::net::UnixStream, time::Duration};

/// What stands at the top of `NetworkSettings` for the default bridge alone.
const OLD_KEYS: [&str; 4] = ["IPAddress", "Gateway", "MacAddress", "EndpointID"];

#[test]
fn network_settings_in_every_state() {
    check_in_sandbox(|| {
        let daemon = Daemon::start();
        ask(&daemon, "POST /networks/create", r#"{"Name":"lab"}"#);
        let settings = |name: &str| inspect(&daemon, name)["NetworkSettings"].clone();
        create(&daemon, "web", "");
        let before = settings("web");
        assert_eq!(
            (&before["Networks"]["bridge"]["NetworkID"], &before["Networks"]["bridge"]["DNSNames"]),
            (&json!(""), &Value::Null)
        );
        ask(&daemon, "POST /containers/web/start", "");
        let bridge = settings("web");
        for key in OLD_KEYS {
            assert!(bridge[key] == bridge["Networks"]["bridge"][key] && bridge[key] != "", "{key}: {bridge}");
        }
        assert_eq!((&bridge["IPAddress"], &bridge["IPPrefixLen"]), (&json!("172.17.0.2"), &json!(16)));

        let asked = r#""Hostname":"hh","HostConfig":{"NetworkMode":"lab"},"NetworkingConfig":{"EndpointsConfig":{"lab":{"Aliases":["al"]}}}"#;
        start(&daemon, "user", asked);
        let id = inspect(&daemon, "user")["Id"].as_str().unwrap()[..12].to_owned();
        let running = settings("user");
        for key in OLD_KEYS {
            assert_eq!(running[key], "", "{key} is the default bridge's");
        }
        let lab = &running["Networks"]["lab"];
        assert_eq!((&lab["Aliases"], &lab["DNSNames"]), (&json!(["al"]), &json!(["user", "al", id, "hh"])));
        ask(&daemon, "POST /containers/user/stop?t=0", "");
        let stopped = settings("user");
        assert_eq!((&stopped["Ports"], &stopped["SandboxKey"]), (&json!({}), &json!("")));
        let after = &stopped["Networks"]["lab"];
        for key in ["NetworkID", "Aliases", "DNSNames", "IPAMConfig"] {
            assert_eq!(after[key], lab[key], "{key} stays");
        }
        for key in ["EndpointID", "IPAddress", "Gateway", "MacAddress"] {
            assert_eq!(after[key], "", "{key} goes");
        }
        assert_eq!(after["IPPrefixLen"], 0);

        start(&daemon, "hostc", r#""ExposedPorts":{"9/tcp":{}},"HostConfig":{"NetworkMode":"host"}"#);
        let host = settings("hostc");
        assert_eq!((&host["Networks"]["host"]["IPAddress"], &host["Ports"]), (&json!(""), &json!({})));
        let name = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap();
        assert_eq!(inspect(&daemon, "hostc")["Config"]["Hostname"], name.trim());
        start(&daemon, "shares", r#""HostConfig":{"NetworkMode":"container:web"}"#);
        assert_eq!(settings("shares")["Networks"], json!({}));
        let web = inspect(&daemon, "web");
        let shares = inspect(&daemon, "shares");
        assert_eq!(shares["Config"]["Hostname"], web["Config"]["Hostname"]);
        assert_eq!(shares["HostConfig"]["NetworkMode"], format!("container:{}", web["Id"].as_str().unwrap()));
    });
}

#[test]
fn ports_have_three_forms() {
    check_in_sandbox(|| {
        let daemon = Daemon::start();
        let asked = r#""ExposedPorts":{"9/tcp":{}},"HostConfig":{"PortBindings":{"80/tcp":[{"HostPort":"8080"}],
            "81/tcp":[{"HostPort":""}],"82/udp":[{"HostIp":"127.0.0.1","HostPort":"0"}],"83/tcp":[{"HostPort":"8100-8110"}]}}"#;
        start(&daemon, "web", asked);
        let shown = inspect(&daemon, "web");
        let ports = &shown["NetworkSettings"]["Ports"];
        assert_eq!(ports["80/tcp"], json!([{"HostIp":"0.0.0.0","HostPort":"8080"},{"HostIp":"::","HostPort":"8080"}]));
        assert_eq!((ports.get("9/tcp"), &ports["83/tcp"][0]["HostPort"]), (Some(&Value::Null), &json!("8100")));
        for port in ["81/tcp", "82/udp"] {
            let number: u16 = ports[port][0]["HostPort"].as_str().unwrap().parse().unwrap();
            assert!(number > 0, "{ports}");
        }
        assert_eq!(ports["82/udp"].as_array().unwrap().len(), 1);
        assert_eq!(shown["Config"]["ExposedPorts"].as_object().unwrap().len(), 5);
        assert_eq!(shown["HostConfig"]["PortBindings"]["81/tcp"], json!([{"HostIp":"","HostPort":""}]));
        let rows = ask(&daemon, "GET /containers/json", "").json();
        let listed = rows[0]["Ports"].as_array().unwrap();
        assert!(listed.contains(&json!({"PrivatePort":9,"Type":"tcp"})), "{rows}");
        assert!(listed.contains(&json!({"IP":"0.0.0.0","PrivatePort":80,"PublicPort":8080,"Type":"tcp"})), "{rows}");
        ask(&daemon, "POST /containers/web/stop?t=0", "");
        assert_eq!(ask(&daemon, "GET /containers/json?all=1", "").json()[0]["Ports"], json!([]));
    });
}

#[test]
fn endpoints_are_keyed_by_any_name() {
    check_in_sandbox(|| {
        let daemon = Daemon::start();
        let id = ask(&daemon, "POST /networks/create", r#"{"Name":"lab"}"#).json()["Id"].as_str().unwrap().to_owned();
        for (key, network) in
            [(&id[..], "lab"), (&id[..12], "lab"), ("lab", "lab"), ("default", "bridge"), ("bridge", "bridge")]
        {
            let asked = format!(
                r#""HostConfig":{{"NetworkMode":"{key}"}},"NetworkingConfig":{{"EndpointsConfig":{{"{key}":{{}}}}}}"#
            );
            start(&daemon, "one", &asked);
            let networks = inspect(&daemon, "one")["NetworkSettings"]["Networks"].clone();
            assert_eq!(networks.as_object().unwrap().keys().collect::<Vec<_>>(), [network], "{key}");
            ask(&daemon, "DELETE /containers/one?force=1", "");
        }
        // The mode alone carries the name, and the map may be empty.
        start(&daemon, "one", r#""HostConfig":{"NetworkMode":"lab"},"NetworkingConfig":{"EndpointsConfig":{}}"#);
        assert_ne!(inspect(&daemon, "one")["NetworkSettings"]["Networks"]["lab"]["IPAddress"], "");
        for (asked, words) in [
            (
                r#""HostConfig":{"NetworkMode":"container:one","PortBindings":{"80/tcp":[{"HostPort":"99"}]}}"#,
                "port publishing",
            ),
            (r#""Hostname":"x","HostConfig":{"NetworkMode":"container:one"}"#, "hostname and the network mode"),
            (r#""HostConfig":{"NetworkMode":"container:one","Dns":["192.0.2.1"]}"#, "dns and the network mode"),
            (
                r#""HostConfig":{"NetworkMode":"host"},"NetworkingConfig":{"EndpointsConfig":{"host":{},"lab":{}}}"#,
                "cannot be connected to any other network",
            ),
            (
                r#""HostConfig":{"NetworkMode":"none"},"NetworkingConfig":{"EndpointsConfig":{"none":{},"lab":{}}}"#,
                "private (none) mode",
            ),
        ] {
            let refused = create(&daemon, "two", asked);
            assert!(refused.status == 400 && refused.message().contains(words), "{asked}: {refused:?}");
        }
    });
}

#[test]
fn rows_of_the_list_read_as_dockers() {
    check_in_sandbox(|| {
        let daemon = Daemon::start();
        create(&daemon, "one", r#""Cmd":["sh","-c","echo \"a b\"; sleep 1000"]"#);
        let row = || ask(&daemon, "GET /containers/json?all=1", "").json()[0].clone();
        let made = row();
        assert_eq!(
            (&made["State"], &made["Status"], &made["Names"]),
            (&json!("created"), &json!("Created"), &json!(["/one"]))
        );
        assert_eq!((&made["Command"], &made["Image"]), (&json!("sh -c 'echo \"a b\"; sleep 1000'"), &json!("busybox")));
        assert!(made["Created"].is_i64() && made.get("SizeRw").is_none(), "{made}");
        ask(&daemon, "POST /containers/one/start", "");
        let status = |row: &Value| row["Status"].as_str().unwrap().to_owned();
        assert!(row()["State"] == "running" && status(&row()).starts_with("Up "), "{}", row());
        ask(&daemon, "POST /containers/one/pause", "");
        assert!(row()["State"] == "paused" && status(&row()).ends_with(" (Paused)"), "{}", row());
        ask(&daemon, "POST /containers/one/unpause", "");
        ask(&daemon, "POST /containers/one/kill", "");
        wait_for("its end", || (row()["State"] == "exited").then_some(()));
        assert!(status(&row()).starts_with("Exited (137) ") && status(&row()).ends_with(" ago"), "{}", row());
        // A tag that moves on leaves the image's id.
        ask(&daemon, "POST /images/busybox/tag?repo=mine&tag=1", "");
        ask(&daemon, "POST /containers/create?name=typed", r#"{"Image":"mine:1"}"#);
        assert_eq!(inspect(&daemon, "typed")["Config"]["Image"], "mine:1");
        assert!(inspect(&daemon, "typed")["Image"].as_str().unwrap().starts_with("sha256:"));
    });
}

const DOCKERFILE: &str = "FROM busybox\nENV A=1 B=2\nLABEL x=y\nEXPOSE 80\nVOLUME /v\nWORKDIR /w\nUSER 1000\nSTOPSIGNAL SIGINT\n\
    HEALTHCHECK --interval=5s CMD true\nENTRYPOINT [\"echo\"]\nCMD [\"hi\"]\n";

#[test]
fn what_the_image_says_is_merged() {
    check_in_sandbox(|| {
        let daemon = Daemon::start();
        build(&daemon, "merged", DOCKERFILE);
        let made = |name: &str, rest: &str| {
            let body = format!(r#"{{"Image":"merged"{rest}}}"#);
            let answer = ask(&daemon, &format!("POST /containers/create?name={name}"), &body);
            assert_eq!(answer.status, 201, "{answer:?}");
            inspect(&daemon, name)
        };
        let path = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
        let plain = made("plain", "");
        for (key, value) in [
            ("Cmd", json!(["hi"])),
            ("Entrypoint", json!(["echo"])),
            ("Env", json!([path, "A=1", "B=2"])),
            ("ExposedPorts", json!({"80/tcp": {}})),
            ("Volumes", json!({"/v": {}})),
            ("Labels", json!({"x": "y"})),
            ("WorkingDir", json!("/w")),
            ("User", json!("1000")),
            ("StopSignal", json!("SIGINT")),
            ("Healthcheck", json!({"Test": ["CMD-SHELL", "true"], "Interval": 5_000_000_000_i64})),
        ] {
            assert_eq!(plain["Config"][key], value, "{key}");
        }
        assert_eq!((&plain["Path"], &plain["Args"]), (&json!("echo"), &json!(["hi"])));
        assert_eq!(plain["Mounts"][0]["Destination"], "/v");
        assert_eq!(plain["Config"]["Hostname"], plain["Id"].as_str().unwrap()[..12]);
        for (name, rest, path, args) in [
            ("entry", r#","Entrypoint":["cat"]"#, "cat", json!([])),
            ("word", r#","Entrypoint":"cat""#, "cat", json!([])),
            ("reset", r#","Entrypoint":[""],"Cmd":["sleep","5"]"#, "sleep", json!(["5"])),
            ("cmd", r#","Cmd":"hello""#, "echo", json!(["hello"])),
        ] {
            let shown = made(name, rest);
            assert_eq!((&shown["Path"], &shown["Args"]), (&json!(path), &args), "{name}");
        }
        assert_eq!(inspect(&daemon, "entry")["Config"]["Cmd"], Value::Null);
        assert_eq!(inspect(&daemon, "reset")["Config"]["Entrypoint"], Value::Null);
        let own = made("own", r#","Env":["A=9"],"Labels":{"z":"1"},"WorkingDir":"/tmp","User":"root""#);
        assert_eq!(own["Config"]["Env"], json!([path, "B=2", "A=9"]));
        assert_eq!((&own["Config"]["Labels"], &own["Config"]["User"]), (&json!({"x":"y","z":"1"}), &json!("root")));
        // What the image exposes is shown, and published by --publish-all.
        start_from(
            &daemon,
            "exposed",
            r#""Entrypoint":["sleep"],"Cmd":["1000"],"HostConfig":{"PublishAllPorts":true}"#,
        );
        let ports = inspect(&daemon, "exposed")["NetworkSettings"]["Ports"].clone();
        assert_ne!(ports["80/tcp"][0]["HostPort"], Value::Null, "{ports}");
        let found =
            ask(&daemon, &format!("GET /containers/json?filters={}", encoded(r#"{"expose":["80"]}"#)), "").json();
        assert_eq!(found[0]["Names"], json!(["/exposed"]));
    });
}

fn start_from(daemon: &Daemon, name: &str, rest: &str) {
    let made = ask(daemon, &format!("POST /containers/create?name={name}"), &format!(r#"{{"Image":"merged",{rest}}}"#));
    assert_eq!(made.status, 201, "{made:?}");
    let started = ask(daemon, &format!("POST /containers/{name}/start"), "");
    assert_eq!(started.status, 204, "{started:?}");
}

fn build(daemon: &Daemon, tag: &str, dockerfile: &str) {
    let mut builder = tar::Builder::new(Vec::new());
    let mut header = tar::Header::new_gnu();
    header.set_size(dockerfile.len() as u64);
    header.set_mode(0o644);
    header.set_uid(0);
    header.set_gid(0);
    header.set_mtime(0);
    builder.append_data(&mut header, "Dockerfile", dockerfile.as_bytes()).unwrap();
    let archive = builder.into_inner().unwrap();
    let mut stream = UnixStream::connect(daemon.socket()).unwrap();
    stream.set_read_timeout(Some(Duration::from_millis(50))).unwrap();
    write!(
        stream,
        "POST /build?t={tag}&version=1 HTTP/1.1\r\nHost: d\r\nConnection: close\r\nContent-Type: application/x-tar\r\n\
         Content-Length: {}\r\n\r\n",
        archive.len()
    )
    .unwrap();
    stream.write_all(&archive).unwrap();
    let mut raw = Raw { stream, head: String::new(), rest: Vec::new() };
    raw.hears(b"Successfully built ");
    raw.hears(b"Successfully tagged ");
    raw.read_to_end();
}

#[test]
fn a_network_is_shown_as_it_was_made() {
    check_in_sandbox(|| {
        let daemon = Daemon::start();
        let asked = r#"{"Name":"lab","IPAM":{"Config":[{"Subnet":"10.9.0.0/24","IPRange":"10.9.0.128/30","Gateway":"10.9.0.5",
            "AuxiliaryAddresses":{"a":"10.9.0.129"}}],"Options":{"x":"y"}},"Internal":true,"Labels":{"l":"v"},
            "Options":{"com.docker.network.driver.mtu":"1400","foo":"bar"}}"#;
        let made = ask(&daemon, "POST /networks/create", asked);
        assert_eq!(made.status, 201, "{made:?}");
        let shown = ask(&daemon, "GET /networks/lab", "").json();
        let range = json!({"Subnet":"10.9.0.0/24","IPRange":"10.9.0.128/30","Gateway":"10.9.0.5","AuxiliaryAddresses":{"a":"10.9.0.129"}});
        for (key, value) in [
            ("IPAM", json!({"Driver":"default","Options":{"x":"y"},"Config":[range]})),
            ("Options", json!({"com.docker.network.driver.mtu":"1400","foo":"bar"})),
            ("Labels", json!({"l":"v"})),
            ("Internal", json!(true)),
            ("EnableIPv4", json!(true)),
            ("EnableIPv6", json!(false)),
            ("Attachable", json!(false)),
            ("Ingress", json!(false)),
            ("ConfigOnly", json!(false)),
            ("ConfigFrom", json!({"Network":""})),
            ("Scope", json!("local")),
            ("Driver", json!("bridge")),
            ("Containers", json!({})),
        ] {
            assert_eq!(shown[key], value, "{key}");
        }
        assert!(shown["Created"].as_str().unwrap().ends_with('Z'));
        // Its containers stand in inspect alone, and only those that run.
        start(&daemon, "web", r#""HostConfig":{"NetworkMode":"lab"}"#);
        assert_eq!(ask(&daemon, "GET /networks/lab", "").json()["Containers"].as_object().unwrap().len(), 1);
        let list = ask(&daemon, "GET /networks", "").json();
        assert!(list.as_array().unwrap().iter().all(|network| network["Containers"] == json!({})), "{list}");
        let auto = ask(&daemon, "POST /networks/create", r#"{"Name":"auto"}"#);
        assert_eq!(auto.status, 201);
        let shown = ask(&daemon, "GET /networks/auto", "").json();
        assert_eq!(shown["IPAM"]["Config"][0]["Subnet"], "172.18.0.0/16", "what was chosen is shown");
    });
}
