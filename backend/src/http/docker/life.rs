//! `/containers/{id}/restart`, `pause`, `unpause`, `rename`, `update`, and `/containers/prune`; restart policies and health
//! checks as clients write them and as they are shown.

use super::{
    answer::rfc3339,
    confinement::Limits,
    containers::StopQuery,
    error::DockerError,
    extract::{DockerJson, null_as_default},
    filters::Filters,
    request::is_default,
    times,
};
use crate::{
    http::to_the_end,
    life::{Health, HealthCheck, RestartPolicy},
    ops::{Daemon, OpError, container, pausing, restart, update},
};
use axum::{
    Json,
    extract::{Path, Query, State},
    http::StatusCode,
};
use drawbridge_api::Origin;
use serde::Deserialize;
use serde_json::{Map, Value, json};
use std::sync::Arc;

/// `RestartPolicy`.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub(super) struct RestartPolicyBody {
    #[serde(deserialize_with = "null_as_default")]
    pub(super) name: String,
    #[serde(deserialize_with = "null_as_default")]
    maximum_retry_count: i64,
}

impl RestartPolicyBody {
    /// In domain words.
    ///
    /// # Errors
    /// For a name that no policy has, and for a count where it means nothing.
    pub(super) fn policy(&self) -> Result<RestartPolicy, OpError> {
        let retries = u32::try_from(self.maximum_retry_count)
            .map_err(|_| OpError::Invalid("invalid restart policy: maximum retry count cannot be negative".into()))?;
        let policy = match self.name.as_str() {
            "" | "no" => RestartPolicy::No,
            "always" => RestartPolicy::Always,
            "unless-stopped" => RestartPolicy::UnlessStopped,
            "on-failure" => return Ok(RestartPolicy::OnFailure { retries }),
            name => {
                return Err(OpError::Invalid(format!(
                    "invalid restart policy: unknown policy '{name}'; use one of 'no', 'always', 'on-failure', or \
                     'unless-stopped'"
                )));
            }
        };
        if retries > 0 {
            return Err(OpError::Invalid(
                "invalid restart policy: maximum retry count can only be used with 'on-failure'".into(),
            ));
        }
        Ok(policy)
    }
}

/// `Healthcheck`.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub(super) struct HealthcheckBody {
    #[serde(deserialize_with = "null_as_default")]
    test: Vec<String>,
    #[serde(deserialize_with = "null_as_default")]
    interval: i64,
    #[serde(deserialize_with = "null_as_default")]
    timeout: i64,
    #[serde(deserialize_with = "null_as_default")]
    start_period: i64,
    #[serde(deserialize_with = "null_as_default")]
    start_interval: i64,
    #[serde(deserialize_with = "null_as_default")]
    retries: i64,
}

impl HealthcheckBody {
    /// In domain words.
    pub(super) fn check(self) -> HealthCheck {
        HealthCheck {
            test: self.test,
            interval_ns: self.interval,
            timeout_ns: self.timeout,
            start_period_ns: self.start_period,
            start_interval_ns: self.start_interval,
            retries: self.retries,
        }
    }
}

/// `Config.Healthcheck` as it is shown: what was not said is left out.
pub(super) fn shown_check(check: &HealthCheck) -> Value {
    let mut shown = Map::new();
    if !check.test.is_empty() {
        shown.insert("Test".into(), json!(check.test));
    }
    for (key, value) in [
        ("Interval", check.interval_ns),
        ("Timeout", check.timeout_ns),
        ("StartPeriod", check.start_period_ns),
        ("StartInterval", check.start_interval_ns),
        ("Retries", check.retries),
    ] {
        if value != 0 {
            shown.insert(key.into(), value.into());
        }
    }
    Value::Object(shown)
}

/// `State.Health`.
pub(super) fn shown_health(health: &Health) -> Value {
    let checks = health.checks.iter().map(|check| {
        json!({
            "Start": rfc3339(check.started_at_ms),
            "End": rfc3339(check.ended_at_ms),
            "ExitCode": check.code,
            "Output": check.output,
        })
    });
    json!({
        "Status": health.status.as_str(),
        "FailingStreak": health.failing_streak,
        "Log": checks.collect::<Vec<_>>(),
    })
}

/// `POST /containers/{id}/restart`.
pub(super) async fn restart(
    State(daemon): State<Arc<Daemon>>,
    Path(text): Path<String>,
    Query(query): Query<StopQuery>,
) -> Result<StatusCode, DockerError> {
    let options = query.options();
    to_the_end(async move { restart::restart(&daemon, Origin::Docker, &text, options).await }).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// `POST /containers/{id}/pause`.
pub(super) async fn pause(
    State(daemon): State<Arc<Daemon>>,
    Path(text): Path<String>,
) -> Result<StatusCode, DockerError> {
    to_the_end(async move { pausing::pause(&daemon, &text).await }).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// `POST /containers/{id}/unpause`.
pub(super) async fn unpause(
    State(daemon): State<Arc<Daemon>>,
    Path(text): Path<String>,
) -> Result<StatusCode, DockerError> {
    to_the_end(async move { pausing::unpause(&daemon, &text).await }).await?;
    Ok(StatusCode::NO_CONTENT)
}

#[derive(Debug, Deserialize)]
pub(super) struct RenameQuery {
    #[serde(default)]
    name: String,
}

/// `POST /containers/{id}/rename`.
pub(super) async fn rename(
    State(daemon): State<Arc<Daemon>>,
    Path(text): Path<String>,
    Query(query): Query<RenameQuery>,
) -> Result<StatusCode, DockerError> {
    to_the_end(async move { pausing::rename(&daemon, &text, &query.name).await }).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// `POST /containers/{id}/update`: only what is said is changed.
pub(super) async fn update(
    State(daemon): State<Arc<Daemon>>,
    Path(text): Path<String>,
    DockerJson(body): DockerJson<Map<String, Value>>,
) -> Result<Json<Value>, DockerError> {
    let warnings = to_the_end(async move {
        let change = |record: &crate::model::ContainerRecord| {
            let mut asked: Map<String, Value> = serde_json::from_str(&record.spec.settings.asked).unwrap_or_default();
            for (key, value) in body {
                if !is_default(&key, &value) {
                    asked.insert(key, value);
                }
            }
            let invalid = |error| OpError::Invalid(format!("invalid JSON: {error}"));
            let limits: Limits = serde_json::from_value(Value::Object(asked.clone())).map_err(invalid)?;
            let policy = asked.get("RestartPolicy").cloned().filter(|policy| !policy.is_null());
            let policy: RestartPolicyBody =
                policy.map_or_else(|| Ok(Default::default()), serde_json::from_value).map_err(invalid)?;
            Ok(update::Update {
                resources: limits.resources()?,
                restart: policy.policy()?,
                asked: Value::Object(asked).to_string(),
            })
        };
        update::update(&daemon, &text, change).await
    })
    .await?;
    Ok(Json(json!({ "Warnings": if warnings.is_empty() { Value::Null } else { json!(warnings) } })))
}

#[derive(Debug, Deserialize)]
pub(super) struct PruneQuery {
    filters: Option<String>,
}

/// `POST /containers/prune`.
pub(super) async fn prune(
    State(daemon): State<Arc<Daemon>>,
    Query(query): Query<PruneQuery>,
) -> Result<Json<Value>, DockerError> {
    let filters = Filters::parse(query.filters.as_deref(), &["label", "label!", "until"])?;
    let until_ms = filters.only("until").map(times::until_ms).transpose()?;
    let (removed, bytes) = to_the_end(async move {
        container::prune(&daemon, Origin::Docker, |record| {
            until_ms.is_none_or(|until_ms| record.created_at_ms < until_ms)
                && filters.labels(&record.spec.labels)
                && filters.no_labels(&record.spec.labels)
        })
        .await
    })
    .await?;
    let removed = if removed.is_empty() { Value::Null } else { json!(removed) };
    Ok(Json(json!({ "ContainersDeleted": removed, "SpaceReclaimed": bytes })))
}
