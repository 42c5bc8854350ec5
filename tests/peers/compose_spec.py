"""Our table of the keys of compose files against the Compose specification's own schema.

`python -m tests.peers.compose_spec CHECKOUT`: a clone of github.com/compose-spec/compose-spec.
"""

import json
import sys
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from slipway.releases import compose_keys


def keys(schema: Mapping[str, Any]) -> set[str]:
    """List every key that the schema allows, services.*.init, but what stands below one that is
    refused or dropped."""
    return set(_walk(schema, schema, ""))


def outcome(key: str) -> str:
    """Say what a deploy does with a key: handled, dropped, refused; unknown where none says."""
    table = compose_keys.table()
    if table.get(key, "") == "" and any(name.startswith(f"{key}.") for name in table):
        return "handled"  # by the keys below it
    if key not in table:
        return "unknown"
    return "dropped" if key in compose_keys.DROPPED else "refused" if table[key] else "handled"


def _walk(schema: Mapping[str, Any], node: Mapping[str, Any], path: str) -> Iterator[str]:
    if "$ref" in node:
        kind, name = str(node["$ref"]).rsplit("/", 2)[-2:]
        yield from _walk(schema, schema[kind][name], path)
    for each in (*node.get("oneOf", ()), *node.get("anyOf", ()), node.get("items")):
        if isinstance(each, Mapping):
            yield from _walk(schema, each, path)
    below = dict(node.get("properties") or {})
    names = [
        value
        for key, value in (node.get("patternProperties") or {}).items()
        if not key.startswith("^x-")
    ]
    if path in compose_keys.NAMED:
        below = {"*": value for value in names}  # noqa: B035
    elif names and path not in compose_keys.FREE:
        yield f"{path}.*"
    for key, value in below.items():
        here = f"{path}.{key}" if path else key
        if key != "*":
            yield here
        if not compose_keys.table().get(here):
            yield from _walk(schema, value, here)


def main() -> int:
    """Print what no rule says and what no schema has, and the counts; 1 where there is any."""
    text = Path(sys.argv[1], "schema", "compose-spec.json").read_text(encoding="utf-8")
    allowed = keys(json.loads(text))
    unknown = sorted(key for key in allowed if outcome(key) == "unknown")
    stale = sorted(set(compose_keys.table()) - allowed)
    for key in (*unknown, *stale):
        sys.stdout.write(f"{key}: {'unknown to us' if key in unknown else 'in no schema'}\n")
    counts = Counter(outcome(key) for key in allowed)
    summary = ", ".join(f"{count} {word}" for word, count in sorted(counts.items()))
    sys.stdout.write(f"{len(allowed)} keys: {summary}\n")
    return 1 if unknown or stale else 0


if __name__ == "__main__":
    sys.exit(main())
