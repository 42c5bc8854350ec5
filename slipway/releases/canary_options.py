"""How large a canary is and for how long it is held, as it is typed; where there can be none."""

import re
from dataclasses import dataclass

from slipway import durations
from slipway.edge import certificates
from slipway.edge.canary import ADDRESS, LEAST_SHARE, MOST_SHARE
from slipway.edge.config import frame
from slipway.environments.environment import Environment
from slipway.errors import Refused, UsageError
from slipway.releases.release import Release
from slipway.releases.serving import Serving

HOLD = "5m"
LEAST_HOLD, MOST_HOLD = 10, 24 * 60 * 60  # seconds; a visitor's cookie lasts as long
WAYS = {"": "", "cookie": "", ADDRESS: ADDRESS}
PLAIN = "deploy without --canary"
OF_CONNECTIONS = ("TLS", "HTTP3", "TRUSTED_PROXIES", certificates.SHARED)


@dataclass(frozen=True)
class CanaryOptions:
    """A share of the visitors, in per cent, for so many seconds."""

    share: int
    hold: int
    by: str = ""  # what visitors without a cookie are drawn by, if not by chance


def read(share: str, hold: str, by: str = "") -> CanaryOptions | None:
    """Read what was typed; None where no canary is meant. Raises UsageError."""
    if not share:
        if hold:
            raise UsageError("--hold is how long a canary is held: add --canary=10, a share in %")
        if by:
            raise UsageError("--canary-by is who meets a canary: add --canary=10, a share in %")
        return None
    if by not in WAYS:
        raise UsageError(f"--canary-by={by} is unknown: write cookie (the default) or address")
    match = re.fullmatch(r"([0-9]{1,2})%?", share)
    if match is None or not LEAST_SHARE <= int(match[1]) <= MOST_SHARE:
        bounds = f"{LEAST_SHARE} to {MOST_SHARE}"
        raise UsageError(f"--canary={share} is no share of the visitors: write {bounds}, in %")
    seconds = durations.seconds(hold or HOLD)
    if not LEAST_HOLD <= seconds <= MOST_HOLD:
        raise UsageError(f"--hold={hold} is no time to hold a canary: write 10s to 24h, as in 5m")
    return CanaryOptions(int(match[1]), seconds, WAYS[by])


def check(before: Serving, after: Serving) -> None:
    """Refuse a canary where two releases cannot share the visitors. Raises Refused."""
    name = after.env.name
    if before.release is None or after.release is None:
        raise Refused(f"{name} serves nothing yet, so there is nobody to share: {PLAIN}")
    if not (before.release.of("edge") and after.release.of("edge")):
        raise Refused(f"{name} has no edge that could send a share elsewhere: {PLAIN}")
    if before.maintenance:
        raise Refused(
            f"{name} is closed for maintenance, so no visitor would meet a canary: {PLAIN}, "
            f"or open it first: inv maintenance --env={name} --off"
        )
    _check_edges(before.release, after.release, after.env)


def _check_edges(old: Release, new: Release, env: Environment) -> None:
    """Refuse what an edge cannot have twice: how it takes connections, and passwords."""
    settings, later = old.environment(env).settings, new.environment(env).settings
    if frame(settings) != frame(later):
        names = [name for name in OF_CONNECTIONS if settings.get(name) != later.get(name)]
        raise Refused(
            f"{' and '.join(names) or 'a setting of the edge'} of {new.label} is not that of "
            f"{old.label}, and is of connections, before anybody knows whose they are: {PLAIN}"
        )
    if gone := sorted(set(old.routes.secrets) - set(new.routes.secrets)):
        raise Refused(
            f"{new.label} lets nobody in with {gone[0]} any more, so the edges lose that password, "
            f"and visitors of {old.label} need it: {PLAIN}"
        )
