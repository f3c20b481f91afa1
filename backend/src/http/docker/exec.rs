//! `/containers/{id}/exec` and `/exec`: create, start, resize, inspect.

use super::{
    ApiVersion,
    attach::ResizeQuery,
    detach::DetachKeys,
    error::DockerError,
    extract::{self, DockerJson, null_as_default},
    stream::{self, Framing},
};
use crate::http::to_the_end;
use crate::ops::{
    Daemon, OpError,
    exec::{self, ExecState, NewExec, Outputs},
    session::Session,
};
use crate::runtime::{Privileges, Stdin};
use axum::{
    Extension, Json,
    body::Body,
    extract::{Path, Query, Request, State},
    http::StatusCode,
    response::{IntoResponse, Response},
};
use drawbridge_api::{Console, TerminalSize};
use serde::Deserialize;
use serde_json::{Value, json};
use std::sync::Arc;

/// The body of `POST /containers/{id}/exec`.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct CreateBody {
    #[serde(default, deserialize_with = "null_as_default")]
    cmd: Vec<String>,
    #[serde(default, deserialize_with = "null_as_default")]
    env: Vec<String>,
    #[serde(default, deserialize_with = "null_as_default")]
    working_dir: String,
    #[serde(default, deserialize_with = "null_as_default")]
    user: String,
    #[serde(default)]
    attach_stdin: bool,
    #[serde(default)]
    tty: bool,
    #[serde(default)]
    privileged: bool,
    #[serde(default)]
    attach_stdout: bool,
    #[serde(default)]
    attach_stderr: bool,
    #[serde(default, deserialize_with = "null_as_default")]
    detach_keys: String,
    #[serde(default, deserialize_with = "null_as_default")]
    console_size: (u16, u16),
}

/// `POST /containers/{id}/exec`.
pub(super) async fn create(
    State(daemon): State<Arc<Daemon>>,
    Path(text): Path<String>,
    DockerJson(body): DockerJson<CreateBody>,
) -> Result<(StatusCode, Json<Value>), DockerError> {
    DetachKeys::parse(Some(&body.detach_keys))?;
    let (rows, columns) = body.console_size;
    let new = NewExec {
        args: body.cmd,
        env: body.env,
        working_dir: body.working_dir,
        user: body.user,
        stdin: if body.attach_stdin { Stdin::Piped } else { Stdin::Closed },
        privileges: if body.privileged { Privileges::All } else { Privileges::Default },
        terminal: body.tty.then_some(TerminalSize { rows, columns }),
        outputs: Outputs { stdout: body.attach_stdout, stderr: body.attach_stderr },
        detach_keys: body.detach_keys,
    };
    let id = exec::create(&daemon, &text, new)?;
    Ok((StatusCode::CREATED, Json(json!({ "Id": id }))))
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct StartBody {
    #[serde(default)]
    detach: bool,
    #[serde(default)]
    console_size: Option<(u16, u16)>,
}

/// `POST /exec/{id}/start`: 101 and the output, or 200 at once when detached.
pub(super) async fn start(
    State(daemon): State<Arc<Daemon>>,
    Extension(version): Extension<ApiVersion>,
    Path(id): Path<String>,
    mut request: Request,
) -> Result<Response, DockerError> {
    let sent = std::mem::replace(request.body_mut(), Body::empty());
    let sent = extract::body(Request::new(sent), &()).await?;
    let options: StartBody = if sent.is_empty() { StartBody::default() } else { extract::parse(&sent)? };
    let size = options.console_size.map(|(rows, columns)| TerminalSize { rows, columns });
    let keys = DetachKeys::parse(Some(&exec::find(&daemon, &id)?.spec.detach_keys))?;
    let started = {
        let (daemon, id) = (Arc::clone(&daemon), id.clone());
        // To the end: a process that was started for a client that has gone is seen off all the same.
        to_the_end(async move { exec::start(&daemon, &id, size).await }).await
    };
    if options.detach {
        started?;
        return Ok(StatusCode::OK.into_response());
    }
    let session = match started {
        // A client that listens reads it there, and asks for the exit code then, as with every other end.
        Err(OpError::Runtime(error)) => {
            let terminal = exec::find(&daemon, &id)?.spec.terminal.is_some();
            Session::of_failure(Console { terminal, ..Console::default() }, &error.to_string())
        }
        started => started?,
    };
    let framing = Framing::of(session.console, version);
    stream::hijack(&mut request, framing, session, keys, move || exec::detached(&daemon, &id))
}

/// `POST /exec/{id}/resize`.
pub(super) async fn resize(
    State(daemon): State<Arc<Daemon>>,
    Path(id): Path<String>,
    Query(query): Query<ResizeQuery>,
) -> Result<StatusCode, DockerError> {
    exec::resize(&daemon, &id, query.size()?)?;
    Ok(StatusCode::OK)
}

/// `GET /exec/{id}/json`.
pub(super) async fn inspect(
    State(daemon): State<Arc<Daemon>>,
    Path(id): Path<String>,
) -> Result<Json<Value>, DockerError> {
    let record = exec::find(&daemon, &id)?;
    let (running, code, pid) = match record.state {
        ExecState::Created | ExecState::Starting => (false, None, 0),
        ExecState::Running(pid) => (true, None, pid),
        ExecState::Ended(code) => (false, Some(code), 0),
    };
    let spec = &record.spec;
    let (program, arguments) = spec.args.split_first().map_or(("", &[][..]), |(p, a)| (p.as_str(), a));
    let mut process = json!({
        "tty": spec.terminal.is_some(),
        "entrypoint": program,
        "arguments": arguments,
        "privileged": spec.privileges == Privileges::All,
    });
    if !spec.user.is_empty() {
        process["user"] = spec.user.as_str().into();
    }
    Ok(Json(json!({
        "ID": record.id,
        "Running": running,
        "ExitCode": code,
        "ProcessConfig": process,
        "OpenStdin": spec.stdin == Stdin::Piped,
        "OpenStderr": spec.outputs.stderr,
        "OpenStdout": spec.outputs.stdout,
        "CanRemove": false,
        "ContainerID": record.container,
        "DetachKeys": spec.detach_keys,
        "Pid": pid,
    })))
}
