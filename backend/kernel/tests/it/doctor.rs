//! What the doctor finds on a machine that has everything, and when something is not there.

use drawbridge_api::Health;
use drawbridge_kernel::{doctor::check, testing::check_in_sandbox};
use std::path::Path;

#[test]
fn a_machine_that_can_is_called_well_and_left_as_it_was() {
    check_in_sandbox(|| {
        let folder = std::env::temp_dir().join(format!("drawbridge-doctor-{}", std::process::id()));
        std::fs::create_dir_all(&folder).expect("a temporary folder");
        let findings = check(&folder);
        assert!(findings.iter().all(|finding| finding.health == Health::Ok), "{findings:#?}");
        assert_eq!(findings.len(), 9, "{findings:#?}");
        std::fs::remove_dir(&folder).expect("nothing is left in it");
    });
}

#[test]
fn what_is_missing_has_a_remedy() {
    check_in_sandbox(|| {
        // Nothing can be mounted in here, not even by root.
        let findings = check(Path::new("/proc"));
        let overlay = findings.iter().find(|finding| finding.subject == "overlay file systems").expect("it was tried");
        assert_eq!(overlay.health, Health::Missing);
        assert!(overlay.remedy.as_ref().is_some_and(|remedy| remedy.to_string().contains("--data-dir")), "{overlay:?}");
    });
}
