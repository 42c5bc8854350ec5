"""Releases and what happened to them, as the ledger keeps them."""

import json
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from statistics import median

from slipway.agent import version
from slipway.cluster import ledger
from slipway.cluster.ledger import LedgerEntry
from slipway.cluster.observed import Observed
from slipway.hosts.answers import reading
from slipway.hosts.host import Host
from slipway.releases.release import Release

LOOKED_AT = 5  # deploys, to tell how long the next one takes


def read(manager: Host, observed: Observed, app: str, number: int) -> Release:
    """Read a release as it was recorded. Raises CommandFailed when it is not there.

    Operations of another version of Slipway would not understand this one, so they keep the image
    that runs, where that one does.
    """
    text = ledger.read(manager, app, number)
    with reading(manager.name, f"the record of release {number}"):
        settings = json.loads(ledger.fact(observed, app, number, "settings") or "{}")
        release = replace(Release.from_json(text), settings=dict(settings))
    if ledger.fact(observed, app, number, "agent") == version.digest():
        return release
    usable = {
        ledger.fact(observed, app, each, "operations")
        for each in ledger.numbers(observed, app)
        if ledger.fact(observed, app, each, "agent") == version.digest()
    }
    running = (service.image for service in observed.services if service.role == "ops")
    image = next((image for image in running if image in usable), "")
    return release.with_operations(image) if image else release


def serving(manager: Host, observed: Observed, app: str) -> Release | None:
    """Read the release that serves; None before the first."""
    entry = ledger.live(ledger.entries(observed, app))
    return read(manager, observed, app, entry.release) if entry else None


def expected(events: Sequence[LedgerEntry]) -> dict[str, float]:
    """Return the seconds that each step of the last deploys took, in the middle of them."""
    timed = [ledger.step_seconds(event) for event in events if event.result == "live"]
    deploys = [seconds for seconds in timed if "ship" in seconds][-LOOKED_AT:]  # or it went back
    names = dict.fromkeys(name for seconds in deploys for name in seconds)
    return {name: median(s[name] for s in deploys if name in s) for name in names}


@dataclass(frozen=True)
class Timing:
    """What a change took, in seconds, and each of its steps; how its canary went, if it had one."""

    total: float
    steps: Mapping[str, float] = field(default_factory=dict)
    canary: str = ""


def live(
    manager: Host, observed: Observed, app: str, release: Release, colour: str, timing: Timing
) -> None:
    """Write down that a release serves, and its record where there is none yet."""
    if release.number not in ledger.numbers(observed, app):
        operations = release.operations
        facts = {
            "tags": " ".join(sorted(release.tags.values())),
            "secrets": " ".join(sorted(release.secrets.values())),
            "database": release.database,
            "agent": version.digest(),
            "operations": release.images[operations.name] if operations else "",
            "settings": json.dumps(dict(release.settings), sort_keys=True),
        }
        ledger.record(manager, app, release.number, release.to_json(), facts)
    entry = _entry(release, colour, "live", timing.total, timing.canary)
    ledger.append(manager, app, replace(entry, steps=ledger.steps_text(timing.steps)))


def failed(
    manager: Host, app: str, release: Release, colour: str, seconds: float, reason: str
) -> None:
    """Write down that a release did not make it, and why in one line."""
    lines = [line.strip() for line in reason.splitlines()] or [""]
    first = " ".join(lines[:2]) if lines[0].endswith(":") else lines[0]
    ledger.append(manager, app, _entry(release, colour, "failed", seconds, first))


def _entry(
    release: Release, colour: str, result: ledger.Result, seconds: float, reason: str = ""
) -> LedgerEntry:
    return LedgerEntry(
        release=release.number,
        result=result,
        colour=colour,
        commit=release.commit,
        by=release.by,
        at=time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        reason=reason,
        seconds=f"{seconds:.1f}",
    )
