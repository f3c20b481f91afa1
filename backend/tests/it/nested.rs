//! Folders in folders, deeper than any path leads: a container can make them, and nothing of ours may end over them.

use crate::harness::{Daemon, docker_is_there};
use drawbridge_kernel::testing::check_in_sandbox;

#[test]
fn a_container_nests_folders_deeper_than_a_path_is_long() {
    if !docker_is_there() {
        return;
    }
    check_in_sandbox(|| {
        let daemon = Daemon::start();
        // busybox gives up where a path ends; what is moved below what is there goes on from there.
        let half = "i=0; while [ $i -lt 1100 ]; do mkdir d && cd -P d || exit 1; i=$((i+1)); done";
        let script =
            format!("mkdir -p /v/a /v/b && cd /v/a && {half} && cd /v/b && {half} && mv /v/a . && echo nested");
        let args = ["run", "--name", "deep", "-v", "deep:/kept", "busybox", "sh", "-c"];
        assert_eq!(daemon.docker(&[&args[..], &[&script]].concat()), "nested");
        assert!(daemon.docker_refuses(&["diff", "deep"]).contains("cannot read"));
        assert!(daemon.docker_refuses(&["commit", "deep", "deep"]).contains("cannot"));
        // What has been sent can't be taken back; it ends before its end.
        daemon.docker_output(&["export", "deep"]);
        daemon.docker(&["cp", "deep:/etc/passwd", "-"]);
        daemon.docker(&["system", "df"]);
        daemon.docker(&["rm", "-v", "deep"]);
        assert_eq!(daemon.docker(&["ps", "-aq"]), "");
        let containers = daemon.folders().config().data_dir.join("containers");
        assert_eq!(std::fs::read_dir(containers).unwrap().count(), 0, "its files went too");
    });
}
