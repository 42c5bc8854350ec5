"""What another terminal decides about a canary: all visitors follow it, or it goes back."""

from slipway.cluster import lease, ledger
from slipway.cluster.observed import observe
from slipway.environments.environment import Environment
from slipway.errors import Refused
from slipway.machines import connect
from slipway.releases import canary_record
from slipway.releases.canary_record import Decision, RunningCanary, Word


def decide(env: Environment, word: Word) -> str:
    """Decide about the canary that runs; return what happens now.

    Its own deploy does it, so no lease is needed. Raises Refused where there is no canary, or
    somebody has decided otherwise.
    """
    with connect.connected(env, lenient=True) as cluster:
        manager, app = cluster.manager, env.prefix
        observed = observe(manager, app)
        canary = canary_record.running(manager, observed, app)
        if canary is None:
            live = ledger.live(ledger.entries(observed, app))
            serves = f"release {live.release} serves in {live.colour}" if live else "nothing serves"
            raise Refused(f"no canary runs in {env.name}; {serves}, and nothing was changed")
        counts = canary_record.decide(manager, app, canary.token, Decision(word, lease.owner()))
    if counts.word != word:
        first = _consequence(canary, counts.word)
        raise Refused(f"{counts.by} has decided already: {first}. Nothing was changed")
    return f"{_consequence(canary, word)}; to see it: inv status --env={env.name}"


def _consequence(canary: RunningCanary, word: Word) -> str:
    if word == "promote":
        return f"all visitors follow to release {canary.release} in {canary.colour} in a moment"
    return f"release {canary.release} is taken back by the deploy of {canary.by} in a moment"
