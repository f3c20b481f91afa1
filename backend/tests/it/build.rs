//! `docker build` by the classic builder: instructions, stages, what is copied, the cache, and what fails.

use crate::harness::{Daemon, docker_is_there};
use drawbridge_kernel::testing::check_in_sandbox;
use serde_json::Value;
use std::{
    fs,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

/// A folder to build from.
pub(crate) struct Site<'a> {
    daemon: &'a Daemon,
    pub(crate) folder: PathBuf,
}

impl<'a> Site<'a> {
    pub(crate) fn new(daemon: &'a Daemon, dockerfile: &str) -> Self {
        let folder = daemon.folders().root.join("site");
        fs::create_dir_all(&folder).unwrap();
        let site = Self { daemon, folder };
        site.write("Dockerfile", dockerfile);
        site
    }

    pub(crate) fn write(&self, name: &str, text: &str) {
        let path = self.folder.join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    /// What the command prints, and how it ends.
    pub(crate) fn run(&self, args: &[&str]) -> (String, i32) {
        let output = Command::new("docker")
            .arg("-H")
            .arg(format!("unix://{}", self.daemon.socket().display()))
            .arg("build")
            .args(args)
            .arg(&self.folder)
            .env("DOCKER_BUILDKIT", "0")
            .env("DOCKER_CONFIG", self.daemon.folders().root.join("docker-config"))
            .stdin(Stdio::null())
            .output()
            .unwrap();
        let text = [output.stdout, output.stderr].map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).concat();
        (text, output.status.code().unwrap_or(-1))
    }

    pub(crate) fn build(&self, args: &[&str]) -> String {
        let (text, code) = self.run(args);
        assert_eq!(code, 0, "{text}");
        text
    }
}

pub(crate) fn inspect(daemon: &Daemon, name: &str) -> Value {
    let list: Value = serde_json::from_str(&daemon.docker(&["image", "inspect", name])).unwrap();
    list[0].clone()
}

pub(crate) fn layers(daemon: &Daemon) -> usize {
    fs::read_dir(daemon.folders().config().data_dir.join("layers")).unwrap().count()
}

#[test]
fn an_image_is_built_and_its_steps_are_kept() {
    if !docker_is_there() {
        return;
    }
    check_in_sandbox(|| {
        let daemon = Daemon::start();
        let site = Site::new(
            &daemon,
            "ARG BASE=nope\nFROM ${BASE}\nARG GREETING=hello\nRUN mkdir /src && \\\n    # a comment\n    echo $GREETING \
             >/src/greeting && ip -o addr >/src/net\nCOPY app.sh conf* /src/app/\nWORKDIR /src/app\nENV A=1 B=\"two \
             words\"\nENV C=$A-x\nEXPOSE 5000 6000/udp\nLABEL who=me\nUSER nobody\nVOLUME /data\nHEALTHCHECK \
             --interval=5s CMD true\nSTOPSIGNAL SIGINT\nENTRYPOINT [\"sh\"]\nCMD [\"app.sh\"]\n",
        );
        site.write("app.sh", "cat /src/greeting; echo $B $C; pwd; id -un; ls\n");
        site.write("conf1", "1");
        site.write("conf2", "2");
        site.write("ignored.log", "no");
        site.write(".dockerignore", "*.log\nDockerfile\n");
        let args =
            ["-t", "app", "-t", "app:2", "--build-arg", "BASE=busybox", "--build-arg", "GREETING=hi", "--label", "l=1"];
        let said = site.build(&args);
        assert!(said.contains("Step 1/16 : ARG BASE=nope\nStep 2/16 : FROM ${BASE}\n ---> "), "{said}");
        assert!(said.contains(" ---> Running in ") && said.contains(" ---> Removed intermediate container "), "{said}");
        let id = inspect(&daemon, "app")["Id"].as_str().unwrap().to_owned();
        let end =
            format!("Successfully built {}\nSuccessfully tagged app:latest\nSuccessfully tagged app:2\n", &id[7..19]);
        assert!(said.contains(&end), "{said}");
        assert_eq!(daemon.docker(&["run", "--rm", "app"]), "hi\ntwo words 1-x\n/src/app\nnobody\napp.sh\nconf1\nconf2");
        // It ran on the default network.
        assert!(daemon.docker(&["run", "--rm", "app", "-c", "cat /src/net"]).contains("eth0    inet 172.17.0."));
        let config = inspect(&daemon, "app")["Config"].clone();
        assert_eq!(config["ExposedPorts"], serde_json::json!({ "5000/tcp": {}, "6000/udp": {} }));
        assert_eq!(config["Labels"], serde_json::json!({ "who": "me", "l": "1" }));
        assert_eq!((&config["User"], &config["StopSignal"]), (&"nobody".into(), &"SIGINT".into()));
        assert_eq!(config["Healthcheck"]["Interval"], 5_000_000_000_u64);
        assert_eq!(daemon.docker(&["ps", "-aq"]), "", "no container is left");
        let listed = daemon.docker(&["image", "ls", "--format", "{{.Repository}}"]);
        assert_eq!(listed, "app\napp\nbusybox", "steps are not listed");

        // Nothing has changed: nothing is done.
        let again = site.build(&args);
        assert!(!again.contains("Running in") && again.matches(" ---> Using cache").count() >= 14, "{again}");
        assert_eq!(inspect(&daemon, "app")["Id"], id.as_str());
        // A file has: what comes before it is kept, what comes after is done again.
        site.write("conf1", "one");
        let changed = site.build(&args);
        assert!(!changed.contains("Running in") && changed.matches(" ---> Using cache").count() <= 3, "{changed}");
        assert!(site.build(&[&args[..], &["--no-cache"]].concat()).contains("Running in"));
        // With the last names everything of the builds goes.
        daemon.docker(&["rmi", "app", "app:2"]);
        daemon.docker(&["image", "prune", "-f"]);
        assert_eq!(daemon.docker(&["image", "ls", "-aq"]).lines().count(), 1);
        assert_eq!(layers(&daemon), 1);
    });
}

#[test]
fn stages_copy_from_one_another() {
    if !docker_is_there() {
        return;
    }
    check_in_sandbox(|| {
        let daemon = Daemon::start();
        let site = Site::new(
            &daemon,
            "FROM busybox AS Maker\nRUN echo made >/made && chown 7:8 /made && ln -s /usr /link && chmod 700 /made\nFROM \
             scratch\nCOPY --from=busybox /bin/busybox /bin/sh /bin/\nCOPY --from=maker /made /copied/\nCOPY --from=0 \
             --chown=1:2 --chmod=640 /made /owned\nCOPY dir /dir\nADD archive.tar.gz /unpacked/\nRUN [\"/bin/busybox\", \
             \"mkdir\", \"/ran\"]\nFROM maker AS last\nCOPY --chown=www-data dir/a /link/put\nRUN cat /usr/put && ls -l \
             /usr/put\n",
        );
        site.write("dir/a", "a");
        site.write("dir/deep/b", "b");
        let tar = Command::new("tar")
            .args(["-czf"])
            .arg(site.folder.join("archive.tar.gz"))
            .arg("-C")
            .arg(site.folder.join("dir"))
            .arg("deep")
            .status()
            .unwrap();
        assert!(tar.success());
        let said = site.build(&["-t", "whole"]);
        assert!(said.contains("www-data www-data"), "links of the image are followed, names looked up in it: {said}");
        site.build(&["-t", "scratched", "--target", "1"]);
        let run = |args: &[&str]| daemon.docker(&[&["run", "--rm", "scratched", "/bin/busybox"], args].concat());
        assert_eq!(run(&["stat", "-c", "%u %g %a", "/copied/made", "/owned", "/dir/a"]), "7 8 700\n1 2 640\n0 0 644");
        assert_eq!(run(&["cat", "/dir/deep/b", "/unpacked/deep/b"]), "bb");
        assert!(run(&["ls", "/"]).contains("ran"));
        let (text, code) = site.run(&["--target", "none"]);
        assert!(code != 0 && text.contains("target stage \"none\" could not be found"), "{text}");
    });
}

#[test]
fn what_fails_says_so_and_leaves_nothing() {
    if !docker_is_there() {
        return;
    }
    check_in_sandbox(|| {
        let daemon = Daemon::start();
        let victim = daemon.folders().root.join("victim");
        fs::write(&victim, "secret").unwrap();
        for (dockerfile, code, expected) in [
            ("FROM busybox\nRUN exit 3\n", 3, "The command '/bin/sh -c exit 3' returned a non-zero code: 3"),
            ("FROM busybox\nRUN [\"/nope\"]\n", 1, "/nope"),
            ("FROM busybox\nCOPY nope /\n", 1, "COPY failed: file not found in build context"),
            ("FROM busybox\nCOPY ../victim /\n", 1, "forbidden path outside the build context"),
            ("FROM busybox\nCOPY link /\n", 1, "link"),
            ("FROM busybox\nCOPY folder/victim /\n", 1, "COPY failed: file not found in build context"),
            ("FROM busybox\nADD http://127.0.0.1:1/x /\n", 1, "cannot get http://127.0.0.1:1/x: Connection refused"),
            ("FROM busybox\nCOPY http://127.0.0.1:1/x /\n", 1, "source can't be a URL for COPY"),
            ("FROM busybox\nADD git@x:y.git /\n", 1, "is not built yet"),
            ("FROM busybox\nRUN --network=mars true\n", 1, "has the network default, none or host"),
            ("FROM busybox\nRUN --mount=type=cache,target=/x true\n", 1, "is not built yet"),
            ("FROM busybox\nNOPE x\n", 1, "dockerfile parse error"),
            ("FROM busybox\nCOPY a b /c\n", 1, "COPY failed"),
            ("FROM busybox\nENV X\n", 1, "ENV must have two arguments"),
        ] {
            let site = Site::new(&daemon, dockerfile);
            for (link, target) in [("link", victim.as_path()), ("folder", Path::new(".."))] {
                let _ = std::os::unix::fs::symlink(target, site.folder.join(link));
            }
            let (text, found) = site.run(&["-t", "bad"]);
            assert!(text.contains(expected) && found == code, "{dockerfile}: {found} {text}");
            assert!(!text.contains("Successfully"), "{text}");
        }
        assert_eq!(daemon.docker(&["ps", "-aq"]), "");
        // A draft goes when whoever writes into it has seen the end.
        crate::harness::wait_for("nothing to be left", || (layers(&daemon) == 1).then_some(()));
        // A command is ended with the client that asked for it.
        let site = Site::new(&daemon, "FROM busybox\nRUN sleep 1000\n");
        let mut child = Command::new("docker")
            .args(["-H", &format!("unix://{}", daemon.socket().display()), "build"])
            .arg(&site.folder)
            .env("DOCKER_BUILDKIT", "0")
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        crate::harness::wait_for("the command", || (!daemon.docker(&["ps", "-q"]).is_empty()).then_some(()));
        child.kill().unwrap();
        child.wait().unwrap();
        crate::harness::wait_for("its end", || daemon.docker(&["ps", "-aq"]).is_empty().then_some(()));
    });
}

#[test]
fn the_dockerfile_may_lie_elsewhere() {
    if !docker_is_there() {
        return;
    }
    check_in_sandbox(|| {
        let daemon = Daemon::start();
        let site = Site::new(&daemon, "FROM nope\n");
        site.write("greeting", "hello");
        let elsewhere = daemon.folders().root.join("Otherfile");
        // Of no length that is a whole block of the archive, in which it comes last.
        // The same layer twice, as two commands that write nothing make it, too.
        fs::write(&elsewhere, "FROM busybox\nCOPY greeting /\nCOPY greeting /\nWORKDIR /w\nRUN true\n").unwrap();
        site.build(&["-t", "elsewhere", "-f", elsewhere.to_str().unwrap()]);
        assert_eq!(daemon.docker(&["run", "--rm", "elsewhere", "cat", "/greeting"]), "hello");
    });
}
