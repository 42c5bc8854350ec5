"""What the edges count of requests to services: how many, how many failed, how soon they answered.

Caddy counts whichever colour answers. So an edge writes its counts down each minute, and once more
at a cutover: what lies between two of them tells the colours apart. While a canary runs both
answer, and the handler that a request has passed tells them apart (canary.py).
"""

import contextlib
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import reduce
from typing import TypeVar

from slipway.edge import canary
from slipway.edge.edges import ASK, INSIDE
from slipway.errors import HostError, SlipwayError
from slipway.hosts import parallel
from slipway.hosts.answers import reading
from slipway.hosts.host import SECONDS, Dialogue, Host, script

LINE = re.compile(r"(\w+) caddy_http_(request|response)_\w+\{([^}]*)\} (\S+)")
END = "that is all"
REPEAT = 'while read -r _; do edge figures; echo "$1"; done'  # inside the edge's container
PATIENCE = 15 * SECONDS
LABEL = re.compile(r'(\w+)="([^"]*)"')

T = TypeVar("T")


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


@dataclass(frozen=True)
class BothColours:
    """What was counted of the release that serves, and of its canary."""

    serving: Figures = Figures()
    canary: Figures = Figures()

    def plus(self, other: "BothColours") -> "BothColours":
        """Return what both have counted."""
        return BothColours(self.serving.plus(other.serving), self.canary.plus(other.canary))

    def since(self, earlier: "BothColours") -> "BothColours":
        """Return what was counted after an earlier look."""
        return BothColours(self.serving.since(earlier.serving), self.canary.since(earlier.canary))


def read(app: str, hosts: Sequence[Host]) -> Counted:
    """Ask every edge. Raises CommandFailed where one does not count."""
    return _sum(_ask(app, hosts, parse))


@contextlib.contextmanager
def reader(app: str, hosts: Sequence[Host]) -> Iterator[Callable[[], Counted]]:
    """Give what asks every edge again and again, by a command on each machine that is kept for the
    block. Where one breaks, as when an edge is replaced, that look is a `read`."""
    with contextlib.ExitStack() as block:
        dialogues: dict[str, Dialogue] = {}
        argv = ["sh", "-euc", INSIDE, "sh", app, "edge", REPEAT, END]

        def one(host: Host) -> Counted:
            if host.name not in dialogues:
                dialogue = block.enter_context(host.dial(argv, timeout=PATIENCE))
                dialogues[host.name] = dialogue
            text = _answer(dialogues[host.name], host.name)
            with reading(host.name, "what its edge counted"):
                return parse(text)

        def ask() -> Counted:
            try:
                return _sum(parallel.each(hosts, one))
            except SlipwayError:
                return read(app, hosts)

        yield ask


def _answer(dialogue: Dialogue, host: str) -> str:
    """Ask once. Raises HostError where the command has ended, or does not answer."""
    answer = b""
    try:
        dialogue.write(b"\n")
        while not answer.endswith(f"{END}\n".encode()):
            data = dialogue.read(64 << 10)
            if not data:
                raise EOFError("it has ended")
            answer += data
    except (OSError, EOFError) as error:
        raise HostError(host, f"its edge does not say what it counted: {error}") from error
    return answer.decode(errors="replace")


def _sum(every: Sequence[Counted]) -> Counted:
    before = reduce(Figures.plus, (counted.before for counted in every))
    return Counted(before, reduce(Figures.plus, (counted.since for counted in every)))


def read_colours(app: str, hosts: Sequence[Host]) -> dict[str, BothColours]:
    """Ask every edge for what it has counted of each colour; by the name of its machine."""
    names = [host.name for host in hosts]
    return dict(zip(names, _ask(app, hosts, parse_colours), strict=True))


def since_then(now: Mapping[str, BothColours], earlier: Mapping[str, BothColours]) -> BothColours:
    """Return what all edges counted after an earlier look; one that began anew counts in full."""
    each = (counted.since(earlier.get(name, BothColours())) for name, counted in now.items())
    return reduce(BothColours.plus, each, BothColours())


def _ask(app: str, hosts: Sequence[Host], parse: Callable[[str], T]) -> list[T]:
    def one(host: Host) -> T:
        text = script(host, ASK, app, "edge", "figures", timeout=15).out
        with reading(host.name, "what its edge counted"):
            return parse(text)

    return parallel.each(hosts, one)


def parse(text: str) -> Counted:
    """Read what one edge prints of all requests to services, before a cutover and since."""
    counts = _count(text)

    def at(when: str) -> Figures:
        return reduce(Figures.plus, (f for key, f in counts.items() if key[0] == when), Figures())

    return Counted(at("before").since(at("start")), at("now").since(at("cutover")))


def parse_colours(text: str) -> BothColours:
    """Read what one edge prints of each colour until now."""
    counts = _count(text)
    return BothColours(*(counts.get(("now", is_canary), Figures()) for is_canary in (False, True)))


def _count(text: str) -> dict[tuple[str, bool], Figures]:
    """Sum up Caddy's metrics, each line after the moment it is of: by that, and whether of a
    canary."""
    counts: dict[tuple[str, bool], Figures] = {}
    for when, what, labels, text_count in LINE.findall(text):
        named, count = dict(LABEL.findall(labels)), int(float(text_count))
        if what == "response":
            counted = Figures(within={float(named["le"]): count})
        else:
            counted = Figures(count, count if named["code"].startswith("5") else 0)
        key = when, named.get("handler") == canary.MARKS[canary.CANARY]["handler"]
        counts[key] = counts.get(key, Figures()).plus(counted)
    return counts
