"""The old compose project as Compose itself reads it, merged and resolved.

Nothing in it is written, nothing is run, and nothing is fetched.
"""

import json
import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from slipway.environments import compose_errors
from slipway.errors import UNREADABLE, CommandFailed, ConfigError
from slipway.hosts.local import LocalHost
from slipway.releases import compose_files, compose_program
from slipway.scaffold.importing import places
from slipway.text_file import read_utf8

Model = Mapping[str, Any]
NAME = re.compile(r"(?P<stem>(?:docker-)?compose)(?:\.(?P<part>[^.]+))?\.ya?ml")
BASES = ("compose.yaml", "compose.yml", "docker-compose.yaml", "docker-compose.yml")  # as Compose
RELEASED = ("prod", "production", "deploy", "live", "release")
EXAMPLES = ("{0}.example", "{0}.sample", "{0}.dist", "{0}.template", "{0}-example", "example{0}")
MISSING_FILE = re.compile(r"(?:env file |stat |open )(?P<path>/[^\s:]+)")
DOMAIN = re.compile(rb"^\s*(?:export\s+)?DOMAIN\s*=", re.MULTILINE)
PROFILES = re.compile(r"^\s*(?:export\s+)?COMPOSE_PROFILES\s*=\s*(\S+)", re.MULTILINE)
OFFLINE = {
    "COMPOSE_EXPERIMENTAL_GIT_REMOTE": "false",
    "COMPOSE_EXPERIMENTAL_OCI_REMOTE": "false",
    "COMPOSE_DISABLE_ENV_FILE": "false",
}


@dataclass(frozen=True)
class OldProject:
    """Readings of the same files: as released, with its ${VARIABLES}, alone, as hacked on."""

    folder: Path
    files: tuple[Path, ...]
    released: Model
    raw: Model
    base: Model
    hacked: Model
    unread: tuple[Path, ...]
    unset: tuple[str, ...]
    profiles: frozenset[str]  # those that .env always starts

    def place(self, *keys: str) -> str:
        """Say where a key stands, `docker-compose.yml:12`."""
        path, line = self.line(*keys)
        return f"{self.shown(path)}:{line}" if line else self.shown(path)

    def line(self, *keys: str) -> tuple[Path, int]:
        """Return the file in which a key stands, and its line."""
        return places.line_of(self.files, keys)

    def shown(self, path: Path) -> str:
        """Write a path as it is seen from the project's folder."""
        return os.path.relpath(path, self.folder)


def services(model: Model) -> Mapping[str, Any]:
    """Return the services of a reading."""
    return model.get("services") or {}


def read(file: Path, domain: str = "") -> OldProject:
    """Read a compose file, or a folder's, with the override and prod files beside it.

    Raises ConfigError.
    `domain` is what ${DOMAIN} is where the old project sets it nowhere.
    """
    file = Path(os.path.abspath(file))  # noqa: PTH100  a link counts where it lies
    file = next((file / each for each in BASES if (file / each).is_file()), file)
    _demand_readable(file)
    siblings = _siblings(file)
    override = siblings.pop("override", None)
    name = next((each for each in RELEASED if each in siblings), "")
    prod = siblings.pop(name, None)
    for path in filter(None, (override, prod)):
        _demand_readable(path)
    released_files = [file, *([prod] if prod else [])]
    base, warnings = _config([file], domain)
    released = _config(released_files, domain)[0] if prod else base
    if not services(released):
        raise ConfigError(f"{file.name}: has no services")
    return OldProject(
        folder=file.parent,
        files=tuple(places.reached([*released_files, *([override] if override else [])])),
        released=released,
        raw=_raw(released_files, domain) or released,
        base=base,
        hacked=_config([file, override], domain)[0] if override else base,
        unread=tuple(siblings.values()),
        unset=tuple(dict.fromkeys(compose_files.UNSET.findall(warnings))),
        profiles=_profiles(file.parent / ".env"),
    )


def _profiles(path: Path) -> frozenset[str]:
    text = path.read_bytes()[: places.LARGEST].decode(errors="replace") if path.is_file() else ""
    match = PROFILES.search(text)
    return frozenset(re.split(r"[,\s]+", match[1].strip("\"'")) if match else ())


def _siblings(file: Path) -> dict[str, Path]:
    """Map the parts in the names of the files beside it: override, prod, test."""
    match = NAME.fullmatch(file.name)
    others = ((path, NAME.fullmatch(path.name)) for path in sorted(file.parent.iterdir()))
    return {
        other["part"]: path
        for path, other in others
        if match
        and other
        and other["part"]
        and not match["part"]
        and other["stem"] == match["stem"]
    }


def _demand_readable(path: Path) -> None:
    if not path.is_file():
        raise ConfigError(f"{path}: there is no such file; name the old compose file")
    if path.stat().st_size > places.LARGEST:
        raise ConfigError(f"{path.name}: is larger than 1 MB, as no compose file of a person is")
    read_utf8(path, path.name)
    if complaint := places.complaint(path):
        raise ConfigError(f"{path.name}: {complaint}")


def _config(files: Sequence[Path], domain: str, *flags: str) -> tuple[Model, str]:
    argv = [*compose_program.command(), "--project-directory", str(files[0].parent)]
    for path in files:
        argv += ["--file", str(path)]
    argv += ["--profile", "*", "config", "--format", "json", "--no-consistency", *flags]
    config = os.environ.get("DOCKER_CONFIG") or str(Path("~/.docker").expanduser())
    env = {"PATH": os.environ.get("PATH", os.defpath), "DOCKER_CONFIG": config, **OFFLINE}
    dotenv = files[0].parent / ".env"
    if domain and not (dotenv.is_file() and DOMAIN.search(dotenv.read_bytes())):
        env["DOMAIN"] = domain
    try:
        result = LocalHost(env=env, cwd=files[0].parent).run(argv, timeout=30)
        model = json.loads(result.out)
    except CommandFailed as error:
        raise ConfigError(_reason(files, error.stderr)) from None
    except UNREADABLE:
        raise ConfigError(f"{files[-1].name}: what Compose says of it cannot be read") from None
    return model, result.err


def _raw(files: Sequence[Path], domain: str) -> Model:
    """Read the files with their ${VARIABLES}; nothing where Compose needs the values."""
    try:
        return _config(files, domain, "--no-interpolate")[0]
    except ConfigError:
        return {}


def _reason(files: Sequence[Path], stderr: str) -> str:
    """Write what Compose refuses, without a value, which may be a secret."""
    refusal, name = compose_errors.read(stderr), files[-1].name
    if refusal.keys and not refusal.unknown:
        return f"{name}: {refusal.reason}"
    if "circular" in stderr.lower():
        return f"{name}: extends or include leads in a circle: {refusal.reason}"
    match = MISSING_FILE.search(refusal.reason)
    if match and not (path := Path(match["path"])).exists():
        return f"{files[0].name}: {path.name} is named there and is missing; {_example(path)}"
    if unknown := compose_files.unknown_key(files, refusal):
        return unknown.removeprefix("compose/")
    advice = "; set it in .env there, then again" if refusal.variable else ""
    if refusal.variable == "DOMAIN":
        advice = "; add --domain=shop.example.com, the name that prod answers to"
    reason = refusal.reason.replace(f"{files[0].parent}/", "")
    return f"{name}: Compose does not read it: {reason}{advice}"


def _example(path: Path) -> str:
    """Say how an env file that is missing is made."""
    examples = (path.with_name(form.format(path.name)) for form in EXAMPLES)
    example = next((each.name for each in examples if each.is_file()), "")
    if example:
        return f"cp {example} {path.name}, fill in its values, then again"
    return "write it or take its name out, then again"
