"""What the work on a schema is told by a person's checkout: its migrations, and who asks."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from slipway.cluster import lease
from slipway.environments.environment import Environment
from slipway.errors import ConfigError, DifferenceFound, SlipwayError
from slipway.migrations import files
from slipway.project import COMPOSE

FOLDER = COMPOSE / "migrations"
WRITTEN = COMPOSE / "schema.sql"


def texts(folder: Path = FOLDER) -> dict[str, str]:
    """Read the checkout's migrations, by file name. Raises ConfigError with all that is wrong."""
    paths = [each for each in sorted(folder.glob("*.sql")) if not each.name.startswith(".")]
    found = {path.name: _text(path) for path in paths}
    files.from_texts(found)
    return found


def given(**wish: Any) -> dict[str, Any]:
    """What the verbs of a schema are given; `accept` is a list with commas, as it is typed."""
    accept = str(wish.pop("accept", "")).replace(",", " ").split()
    return {"migrations": texts(), "by": lease.owner(), "accept": accept, **wish}


def versions(plan: Mapping[str, Any]) -> list[str]:
    """Name what a plan would run, so that nothing else is run when it is agreed to."""
    return [str(each["version"]) for each in plan["pending"]]


def needs_a_word(env: Environment | None) -> bool:
    """Whether its name is asked for before the schema is changed by hand."""
    return env is not None and not (env.is_local or env.is_throwaway)


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
