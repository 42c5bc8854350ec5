"""Who has left, with which keys, and which values they could read: secrets/departures.yml.

It holds names, public keys and sums of ciphertext, and so nothing that git does not have anyway.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from pathlib import Path
from typing import Any

from slipway import whole_file
from slipway.errors import UNREADABLE, ConfigError
from slipway.project import ROOT
from slipway.team.rotation import Snapshot
from slipway.yaml_file import read_yaml

NAME = "secrets/departures.yml"
HEAD = """\
# Who has left, and which values they could read; kept by `inv team.remove`. `inv team.check` is red
# until each has another one, known by sums of ciphertext. An entry may go after that.
"""


@dataclass(frozen=True)
class Exposure:
    """What somebody could read of one environment, as its file was when they were taken out."""

    snapshot: Snapshot | None = None  # None until the file has another data key
    pending: tuple[str, ...] = ()
    swarm: bool = False  # whether its join tokens and certificates were changed since


@dataclass(frozen=True)
class Departure:
    """Somebody who has left."""

    name: str
    left: date
    age: str = ""
    ssh: tuple[str, ...] = ()
    environments: Mapping[str, Exposure] = field(default_factory=dict)

    def with_exposure(self, env: str, exposure: Exposure) -> "Departure":
        """Return the departure with another state of one environment."""
        return replace(self, environments={**self.environments, env: exposure})


def file_in(root: Path = ROOT) -> Path:
    """Return where a project keeps it."""
    return root / NAME


def read(root: Path = ROOT) -> dict[str, Departure]:
    """Read who has left, by name; nobody where there is no file. Raises ConfigError."""
    try:
        document = read_yaml(file_in(root), NAME) or {}
    except FileNotFoundError:
        return {}
    try:
        return {str(name): _departure(str(name), entry) for name, entry in document.items()}
    except UNREADABLE:
        raise ConfigError(
            f"{NAME} is not as `inv team.remove` writes it; take it back from git: "
            f"git checkout -- {NAME}"
        ) from None


def write(departures: Mapping[str, Departure], root: Path = ROOT) -> None:
    """Put the file in place, in one move."""
    import yaml

    document = {name: _entry(each) for name, each in departures.items()}
    text = yaml.safe_dump(document, sort_keys=False, allow_unicode=True, width=10_000)
    path = file_in(root)
    path.parent.mkdir(exist_ok=True)
    whole_file.write(path, HEAD + text)


def put(departure: Departure, root: Path = ROOT) -> None:
    """Enter somebody, in place of what was known before."""
    write(read(root) | {departure.name: departure}, root)


def _departure(name: str, entry: Mapping[str, Any]) -> Departure:
    environments = {
        str(env): _exposure(each) for env, each in (entry.get("environments") or {}).items()
    }
    left = entry["left"]
    if not isinstance(left, date):
        raise TypeError
    ssh = tuple(str(key) for key in entry.get("ssh") or ())
    return Departure(name, left, str(entry.get("age") or ""), ssh, environments)


def _exposure(entry: Mapping[str, Any]) -> Exposure:
    values = entry.get("values")
    known = {str(name): str(text) for name, text in values.items()} if values is not None else {}
    snapshot = Snapshot(str(entry["key"]), known) if values is not None else None
    pending: Sequence[Any] = entry.get("pending") or ()
    return Exposure(snapshot, tuple(map(str, pending)), bool(entry.get("swarm")))


def _entry(departure: Departure) -> dict[str, Any]:
    entry: dict[str, Any] = {"left": departure.left}
    if departure.age:
        entry["age"] = departure.age
    if departure.ssh:
        entry["ssh"] = list(departure.ssh)
    entry["environments"] = {env: _exposed(each) for env, each in departure.environments.items()}
    return entry


def _exposed(exposure: Exposure) -> dict[str, Any]:
    entry: dict[str, Any] = {"swarm": exposure.swarm}
    if exposure.snapshot is not None:
        entry |= {
            "key": exposure.snapshot.key,
            "pending": list(exposure.pending),
            "values": dict(exposure.snapshot.values),
        }
    return entry
