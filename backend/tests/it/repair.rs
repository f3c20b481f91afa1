//! What others take out of our tables: it is there again, and told of.

use crate::{
    harness::{Daemon, api, docker_is_there, run, wait_for},
    ports::{page, serve},
};
use drawbridge_kernel::testing::check_in_sandbox;
use std::time::{Duration, Instant};

#[test]
fn what_others_flush_is_there_again_within_a_second() {
    if !docker_is_there() {
        return;
    }
    check_in_sandbox(|| {
        let daemon = Daemon::start();
        serve(&daemon, "web", &["-p", "8080:80"]);
        let whole = run("nft", &["-s", "list", "ruleset"]);
        let repairs = || {
            let (_, changes) = api(&daemon, "GET", "/api/changes", None);
            let changes = changes.as_array().unwrap().clone();
            changes.into_iter().filter(|change| change["verb"] == "repair").collect::<Vec<_>>()
        };
        let is_whole = || run("nft", &["-s", "list", "ruleset"]).len() == whole.len();
        // At one of several attempts: these machines are shared.
        let mut flushes = 0;
        wait_for("tables that are there again within a second", || {
            run("nft", &["flush", "ruleset"]);
            flushes += 1;
            let begun = Instant::now();
            wait_for("the tables", || is_whole().then_some(()));
            (begun.elapsed() < Duration::from_secs(1)).then_some(())
        });
        assert_eq!(page("127.0.0.1:8080").as_deref(), Some("web"));
        // The daemon passes on by its socket what the kernel does not turn, so a page is no proof that the element is back.
        let lose = || run("nft", &["delete", "element", "inet", "drawbridge", "published4", "{ tcp . 8080 }"]);
        lose();
        wait_for("the element", || (repairs().len() > flushes && is_whole()).then_some(()));
        // Another's table is another's business: between two repairs of ours there is none for it.
        run("nft", &["add", "table", "inet", "theirs"]);
        run("nft", &["delete", "table", "inet", "theirs"]);
        lose();
        wait_for("the element again", || (repairs().len() > flushes + 1 && is_whole()).then_some(()));
        let subjects: Vec<String> = repairs().iter().map(|change| change["subject"].to_string()).collect();
        assert_eq!(subjects.len(), flushes + 2, "{subjects:?}");
    });
}
