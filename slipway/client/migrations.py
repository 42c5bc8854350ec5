"""What the work on a schema is told by a person's checkout: its migrations, and who asks."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from slipway.cluster import lease
from slipway.errors import ConfigError, DifferenceFound, Refused, SlipwayError
from slipway.migrations import files, state
from slipway.project import COMPOSE

FOLDER = COMPOSE / "migrations"
WRITTEN = COMPOSE / "schema.sql"


def texts(folder: Path = FOLDER) -> dict[str, str]:
    """Read the checkout's migrations, by file name. Raises ConfigError with all that is wrong."""
    found = {path.name: _text(path) for path in files.paths(folder)}
    for one in files.from_texts(found):
        # What can never run is found before anybody connects; the rest as soon as it is pending.
        if "concurrently" in one.up.text.lower() and (wrong := state.unrunnable([one])):
            raise ConfigError("\n".join(each.text for each in wrong))
    return found


def given(**wish: Any) -> dict[str, Any]:
    """What the verbs of a schema are given; `accept` is a list with commas, as it is typed."""
    accept = str(wish.pop("accept", "")).replace(",", " ").split()
    return {"migrations": texts(), "by": lease.owner(), "accept": accept, **wish}


def versions(plan: Mapping[str, Any]) -> list[str]:
    """Name what a plan would run, so that nothing else is run when it is agreed to."""
    return [str(each["version"]) for each in plan["pending"]]


def newest(status: Mapping[str, Any], steps: int) -> list[dict[str, Any]]:
    """Choose what a roll back of so many steps takes back, newest first."""
    applied = [each for each in status["migrations"] if each["applied"]]
    return applied[::-1][: max(0, steps)]


def demand_runnable(plan: Mapping[str, Any]) -> None:
    """Raise Refused where something that was shown is in the way."""
    if count := len(plan["problems"]):
        many = "these are" if count > 1 else "this is"
        raise Refused(f"nothing would run, for {many} in the way: see above")


def check(status: Mapping[str, Any]) -> None:
    """Raise DifferenceFound unless all is applied and nothing is wrong."""
    if status["pending"] or status["problems"]:
        raise DifferenceFound(str(status["summary"]))


def write(text: str, path: Path = WRITTEN) -> bool:
    """Write the schema's file; say whether that changed it."""
    try:
        if path.is_file() and path.read_text(encoding="utf-8") == text:
            return False
        path.write_text(text, encoding="utf-8", newline="\n")
    except OSError as error:
        raise SlipwayError(f"{path.name} was not written: {error.strerror}") from None
    return True


def _text(path: Path) -> str:
    try:
        return path.read_bytes().decode()
    except UnicodeDecodeError as error:
        raise ConfigError(
            f"migrations/{path.name}: byte {error.start + 1} is not UTF-8; save it as UTF-8"
        ) from None
    except OSError as error:
        raise ConfigError(f"migrations/{path.name}: cannot be read: {error.strerror}") from None
