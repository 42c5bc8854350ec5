"""What a service is asked before it serves, as its label `slipway.ready` says it.

/healthz         GET it on the service's port, and take any 2xx
/healthz 204     another status, or several: 200,404 or 200-399
:9000/healthz    another port
tcp              that the port takes a connection; tcp:9000 for another
command: WORDS   that a command ends with 0 in each of its containers
none             nothing but its container's own health check
"""

import re
import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from slipway.edge.questions import WELL, Question

LABEL = "slipway.ready"
USUAL = "/ready"
FORMS = (
    "write a path such as /healthz, with a status such as /healthz 204, or tcp, none, command: …"
)
HTTP = re.compile(r"(?:GET\s+)?(?::(?P<port>\d{1,5}))?(?P<path>/\S*)(?:\s+(?P<statuses>\S.*))?")
TCP = re.compile(r"tcp(?:\s*:(?P<port>\d{1,5}))?")
STATUS = re.compile(r"(?P<first>[1-5])xx|(?P<low>[1-5]\d\d)(?:-(?P<high>[1-5]\d\d))?")
Kind = Literal["http", "tcp", "command", "none"]


@dataclass(frozen=True)
class Readiness:
    """How a service shows that it can serve; port 0 stands for the service's own."""

    kind: Kind
    path: str = ""
    port: int = 0
    statuses: str = ""
    command: tuple[str, ...] = ()

    @property
    def is_asked_by_the_edge(self) -> bool:
        """Whether the edge has to reach it."""
        return self.kind in ("http", "tcp")

    def question(self, service: str, name: str, port: int) -> Question:
        """Return what an edge asks of a service, which is called `name` on the network."""
        where = f"{name}:{self.port or port}"
        address = f"http://{where}{self.path}" if self.kind == "http" else where
        return Question(name, address, self.statuses, advice(service))


def advice(service: str) -> str:
    """Say where it stands what a service is asked."""
    return (
        f"what {service} is asked is the label {LABEL} under services.{service}.deploy.labels in "
        f"compose/compose.yml (/healthz, /healthz 204, tcp, command: …, none; without it {USUAL})"
    )


def of(labels: Mapping[str, Any], *, is_routed: bool) -> Readiness:
    """Return what a service is asked: what its label says, else `/ready` where it has a route.

    Raises ValueError, with a sentence, for a label that says nothing of this.
    """
    text = str(labels.get(LABEL, "")).strip().replace("$$", "$")  # as Compose writes a dollar
    return parse(text) if text else parse(USUAL if is_routed else "none")


def parse(text: str) -> Readiness:
    """Read a label. Raises ValueError with a sentence."""
    if text == "none":
        return Readiness("none")
    word, colon, rest = text.partition(":")
    if colon and word.strip() == "command":
        return Readiness("command", command=_words(rest))
    if match := TCP.fullmatch(text):
        return Readiness("tcp", port=_port(match["port"]))
    if match := HTTP.fullmatch(text):
        statuses = _statuses(match["statuses"]) if match["statuses"] else WELL
        return Readiness("http", match["path"], _port(match["port"]), statuses)
    if "://" in text:
        raise ValueError(f"{text[:60]!a} is a whole address; write its path alone")
    raise ValueError(f"{text[:60]!a} is nothing to ask; {FORMS}")


def _words(text: str) -> tuple[str, ...]:
    try:
        words = tuple(shlex.split(text))
    except ValueError as error:
        raise ValueError(f"{text.strip()[:60]!a} is no command line: {error}") from None
    if not words:
        raise ValueError("command: names none; write it behind, such as command: node ready.js")
    return words


def _port(text: str | None) -> int:
    port = int(text or 0)
    if text and not 0 < port < 1 << 16:
        raise ValueError(f"{text} is no port")
    return port


def _statuses(text: str) -> str:
    """Write statuses as ranges: `204`, `2xx`, `200,404` and `200-399` are taken."""
    ranges = []
    for part in text.replace(",", " ").split():
        match = STATUS.fullmatch(part)
        if match is None:
            raise ValueError(f"{part[:20]!a} is no status; write 204, 200,404, 2xx or 200-399")
        low = match["low"] or f"{match['first']}00"
        high = match["high"] or match["low"] or f"{match['first']}99"
        if high < low:
            raise ValueError(f"{part} ends before it begins")
        ranges.append(f"{low}-{high}")
    return ",".join(ranges)
