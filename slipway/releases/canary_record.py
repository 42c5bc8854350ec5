"""A canary that runs, as the Swarm's own store has it, and what was decided about it.

It stands in one config while it runs, and counts as long as the lease of its deploy is held. What
another terminal decides is one more config, whose name can be taken once: the first word counts.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Literal

from slipway import shell_scripts
from slipway.cluster import lease, ledger
from slipway.cluster.observed import Observed
from slipway.errors import HostError, reason
from slipway.hosts.answers import reading
from slipway.hosts.host import Host, script

BEGIN = shell_scripts.read(__file__, "canary_begin.sh")
END = shell_scripts.read(__file__, "canary_end.sh")
ABSENT = ("not found", "no such config")  # as docker's versions say it
LABELS = ["docker", "config", "inspect", "--format", "{{json .Spec.Labels}}"]

Word = Literal["promote", "abort"]


@dataclass(frozen=True)
class RunningCanary:
    """A share of the visitors, in per cent, that meets a release; times are of the manager's clock,
    in seconds. `until` is when it is decided by itself, at the latest."""

    release: int
    colour: str
    share: int
    since: int
    until: int
    by: str
    commit: str
    token: str

    def describe(self, env: str) -> str:
        """Say who meets what, until when, and what may be typed."""
        began, ends = (f"{datetime.fromtimestamp(at, UTC):%H:%M:%S}" for at in self._times)
        return (
            f"canary: {self.share} % of the visitors meet release {self.release} in {self.colour} "
            f"since {began}, until {ends} UTC, by {self.by}; "
            f"inv deploy --env={env} --promote, or --abort"
        )

    @property
    def began(self) -> str:
        """When it began, as the ledger writes times."""
        return f"{datetime.fromtimestamp(self.since, UTC):%Y-%m-%dT%H:%M:%SZ}"

    @property
    def _times(self) -> tuple[int, int]:
        return self.since, self.until


@dataclass(frozen=True)
class Decision:
    """What somebody in another terminal has decided about a canary."""

    word: Word
    by: str


def begin(manager: Host, app: str, canary: RunningCanary) -> None:
    """Write down that it runs, for `until` seconds from now."""
    words = (canary.token, str(canary.release), canary.colour, str(canary.share))
    script(manager, BEGIN, app, *words, str(canary.until), canary.by, canary.commit, timeout=30)


def end(manager: Host, app: str) -> None:
    """Remove what was written down of it."""
    script(manager, END, app, timeout=30)


def is_recorded(observed: Observed, app: str) -> bool:
    """Whether one is on record, of a deploy that runs or of one that was killed."""
    return _name(app) in observed.configs


def running(manager: Host, observed: Observed, app: str) -> RunningCanary | None:
    """Return the canary of a deploy that still holds its lease; None where there is none."""
    return _alive(manager, app, observed.configs.get(_name(app)))


def read(manager: Host, app: str) -> RunningCanary | None:
    """Like `running`, with nothing observed before."""
    return _alive(manager, app, _labels(manager, _name(app)))


def _alive(manager: Host, app: str, labels: Mapping[str, str] | None) -> RunningCanary | None:
    if labels is None:
        return None
    with reading(manager.name, f"the canary of {app}"):
        canary = _parse(labels)
    holder = lease.holder_of(manager, app)
    return canary if holder and holder.token == canary.token else None


def decide(manager: Host, app: str, token: str, decision: Decision) -> Decision:
    """Write a decision down; return the one that counts, which may be an earlier one."""
    labels = {"slipway.app": app, "slipway.canary": app}
    labels |= {"slipway.decision": decision.word, "slipway.by": decision.by}
    argv = ledger.create(_decision(app, token), labels)
    result = manager.run(argv, stdin=b"-", timeout=20, check=False)
    if (counts := decision_on(manager, app, token)) is None:
        why = reason(result.err or result.out)
        raise HostError(manager.name, f"the decision cannot be written: {why}")
    return counts


def decision_on(manager: Host, app: str, token: str) -> Decision | None:
    """Return what was decided, if anything was."""
    labels = _labels(manager, _decision(app, token))
    if labels is None:
        return None
    is_promoted = labels.get("slipway.decision") == "promote"
    return Decision("promote" if is_promoted else "abort", labels.get("slipway.by", "somebody"))


def _parse(labels: Mapping[str, str]) -> RunningCanary:
    release, share, since, until = (
        int(labels[f"slipway.{name}"]) for name in ("release", "share", "since", "until")
    )
    colour, by, commit, token = (
        labels[f"slipway.{name}"] for name in ("colour", "by", "commit", "token")
    )
    return RunningCanary(release, colour, share, since, until, by, commit, token)


def _labels(manager: Host, name: str) -> dict[str, str] | None:
    """Read the labels of a config; None where there is none. Raises CommandFailed."""
    result = manager.run([*LABELS, name], timeout=20, check=False)
    if result.code != 0:
        if any(words in result.err.lower() for words in ABSENT):
            return None
        result.check()
    with reading(manager.name, f"the config {name}"):
        return dict(json.loads(result.out))


def _name(app: str) -> str:
    return f"{app}.canary"


def _decision(app: str, token: str) -> str:
    return f"{app}.canary.{token}"
