"""The first team.yml of a project, from what .sops.yaml holds: nobody comes and nobody goes."""

import itertools
import re
from collections.abc import Collection

from slipway.environments.protection import DISPOSABLE
from slipway.errors import ConfigError
from slipway.secrets.rules import core
from slipway.team import creation_rules
from slipway.team.member import Member, Team
from slipway.team.public_keys import comment, why_no_recipient


def from_rules(text: str, environments: Collection[str], spared: Collection[str] = ()) -> Team:
    """Return the team that the text of .sops.yaml stands for.

    A member is called by the comment behind a key, or else person-1, person-2. Keys of `spared`,
    as the public one of dev, belong to nobody. Raises ConfigError for what is no key.
    """
    owners: dict[str, str] = {}
    places: dict[str, list[str]] = {}
    for env in environments:
        if env in DISPOSABLE:
            continue
        for key, name in creation_rules.readers_named(text, env).items():
            if why := why_no_recipient(key):
                raise ConfigError(f".sops.yaml: a key for {env} {why}")
            if core(key) in spared:
                continue
            places.setdefault(key, []).append(env)
            owners[key] = owners.get(key) or _slug(name) or _slug(comment(key))
    names: list[str] = []
    for key in places:
        names.append(_free(owners[key], names))
    return Team(
        tuple(
            Member(name, tuple(envs), age=key)
            for name, (key, envs) in zip(names, places.items(), strict=True)
        )
    )


def _slug(text: str) -> str:
    """Make a name of a comment: the first words of it, in small letters."""
    words = re.split(r"[^a-z0-9]+", text.partition("@")[0].partition(",")[0].lower())
    slug = "-".join(word for word in words if word)[:28].strip("-")
    return slug if slug[:1].isalpha() else ""


def _free(name: str, taken: Collection[str]) -> str:
    """Return a name that nobody has yet."""
    if name and name not in taken:
        return name
    first = 2 if name else 1
    numbered = (f"{name or 'person'}-{number}" for number in itertools.count(first))
    return next(each for each in numbered if each not in taken)
