"""Secrets that a deploy would take back to a former value: an old file put back, or a bad merge.

sops vouches for nothing of a file's age, and nothing fails when an older one returns. The records
of releases tell which value of a secret came first.
"""

from collections.abc import Mapping

from slipway.cluster import ledger
from slipway.cluster.observed import Observed
from slipway.environments import protection
from slipway.environments.environment import Environment
from slipway.errors import Refused
from slipway.progress import Reporter
from slipway.releases.release import Release

WANTED = "If that is wanted, add --older-secrets. Nothing was changed"


def find(
    observed: Observed, app: str, live: Mapping[str, str], new: Mapping[str, str]
) -> dict[str, int]:
    """Map each secret that would be older than the live one to the release that had it first."""
    first = _first_seen(observed, app)
    return {
        key: first[version]
        for key, version in new.items()
        if version != live.get(key) and version in first
        if first[version] < first.get(live.get(key, ""), 0)
    }


def check(
    env: Environment, observed: Observed, release: Release, live: Release, reporter: Reporter
) -> None:
    """Raise Refused where production would go back to a former value; report it elsewhere."""
    older = find(observed, env.prefix, live.secrets, release.secrets)
    keys = [key for key in sorted(older) if not (key in env.rules and env.rules[key].composed)]
    if not keys:
        return
    numbers = ", ".join(dict.fromkeys(str(older[key]) for key in keys))
    text = (
        f"secrets/{env.secrets_file.name}: {', '.join(keys)} would go back to what release "
        f"{numbers} had, and {live.label} has another value since; was an older file put back?"
    )
    if protection.is_production(env):
        raise Refused(f"{text} Look: inv secrets.history --env={env.name}. {WANTED}")
    reporter.note(text)


def _first_seen(observed: Observed, app: str) -> dict[str, int]:
    """Map each version of a secret to the first release on record that had it."""
    first: dict[str, int] = {}
    for number in ledger.numbers(observed, app):
        for version in ledger.versions(observed, app, number):
            first.setdefault(version, number)
    return first
