"""The colour that served before, kept running for a time: the way back to it is one cutover.

It stands in one config of the Swarm. Whoever removes that has the say over the colour: a rollback
that returns to it, a deploy that needs its place, or a machine's timer once its time is up
(slipway/machines/job_timer.sh). So no two of them ever work on it.
"""

from dataclasses import dataclass
from datetime import UTC, datetime

from slipway import shell_scripts
from slipway.cluster import stacks
from slipway.cluster.observed import Observed
from slipway.environments.environment import Environment
from slipway.hosts.answers import reading
from slipway.hosts.host import Host, script
from slipway.releases import compose_labels, differences
from slipway.releases.application import Service
from slipway.releases.release import Release

KEEP = shell_scripts.read(__file__, "warm_keep.sh")
END = f'docker config rm "$3" >/dev/null 2>&1 || true\n{stacks.REMOVE}'


@dataclass(frozen=True)
class WarmColour:
    """A colour that runs and does not serve; `until` is of the manager's clock, in seconds."""

    colour: str
    release: int
    until: int

    @property
    def time(self) -> str:
        """Until when it is warm, for people."""
        return f"{datetime.fromtimestamp(self.until, UTC):%H:%M} UTC"


def of(observed: Observed, app: str) -> WarmColour | None:
    """Return the colour that is warm, if there is one."""
    labels = observed.configs.get(_config(app), {})
    release, until = (labels.get(f"slipway.{name}", "") for name in ("release", "until"))
    if not (release.isdecimal() and until.isdecimal()):
        return None
    return WarmColour(labels.get("slipway.colour", ""), int(release), int(until))


def stopped(release: Release) -> list[str]:
    """Name the services that are stopped while their colour is warm.

    What works without being asked, a consumer of a queue, would go on beside that of the release
    that serves.
    """
    routed = {route.name for route in release.routes.routes}
    return [each.name for each in release.of("colour") if not _stays(each, routed)]


def _stays(service: Service, routed: set[str]) -> bool:
    if label := compose_labels.of(service.spec).get("slipway.warm"):
        return label == "keep"
    return bool(service.route or service.port) or service.name in routed


def obstacles(
    env: Environment, observed: Observed, release: Release, colour: str
) -> tuple[str, ...]:
    """Say why a warm colour cannot take over at once as this release; nothing where it can."""
    lines = differences.of_colour(env, observed, release, colour, without=stopped(release))
    services = observed.stack(f"{env.prefix}-{colour}")
    lines += [
        f"{each.service}: {each.running} of {each.desired} healthy"
        for each in services
        if not each.is_healthy
    ]
    return tuple(lines)


def advice(env: Environment, observed: Observed) -> str:
    """Say which colour is warm, and how a return to it is typed; nothing where none is."""
    left = of(observed, env.prefix)
    services = observed.stack(f"{env.prefix}-{left.colour}") if left else ()
    if left is None or not services:
        return ""
    command = f"inv rollback --env={env.name} --release={left.release}"
    if all(each.is_healthy for each in services):
        return f"{left.colour} is warm until {left.time}: {command} is one cutover"
    return f"{left.colour} is warm until {left.time} and not healthy: {command} starts it once more"


def keep(manager: Host, app: str, colour: str, release: Release, minutes: int) -> WarmColour:
    """Stop what is not to work meanwhile, and write down until when the rest stays."""
    names = [f"{app}-{colour}_{name}-{colour}" for name in stopped(release)]
    words = (app, f"{app}-{colour}", colour, str(release.number), str(minutes))
    out = script(manager, KEEP, *words, *names, timeout=60).out
    with reading(manager.name, f"until when {colour} is warm"):
        return WarmColour(colour, release.number, int(out))


def end(manager: Host, app: str, stack: str) -> None:
    """Take the say over the warm colour, if there is one still, and remove it."""
    script(manager, END, stack, "80", _config(app), timeout=60)


def claim(manager: Host, app: str) -> bool:
    """Take the say over the warm colour; False where somebody else was faster."""
    argv = ["docker", "config", "rm", _config(app)]
    return manager.run(argv, timeout=20, check=False).code == 0


def _config(app: str) -> str:
    return f"{app}.warm"
