"""How large a canary is and for how long it is held, as it is typed; where there can be none."""

import re
from dataclasses import dataclass

from slipway import durations
from slipway.edge.canary import LEAST_SHARE, MOST_SHARE
from slipway.errors import Refused, UsageError
from slipway.releases.serving import Serving

HOLD = "5m"
LEAST_HOLD, MOST_HOLD = 10, 24 * 60 * 60  # seconds; a visitor's cookie lasts as long
PLAIN = "deploy without --canary"


@dataclass(frozen=True)
class CanaryOptions:
    """A share of the visitors, in per cent, for so many seconds."""

    share: int
    hold: int


def read(share: str, hold: str) -> CanaryOptions | None:
    """Read what was typed; None where no canary is meant. Raises UsageError."""
    if not share:
        if hold:
            raise UsageError("--hold is how long a canary is held: add --canary=10, a share in %")
        return None
    match = re.fullmatch(r"([0-9]{1,2})%?", share)
    if match is None or not LEAST_SHARE <= int(match[1]) <= MOST_SHARE:
        bounds = f"{LEAST_SHARE} to {MOST_SHARE}"
        raise UsageError(f"--canary={share} is no share of the visitors: write {bounds}, in %")
    seconds = durations.seconds(hold or HOLD)
    if not LEAST_HOLD <= seconds <= MOST_HOLD:
        raise UsageError(f"--hold={hold} is no time to hold a canary: write 10s to 24h, as in 5m")
    return CanaryOptions(int(match[1]), seconds)


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
    if before.routing.key != after.routing.key:
        raise Refused(
            f"the routes of {after.release.label}, or settings of the edge, are not those of "
            f"{before.release.label}, and an edge has one set of routes for all visitors: {PLAIN}"
        )
