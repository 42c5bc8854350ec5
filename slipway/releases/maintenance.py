"""An environment closed for maintenance and opened again, at every edge, through deploys too."""

import ipaddress
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from functools import partial

from slipway import durations
from slipway.cluster import lease, ledger
from slipway.cluster.observed import Observed, observe
from slipway.edge.routes import Maintenance
from slipway.environments.environment import Environment
from slipway.errors import Refused, UsageError
from slipway.machines import connect
from slipway.machines.connect import Cluster
from slipway.plan import Plan, Step
from slipway.progress import Reporter
from slipway.releases import edge_change, history
from slipway.releases.serving import Serving
from slipway.releases.shared_services import SharedServices

MESSAGE = "We are working on it, and will be back in a moment."
LONGEST = 300


def read(observed: Observed, app: str) -> Maintenance | None:
    """Return how an environment is closed; None where it is open."""
    labels = observed.configs.get(_name(app))
    if labels is None:
        return None
    until = labels.get("slipway.until", "")
    return Maintenance(
        message=labels.get("slipway.message", ""),
        until=datetime.fromisoformat(until) if until else None,
        allow=tuple(labels.get("slipway.allow", "").split()),
        by=labels.get("slipway.by", ""),
        at=labels.get("slipway.at", ""),
    )


def look(env: Environment) -> Maintenance | None:
    """Read how an environment is closed, from whichever machines answer."""
    with connect.connected(env, lenient=True) as cluster:
        return read(observe(cluster.manager, env.prefix), env.prefix)


def close(env: Environment, maintenance: Maintenance, reporter: Reporter) -> None:
    """Have every edge answer 503 with the message, except to those who pass."""
    _change(env, maintenance, reporter)


def open_again(env: Environment, reporter: Reporter) -> None:
    """Have every edge serve the release again."""
    _change(env, None, reporter)


def until(text: str, now: datetime) -> datetime | None:
    """Read an end: a length (30m), a time of today or tomorrow (22:30), a date and time; in UTC.

    Raises UsageError for what is none, and for one that has passed.
    """
    if not text:
        return None
    if seconds := durations.seconds(text):
        return (now + timedelta(seconds=seconds)).replace(microsecond=0)
    try:
        if len(text) == len("22:30"):
            hours, minutes = map(int, text.split(":"))
            today = now.replace(hour=hours, minute=minutes, second=0, microsecond=0)
            return today if today > now else today + timedelta(days=1)
        end = datetime.fromisoformat(text)
    except ValueError:
        raise UsageError(
            f"--until={text[:40]} is no time; write 30m, 22:30 or 2026-12-01T22:30, in UTC"
        ) from None
    end = end if end.tzinfo else end.replace(tzinfo=UTC)
    if end <= now:
        raise UsageError(f"--until={text} has passed already (it is {now:%Y-%m-%d %H:%M} UTC)")
    return end.astimezone(UTC)


def addresses(text: str) -> tuple[str, ...]:
    """Read addresses and networks, with commas. Raises UsageError for what is none."""
    words = text.replace(",", " ").split()
    for word in words:
        try:
            ipaddress.ip_network(word, strict=False)
        except ValueError:
            raise UsageError(
                f"--allow: {word[:40]} is no address; write 203.0.113.7 or 10.0.0.0/8"
            ) from None
    return tuple(words)


def _change(env: Environment, maintenance: Maintenance | None, reporter: Reporter) -> None:
    reason = "closing for maintenance" if maintenance else "opening after a maintenance"
    with (
        connect.connected(env) as cluster,
        lease.hold(cluster.manager, env.prefix, reason),
    ):
        observed = observe(cluster.manager, env.prefix)
        entry = ledger.live(ledger.entries(observed, env.prefix))
        release = history.serving(cluster.manager, observed, env.prefix)
        if release is None or entry is None or not release.of("edge"):
            raise Refused(f"{env.name} serves nothing yet that could be closed or opened")
        serving = Serving(env, cluster, release, entry.colour, maintenance)
        standing = SharedServices(env, cluster, observed, release)
        record = partial(_record, cluster, env.prefix, maintenance, observed)
        point = partial(standing.point, serving.routing)
        steps = [
            Step("record", "write it down for deploys and edges that start", record),
            Step("edges", "tell every edge", partial(_tell, standing, serving)),
            Step("signpost", "show it to edges that start", point),
        ]
        Plan(reason, steps).run(reporter)


def _tell(standing: SharedServices, serving: Serving) -> str:
    if standing.has_edge_beside:  # left by a deploy that was killed
        edge_change.tell_beside(serving)
    serving.edges.tell(serving.routing)
    return f"{len(serving.edges.hosts)} acknowledged"


def _record(
    cluster: Cluster, app: str, maintenance: Maintenance | None, observed: Observed
) -> None:
    """Write it down; what was said before is replaced."""
    if _name(app) in observed.configs:
        cluster.manager.run(["docker", "config", "rm", _name(app)], timeout=20)
    if maintenance is None:
        return
    labels = {
        "slipway.app": app,
        "slipway.message": maintenance.message,
        "slipway.until": maintenance.until.isoformat() if maintenance.until else "",
        "slipway.allow": " ".join(maintenance.allow),
        "slipway.by": maintenance.by,
        "slipway.at": maintenance.at,
    }
    cluster.manager.run(ledger.create(_name(app), labels), stdin=b"-", timeout=20)


def described(message: str, until: datetime | None, allow: Sequence[str]) -> Maintenance:
    """Return a maintenance that begins now. Raises UsageError for a message that is too long."""
    if len(message) > LONGEST:
        raise UsageError(f"--message is {len(message)} letters long, and {LONGEST} fit")
    at = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    return Maintenance(message or MESSAGE, until, tuple(allow), lease.owner(), at)


def _name(app: str) -> str:
    return f"{app}.maintenance"
