"""Which settings and secrets exist, of which type: the rules of compose/settings.yml."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from slipway.errors import ConfigError
from slipway.suggest import nearest

NAME = re.compile(r"[a-z][a-z0-9-]{0,29}")
KEY = re.compile(r"[A-Z][A-Z0-9_]{0,62}")
RULE_KEYS = {"type", "default", "required", "secret", "generate", "help"}
TYPES = {"text", "number", "port", "switch", "name", "store"}
STORES = {"s3", "file"}
FILE, FILE_BEFORE = "settings.yml", "schema.yml"  # the second in projects begun before


@dataclass(frozen=True)
class Rule:
    """What one setting or secret must be."""

    key: str
    type: str
    choices: tuple[str, ...]
    default: str | None
    required: bool | tuple[str, ...]
    secret: bool
    generate: int
    help: str

    def is_required(self, environment: str) -> bool:
        """Say whether this environment must have it."""
        return self.required if isinstance(self.required, bool) else environment in self.required

    def complaint(self, value: str) -> str | None:
        """Say what is wrong with a value, or None; a secret's value is never repeated."""
        if self.choices and value not in self.choices:
            return f"must be one of {', '.join(self.choices)}"
        match self.type:
            case "number" if not value.isdecimal():
                return "must be a whole number"
            case "port" if not (value.isdecimal() and 0 < int(value) < 65536):
                return "must be a port, 1 to 65535"
            case "switch" if value not in ("on", "off"):
                return "must be on or off"
            case "name" if not NAME.fullmatch(value):
                return "must be lower-case letters, digits and dashes, starting with a letter"
            case "store" if "://" in value and value.strip().partition("://")[0] not in STORES:
                return "must be s3://bucket/path, or a folder; there is no other kind of store"
        return None


Rules = Mapping[str, Rule]


def file_in(compose: Path) -> Path:
    """Return the file with the rules, also where it still has its old name."""
    before = compose / FILE_BEFORE
    path = compose / FILE
    return before if before.is_file() and not path.is_file() else path


def read(path: Path) -> Rules:
    """Read the rules. Raises ConfigError with the file and the key that is wrong."""
    import yaml

    try:
        document = yaml.safe_load(path.read_text())
    except FileNotFoundError:
        raise ConfigError(f"{path.name} is missing next to compose.yml") from None
    except yaml.YAMLError as error:
        raise ConfigError(f"{path.name} is not YAML: {_first_line(error)}") from None
    if not isinstance(document, dict):
        raise ConfigError(f"{path.name} must map names to rules")
    return {str(key): _rule(path, str(key), entry) for key, entry in document.items()}


def _rule(path: Path, key: str, entry: object) -> Rule:
    where = f"{path.name}: {key}"
    if not KEY.fullmatch(key):
        raise ConfigError(f"{where} must be capital letters, digits and underscores")
    if not isinstance(entry, dict):
        raise ConfigError(f"{where} must be a mapping such as {{type: text}}")
    for name in entry:
        if name not in RULE_KEYS:
            raise ConfigError(f"{where}: unknown word {name}{nearest(str(name), list(RULE_KEYS))}")
    kind = entry.get("type", "text")
    choices = tuple(str(choice) for choice in kind) if isinstance(kind, list) else ()
    if not choices and kind not in TYPES:
        raise ConfigError(f"{where}: unknown type {kind}{nearest(str(kind), sorted(TYPES))}")
    required = entry.get("required", False)
    default = entry.get("default")
    if not isinstance(required, bool | list):
        raise ConfigError(f"{where}: required must be true, or a list such as [staging, prod]")
    generate = entry.get("generate", 0)
    if not isinstance(generate, int):
        raise ConfigError(f"{where}: generate must be a number of bytes")
    rule = Rule(
        key=key,
        type="text" if choices else str(kind),
        choices=choices,
        default=None if default is None else str(default),
        required=required if isinstance(required, bool) else tuple(map(str, required)),
        secret=bool(entry.get("secret", False)),
        generate=generate,
        help=str(entry.get("help", "")),
    )
    # Unquoted, YAML reads on and off as true and false.
    if rule.default is not None and (complaint := rule.complaint(rule.default)):
        raise ConfigError(f"{where}: default {complaint}; it is {rule.default} (quotes missing?)")
    if bad := [choice for choice in choices if choice in ("True", "False")]:
        raise ConfigError(f"{where}: type holds {bad[0]}; write on and off in quotes")
    return rule


def _first_line(error: Exception) -> str:
    return " ".join(str(error).split())[:120]
