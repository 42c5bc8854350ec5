"""What is typed for a teammate, as an entry of team.yml."""

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from datetime import date

from slipway.errors import ConfigError, Refused, UsageError
from slipway.secrets.rules import core
from slipway.suggest import nearest
from slipway.team import roster, roster_text
from slipway.team.departures import Departure
from slipway.team.member import OPERATOR, ROLES, Member, Role, Team
from slipway.team.public_keys import is_private


def add(team: Team, typed: Member, environments: Collection[str]) -> Team:
    """Return the team with somebody, or with more for somebody who is in it.

    A key that is another one than before is a key that leaves: refused. Raises UsageError.
    """
    before = team.find(typed.name)
    member = typed if before is None else _merged(before, typed)
    if not member.environments:
        raise UsageError(f"--environments is required: which ones {member.name} is let into")
    after = team.with_member(member)
    try:
        roster.parse(roster_text.changed("", after), environments)
    except ConfigError as error:
        raise UsageError(_without_lines(str(error))) from None
    return after


def parse_until(text: str, today: date) -> date | None:
    """Read the last day of somebody's time; None for nothing. Raises UsageError."""
    try:
        day = date.fromisoformat(text) if text else None
    except ValueError:
        raise UsageError("--until must be a day, as 2027-06-30") from None
    if day is not None and day < today:
        raise UsageError(f"--until={day} is over; it is the last day of somebody's time")
    return day


def parse_role(text: str, before: Member | None) -> Role:
    """Read a role; nothing means the one that somebody has, or operator.

    Raises UsageError, and Refused where it is another one than before.
    """
    own = before.role if before else OPERATOR
    role = next((each for each in ROLES if each == text), None) if text else own
    if role is None:
        raise UsageError(f"--role must be one of {', '.join(ROLES)}{nearest(text, list(ROLES))}")
    if before is not None and role != own:
        raise Refused(
            f"{before.name} is {own} already; to change that, write `role: {role}` in team.yml, "
            "and type: inv team.apply; nothing was changed"
        )
    return role


def demand_public(texts: Sequence[str]) -> None:
    """Raise Refused where one of the texts is a private key, which is not repeated."""
    if any(map(is_private, texts)):
        raise Refused(
            "that is a private key, and it stands in your shell's history now: make another pair "
            "(inv team.keygen), and give the public half, age1... or ssh-ed25519 ..."
        )


def demand_new_keys(member: Member, team: Team, departed: Mapping[str, Departure]) -> None:
    """Raise Refused where a key has left: whoever has it now reads what it could read before.

    Who has left one environment alone is in the team still, with the key.
    """
    own = team.find(member.name) or Member(member.name, ())
    keys = {
        core(key) for key in (member.age, *member.ssh) if key and key not in (own.age, *own.ssh)
    }
    for each in departed.values():
        if keys & {core(key) for key in (each.age, *each.ssh) if key}:
            raise Refused(
                f"{each.name} left with this key on {each.left} (secrets/departures.yml), and it "
                "stays out; who comes back makes another pair: inv team.keygen; nothing was changed"
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
