"""Secrets that are composed of others: a URL of the database for a program that knows only one.

They stand in no file. A value of that name in the environment's own file wins.
"""

import hashlib
import re
from collections.abc import Mapping
from urllib.parse import quote

from slipway.environments.environment import Environment
from slipway.environments.setting_rules import PLACE, Rule
from slipway.secrets.secret import Secret

URL = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://")


def versions(env: Environment, document: Mapping[str, str]) -> dict[str, str]:
    """Return for each what tells its versions apart; `document` holds what is encrypted."""
    texts = {}
    for rule in _missing(env, document):
        parts = [document[n] if n in document else env.settings.get(n, "") for n in rule.parts]
        texts[rule.key] = hashlib.sha256("\0".join([rule.composed, *parts]).encode()).hexdigest()
    return texts


def values(env: Environment, secrets: Mapping[str, Secret]) -> dict[str, Secret]:
    """Compose the values; in a URL each part is percent-encoded."""
    return {rule.key: _value(env, rule, secrets) for rule in _missing(env, secrets)}


def _missing(env: Environment, present: Mapping[str, object]) -> list[Rule]:
    """Return the composed secrets that have no value of their own, and all of whose parts have."""
    return [
        rule
        for rule in env.rules.values()
        if rule.composed
        and rule.key not in present
        and all(name in present for name in rule.parts if env.rules[name].secret)
    ]


def _value(env: Environment, rule: Rule, secrets: Mapping[str, Secret]) -> Secret:
    is_url = URL.match(rule.composed) is not None

    def fill(match: re.Match[str]) -> str:
        name = match[1]
        value = secrets[name].reveal() if name in secrets else env.settings.get(name, "")
        return quote(value, safe="") if is_url else value

    return Secret(PLACE.sub(fill, rule.composed))
