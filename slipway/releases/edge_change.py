"""Edges changed without a refused or dropped connection: others stand in for them meanwhile.

One more edge is started on every machine. When it is healthy and has the live routes, new
connections are led to it (`detour.py`), and the edges themselves are replaced, or load routes, at
which Caddy drops what it has just accepted. When those serve, connections come to them again.
Whoever dies in between leaves edges that serve, and the next deploy ends what was begun.
"""

import contextlib
import time
from collections.abc import Callable, Iterator

from slipway.edge.edges import BESIDE, Edges
from slipway.errors import SlipwayError
from slipway.progress import Reporter
from slipway.releases import detour
from slipway.releases.detour import Impassable
from slipway.releases.serving import Serving
from slipway.releases.shared_services import SharedServices

PATIENCE = 60.0
HANDSHAKE = 2.0  # seconds that a client may take from its connection to its first request


@contextlib.contextmanager
def stood_in(
    standing: SharedServices, live: Serving, reporter: Reporter, steady: float
) -> Iterator[None]:
    """Have others stand in for edges that are replaced in the block, which ends with `serve`.

    Raises NotHealthy when they do not come up; then nothing was touched. When the block fails they
    go on standing in, until `end` is called.
    """
    is_begun = standing.has_edge_beside and not _end_what_was_left(standing, live)
    if not is_begun and standing.is_edge_replaced():
        is_begun = begin(standing, live, reporter, steady)
    yield
    if is_begun:
        end(standing, live)


def serve(live: Serving) -> None:
    """Have the edges themselves serve what is live. Raises SlipwayError where they do not."""
    live.bring_up(PATIENCE)


def begin(
    standing: SharedServices,
    live: Serving,
    reporter: Reporter,
    steady: float,
    *,
    also: Callable[[Edges], None] | None = None,
) -> bool:
    """Have others stand in from now on, and return whether they do; `also` is done with them once
    they serve what is live.

    Where a machine cannot lead connections to them they were tried all the same, and are gone.
    """
    hosts = live.cluster.all
    can_take_over = not live.env.is_local and live.release is not None
    standing.start_edge_beside(reporter, steady, hosts, takes_over=can_take_over)
    reason = "the network of this computer is left alone"
    try:
        if can_take_over:
            _beside(live).tell(live.routing)
            if also:
                also(_beside(live))
            detour.open_(hosts, live.env.prefix, BESIDE, standing.edge_ports)
            time.sleep(HANDSHAKE)
            return True
    except Impassable as error:
        reason = str(error)
    except BaseException:
        end(standing, live)
        raise
    standing.stop_edge_beside()
    if live.release is not None:
        reporter.note(f"while an edge changes, its machine drops new connections: {reason}")
    return False


def close(live: Serving) -> None:
    """Have new connections come to the edges themselves again."""
    if not live.env.is_local:
        detour.close(live.cluster.all, live.env.prefix)


def end(standing: SharedServices, live: Serving) -> None:
    """Have nobody stand in any more; what is open there is waited for as at a colour that ends."""
    close(live)
    if not live.env.is_local:
        time.sleep(HANDSHAKE)
        with contextlib.suppress(SlipwayError):  # it may have ended by itself
            _beside(live).drain(live.names, live.env.number("DRAIN_TIMEOUT"))
    standing.stop_edge_beside()


def _end_what_was_left(standing: SharedServices, live: Serving) -> bool:
    """End what a killed run began; not where its edges serve nothing without it."""
    standing.await_edge_update()
    try:
        serve(live)
    except SlipwayError:
        tell_beside(live)
        return False
    end(standing, live)
    return True


def tell_beside(live: Serving) -> None:
    """Have those that a killed run left serve what is live, as far as they run."""
    with contextlib.suppress(SlipwayError):
        _beside(live).tell(live.routing)


def _beside(live: Serving) -> Edges:
    return Edges(live.env.prefix, live.cluster.all, BESIDE)
