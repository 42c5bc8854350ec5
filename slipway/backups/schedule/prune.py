"""Pruning: what the policy does not keep goes, manifest first; what is locked is told and stays."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from slipway.backups.format import catalogue
from slipway.backups.format.catalogue import Backup, Catalogue
from slipway.backups.schedule import retention
from slipway.backups.schedule.job_results import JobResult
from slipway.backups.schedule.policy import Policy
from slipway.backups.schedule.retention import DatedBackup, Decision
from slipway.progress import Reporter
from slipway.storage.store import NotListable, Retained, Store, StoredObject


@dataclass(frozen=True)
class PruneResult:
    """What was removed, or would be: `keep` pairs a backup with its reasons."""

    keep: tuple[tuple[str, str], ...]
    removed: tuple[str, ...]
    leftovers: tuple[str, ...]
    retained: tuple[str, ...]
    damaged: tuple[str, ...]
    freed: int
    held: str

    def summary(self, plan: bool) -> str:
        """Say it in one line."""
        would = "would be " if plan else ""
        parts = [f"{counted(self.removed, 'backup')} {would}removed, {len(self.keep)} kept"]
        if self.held:
            parts = [f"nothing {would}removed: {self.held}; {len(self.keep)} kept"]
        if self.leftovers:
            left = counted(self.leftovers, "leftover")
            parts.append(f"{left} of interrupted backups {would}removed")
        if self.retained:
            parts.append(f"{len(self.retained)} locked by the store and kept")
        if self.damaged:
            parts.append(f"{len(self.damaged)} damaged and left for you to look at")
        return "; ".join(parts)


def prune(
    store: Store,
    policy: Policy,
    runs: Sequence[JobResult],
    *,
    now: datetime,
    plan: bool,
    reporter: Reporter,
    database: str = "",
) -> PruneResult | None:
    """Remove what the policy does not keep; None where the keys may not list.

    With `plan` the same is decided and nothing removed. Backups of another `database` stay.
    """
    try:
        found = catalogue.read(store, now=now.timestamp())
    except NotListable as error:
        reporter.note(
            f"{error}; nothing was pruned: let the store's own lifecycle rules remove old backups"
        )
        return None
    found = _of(database, found, store, reporter)
    decision = decide(found, policy, runs, now)
    for name, why in found.damaged.items():
        reporter.note(f"{name} is damaged and stays: {why}")
    backups = {one.id: one for one in found.backups}
    going = [backups[name] for name in decision.drop]
    removing = _Removing(store, plan, reporter)
    removed = [one for one in going if removing.remove(one.id, one.keys)]
    leftovers = [entry for entry in found.leftovers if removing.remove(entry.key, [entry.key])]
    return _told(decision, removed, leftovers, removing.retained, tuple(found.damaged))


def _of(database: str, found: Catalogue, store: Store, reporter: Reporter) -> Catalogue:
    """Leave out what is not ours: two projects in one store must not prune each other."""
    others = {one.manifest.database for one in found.backups} - {database}
    if not database or not others:
        return found
    ours = tuple(one for one in found.backups if one.manifest.database == database)
    count = len(found.backups) - len(ours)
    reporter.note(
        f"{count} of the backups in {store.name} are of {', '.join(sorted(others))} and stay; if "
        f"that is another project, give each a BACKUP_STORE of its own"
    )
    return replace(found, backups=ours)


def decide(found: Catalogue, policy: Policy, runs: Sequence[JobResult], now: datetime) -> Decision:
    """Decide what stays, from the catalogue and what became of the last jobs."""
    dated = [DatedBackup(one.id, one.manifest.at, one.is_verified) for one in found.backups]
    return retention.decide(dated, policy.keep, now, policy.stale_after, _failed(found, runs))


def _failed(found: Catalogue, runs: Sequence[JobResult]) -> str:
    """Say which of the last runs was no success; a good backup made since settles it."""
    newest = found.backups[0].manifest.at if found.backups else None
    for run in runs:
        is_settled = newest is not None and newest >= run.at
        if run.job == "backup" and run.state != "ok" and not is_settled:
            what = "was never finished" if run.state == "running" else f"was {run.state}"
            return f"the last scheduled backup {what} ({run.began})".replace("was failed", "failed")
        if run.job == "drill" and run.state == "failed":
            return f"the last drill failed ({run.began}); old backups may be the only good ones"
    return ""


class _Removing:
    """Removes object by object, and remembers what the store would not let go."""

    def __init__(self, store: Store, plan: bool, reporter: Reporter) -> None:
        self._store = store
        self._plan = plan
        self._reporter = reporter
        self.retained: list[str] = []

    def remove(self, name: str, keys: Sequence[str]) -> bool:
        if self._plan:
            return True
        try:
            catalogue.remove(self._store, keys)
        except Retained as error:
            self.retained.append(name)
            self._reporter.note(f"{name} stays: {error}")
            return False
        return True


def _told(
    decision: Decision,
    removed: Sequence[Backup],
    leftovers: Sequence[StoredObject],
    retained: Sequence[str],
    damaged: tuple[str, ...],
) -> PruneResult:
    return PruneResult(
        keep=decision.keep,
        removed=tuple(one.id for one in removed),
        leftovers=tuple(entry.key for entry in leftovers),
        retained=tuple(retained),
        damaged=damaged,
        freed=sum(one.size for one in removed) + sum(entry.size for entry in leftovers),
        held=decision.held,
    )


def counted(found: Sequence[object], noun: str) -> str:
    """Write a number of things: `1 backup`, `2 backups`."""
    return f"{len(found)} {noun}{'s' * (len(found) != 1)}"
