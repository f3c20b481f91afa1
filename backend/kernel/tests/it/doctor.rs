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
        // Not every kernel has SCTP, and few miss it.
        let as_it_should =
            |subject: &str, health| health == Health::Ok || (subject == "SCTP" && health == Health::Warning);
        assert!(findings.iter().all(|finding| as_it_should(&finding.subject, finding.health)), "{findings:#?}");
        assert_eq!(findings.len(), 10, "{findings:#?}");
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
