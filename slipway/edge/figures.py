"""What the edges count of requests to services: how many, how many failed, how soon they answered.

Caddy counts whichever colour answers. So an edge writes its counts down each minute, and once more
at a cutover: what lies between two of them tells the colours apart.
"""

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import reduce

from slipway.edge.edges import ASK
from slipway.hosts import parallel
from slipway.hosts.answers import reading
from slipway.hosts.host import Host, script

LINE = re.compile(r"(\w+) caddy_http_(request|response)_\w+\{([^}]*)\} (\S+)")
LABEL = re.compile(r'(\w+)="([^"]*)"')
NONE: Mapping[float, int] = {}


@dataclass(frozen=True)
class Figures:
    """Requests to services, those of them that failed (5xx), and how many answers began within
    so many seconds."""

    requests: int = 0
    errors: int = 0
    within: Mapping[float, int] = field(default_factory=dict)

    def plus(self, other: "Figures", sign: int = 1) -> "Figures":
        """Return what both have counted."""
        bounds = self.within.keys() | other.within.keys()
        within = {b: self.within.get(b, 0) + sign * other.within.get(b, 0) for b in sorted(bounds)}
        errors = self.errors + sign * other.errors
        return Figures(self.requests + sign * other.requests, errors, within)

    def since(self, earlier: "Figures") -> "Figures":
        """Return what was counted after an earlier look; all of it where counting began anew."""
        return self if earlier.requests > self.requests else self.plus(earlier, -1)


@dataclass(frozen=True)
class Counted:
    """What all edges counted in the last minutes before a cutover, and since."""

    before: Figures
    since: Figures


def read(app: str, hosts: Sequence[Host]) -> Counted:
    """Ask every edge. Raises CommandFailed where one does not count."""

    def one(host: Host) -> Counted:
        text = script(host, ASK, app, "edge", "figures", timeout=15).out
        with reading(host.name, "what its edge counted"):
            return parse(text)

    each = parallel.each(hosts, one)
    before = reduce(Figures.plus, (counted.before for counted in each))
    return Counted(before, reduce(Figures.plus, (counted.since for counted in each)))


def parse(text: str) -> Counted:
    """Read what one edge prints: Caddy's metrics, each line after the moment it is of."""
    requests: Counter[str] = Counter()
    errors: Counter[str] = Counter()
    within: dict[str, Counter[float]] = {}
    for when, what, labels, count in LINE.findall(text):
        named = dict(LABEL.findall(labels))
        if what == "response":
            within.setdefault(when, Counter())[float(named["le"])] += int(float(count))
            continue
        requests[when] += int(float(count))
        errors[when] += int(float(count)) if named["code"].startswith("5") else 0

    def at(when: str) -> Figures:
        return Figures(requests[when], errors[when], within.get(when, NONE))

    return Counted(at("before").since(at("start")), at("now").since(at("cutover")))
