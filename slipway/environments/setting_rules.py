"""Which settings and secrets exist, of which type: those of the kit and of a project."""

import base64
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from slipway.errors import ConfigError, listing
from slipway.suggest import nearest
from slipway.yaml_file import read_yaml

NUMBER = re.compile(r"[0-9]{1,9}")
NAME = re.compile(r"[a-z][a-z0-9-]{0,29}")
KEY = re.compile(r"[A-Z][A-Z0-9_]{0,62}")
# What Compose does otherwise with, which reads env files; and what a shell, the loader, an
# interpreter or sops does, which a secret becomes a variable of.
OF_COMPOSE = re.compile(r"COMPOSE_\w+|DOCKER_(HOST|CONTEXT|CONFIG|TLS_VERIFY|CERT_PATH)")
OF_PROGRAMS = re.compile(
    r"PATH|HOME|IFS|ENV|SHELLOPTS|BASH_(ENV|FUNC_\w+)|PYTHON(PATH|HOME|STARTUP)|NODE_OPTIONS"
    r"|JAVA_TOOL_OPTIONS|GIT_SSH(_COMMAND)?|LD_(PRELOAD|LIBRARY_PATH|AUDIT|DEBUG|PROFILE)"
    r"|(DYLD|SOPS)_\w+"
)
PLAIN = str | int | float
# Each word of a rule: what it may hold, and how that is called.
WORDS: Mapping[str, tuple[Any, str]] = {
    "type": (str | list, "a type, or a list of words such as [a, b]"),
    "default": (PLAIN, "one value"),
    "required": (bool | list, "true, or a list such as [staging, prod]"),
    "secret": (bool, "true or false"),
    "generate": (int, "a number of bytes"),
    "rotate": (int, "a number of days"),
    "composed": (str, "a text with names in braces, such as postgres://{DATABASE_USER}:…"),
    "differs": (str, "why it is not the same everywhere"),
    "help": (str, "a text"),
}
NUMBERS = {"generate", "rotate"}  # YAML's true is a number to Python
MOST_BYTES = 4096
MOST_DAYS = 3650
PLACE = re.compile(r"\{([A-Z][A-Z0-9_]*)\}")  # for a value, in a composed secret
TYPES = {"text", "number", "port", "switch", "name", "store", "binary"}
STORE = re.compile(
    r"s3://[a-z0-9][a-z0-9.-]{1,61}[a-z0-9](/[\w.=+ /-]*)?|file:///.*"
    r"|(?!(?i:s3|file)/|[^/]*:|[^/]+//).*"  # a folder; not what is nearly one of the others
)
FILE, FILE_BEFORE = "settings.yml", "schema.yml"  # the second in projects begun before
OURS = Path(__file__).with_name(FILE)


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
    composed: str = ""  # of what a secret is made that stands in no file
    rotate: int = 0  # days after which a secret should have another value; 0: whenever
    differs: str = ""  # why environments that are compared may have other values
    is_plain: bool = False  # it says `secret: false` itself, whatever its name sounds like

    @property
    def parts(self) -> tuple[str, ...]:
        """The settings and secrets that a composed secret is made of."""
        return tuple(dict.fromkeys(PLACE.findall(self.composed)))

    def is_required(self, environment: str) -> bool:
        """Say whether this environment must have it."""
        return self.required if isinstance(self.required, bool) else environment in self.required

    def data(self, value: str) -> bytes:
        """Return the bytes that a service finds; those of `binary` are kept as base64."""
        return base64.b64decode(value) if self.type == "binary" else value.encode()

    def complaint(self, value: str) -> str | None:
        """Say what is wrong with a value, or None; a secret's value is never repeated."""
        if self.choices and value not in self.choices:
            return f"must be one of {', '.join(self.choices)}"
        match self.type:
            case "number" if not NUMBER.fullmatch(value):
                return "must be a whole number"
            case "port" if not (NUMBER.fullmatch(value) and 0 < int(value) < 65536):
                return "must be a port, 1 to 65535"
            case "switch" if value not in ("on", "off"):
                return "must be on or off"
            case "name" if not NAME.fullmatch(value):
                return "must be lower-case letters, digits and dashes, starting with a letter"
            case "binary" if not _is_base64(value):
                return "must be base64; give it with --from-file, which encodes it"
            case "store" if not STORE.fullmatch(value.strip()):
                return (
                    "must be s3://bucket/path, with the bucket in small letters, or a folder; "
                    f"there is no other kind of store{_as_folder(value)}"
                )
        return None


def _is_base64(value: str) -> bool:
    try:
        return bool(base64.b64decode(value, validate=True))
    except ValueError:
        return False


def _as_folder(value: str) -> str:
    name = value.strip().partition("/")[0].lower()
    return f" (for a folder of that name ./{name}/...)" if name in ("s3", "file") else ""


Rules = Mapping[str, Rule]


def file_in(compose: Path) -> Path:
    """Return the file with the rules, also where it still has its old name."""
    before = compose / FILE_BEFORE
    path = compose / FILE
    return before if before.is_file() and not path.is_file() else path


def load(compose: Path) -> Rules:
    """Read the kit's rules and those of a project, which win. Raises ConfigError.

    A project begun before has all of them in its file: with kit rules that it does not name, its
    environments would get other limits than they were made with.
    """
    own = read(file_in(compose))
    return own if "PROJECT" in own else {**read(OURS), **own}


def read(path: Path) -> Rules:
    """Read the rules of one file. Raises ConfigError with the file and each key that is wrong."""
    try:
        document = read_yaml(path, path.name)
    except FileNotFoundError:
        raise ConfigError(f"{path.name} is missing next to compose.yml") from None
    if document is None:
        return {}  # a project without settings of its own
    if not isinstance(document, dict):
        raise ConfigError(f"{path.name} must map names to rules")
    rules: dict[str, Rule] = {}
    problems: list[str] = []
    for key, entry in document.items():
        try:
            rules[str(key)] = _rule(path, str(key), entry)
        except ConfigError as error:
            problems.append(str(error))
    if problems:
        raise ConfigError(listing(problems))
    return rules


def _rule(path: Path, key: str, entry: object) -> Rule:
    def refuse(what: str) -> ConfigError:
        shown = key[:60] if key.isprintable() else ascii(key[:60])
        return ConfigError(f"{path.name}: {shown}{what}")

    if not KEY.fullmatch(key):
        raise refuse(" must be capital letters, digits and underscores")
    if not isinstance(entry, dict):
        raise refuse(" must be a mapping such as {type: text}")
    if OF_COMPOSE.fullmatch(key) or (entry.get("secret") and OF_PROGRAMS.fullmatch(key)):
        raise refuse(" means something to programs that are given it; call it otherwise")
    for name, value in entry.items():
        if name not in WORDS:
            raise refuse(f": unknown word {str(name)[:60]}{nearest(str(name), list(WORDS))}")
        if name == "default" and isinstance(value, bool):
            reading = f"{str(value).lower()} to YAML, as on, off, yes and no are one of both"
            raise refuse(f": default is {reading}; write it in quotes")
        if not isinstance(value, WORDS[name][0]) or (name in NUMBERS and isinstance(value, bool)):
            raise refuse(f": {name} must be {WORDS[name][1]}")
    secret, generate, default = (entry.get(word) for word in ("secret", "generate", "default"))
    if generate is not None and not (secret and 1 <= generate <= MOST_BYTES):
        limits = f"generate must be 1 to {MOST_BYTES} bytes"
        raise refuse(f": {limits}" if secret else ": only a secret can have generate")
    rotate = entry.get("rotate", 0)
    if "rotate" in entry and not (secret and 1 <= rotate <= MOST_DAYS):
        limits = f"rotate must be 1 to {MOST_DAYS} days"
        raise refuse(f": {limits}" if secret else ": only a secret can have rotate")
    if secret and default is not None:
        raise refuse(": a secret has no default; it would stand here for everybody to read")
    composed = str(entry.get("composed", ""))
    if composed and (not secret or generate or not PLACE.search(composed)):
        raise refuse(
            ": composed is for a secret without generate, and names others in braces, such as "
            "postgres://{DATABASE_USER}:{DATABASE_PASSWORD}@db/shop"
        )
    kind, choices = _type(entry.get("type", "text"), refuse)
    if kind == "binary" and (not secret or generate):
        raise refuse(": type binary is for a secret without generate")
    required = entry.get("required", False)
    if isinstance(required, list) and not all(isinstance(name, str) for name in required):
        raise refuse(f": required must be {WORDS['required'][1]}")
    rule = Rule(
        key=key,
        type=kind,
        choices=choices,
        default=None if default is None else str(default),
        required=required if isinstance(required, bool) else tuple(map(str, required)),
        secret=bool(secret),
        generate=generate or 0,
        help=str(entry.get("help", "")),
        composed=composed,
        rotate=rotate,
        differs=str(entry.get("differs", "")),
        is_plain=secret is False,
    )
    if rule.default is not None and (complaint := rule.complaint(rule.default)):
        raise refuse(f": default {complaint}; it is {rule.default}")
    return rule


def _type(value: object, refuse: Callable[[str], ConfigError]) -> tuple[str, tuple[str, ...]]:
    """Read one of the types, or a list of choices."""
    if not isinstance(value, list):
        if value not in TYPES:
            raise refuse(f": unknown type {str(value)[:60]}{nearest(str(value), sorted(TYPES))}")
        return str(value), ()
    for choice in value:
        if isinstance(choice, bool):
            raise refuse(f": type holds {choice}; write on and off in quotes")
        if not isinstance(choice, str | int | float):
            raise refuse(": type must be a list of words")
    if len(value) < 2 or len({*map(str, value)}) < len(value):
        raise refuse(": type must list two words or more, each once")
    return "text", tuple(map(str, value))
