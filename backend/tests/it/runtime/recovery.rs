//! What a later daemon knows: after a crash of the daemon, of the monitor, and of the machine.

use super::*;

#[test]
fn a_later_daemon_finds_what_runs() {
    check(async |stage| {
        let spec = stage.sh("trap 'exit 7' TERM; echo ready; while true; do sleep 0.05; done");
        let pid = stage.start(&spec).await;
        // Before that the signal is ignored, or meets the OCI runtime.
        stage.prints(&spec.id, "ready\n").await;
        assert!(matches!(stage.runtime.start(&spec).await, Err(RuntimeError::Running(_))));

        let later = stage.another_runtime().await;
        assert_eq!(later.state(&spec.id).await.unwrap(), ProcessState::Running { pid });
        let exec_later = later.exec(&spec.id, &exec(&["echo", "hello"])).await.unwrap();
        assert_eq!(finish(exec_later).await, ("hello\n".into(), String::new(), 0));
        let (exit, signalled) = tokio::join!(soon(later.exit(&spec.id)), later.signal(&spec.id, SIGTERM));
        signalled.unwrap();
        assert_eq!(exit.unwrap().code, 7);
        assert!(matches!(later.signal(&spec.id, SIGTERM).await, Err(RuntimeError::NotRunning(_))));
        stage.remove(&spec.id).await;

        let spec = stage.spec(&["sleep", "1000"]);
        stage.start(&spec).await;
        stage.runtime.signal(&spec.id, SIGKILL).await.unwrap();
        assert_eq!(stage.exit(&spec.id).await.code, 128 + SIGKILL);
        stage.remove(&spec.id).await;
    });
}

#[test]
fn a_killed_monitor_takes_only_the_exit_code_along() {
    check(async |stage| {
        let spec = stage.spec(&["sleep", "1000"]);
        let pid = stage.start(&spec).await;
        drawbridge_kernel::process::kill(stage.monitor(&spec.id), SIGKILL).unwrap();
        assert_eq!(stage.runtime.state(&spec.id).await.unwrap(), ProcessState::Running { pid });
        let (exit, signalled) = tokio::join!(stage.exit(&spec.id), stage.runtime.signal(&spec.id, SIGKILL));
        signalled.unwrap();
        assert_eq!(exit.code, 255);
        assert!(matches!(stage.runtime.state(&spec.id).await.unwrap(), ProcessState::Exited(Exit { code: 255, .. })));
        stage.remove(&spec.id).await;
    });
}

#[test]
fn what_ran_before_a_reboot_has_ended() {
    check(async |stage| {
        let spec = stage.spec(&["sleep", "1000"]);
        stage.start(&spec).await;
        // As after one, save that the processes are still there: their numbers may be others' by then.
        let record = stage.run_file(&spec.id, "process.json");
        let text = fs::read_to_string(&record).unwrap();
        let boot = fs::read_to_string("/proc/sys/kernel/random/boot_id").unwrap();
        fs::write(&record, text.replace(boot.trim(), "another")).unwrap();
        assert!(matches!(stage.runtime.state(&spec.id).await.unwrap(), ProcessState::Exited(Exit { code: 255, .. })));
        assert!(matches!(stage.runtime.signal(&spec.id, SIGKILL).await, Err(RuntimeError::NotRunning(_))));
        fs::write(&record, text).unwrap();
        stage.remove(&spec.id).await;
    });
}

#[test]
fn a_number_that_came_back_is_somebody_else() {
    check(async |stage| {
        let spec = stage.spec(&["sleep", "1000"]);
        stage.start(&spec).await;
        let record = stage.run_file(&spec.id, "process.json");
        let text = fs::read_to_string(&record).unwrap();
        let mut json: serde_json::Value = serde_json::from_str(&text).unwrap();
        for who in ["main", "monitor"] {
            let ticks = json[who]["start_ticks"].as_u64().unwrap();
            json[who]["start_ticks"] = (ticks - 1).into();
        }
        fs::write(&record, json.to_string()).unwrap();
        assert!(matches!(stage.runtime.signal(&spec.id, SIGKILL).await, Err(RuntimeError::NotRunning(_))));
        assert!(matches!(stage.runtime.state(&spec.id).await.unwrap(), ProcessState::Exited(Exit { code: 255, .. })));
        fs::write(&record, text).unwrap();
        stage.remove(&spec.id).await;
    });
}

#[test]
fn a_start_without_its_record_is_found_or_taken_away() {
    check(async |stage| {
        let spec = stage.spec(&["sleep", "1000"]);
        let pid = stage.start(&spec).await;
        fs::remove_file(stage.run_file(&spec.id, "process.json")).unwrap();
        assert_eq!(stage.runtime.state(&spec.id).await.unwrap(), ProcessState::Running { pid });
        // Killed before the runtime had written the number: only the monitor is known.
        fs::remove_file(stage.run_file(&spec.id, "pid")).unwrap();
        assert_eq!(stage.runtime.state(&spec.id).await.unwrap(), ProcessState::Unknown);
        stage.remove(&spec.id).await;
    });
}

#[test]
fn a_dropped_start_is_cleaned_up() {
    check(async |stage| {
        // The moments at which it may be dropped are spread over the whole of it.
        for step in 0..12 {
            let spec = stage.spec(&["sleep", "1000"]);
            let _ = timeout(Duration::from_millis(step * 5), stage.runtime.start(&spec)).await;
            stage.remove(&spec.id).await;
        }
    });
}
