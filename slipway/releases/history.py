"""What happened to a release, written into the ledger."""

import time

from slipway.cluster import ledger
from slipway.cluster.observed import Observed
from slipway.hosts.host import Host
from slipway.releases.release import Release


def live(
    manager: Host, observed: Observed, app: str, release: Release, colour: str, seconds: float
) -> None:
    """Write down that a release serves, and its record where there is none yet."""
    if release.number not in ledger.numbers(observed, app):
        tags, secrets = release.tags.values(), release.secrets.values()
        ledger.record(manager, app, release.number, release.to_json(), tags, secrets)
    ledger.append(manager, app, _entry(release, colour, "live", seconds))


def failed(
    manager: Host, app: str, release: Release, colour: str, seconds: float, reason: str
) -> None:
    """Write down that a release did not make it, and why in one line."""
    first = (reason.splitlines() or [""])[0]
    ledger.append(manager, app, _entry(release, colour, "failed", seconds, first))


def _entry(
    release: Release, colour: str, result: ledger.Result, seconds: float, reason: str = ""
) -> ledger.LedgerEntry:
    return ledger.LedgerEntry(
        release=release.number,
        result=result,
        colour=colour,
        commit=release.commit,
        by=release.by,
        at=time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        reason=reason,
        seconds=f"{seconds:.1f}",
    )
