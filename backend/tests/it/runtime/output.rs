//! What further processes and logs give back.

use super::*;

#[test]
fn further_processes_run_beside() {
    check(async |stage| {
        let spec = stage.spec(&["sleep", "1000"]);
        stage.start(&spec).await;
        let run = async |spec_of: &ExecSpec| finish(stage.runtime.exec(&spec.id, spec_of).await.unwrap()).await;

        let script = "echo $1; echo err >&2; exit 5";
        let (out, err, code) = run(&exec(&["sh", "-c", script, "sh", "an argument"])).await;
        assert_eq!((out.as_str(), err.as_str(), code), ("an argument\n", "err\n", 5));
        let (out, _, _) =
            run(&ExecSpec { user: "33:8".into(), working_dir: "/tmp".into(), ..exec(&["sh", "-c", "id; pwd"]) }).await;
        assert_eq!(out, "uid=33(www-data) gid=8(mail)\n/tmp\n");
        let capabilities = &["sh", "-c", "grep CapEff /proc/self/status"];
        let (plain, _, _) = run(&exec(capabilities)).await;
        let (all, _, _) = run(&ExecSpec { privileges: Privileges::All, ..exec(capabilities) }).await;
        assert_eq!(plain, "CapEff:\t00000000a80425fb\n");
        assert!(all != plain && all.len() == plain.len(), "{all}");

        let mut cat = stage.runtime.exec(&spec.id, &ExecSpec { stdin: Stdin::Piped, ..exec(&["cat"]) }).await.unwrap();
        assert!(cat.pid > 0);
        cat.stdin.as_mut().unwrap().write_all(b"through\n").await.unwrap();
        assert_eq!(finish(cat).await, ("through\n".into(), String::new(), 0));

        let error = stage.runtime.exec(&spec.id, &exec(&["nosuch"])).await.expect_err("it is not there");
        assert!(matches!(error, RuntimeError::CommandNotFound { .. }));
        let text = "OCI runtime exec failed: exec failed: unable to start container process: exec: \"nosuch\": executable \
                    file not found in $PATH: unknown";
        assert_eq!(error.to_string(), text);
        let error = stage.runtime.exec(&spec.id, &exec(&["/etc/passwd"])).await.expect_err("it is no program");
        assert!(matches!(error, RuntimeError::CommandNotExecutable { .. }), "{error}");
        let left = fs::read_dir(stage.run_file(&spec.id, "")).unwrap().flatten();
        let left: Vec<_> =
            left.map(|entry| entry.file_name()).filter(|name| name.to_string_lossy().starts_with("exec")).collect();
        assert!(left.is_empty(), "{left:?}");

        let long = stage.runtime.exec(&spec.id, &exec(&["sleep", "1000"])).await.unwrap();
        assert!(stage.runtime.remove(&spec.id).await.is_empty());
        assert_eq!(finish(long).await.2, 128 + SIGKILL);
        // The OCI runtime, which waits for the command beside it, is ours to wait for.
        stage.remove(&spec.id).await;
        let error = stage.runtime.exec(&spec.id, &exec(&["true"])).await.expect_err("it is gone");
        assert!(matches!(error, RuntimeError::NotRunning(_)));
    });
}

#[test]
fn a_log_is_followed_to_its_end() {
    check(async |stage| {
        // Lines that the monitor reads at once have one time: two of them wait until they have been read.
        let script = "i=0; while [ $i -lt 40 ]; do echo line $i; i=$((i + 1))
            while [ $i = 20 -o $i = 21 ] && [ ! -e /go-$i ]; do sleep 0.01; done; done; printf end";
        let spec = stage.sh(script);
        stage.start(&spec).await;
        let follow = LogOptions { follow: Follow::Yes, ..LogOptions::default() };
        let whole: String = (0..40).map(|i| format!("line {i}\n")).chain(["end".to_owned()]).collect();
        let mut reader = stage.runtime.logs(&spec.id, follow.clone());
        let mut followed = Vec::new();
        while let Some(entry) = soon(reader.next()).await.unwrap() {
            let file = match entry.bytes.as_slice() {
                b"line 19\n" => Some("/go-20"),
                b"line 20\n" => Some("/go-21"),
                _ => None,
            };
            if let Some(file) = file {
                let touched = stage.runtime.exec(&spec.id, &exec(&["touch", file])).await.unwrap();
                assert_eq!(finish(touched).await.2, 0);
            }
            followed.extend(entry.bytes);
        }
        assert_eq!(String::from_utf8_lossy(&followed), whole);
        assert_eq!(stage.printed(&spec.id, follow.clone()).await, whole, "of one that has ended");
        let tail = LogOptions { tail: Some(2), ..follow };
        assert_eq!(stage.printed(&spec.id, tail).await, "line 39\nend");

        let mut reader = stage.runtime.logs(&spec.id, LogOptions::default());
        let middle = loop {
            let entry = reader.next().await.unwrap().expect("40 lines");
            if entry.bytes == b"line 20\n" {
                break entry.time;
            }
        };
        let (before, after) = whole.split_once("line 20\n").unwrap();
        let since = LogOptions { since: Some(middle), ..LogOptions::default() };
        assert_eq!(stage.printed(&spec.id, since).await, format!("line 20\n{after}"));
        let until = LogOptions { until: Some(middle), follow: Follow::Yes, ..LogOptions::default() };
        assert_eq!(stage.printed(&spec.id, until).await, format!("{before}line 20\n"));
        stage.remove(&spec.id).await;
        let unknown = LogOptions { follow: Follow::Yes, ..LogOptions::default() };
        assert_eq!(stage.printed(&spec.id, unknown).await, "");
    });
}

#[test]
fn a_large_output_comes_whole_and_in_order() {
    check(async |stage| {
        let spec = stage.spec(&["seq", "200000"]);
        stage.start(&spec).await;
        stage.exit(&spec.id).await;
        let printed = stage.printed(&spec.id, LogOptions::default()).await;
        let expected: String = (1..=200_000).map(|i| format!("{i}\n")).collect();
        assert!(printed == expected);
        let tail = LogOptions { tail: Some(30_000), ..LogOptions::default() };
        assert!(expected.ends_with(&stage.printed(&spec.id, tail.clone()).await));
        assert_eq!(stage.printed(&spec.id, tail).await.lines().count(), 30_000);
        stage.remove(&spec.id).await;
    });
}
