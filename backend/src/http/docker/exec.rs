//! `/containers/{id}/exec` and `/exec`: create, start, inspect.

use super::{
    ApiVersion,
    error::DockerError,
    extract::{self, DockerJson, null_as_default},
    stream::{self, Output},
};
use crate::ops::{
    Daemon,
    exec::{self, ExecState, NewExec},
};
use crate::runtime::{Privileges, Stdin};
use axum::{
    Extension, Json,
    body::Body,
    extract::{Path, Request, State},
    http::StatusCode,
    response::{IntoResponse, Response},
};
use serde::Deserialize;
use serde_json::{Value, json};
use std::sync::Arc;
use tokio::io::AsyncWrite;

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
}

/// `POST /containers/{id}/exec`.
pub(super) async fn create(
    State(daemon): State<Arc<Daemon>>,
    Path(text): Path<String>,
    DockerJson(body): DockerJson<CreateBody>,
) -> Result<(StatusCode, Json<Value>), DockerError> {
    if body.tty {
        return Err(DockerError::not_built("a terminal (-t)"));
    }
    let new = NewExec {
        args: body.cmd,
        env: body.env,
        working_dir: body.working_dir,
        user: body.user,
        stdin: if body.attach_stdin { Stdin::Piped } else { Stdin::Closed },
        privileges: if body.privileged { Privileges::All } else { Privileges::Default },
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
    tty: bool,
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
    if options.tty {
        return Err(DockerError::not_built("a terminal (-t)"));
    }
    let mut process = exec::start(&daemon, &id).await?;
    let input = process.stdin.take().map(|stdin| Box::new(stdin) as Box<dyn AsyncWrite + Send + Unpin>);
    let (frames, receiver) = stream::channel();
    tokio::spawn(async move {
        tokio::join!(
            stream::pump(&mut process.stdout, Output::Stdout, frames.clone()),
            stream::pump(&mut process.stderr, Output::Stderr, frames.clone()),
        );
        let code = process.wait().await.unwrap_or_else(|error| {
            tracing::error!(exec = %id, error = &error as &dyn std::error::Error, "lost the end of a command");
            255
        });
        // Before the stream closes, which drops `frames`: clients ask for the code as soon as they see the end.
        exec::ended(&daemon, &id, code);
        drop(frames);
    });
    if options.detach {
        return Ok(StatusCode::OK.into_response());
    }
    stream::hijack(&mut request, version, receiver, input)
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
    let (program, arguments) = record.spec.args.split_first().map_or(("", &[][..]), |(p, a)| (p.as_str(), a));
    Ok(Json(json!({
        "ID": record.id,
        "Running": running,
        "ExitCode": code,
        "ProcessConfig": {
            "tty": false,
            "entrypoint": program,
            "arguments": arguments,
            "privileged": record.spec.privileges == Privileges::All,
        },
        "OpenStdin": record.spec.stdin == Stdin::Piped,
        "OpenStderr": true,
        "OpenStdout": true,
        "CanRemove": false,
        "ContainerID": record.container,
        "DetachKeys": "",
        "Pid": pid,
    })))
}
