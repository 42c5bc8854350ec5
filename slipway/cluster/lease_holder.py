"""Who holds a lease, as the manager's store says."""

import json
from dataclasses import dataclass

from slipway.cluster import process


@dataclass(frozen=True)
class LeaseHolder:
    """The holder of a lease; ages are in seconds of its clock."""

    id: str
    owner: str
    reason: str
    age: int
    silence: int
    process: str = ""
    is_held: bool = False  # by a person, until somebody releases it
    token: str = ""  # what tells this lease from every other one

    def is_gone(self, expiry: float) -> bool:
        """Whether nobody holds it any more: silent for too long, or ended on this computer."""
        return not self.is_held and (self.silence > expiry or process.is_dead(self.process))

    def describe(self, app: str) -> str:
        """Say why nobody else can change the environment now."""
        if self.is_held:
            return f"{app} is held by {self.owner} ({self.reason}, for {age(self.age)})"
        return f"{app} is being changed by {self.owner} ({self.reason}, for {self.age} s)"


def parse(lines: list[str]) -> LeaseHolder | None:
    """Read the holder from what READ prints: the clock, the lease as JSON, the beats."""
    now = int(lines[0])
    if len(lines) < 2 or not lines[1].startswith("{"):
        return None
    document = json.loads(lines[1])
    labels = document["Spec"]["Labels"]
    start = int(labels["slipway.at"])
    mine = [name for name in lines[2:] if f".beat.{labels['slipway.token']}." in name]
    last = max([start, *(int(name.rpartition(".")[2]) for name in mine)])
    owner, reason = str(labels["slipway.owner"]), str(labels["slipway.reason"])
    named = str(labels.get("slipway.process", ""))
    is_held, token = labels.get("slipway.held") == "yes", str(labels["slipway.token"])
    ages = now - start, now - last
    return LeaseHolder(str(document["ID"]), owner, reason, *ages, named, is_held, token)


def age(seconds: int) -> str:
    """Return how long something lasts, in the largest unit that tells."""
    for size, unit in ((86400, "days"), (3600, "h"), (60, "min")):
        if seconds >= 2 * size:
            return f"{seconds // size} {unit}"
    return f"{seconds} s"
