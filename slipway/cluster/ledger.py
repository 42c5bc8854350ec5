"""The ledger: releases and what became of them, append-only, in the Swarm's own Raft store.

A release is a Docker config that holds its record; each thing that happens to it is one more
config whose labels tell the event. Configs are as available as the cluster, and immutable.
"""

import contextlib
import datetime
import json
import re
import secrets
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from slipway import errors
from slipway.cluster import engine_api
from slipway.cluster.observed import Observed
from slipway.errors import HostError, SlipwayError
from slipway.hosts.host import Host

Result = Literal["live", "failed"]
EVENTS_KEPT = 100
LONGEST = 500  # of what an event says of itself
STEP = re.compile(r"([a-z_]+)=(\d+\.\d)")
WRITTEN = "slipway.written"  # tells a config of this very command from another's of that name


@dataclass(frozen=True)
class LedgerEntry:
    """One thing that happened to a release."""

    release: int
    result: str
    colour: str
    commit: str
    by: str
    at: str
    reason: str = ""
    seconds: str = ""
    steps: str = ""  # what each step took: "check=0.4 build=0.0"


def entries(observed: Observed, app: str) -> tuple[LedgerEntry, ...]:
    """List all events, oldest first."""
    start = f"{app}.event."
    return tuple(
        LedgerEntry(
            release=_number(name, labels.get("slipway.release", "")),
            **{
                key: labels.get(f"slipway.{key}", "")
                for key in ("result", "colour", "commit", "by", "at", "reason", "seconds", "steps")
            },
        )
        for name, labels in observed.configs.items()
        if name.startswith(start)
    )


def steps_text(seconds: Mapping[str, float]) -> str:
    """Return what each step took, as an event keeps it."""
    return " ".join(f"{name.replace(' ', '_')}={value:.1f}" for name, value in seconds.items())


def step_seconds(event: LedgerEntry) -> dict[str, float]:
    """Read what each step took; nothing of an event from before this was recorded."""
    return {name.replace("_", " "): float(value) for name, value in STEP.findall(event.steps)}


def live(events: tuple[LedgerEntry, ...]) -> LedgerEntry | None:
    """Return the event that made the serving release live, or None before the first."""
    return next((event for event in reversed(events) if event.result == "live"), None)


def previous(events: tuple[LedgerEntry, ...]) -> LedgerEntry | None:
    """Return the last event that made another release live than the one that serves now."""
    now = live(events)
    if now is None:
        return None
    older = (e for e in reversed(events) if e.result == "live" and e.release < now.release)
    return next(older, None)


def numbers(observed: Observed, app: str) -> list[int]:
    """List the releases that are on record."""
    start = f"{app}.release."
    return sorted(
        _number(name, name.removeprefix(start))
        for name in observed.configs
        if name.startswith(start)
    )


def record(manager: Host, app: str, number: int, document: str, facts: Mapping[str, str]) -> None:
    """Put a release on record; `facts` are labels that can be read without the document."""
    labels = {"slipway.app": app, "slipway.release": str(number)}
    labels |= {f"slipway.{name}": value for name, value in facts.items()}
    _create(manager, _release(app, number), labels, document)


def read(manager: Host, app: str, number: int) -> str:
    """Read the record of a release. Raises CommandFailed when it is not there."""
    with contextlib.suppress(*engine_api.FAILURES), engine_api.dialled(manager) as api:
        return api.config(_release(app, number)).decode()
    form = '{{printf "%s" .Spec.Data}}'
    argv = ["docker", "config", "inspect", "--format", form, _release(app, number)]
    return manager.run(argv, timeout=20).out.removesuffix("\n")


def read_all(manager: Host, app: str, numbers: Sequence[int]) -> dict[int, str]:
    """Read the records of several releases at once; one that is gone meanwhile is left out."""
    if not numbers:
        return {}
    form = '{{.Spec.Labels | json}} {{printf "%s" .Spec.Data}}'
    argv = ["docker", "config", "inspect", "--format", form]
    argv += [_release(app, number) for number in numbers]
    result = manager.run(argv, timeout=30, check=False)
    texts = {}
    for line in result.out.splitlines():
        labels, end = json.JSONDecoder().raw_decode(line)
        texts[int(labels["slipway.release"])] = line[end:].strip()
    return texts


def holds(observed: Observed, app: str) -> dict[int, str]:
    """Map each release that a person keeps from pruning to the reason."""
    start = f"{app}.hold."
    return {
        _number(name, name.removeprefix(start)): labels.get("slipway.reason", "")
        for name, labels in observed.configs.items()
        if name.startswith(start)
    }


def hold(manager: Host, app: str, number: int, reason: str, by: str) -> None:
    """Keep a release from pruning."""
    labels = {"slipway.app": app, "slipway.reason": reason[:LONGEST], "slipway.by": by}
    _create(manager, f"{app}.hold.{number:05d}", labels, "-")


def release_hold(manager: Host, app: str, number: int) -> None:
    """Let a release be pruned again."""
    manager.run(["docker", "config", "rm", f"{app}.hold.{number:05d}"], timeout=20)


def fact(observed: Observed, app: str, number: int, name: str) -> str:
    """Return a label of a release's record, nothing where there is none."""
    return observed.configs.get(_release(app, number), {}).get(f"slipway.{name}", "")


def another_database(observed: Observed, app: str) -> str:
    """Say where operations differ from the serving release about the database; nothing if not.

    Releases from before this was recorded say nothing.
    """
    entry = live(entries(observed, app))
    recorded = fact(observed, app, entry.release, "database") if entry else ""
    for service in observed.services:
        is_off = service.role in ("ops", "schedule") and service.database not in ("", recorded)
        if entry and recorded and is_off:
            return f"{service.database}, and release {entry.release} serves from {recorded}"
    return ""


def append(manager: Host, app: str, entry: LedgerEntry) -> None:
    """Write down what happened to a release."""
    stamp = datetime.datetime.now(datetime.UTC).strftime("%Y%m%dT%H%M%S%f")
    labels = {"slipway.app": app} | {
        f"slipway.{key}": str(value)[:LONGEST] for key, value in vars(entry).items() if value != ""
    }
    _create(manager, f"{app}.event.{stamp}", labels, "-")


def _create(manager: Host, name: str, labels: Mapping[str, str], text: str) -> None:
    """Make a config, once: a manager may be lost after it had made it."""
    token = secrets.token_hex(8)
    labels = {**labels, WRITTEN: token}
    with contextlib.suppress(*engine_api.FAILURES), engine_api.dialled(manager) as api:
        api.create_config(name, labels, text.encode())
        return
    argv = create(name, labels)
    result = manager.run(argv, stdin=text.encode(), timeout=20, check=False)
    if result.code != 0:
        form = f'{{{{index .Spec.Labels "{WRITTEN}"}}}}'
        there = ["docker", "config", "inspect", "--format", form, name]
        if manager.run(there, timeout=20, check=False).out.strip() != token:
            why = errors.reason(result.err or result.out)
            raise HostError(manager.name, f"the ledger cannot be written, at {name}: {why}")


def create(name: str, labels: Mapping[str, str]) -> list[str]:
    """Return the command that makes a config of its input."""
    argv = ["docker", "config", "create"]
    for key, value in labels.items():
        argv += ["--label", f"{key}={value}"]
    return [*argv, name, "-"]


def kept(observed: Observed, app: str, keep: int) -> set[str]:
    """Name the records to keep: the serving release, the `keep` that were live before it, and
    those that a person holds.

    Events outlive records, so a record may be gone that a larger `keep` would keep.
    """
    names: list[str] = []
    for event in reversed(entries(observed, app)):
        name = _release(app, event.release)
        if event.result == "live" and name in observed.configs and name not in names:
            names.append(name)
    return {*names[: keep + 1], *(_release(app, number) for number in holds(observed, app))}


def obsolete(observed: Observed, app: str, keep: int) -> list[str]:
    """Name the configs that pruning may remove: other records, old events, routes not in use."""
    stays = kept(observed, app, keep)
    records = [name for name in observed.configs if name.startswith(f"{app}.release.")]
    events = [name for name in observed.configs if name.startswith(f"{app}.event.")]
    routes = [name for name in observed.configs if name.startswith(f"{app}.routes.")]
    # The Swarm refuses to remove a config that a service uses, so naming all routes is safe.
    return sorted(set(records) - stays) + events[:-EVENTS_KEPT] + routes


def needed(observed: Observed, records: Iterable[str], what: str) -> set[str]:
    """Collect the image tags (`tags`) or secrets (`secrets`) that records name."""
    labels = (observed.configs[name].get(f"slipway.{what}", "") for name in records)
    return {name for text in labels for name in text.split()}


def versions(observed: Observed, app: str, number: int) -> set[str]:
    """Name the secrets that a release on record had, each by the version of its value."""
    return needed(observed, [_release(app, number)], "secrets")


def _number(name: str, text: str) -> int:
    """Read the number of a release. Raises SlipwayError for what is none."""
    if not re.fullmatch(r"[0-9]{1,9}", text):
        raise SlipwayError(
            f"the config {name[:80]!a} of the Swarm is no record of a release ({text[:20]!a} is "
            "no number), and was not made by Slipway; look at it, then: docker config rm"
        )
    return int(text)


def _release(app: str, number: int) -> str:
    return f"{app}.release.{number:05d}"
