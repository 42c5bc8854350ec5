"""The releases of an environment as people ask for them: listed, shown, compared, kept."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from slipway.cluster import ledger
from slipway.cluster.ledger import LedgerEntry
from slipway.cluster.observed import Observed, observe
from slipway.environments.environment import Environment
from slipway.errors import UNREADABLE, Refused
from slipway.machines import connect
from slipway.machines.connect import Cluster
from slipway.releases import canary_record, changes, commit_range, warm
from slipway.releases.canary_record import RunningCanary
from slipway.releases.changes import Change
from slipway.releases.commit_range import CommitRange
from slipway.releases.release import Release


@dataclass(frozen=True)
class Listed:
    """One release in a list. `state` is live, canary (a share of the visitors meets it), warm (it
    runs still), ready (it can be returned to), gone, or failed."""

    release: int
    state: str
    at: str
    by: str
    commit: str
    seconds: str
    held: str
    changed: str


@dataclass(frozen=True)
class Shown:
    """All that is on record of one release, and what became of it, oldest first."""

    release: Release
    state: str
    held: str
    events: Sequence[LedgerEntry]
    changes: Sequence[Change]  # against the release that served before it


@dataclass(frozen=True)
class Compared:
    """What another release has that one has not."""

    before: int
    after: int
    changes: Sequence[Change]
    commits: CommitRange


class Register:
    """What the Swarm has on record of an environment."""

    def __init__(self, env: Environment, cluster: Cluster, observed: Observed) -> None:
        self._manager = cluster.manager
        self._app = env.prefix
        self._name = env.name
        self._observed = observed
        self.events = ledger.entries(observed, env.prefix)
        self.numbers = ledger.numbers(observed, env.prefix)
        self.live = ledger.live(self.events)
        self.holds = ledger.holds(observed, env.prefix)
        self.warm = warm.of(observed, env.prefix)
        self.canary = canary_record.running(cluster.manager, observed, env.prefix)

    def rows(self) -> list[Listed]:
        """List the releases, newest first."""
        records = self._records(self.numbers)
        listed = [_of_canary(self.canary)] if self.canary else []
        for number in sorted({event.release for event in self.events}, reverse=True):
            events = [event for event in self.events if event.release == number]
            event = events[-1]
            is_live = any(one.result == "live" for one in events)
            listed.append(
                Listed(
                    release=number,
                    state=self._state(number, is_live=is_live),
                    at=event.at,
                    by=event.by,
                    commit=event.commit,
                    seconds=event.seconds,
                    held=self.holds.get(number, ""),
                    changed=self._story(number, records, events) if is_live else event.reason,
                )
            )
        return listed

    def show(self, number: int) -> Shown:
        """Read one release. Raises Refused when it is not on record."""
        number = number or (self.live.release if self.live else 0)
        self.demand(number)
        before = self._before(number)
        records = self._records([each for each in (number, before) if each])
        return Shown(
            release=records[number],
            state=self._state(number, is_live=True),
            held=self.holds.get(number, ""),
            events=[event for event in self.events if event.release == number],
            changes=changes.between(records.get(before), records[number]),
        )

    def compare(self, before: int, after: int) -> Compared:
        """Compare two releases: by default the one that served before with the one that serves.

        Raises Refused where one is not on record.
        """
        after = after or (self.live.release if self.live else 0)
        before = before or self._before(after)
        for number in (after, before):
            self.demand(number)
        records = self._records([before, after])
        old, new = records[before], records[after]
        commits = commit_range.read(old.commit, new.commit)
        return Compared(before, after, changes.between(old, new), commits)

    def demand(self, number: int) -> None:
        """Raise Refused unless a release is on record."""
        if number in self.numbers:
            return
        if not self.numbers:
            raise Refused(f"{self._name} has no release on record yet; to make one: inv deploy")
        names = ", ".join(map(str, self.numbers))
        which = f"release {number}" if number else "earlier release"
        raise Refused(f"{self._name} has no {which} on record; there are {names}")

    def hold(self, number: int, reason: str, by: str) -> str:
        """Keep a release from pruning until that is released."""
        self.demand(number)
        if number in self.holds:
            return f"release {number} is held already ({self.holds[number]})"
        ledger.hold(self._manager, self._app, number, reason, by)
        return f"release {number} is held: no deploy prunes it, its images or its secrets"

    def release(self, number: int) -> str:
        """Let a release be pruned again."""
        if number not in self.holds:
            return f"release {number} is not held"
        ledger.release_hold(self._manager, self._app, number)
        return f"release {number} is no longer held; deploys prune it when its turn comes"

    def _state(self, number: int, *, is_live: bool) -> str:
        if self.live and self.live.release == number:
            return "live"
        if not is_live:
            return "failed"
        if number not in self.numbers:
            return "gone"
        return "warm" if self.warm and self.warm.release == number else "ready"

    def _before(self, number: int) -> int:
        """Return the release that served before one did first; 0 where none is on record."""
        served = [event.release for event in self.events if event.result == "live"]
        earlier = served[: served.index(number)] if number in served else served
        return next((one for one in reversed(earlier) if one in self.numbers and one != number), 0)

    def _story(
        self, number: int, records: Mapping[int, Release], events: Sequence[LedgerEntry]
    ) -> str:
        """Say what it changed, and how its canary went where it had one."""
        reasons = [event.reason for event in events if event.result == "live"]
        return "; ".join(filter(None, [self._changed(number, records), *reasons]))

    def _changed(self, number: int, records: Mapping[int, Release]) -> str:
        before = self._before(number)
        if number not in records:
            return ""
        if before not in records:
            is_first = number == min((event.release for event in self.events), default=0)
            return "first release" if is_first else ""
        return "; ".join(changes.sentences(changes.between(records[before], records[number])))

    def _records(self, numbers: Sequence[int]) -> dict[int, Release]:
        """Read records in one round trip; one that cannot be read is left out."""
        texts = ledger.read_all(self._manager, self._app, numbers)
        records = {}
        for number, text in texts.items():
            try:
                records[number] = Release.from_json(text)
            except UNREADABLE:
                continue
        return records


def _of_canary(canary: RunningCanary) -> Listed:
    changed = f"{canary.share} % of the visitors meet it in {canary.colour}"
    ident = (canary.release, "canary", canary.began, canary.by, canary.commit)
    return Listed(*ident, seconds="", held="", changed=changed)


@contextmanager
def opened(env: Environment) -> Iterator[Register]:
    """Read what is on record, from whichever machines answer."""
    with connect.connected(env, lenient=True) as cluster:
        yield Register(env, cluster, observe(cluster.manager, env.prefix))
