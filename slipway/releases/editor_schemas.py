"""JSON schemas of the project's files, by which an editor completes and checks them as one types.

They are made of the same rules that commands check with; what only several files together tell
stays with `inv env.check` and a deploy.
"""

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from slipway import whole_file
from slipway.environments import environment, setting_rules
from slipway.environments.setting_rules import KEY, MOST_BYTES, MOST_DAYS, NAME, NUMBER, Rule
from slipway.project import STATE
from slipway.releases import compose_labels, job_times, parity, readiness
from slipway.text_file import read_utf8

Schema = dict[str, Any]
DRAFT = "http://json-schema.org/draft-07/schema#"
COMPOSE = (
    "https://raw.githubusercontent.com/compose-spec/compose-spec/main/schema/compose-spec.json"
)
FOLDER = STATE / "schemas"
MARK = "# yaml-language-server: $schema="
HELP = {
    "type": "What kind of value it has; a list is a choice.",
    "default": "Used where no env file names it.",
    "required": "Whether it must be there, or in which environments.",
    "secret": "It lives in secrets/<environment>.sops.yaml and nowhere else.",
    "generate": "Bytes of the random value that it gets.",
    "rotate": "Days after which it should have another value.",
    "composed": "What a secret is made of that stands in no file.",
    "differs": "Why it may be another in each environment.",
    "help": "One line for people.",
}


def write(compose: Path, folder: Path = FOLDER) -> list[str]:
    """Write the schemas, and into the files that have none the line that an editor looks for.

    Return the files that were changed.
    """
    rules, names = setting_rules.load(compose), environment.names(compose)
    schemas = {
        "settings": of_settings(names),
        "env": of_env_file(list(rules.values())),
        "compose": of_compose(),
    }
    folder.mkdir(parents=True, exist_ok=True)
    for name, schema in schemas.items():
        whole_file.write(folder / f"{name}.json", json.dumps(schema, indent=2) + "\n")
    return [path.name for path, name in _files(compose) if _mark(path, folder / f"{name}.json")]


def of_settings(environments: Sequence[str]) -> Schema:
    """Describe compose/settings.yml."""
    word = {"anyOf": [{"type": "string"}, {"type": "number"}]}
    rule: dict[str, Schema] = {
        "type": {
            "anyOf": [
                {"enum": sorted(setting_rules.TYPES)},
                {"type": "array", "items": word, "minItems": 2, "uniqueItems": True},
            ]
        },
        "default": word,
        "required": {
            "anyOf": [
                {"type": "boolean"},
                {"type": "array", "items": {"enum": list(environments)}},
            ]
        },
        "secret": {"type": "boolean"},
        "generate": {"type": "integer", "minimum": 1, "maximum": MOST_BYTES},
        "rotate": {"type": "integer", "minimum": 1, "maximum": MOST_DAYS},
        "composed": {"type": "string", "pattern": setting_rules.PLACE.pattern},
        "differs": {"type": "string", "minLength": 1},
        "help": {"type": "string"},
    }
    described = {name: {"description": HELP[name], **each} for name, each in rule.items()}
    return {
        "$schema": DRAFT,
        "title": "The settings and secrets of a project",
        "type": ["object", "null"],
        "propertyNames": {"pattern": f"^{KEY.pattern}$"},
        "additionalProperties": {
            "type": "object",
            "properties": described,
            "additionalProperties": False,
        },
    }


def of_env_file(rules: Sequence[Rule]) -> Schema:
    """Describe an env file, whose values are all texts; a secret has no place in one."""
    return {
        "$schema": DRAFT,
        "title": "The settings of an environment",
        "type": "object",
        "properties": {rule.key: _setting(rule) for rule in rules if not rule.secret},
        "additionalProperties": False,
    }


def of_compose() -> Schema:
    """Describe compose files: what Compose knows, and the labels that are Slipway's."""
    text: Schema = {"type": ["string", "number"]}
    labels: dict[str, Schema] = dict.fromkeys(compose_labels.WORDS, text)
    labels |= {
        "slipway.role": {"enum": list(compose_labels.ROLES)},
        "slipway.route": {"type": "string", "pattern": f"^{compose_labels.ROUTE.pattern}$"},
        "slipway.port": {"type": ["string", "integer"], "pattern": "^[0-9]+$"},
        "slipway.phase": {"const": "release"},
        "slipway.warm": {"enum": ["keep", "stop"]},
        job_times.MISSED: {"enum": ["run", "skip"]},
        readiness.LABEL: {"type": "string", "description": "What it is asked before it serves."},
    }
    known = {"enum": compose_labels.WORDS}
    of_others = {"not": {"pattern": "^slipway[.]"}}
    table = {"properties": labels, "propertyNames": {"anyOf": [known, of_others]}}
    service = {"properties": {"deploy": {"properties": {"labels": table}}}}
    own = {
        "services": {"additionalProperties": service},
        parity.DECLARED: {
            "description": "What is meant to be another than elsewhere, and why.",
            "type": "object",
            "additionalProperties": {"type": "string", "minLength": 1},
        },
    }
    return {"$schema": DRAFT, "allOf": [{"$ref": COMPOSE}, {"properties": own}]}


def _setting(rule: Rule) -> Schema:
    described = {"description": rule.help, "type": "string"}
    if rule.default is not None:
        described["default"] = rule.default
    if rule.choices:
        return described | {"enum": list(rule.choices)}
    patterns = {"number": NUMBER.pattern, "port": "[0-9]{1,5}", "name": NAME.pattern}
    if rule.type == "switch":
        return described | {"enum": ["on", "off"]}
    pattern = patterns.get(rule.type)
    return described | ({"pattern": f"^{pattern}$"} if pattern else {})


def _files(compose: Path) -> Iterator[tuple[Path, str]]:
    """Yield the files that people write, each with the name of its schema."""
    yield setting_rules.file_in(compose), "settings"
    for path in sorted(compose.glob("compose*.yml")):
        yield path, "compose"


def _mark(path: Path, schema: Path) -> bool:
    text = read_utf8(path)
    if MARK in text:
        return False
    place = Path("..") / schema.relative_to(path.parent.parent)
    whole_file.write(path, f"{MARK}{place.as_posix()}\n{text}")
    return True
