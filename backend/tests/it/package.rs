//! What the Debian package brings beside the program: its scripts, run as dpkg runs them, and its unit, read as systemd does.
//! The package as a whole is made by `cargo xtask deb`.

use crate::harness::run;
use drawbridge_kernel::testing::check_in_sandbox;
use std::{fs, path::PathBuf, process::Command};

fn packaging(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../packaging").join(name)
}

#[test]
fn a_purge_takes_all_data_away_and_a_removal_none() {
    check_in_sandbox(|| {
        // Over the machine's own, and in the sandbox only.
        run("mount", &["-t", "tmpfs", "tmpfs", "/var/lib"]);
        fs::create_dir_all("/var/lib/drawbridge/layers/0").unwrap();
        for file in ["drawbridge.sqlite", ".hidden", "layers/0/size"] {
            fs::write(format!("/var/lib/drawbridge/{file}"), "").unwrap();
        }
        let script = packaging("postrm");
        let script = script.to_str().unwrap();
        for action in ["remove", "upgrade", "failed-upgrade"] {
            run("sh", &[script, action]);
            assert_eq!(fs::read_dir("/var/lib/drawbridge").unwrap().count(), 3, "{action}");
        }
        run("sh", &[script, "purge"]);
        assert!(!fs::exists("/var/lib/drawbridge").unwrap());
        run("sh", &[script, "purge"]);
        // A file system of its own is emptied and stays.
        fs::create_dir("/var/lib/drawbridge").unwrap();
        run("mount", &["-t", "tmpfs", "tmpfs", "/var/lib/drawbridge"]);
        fs::write("/var/lib/drawbridge/lock", "").unwrap();
        run("sh", &[script, "purge"]);
        assert_eq!(fs::read_dir("/var/lib/drawbridge").unwrap().count(), 0);
    });
}

#[test]
fn the_unit_is_one_and_starts_what_the_program_knows() {
    let unit = fs::read_to_string(packaging("drawbridge.service")).unwrap();
    let command = unit.lines().find_map(|line| line.strip_prefix("ExecStart=/usr/bin/drawbridge ")).unwrap();
    let defaults = fs::read_to_string(packaging("default")).unwrap();
    let options = defaults.lines().find_map(|line| line.strip_prefix("#DRAWBRIDGE_OPTIONS=")).unwrap();
    let line = command.replace("$DRAWBRIDGE_OPTIONS", options.trim_matches('"'));
    // Help is given where it stands, and what is before it has been read.
    let words = line.split(' ').chain(["--help"]);
    let output = Command::new(env!("CARGO_BIN_EXE_drawbridge")).args(words).output().unwrap();
    assert!(output.status.success(), "{line}: {}", String::from_utf8_lossy(&output.stderr));

    // systemd's own reader, where it is; the program stands elsewhere here.
    let folder = std::env::temp_dir().join(format!("unit-{}", std::process::id()));
    fs::create_dir(&folder).unwrap();
    let copy = folder.join("drawbridge.service");
    fs::write(&copy, unit.replace("/usr/bin/drawbridge", env!("CARGO_BIN_EXE_drawbridge"))).unwrap();
    let verified = Command::new("systemd-analyze").args(["verify", "--man=no"]).arg(&copy).output();
    fs::remove_dir_all(&folder).unwrap();
    match verified {
        Ok(output) => {
            let said = String::from_utf8_lossy(&output.stderr).into_owned();
            // It knows other units of the machine too, and complains of theirs.
            assert!(!said.contains("drawbridge"), "{said}");
        }
        Err(error) => println!("not run: systemd-analyze: {error}"),
    }
}
