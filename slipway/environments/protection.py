"""What may be destroyed where, and what is asked first: one table for commands and the agent."""

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal, Protocol

from slipway.errors import Refused

Kind = Literal["dev", "testing", "staging", "production"]
# free: it runs. prompt: the environment's name is typed, or given with --yes. flag: the command has
# a flag for it. refused: no flag, no answer and no setting changes that.
Verdict = Literal["free", "prompt", "flag", "refused"]
Deed = Literal[
    "destroy", "remove machine", "remove person", "reset", "discard", "seed", "restore", "undo",
    "import", "unscrubbed", "close", "deploy", "migrate", "rollback", "prune", "write SQL",
]  # fmt: skip

SETTING = "PRODUCTION_ENVIRONMENTS"
PRODUCTION = ("prod", "production", "live")  # always; the setting adds names and takes none out
DISPOSABLE = ("dev", "testing")  # nobody depends on what is in them


@dataclass(frozen=True)
class Rule:
    """The verdict on one deed for each kind of environment."""

    dev: Verdict
    testing: Verdict
    staging: Verdict
    production: Verdict


RULES: Mapping[Deed, Rule] = {
    # everything of the environment, its database too
    "destroy": Rule("prompt", "free", "prompt", "prompt"),
    "remove machine": Rule("prompt", "prompt", "prompt", "prompt"),
    # somebody of the team, in every environment at once; their own name is typed
    "remove person": Rule("prompt", "prompt", "prompt", "prompt"),
    # all rows of the database
    "reset": Rule("prompt", "free", "prompt", "refused"),
    "discard": Rule("free", "refused", "refused", "refused"),  # a reset without a backup before it
    "seed": Rule("free", "free", "prompt", "refused"),
    "restore": Rule("free", "free", "prompt", "prompt"),
    "undo": Rule("free", "free", "prompt", "prompt"),
    # a backup of another environment; one of production that was not scrubbed
    "import": Rule("free", "free", "free", "refused"),
    "unscrubbed": Rule("refused", "refused", "refused", "free"),
    # the environment, for all who use it
    "close": Rule("free", "free", "free", "prompt"),
    # a release that changes something; the way back to an earlier one is never held up
    "deploy": Rule("free", "free", "free", "prompt"),
    # the schema, by hand: a deploy migrates without another question
    "migrate": Rule("free", "free", "prompt", "prompt"),
    "rollback": Rule("free", "free", "prompt", "prompt"),
    # old backups; former values of a secret, which a rollback would bring back
    "prune": Rule("free", "free", "prompt", "prompt"),
    "write SQL": Rule("free", "free", "free", "flag"),
}
PARTICIPLES: Mapping[Deed, str] = {"reset": "reset", "seed": "seeded"}


class Guarded(Protocol):
    """An environment, as far as this table needs to know it."""

    @property
    def name(self) -> str: ...

    @property
    def settings(self) -> Mapping[str, str]: ...


@dataclass(frozen=True)
class Here:
    """An environment as its own containers know it: their settings are the process's."""

    name: str
    settings: Mapping[str, str] = field(default_factory=lambda: os.environ)


def is_production(env: Guarded) -> bool:
    """Whether it is guarded as production is."""
    return env.name in PRODUCTION or env.name in listed(env.settings)


def listed(settings: Mapping[str, str]) -> list[str]:
    """Return the names that the project's settings add to those of production."""
    return settings.get(SETTING, "").replace(",", " ").split()


def kind(env: Guarded | None) -> Kind:
    """Name the kind of an environment; None is the hacking loop, an unknown name is like staging.

    So is dev on machines: others may work there too.
    """
    if env is None:
        return "dev"
    if is_production(env):
        return "production"
    if env.name == "testing":
        return "testing"
    is_mine = env.name == "dev" and env.settings.get("RUNS_ON") != "machines"
    return "dev" if is_mine else "staging"


def verdict(env: Guarded | None, deed: Deed) -> Verdict:
    """Look a deed up in the table."""
    rule = RULES[deed]
    match kind(env):
        case "dev":
            return rule.dev
        case "testing":
            return rule.testing
        case "staging":
            return rule.staging
        case "production":
            return rule.production


def refuses(env: Guarded | None, deed: Deed) -> bool:
    """Whether a deed is never done there, whatever is typed."""
    return verdict(env, deed) == "refused"


def asks(env: Guarded | None, deed: Deed) -> bool:
    """Whether the environment's name is asked for first."""
    return verdict(env, deed) == "prompt"


def check(env: Guarded | None, deed: Deed) -> None:
    """Raise Refused for a deed that is never done there, before anything is connected to."""
    if env is not None and refuses(env, deed):
        what = PARTICIPLES.get(deed, f"open to “{deed}”")
        raise Refused(f"{env.name} is never {what}, whatever is typed; nothing was changed")


def has_users(env: Guarded) -> bool:
    """Whether users would notice: production, and machines with a name that says nothing else."""
    is_remote = env.settings.get("RUNS_ON") == "machines"
    return is_production(env) or (is_remote and env.name != "staging")
