"""What is typed for a teammate, as an entry of team.yml."""

import re
from collections.abc import Collection, Sequence
from dataclasses import replace
from datetime import date

from slipway.errors import ConfigError, Refused, UsageError
from slipway.suggest import nearest
from slipway.team import roster, roster_text
from slipway.team.member import ROLES, Member, Role, Team
from slipway.team.public_keys import core, is_private


def add(team: Team, typed: Member, environments: Collection[str]) -> Team:
    """Return the team with somebody, or with more for somebody who is in it.

    A key that is another one than before is a key that leaves: refused. Raises UsageError.
    """
    before = team.find(typed.name)
    member = typed if before is None else _merged(before, typed)
    after = team.with_member(member)
    try:
        roster.parse(roster_text.changed("", after), environments)
    except ConfigError as error:
        raise UsageError(_without_lines(str(error))) from None
    return after


def parse_until(text: str) -> date | None:
    """Read the last day of somebody's time; None for nothing. Raises UsageError."""
    try:
        return date.fromisoformat(text) if text else None
    except ValueError:
        raise UsageError("--until must be a day, as 2027-06-30") from None


def parse_role(text: str) -> Role:
    """Read a role. Raises UsageError."""
    for role in ROLES:
        if text == role:
            return role
    raise UsageError(f"--role must be one of {', '.join(ROLES)}{nearest(text, list(ROLES))}")


def demand_public(texts: Sequence[str]) -> None:
    """Raise Refused where one of the texts is a private key, which is not repeated."""
    if any(map(is_private, texts)):
        raise Refused(
            "that is a private key, and it stands in your shell's history now: make another pair "
            "(inv team.keygen), and give the public half, age1... or ssh-ed25519 ..."
        )


def _merged(before: Member, typed: Member) -> Member:
    if typed.age and before.age and core(typed.age) != core(before.age):
        raise Refused(
            f"{before.name} has another age key; the old one has to leave first: "
            f"inv team.remove --name={before.name}; nothing was changed"
        )
    known = {core(key) for key in before.ssh}
    return replace(
        before,
        environments=tuple(dict.fromkeys([*before.environments, *typed.environments])),
        age=before.age or typed.age,
        ssh=(*before.ssh, *(key for key in typed.ssh if core(key) not in known)),
        until=typed.until or before.until,
    )


def _without_lines(text: str) -> str:
    """Leave out where a complaint stands: the file is not written yet."""
    return re.sub(r"team\.yml: line \d+: ", "", text)
