"""What schemathesis has to know of the Docker Engine API beside its description. Loaded by it (SCHEMATHESIS_HOOKS)."""

import schemathesis

# Questions that this machine alone can't answer: without a registry Docker, too, says 500.
OTHERS = ("cannot reach the registry",)


def with_nulls(node):
    """The engine is written in Go, whose empty lists, maps and pointers are null; the description says so of a few only."""
    if isinstance(node, list):
        for item in node:
            with_nulls(item)
    elif isinstance(node, dict):
        if node.get("type") in ("array", "object", "integer", "boolean"):
            node["x-nullable"] = True
        for item in node.values():
            with_nulls(item)


@schemathesis.hook
def before_load_schema(context, raw_schema):
    with_nulls(raw_schema["definitions"])
    for path in raw_schema["paths"].values():
        for operation in path.values():
            if isinstance(operation, dict):
                with_nulls(operation.get("responses", {}))


@schemathesis.check
def is_no_fault(ctx, response, case):
    """No 5xx, save those that say what is not built (501), that there is no swarm (503), or that others are away."""
    if response.status_code < 500:
        return
    message = response.json()["message"]
    is_said = response.status_code == 501 or message.startswith("This node is not a swarm manager.")
    assert is_said or message.startswith(OTHERS), f"{response.status_code}: {message}"
