"""The edges of all machines: told their routes, asked what they serve and what is still open."""

import hashlib
import json
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from slipway import shell_scripts
from slipway.errors import HostError, SlipwayError, last_line
from slipway.hosts import parallel
from slipway.hosts.answers import reading
from slipway.hosts.host import CommandResult, Host
from slipway.progress import SILENT, Lane, Reporter

BESIDE = "edge-trial"  # the service that stands in for edges which are replaced
FIND = (
    'c=$(docker ps -q --filter "label=slipway.app=$1" --filter "label=slipway.service=$2" '
    "--filter status=running | head -n 1); "
    '[ -n "$c" ] || { echo "no edge runs here" >&2; exit 9; }; shift 2; '
)
ASK = FIND + 'exec docker exec "$c" edge "$@"'
TELL = FIND + 'exec docker exec -i "$c" edge "$@"'
INSIDE = FIND + 'text=$1; shift; exec docker exec -i "$c" sh -euc "$text" sh "$@"'
FLIGHT = shell_scripts.read(__file__, "edges_flight.sh")
LOOK = 'edge which; [ $# -eq 0 ] && echo 0 || edge inflight "$@"'
POLL = 0.2
LONGEST_LOOK = 10.0  # seconds that an edge waits for its requests before it says how many there are
COLOUR = "{{file./tmp/colour.{}}}"  # Caddy reads it again for each request
COLOURS: Mapping[str, str] = {"blue": "green", "green": "blue"}


def other(colour: str) -> str:
    """Name the colour that does not serve where `colour` does; of a placeholder, its neighbour."""
    return COLOURS.get(colour) or colour.replace("/tmp/colour.", "/tmp/other.")  # noqa: S108  theirs


@dataclass(frozen=True)
class Routing:
    """A whole edge configuration under the name that can be read back.

    The document is the name in a line of its own, then the configuration. The colour is not part
    of the configuration: it stands there as a file's content, so that a cutover, which replaces
    the file, reloads nothing and no connection is lost.
    """

    ident: str
    document: bytes

    @classmethod
    def of(
        cls, release: int, colour: str, config: Callable[[str, str], Mapping[str, object]]
    ) -> "Routing":
        """Name what `config(id, colour)` returns by release, colour and content."""
        plain = json.dumps(config("", ""), sort_keys=True)
        digest = hashlib.sha256(plain.encode()).hexdigest()[:12]
        ident = f"release-{release}-{colour}-{digest}"
        content = json.dumps(config(f"routes-{digest}", COLOUR.format(digest)), sort_keys=True)
        return cls(ident, f"{ident}\n{content}\n".encode())

    @property
    def key(self) -> str:
        """What the edge itself calls these routes; it tells the name to those who know this."""
        return f"routes-{self.routes_digest}"

    @property
    def routes_digest(self) -> str:
        """Name the routes alone, whichever colour answers."""
        return self.ident.rpartition("-")[2]

    @property
    def digest(self) -> str:
        """Name the document, configuration and colour together."""
        return hashlib.sha256(self.document).hexdigest()[:12]


@dataclass(frozen=True)
class EdgesState:
    """What all edges serve, nothing for one that does not say, and the requests they have open."""

    serving: frozenset[str]
    in_flight: int

    @classmethod
    def of(cls, results: Sequence[CommandResult]) -> "EdgesState":
        """Read what `Edges.look` answered on every machine."""
        idents, in_flight = set(), 0
        for result in results:
            ident, _, count = result.out.strip().partition("\n")
            is_answer = result.code == 0 and count.isdecimal()
            idents.add(ident if is_answer else "")
            in_flight += int(count) if is_answer else 0
        return cls(frozenset(idents), in_flight)

    @property
    def is_calm(self) -> bool:
        """Whether each of them says that it has none open."""
        return not self.in_flight and "" not in self.serving


@dataclass(frozen=True)
class Edges:
    """The edge of every machine of an environment, or what stands in for it."""

    app: str
    hosts: Sequence[Host]
    service: str = "edge"

    def tell(self, routing: Routing, reporter: Reporter = SILENT) -> list[str]:
        """Switch every edge and have each say that the new routes are live; return its warnings.

        Raises HostError for the edges that did not; the others have switched.
        """

        def one(host: Host) -> list[str]:
            began = time.monotonic()
            reporter.lane(Lane(host.name, "is sent the routes", 0, 1, "edges"))
            argv = self._argv(TELL, "tell", routing.ident)
            result = host.run(argv, stdin=routing.document, timeout=20, check=False)
            if result.code != 0:
                raise HostError(
                    host.name, f"the edge did not accept the new routes: {_reason(result)}"
                )
            took = f"acknowledged in {(time.monotonic() - began) * 1000:.0f} ms"
            reporter.lane(Lane(host.name, took, 1, 1, "edges"))
            return [f"{host.name}: {line}" for line in result.err.splitlines()]

        return [line for lines in parallel.each(self.hosts, one) for line in lines]

    def send_share(
        self, ident: str, colour: str, digits: str, seconds: int, routes: str = "", by: str = ""
    ) -> None:
        """Have every edge that serves `ident` send visitors below these digits to a colour, until
        so many seconds from now; with none, all go where they did. `routes` are a canary's own;
        `by` is what visitors are drawn by, if not by chance.

        Raises HostError for the edges that did not.
        """

        def one(host: Host) -> None:
            words = (ident, colour, digits, str(seconds), *((routes, by) if routes or by else ()))
            result = host.run(self._argv(ASK, "canary", *words), timeout=15, check=False)
            if result.code != 0:
                raise HostError(host.name, f"the edge takes no canary: {_reason(result)}")

        parallel.each(self.hosts, one)

    def add_canary(self, ident: str, canary: Routing) -> None:
        """Have every edge that serves `ident` load a canary's routes next to those, unless it has;
        nobody is sent there yet.

        Raises HostError for the edges that did not.
        """

        def one(host: Host) -> None:
            argv = self._argv(TELL, "canary-routes", ident, canary.ident)
            result = host.run(argv, stdin=canary.document, timeout=20, check=False)
            if result.code != 0:
                raise HostError(host.name, f"the edge takes no canary's routes: {_reason(result)}")

        parallel.each(self.hosts, one)

    def serving(self) -> dict[str, str]:
        """Ask every edge which routes it serves; an edge that does not answer serves nothing."""
        return dict(zip(self._names, parallel.each(self.hosts, self._which), strict=True))

    def look(self, names: Sequence[str]) -> list[str]:
        """Return the command that asks an edge what it serves, and how many requests are open
        towards these services; `EdgesState.of` reads its results."""
        return self._argv(INSIDE, LOOK, *names)

    def attempt_serving(self) -> dict[str, str | SlipwayError]:
        """Like `serving`, with the failure of a machine that does not answer in its place."""
        return dict(zip(self._names, parallel.attempt(self.hosts, self._which), strict=True))

    @property
    def _names(self) -> list[str]:
        return [host.name for host in self.hosts]

    def _argv(self, text: str, *words: str) -> list[str]:
        """Return what runs a script of these with the container that was found."""
        return ["sh", "-euc", text, "sh", self.app, self.service, *words]

    def _which(self, host: Host) -> str:
        result = host.run(self._argv(ASK, "which"), timeout=15, check=False)
        return result.out.strip() if result.code == 0 else ""

    def wait_up(self, timeout: float) -> dict[str, str]:
        """Wait until every machine has an edge that answers; return which routes each serves."""
        deadline = time.monotonic() + timeout
        while True:
            serving = self.serving()
            silent = [name for name, ident in serving.items() if not ident]
            if not silent:
                return serving
            if time.monotonic() > deadline:
                names = ", ".join(silent)
                raise SlipwayError(f"no edge answers on {names} after {timeout:.0f} s")
            time.sleep(POLL)

    def in_flight(self, names: Sequence[str], seconds: int = 0, reporter: Reporter = SILENT) -> int:
        """Count the requests all edges have open towards these services, after so many seconds.

        An edge that has none says so at once.
        """

        def one(host: Host) -> int:
            count = ask(host)
            doing = f"{count} requests open" if count else "no request open"
            reporter.lane(Lane(host.name, doing, int(not count), 1, "edges"))
            return count

        def ask(host: Host) -> int:
            argv = self._argv(INSIDE, FLIGHT, str(seconds), *names)
            out = host.run(argv, timeout=seconds + 15).out
            with reading(host.name, "the requests in flight"):
                return int(out or 0)

        return sum(parallel.each(self.hosts, one))

    def drain(self, names: Sequence[str], timeout: float, reporter: Reporter = SILENT) -> int:
        """Wait until nothing is open towards these services; return how many are after all."""
        deadline = time.monotonic() + timeout
        for host in self.hosts:
            reporter.lane(Lane(host.name, "finishes its requests", 0, 1, "edges"))
        while True:
            patience = min(deadline - time.monotonic(), LONGEST_LOOK)
            count = self.in_flight(names, max(0, round(patience)), reporter)
            if not count or time.monotonic() >= deadline:
                return count


def _reason(result: CommandResult) -> str:
    return last_line(result.err or result.out or f"it ended with {result.code}")
