//! What real Docker clients lean on and implementers forget, one by one: the traps that our reference lists, each with the test
//! that falls into it when it is not minded.
//!
//! | Trap | Tests |
//! |---|---|
//! | 1 `wait`: headers at once, conditions | `answers::a_wait_keeps_its_condition`, `bollard::the_end_of_a_container_is_waited_for` |
//! | 2 `--rm` is the server's job | `life::what_removes_itself_goes_whoever_ends_it`, `outlive::an_end_without_the_daemon_is_noticed_at_its_start` |
//! | 3 statuses, empty bodies | `answers::statuses_and_bodies_are_dockers` |
//! | 4 kinds of errors and their words | `answers::refusals_have_dockers_words`, `docker_cli::what_is_wrong_is_named_and_leaves_nothing` |
//! | 5 names before ids, ambiguity | `names::things_are_found_by_every_form_of_their_names` |
//! | 6 filters in two encodings | `names::filters_come_in_two_encodings`, `listing::every_filter_picks` |
//! | 7 booleans in queries | `names::booleans_are_read_as_dockers` |
//! | 8 `NetworkSettings` in every state | `shown::network_settings_in_every_state` |
//! | 9 `Ports`: null, text and numbers | `shown::ports_have_three_forms` |
//! | 10 endpoints' keys, aliases, hot plug | `shown::endpoints_are_keyed_by_any_name`, `networks::a_running_container_is_plugged_and_unplugged`, `ipam::a_namespace_is_shared` |
//! | 11 addresses, pools, resolver | `ipam::*`, `dns::the_default_bridge_has_no_names_and_the_hosts_resolvers` |
//! | 12 streams | `streams::*` |
//! | 13 progress in lines, errors inside | `answers::failures_after_the_headers_stand_in_the_stream`, `registry::faults_are_told_and_leave_nothing`, `build::*` |
//! | 14 events | `events::*`, `life::an_end_that_nobody_saw_is_told`, `life::checks_of_health_are_told_as_commands` |
//! | 15 `Status`, `Command`, `Image` | `shown::rows_of_the_list_read_as_dockers` |
//! | 16 nulls and zero values | `fields::inspect_has_every_key_and_zero_value`, `look::stats_have_every_key`, `docker_py` |
//! | 17 an image's configuration is merged | `shown::what_the_image_says_is_merged` |
//! | 18 stop, kill, restart | `life::a_stop_uses_the_signal_that_is_asked_for`, `life::restart_policies` (of the neighbour `life`) |
//! | 19 archives | `look::files_go_both_ways`, `bad_input::nonsense_is_answered_in_json` |
//! | 20 names | `names::a_name_has_dockers_rule` |
//! | 21 odd content types, chunks, keep-alive | `answers::odd_requests_are_taken`, `bad_input::large_bodies_are_refused_and_chunked_ones_read` |
//! | 22 BuildKit is not spoken | `answers::what_is_not_ours_answers_as_an_engine_without_it` |
//! | 23 networks are shown as they were made | `shown::a_network_is_shown_as_it_was_made` |

mod answers;
mod life;
mod names;
mod shown;

use super::streams::Raw;
use crate::harness::Daemon;
use serde_json::Value;

/// An answer of the Docker socket.
#[derive(Debug)]
struct Answer {
    status: u16,
    head: String,
    body: String,
}

impl Answer {
    fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|_| panic!("no JSON: {self:?}"))
    }

    fn message(&self) -> String {
        self.json()["message"].as_str().unwrap_or_default().to_owned()
    }
}

/// Makes a request, `POST /containers/one/start`, with a body that is JSON or empty.
fn ask(daemon: &Daemon, request: &str, body: &str) -> Answer {
    let mut raw = Raw::send(daemon, request, "Connection: close\r\n", (!body.is_empty()).then_some(body));
    raw.read_to_end();
    let status = raw.head.split(' ').nth(1).unwrap().parse().unwrap();
    let body = String::from_utf8_lossy(&raw.rest).into_owned();
    let head = raw.head.to_ascii_lowercase();
    let body = if head.contains("transfer-encoding: chunked") { crate::harness::unchunked(&body) } else { body };
    Answer { status, head, body }
}

/// Makes a container of the built-in image that is not started; `rest` is what else its body says.
fn create(daemon: &Daemon, name: &str, rest: &str) -> Answer {
    let comma = if rest.is_empty() { "" } else { "," };
    let command = if rest.contains("\"Cmd\"") { "" } else { r#","Cmd":["sleep","1000"]"# };
    let body = format!(r#"{{"Image":"busybox"{command}{comma}{rest}}}"#);
    ask(daemon, &format!("POST /v1.50/containers/create?name={name}"), &body)
}

/// Makes and starts one.
fn start(daemon: &Daemon, name: &str, rest: &str) {
    let made = create(daemon, name, rest);
    assert_eq!(made.status, 201, "{made:?}");
    let started = ask(daemon, &format!("POST /containers/{name}/start"), "");
    assert_eq!(started.status, 204, "{started:?}");
}

fn inspect(daemon: &Daemon, name: &str) -> Value {
    ask(daemon, &format!("GET /containers/{name}/json"), "").json()
}

/// A query's value, percent-encoded as far as these tests need it.
fn encoded(text: &str) -> String {
    text.bytes().map(|byte| format!("%{byte:02X}")).collect()
}
