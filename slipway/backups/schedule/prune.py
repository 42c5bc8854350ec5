"""Pruning: what the policy does not keep goes, manifest first; what is locked is told and stays."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from slipway.backups.format import catalogue as catalogues
from slipway.backups.format.catalogue import Catalogue
from slipway.backups.format.signature import ANYBODY, Trust
from slipway.backups.schedule import retention
from slipway.backups.schedule.job_results import JobResult
from slipway.backups.schedule.policy import Policy
from slipway.backups.schedule.retention import DatedBackup, Decision
from slipway.progress import Reporter
from slipway.storage.store import DAY, NotListable, Retained, Store

ANY_AGE = 100 * 366 * DAY


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


@dataclass
class Pruning:
    """One pruning of a store; with `plan` the same is decided and nothing removed."""

    store: Store
    policy: Policy
    reporter: Reporter
    now: datetime
    plan: bool = False
    database: str = ""  # whose backups these are; those of others stay
    trust: Trust = ANYBODY
    retained: list[str] = field(default_factory=list)  # what the store keeps locked

    def run(self, results: Sequence[JobResult]) -> PruneResult | None:
        """Remove what the policy does not keep; None where the keys may not list."""
        try:
            catalogue = catalogues.read(self.store, self.trust, now=self.now.timestamp())
        except NotListable as error:
            self.reporter.note(
                f"{error}; nothing was pruned: let the store's own lifecycle rules remove old "
                "backups"
            )
            return None
        catalogue = self._ours(catalogue)
        decision = decide(catalogue, self.policy, results, self.now)
        # A group of its own, so that a forged backup never takes the place of one that is signed.
        apart = replace(catalogue, backups=catalogue.unsigned)
        unsigned = decide(apart, replace(self.policy, stale_after=ANY_AGE), (), self.now)
        if decision.held:
            unsigned = replace(unsigned, drop=())
        for name, why in catalogue.damaged.items():
            self.reporter.note(f"{name} is damaged and stays: {why}")
        backups = {backup.id: backup for backup in (*catalogue.backups, *catalogue.unsigned)}
        removed = [
            backups[name]
            for name in (*decision.drop, *unsigned.drop)
            if self._remove(name, backups[name].keys)
        ]
        leftovers = [entry for entry in catalogue.leftovers if self._remove(entry.key, [entry.key])]
        sizes = [backup.size for backup in removed] + [entry.size for entry in leftovers]
        return PruneResult(
            keep=(*decision.keep, *unsigned.keep),
            removed=tuple(backup.id for backup in removed),
            leftovers=tuple(entry.key for entry in leftovers),
            retained=tuple(self.retained),
            damaged=tuple(catalogue.damaged),
            freed=sum(sizes),
            held=decision.held,
        )

    def _ours(self, catalogue: Catalogue) -> Catalogue:
        """Leave out what is not ours: two projects in one store must not prune each other."""
        both = (*catalogue.backups, *catalogue.unsigned)
        others = {backup.manifest.database for backup in both} - {self.database}
        if not self.database or not others:
            return catalogue
        ours = tuple(b for b in catalogue.backups if b.manifest.database == self.database)
        unsigned = tuple(b for b in catalogue.unsigned if b.manifest.database == self.database)
        count = len(both) - len(ours) - len(unsigned)
        self.reporter.note(
            f"{count} of the backups in {self.store.name} are of {', '.join(sorted(others))} and "
            "stay; if that is another project, give each a BACKUP_STORE of its own"
        )
        return replace(catalogue, backups=ours, unsigned=unsigned)

    def _remove(self, name: str, keys: Sequence[str]) -> bool:
        """Remove a backup or a leftover; whether it is gone, or with `plan` would be."""
        if self.plan:
            return True
        try:
            catalogues.remove(self.store, keys)
        except Retained as error:
            self.retained.append(name)
            self.reporter.note(f"{name} stays: {error}")
            return False
        return True


def decide(
    catalogue: Catalogue, policy: Policy, results: Sequence[JobResult], now: datetime
) -> Decision:
    """Decide what stays, from the catalogue and what became of the last jobs."""
    dated = [
        DatedBackup(backup.id, backup.manifest.at, backup.is_verified)
        for backup in catalogue.backups
    ]
    return retention.decide(
        dated, policy.keep, now, policy.stale_after, _failed(catalogue, results)
    )


def _failed(catalogue: Catalogue, results: Sequence[JobResult]) -> str:
    """Say which of the last runs was no success; a good backup made since settles it."""
    newest = catalogue.backups[0].manifest.at if catalogue.backups else None
    for run in results:
        is_settled = newest is not None and newest >= run.at
        if run.job == "backup" and run.state != "ok" and not is_settled:
            what = "was never finished" if run.state == "running" else f"was {run.state}"
            return f"the last scheduled backup {what} ({run.began})".replace("was failed", "failed")
        if run.job == "drill" and run.state == "failed":
            return f"the last drill failed ({run.began}); old backups may be the only good ones"
    return ""


def counted(items: Sequence[object], noun: str) -> str:
    """Write a number of things: `1 backup`, `2 backups`."""
    return f"{len(items)} {noun}{'s' * (len(items) != 1)}"
