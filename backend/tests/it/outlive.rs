//! It outlives itself: containers go on without the daemon, and a daemon that comes up takes them up again.

use crate::harness::{Daemon, docker_is_there, run, wait_for};
use drawbridge_kernel::testing::check_in_sandbox;

#[test]
fn containers_outlive_the_daemon() {
    if !docker_is_there() {
        return;
    }
    check_in_sandbox(|| {
        let mut daemon = Daemon::start();
        let box1 = daemon.run_sleeper("box1");
        daemon.docker(&["run", "-d", "--name", "box2", "busybox", "sh", "-c", "echo hello; exec sleep 1000"]);
        wait_for("the first line", || (daemon.docker(&["logs", "box2"]) == "hello").then_some(()));
        let listed = daemon.docker(&["ps", "--format", "{{.ID}} {{.Names}} {{.Image}}"]);
        // The kernel tells of a cable that is plugged in a little later.
        let links =
            wait_for("all links to be up", || Some(run("ip", &["link"])).filter(|links| !links.contains("DOWN")));
        let id = daemon.docker(&["info", "-f", "{{.ID}}"]);

        daemon.kill();
        let netns = format!("--net=/run/netns/{}", &box1[..12]);
        run("nsenter", &[&netns, "ping", "-c", "1", "-W", "5", "172.17.0.3"]);

        daemon.start_again();
        assert_eq!(daemon.docker(&["info", "-f", "{{.ID}}"]), id);
        assert_eq!(id.split('-').map(str::len).collect::<Vec<_>>(), [8, 4, 4, 4, 12], "{id}");
        assert_eq!(daemon.docker(&["ps", "--format", "{{.ID}} {{.Names}} {{.Image}}"]), listed);
        assert_eq!(run("ip", &["link"]), links);
        assert_eq!(daemon.docker(&["logs", "box2"]), "hello");
        assert!(daemon.docker(&["exec", "box1", "ping", "-c", "1", "172.17.0.3"]).contains("1 packets received"));
        daemon.docker(&["rm", "-f", "box1", "box2"]);
        assert_eq!(run("ip", &["netns", "list"]), "");
    });
}

#[test]
fn an_end_without_the_daemon_is_noticed_at_its_start() {
    if !docker_is_there() {
        return;
    }
    check_in_sandbox(|| {
        let mut daemon = Daemon::start();
        daemon.run_sleeper("gone");
        daemon.docker(&[
            "run",
            "-d",
            "--name",
            "kept",
            "busybox",
            "sh",
            "-c",
            "while [ ! -e /stop ]; do sleep 0.05; done; exit 7",
        ]);
        let pid = |name| daemon.docker(&["inspect", "-f", "{{.State.Pid}}", name]);
        let (gone, kept) = (pid("gone"), pid("kept"));
        daemon.docker(&["run", "--name", "over", "busybox", "true"]);
        let over = daemon.docker(&["inspect", "-f", "{{.Id}}", "over"]);
        daemon.kill();
        // As if the crash had fallen between an end that is noted and the tidying up, of which the removal takes care.
        let left = daemon.folders().config().run_dir.join("containers").join(over);
        std::fs::create_dir_all(left.join("rootfs")).unwrap();
        // As if the crash had fallen between a removed row and its files.
        let orphan = daemon.folders().config().data_dir.join("containers").join("ab".repeat(32));
        std::fs::create_dir_all(orphan.join("upper")).unwrap();
        run("kill", &["-9", &gone]);
        run("touch", &[&format!("/proc/{kept}/root/stop")]);
        wait_for("both to end", || {
            let ended = |pid: &str| !std::path::Path::new("/proc").join(pid).exists();
            (ended(&gone) && ended(&kept)).then_some(())
        });

        daemon.start_again();
        assert_eq!(daemon.docker(&["ps", "-a", "--format", "{{.Names}}"]), "over\nkept");
        assert_eq!(daemon.docker(&["inspect", "-f", "{{.State.Status}} {{.State.ExitCode}}", "kept"]), "exited 7");
        assert_eq!(run("ip", &["netns", "list"]), "");
        assert!(!orphan.exists() && !left.exists());
        // Its address is free again.
        daemon.run_sleeper("next");
        assert_eq!(daemon.docker(&["inspect", "-f", "{{.NetworkSettings.IPAddress}}", "next"]), "172.17.0.2");
    });
}

#[test]
fn what_others_damaged_is_mended_at_the_start() {
    if !docker_is_there() {
        return;
    }
    check_in_sandbox(|| {
        let mut daemon = Daemon::start();
        daemon.run_sleeper("box1");
        daemon.run_sleeper("box2");
        daemon.kill();
        run("ip", &["link", "del", "docker0"]);
        run("nft", &["flush", "ruleset"]);
        daemon.start_again();
        assert!(daemon.docker(&["exec", "box1", "ping", "-c", "1", "172.17.0.3"]).contains("1 packets received"));
        assert!(run("nft", &["list", "ruleset"]).contains("\"docker0\""));
    });
}
