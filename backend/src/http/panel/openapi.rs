//! `/api/openapi.json`: what this API is, in OpenAPI 3.1, made of the handlers and of the types that they take and give. A
//! route that is not described here fails the test below.

use super::{
    about, attachments, auth, changes, containers, dns, doctor, images, kernel, labs, live, making, networks, observed,
    rules, terminal, trial,
};
use axum::Json;
use drawbridge_api::{Container, Event, Plan, Progress, Refusal, TerminalNotice, TerminalRequest};
use utoipa::{
    Modify, OpenApi,
    openapi::security::{ApiKey, ApiKeyValue, HttpAuthScheme, HttpBuilder, SecurityRequirement, SecurityScheme},
};

#[derive(OpenApi)]
#[openapi(
    info(
        title = "Drawbridge",
        description = "Container networks and containers of one machine: what there is, what happens, and every change \
            as a plan of steps. With `?preview=true` a change is planned and not made. The Docker Engine API is served \
            beside this one, on a socket of its own."
    ),
    paths(
        auth::login,
        about::about,
        about::logout,
        live::snapshot,
        live::events,
        networks::create,
        networks::remove,
        containers::create,
        containers::remove,
        containers::detail,
        containers::usage,
        trial::attempt,
        containers::start,
        containers::stop,
        containers::ports,
        terminal::terminal,
        attachments::connect,
        attachments::disconnect,
        making::container,
        making::network,
        images::get,
        images::pull,
        images::load,
        images::build,
        images::tag,
        images::remove,
        labs::list,
        labs::up,
        labs::down,
        labs::export,
        observed::observed,
        kernel::links,
        kernel::host,
        kernel::link,
        kernel::namespace,
        dns::list,
        dns::events,
        doctor::doctor,
        rules::rules,
        rules::traffic,
        changes::list,
        changes::get,
        changes::undo,
        openapi,
    ),
    components(schemas(Container, Plan, Event, Progress, Refusal, TerminalRequest, TerminalNotice)),
    modifiers(&Token),
)]
struct Description;

/// `GET /api/openapi.json`.
#[utoipa::path(
    get,
    path = "/api/openapi.json",
    tag = "description",
    security(()),
    responses((status = 200, description = "This description", body = Object)),
)]
pub(super) async fn openapi() -> Json<utoipa::openapi::OpenApi> {
    Json(Description::openapi())
}

/// Who may come in: whoever has the token, in either form.
struct Token;

impl Modify for Token {
    fn modify(&self, openapi: &mut utoipa::openapi::OpenApi) {
        let bearer = HttpBuilder::new().scheme(HttpAuthScheme::Bearer).build();
        let cookie = ApiKey::Cookie(ApiKeyValue::new(auth::COOKIE_NAME));
        let components = openapi.components.get_or_insert_default();
        components.add_security_scheme("token", SecurityScheme::Http(bearer));
        components.add_security_scheme("cookie", SecurityScheme::ApiKey(cookie));
        let either = ["token", "cookie"].map(|name| SecurityRequirement::new::<_, [&str; 0], &str>(name, []));
        openapi.security = Some(either.to_vec());
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    /// The routes that `mod.rs` makes, as `get /api/snapshot`.
    fn routes() -> BTreeSet<String> {
        let source = include_str!("mod.rs").replace(char::is_whitespace, "");
        let found = source.split(".route(\"").skip(1).flat_map(|rest| {
            let (path, rest) = rest.split_once("\",").unwrap();
            let handlers = rest.split(".route(").next().unwrap();
            let methods = ["get", "post", "put", "delete", "patch"];
            let of = move |method: &&str| {
                let begins = handlers.starts_with(&format!("{method}("));
                begins || handlers.contains(&format!(").{method}("))
            };
            methods.into_iter().filter(of).map(move |method| format!("{method} {path}")).collect::<Vec<_>>()
        });
        found.collect()
    }

    #[test]
    fn every_route_is_described_and_every_description_has_its_route() {
        let described: BTreeSet<String> = serde_json::to_value(Description::openapi()).unwrap()["paths"]
            .as_object()
            .unwrap()
            .iter()
            .flat_map(|(path, operations)| {
                operations.as_object().unwrap().keys().map(move |method| format!("{method} {path}"))
            })
            .collect();
        assert!(described.len() > 20, "{described:?}");
        assert_eq!(described, routes(), "left what panel/openapi.rs describes, right what panel/mod.rs serves");
    }

    #[test]
    fn every_reference_leads_somewhere() {
        let description = serde_json::to_value(Description::openapi()).unwrap();
        let text = description.to_string();
        let names: BTreeSet<&str> =
            text.split("#/components/schemas/").skip(1).map(|rest| rest.split('"').next().unwrap()).collect();
        assert!(names.len() > 20, "{names:?}");
        for name in names {
            assert!(description["components"]["schemas"][name].is_object(), "there is no schema {name}");
        }
    }
}
