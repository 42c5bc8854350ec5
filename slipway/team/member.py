"""The people, machines and spare keys of a team as values, and what a team must never become."""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Literal, get_args

from slipway.errors import Refused
from slipway.secrets.rules import core

# operator: reads secrets and enters machines. reader: reads secrets alone. ci: as an operator, and
# no person. break-glass: a key in a safe, for the day when nobody else can.
Role = Literal["operator", "reader", "ci", "break-glass"]
ROLES: tuple[Role, ...] = get_args(Role)
OPERATOR: Role = "operator"
CI: Role = "ci"
BREAK_GLASS: Role = "break-glass"
FEWEST = 2  # who must be able to read the secrets of production


@dataclass(frozen=True)
class Member:
    """One entry of team.yml."""

    name: str
    environments: tuple[str, ...]
    role: Role = OPERATOR
    age: str = ""
    ssh: tuple[str, ...] = ()
    until: date | None = None
    line: int = field(default=0, compare=False)

    def reads(self, env: str) -> bool:
        """Whether the secrets of an environment are encrypted to this key."""
        return bool(self.age) and env in self.environments

    def enters(self, env: str) -> bool:
        """Whether its SSH keys open the machines of an environment."""
        is_let_in = self.role in (OPERATOR, CI)
        return is_let_in and bool(self.ssh) and env in self.environments

    def has_expired(self, today: date) -> bool:
        """Whether its time is over; the last day is still its own."""
        return self.until is not None and self.until < today


@dataclass(frozen=True)
class Team:
    """All who are in team.yml, in its order."""

    members: tuple[Member, ...]

    @property
    def environments(self) -> list[str]:
        return list(dict.fromkeys(name for each in self.members for name in each.environments))

    def find(self, name: str) -> Member | None:
        """Return the member of that name."""
        return next((each for each in self.members if each.name == name), None)

    def readers(self, env: str) -> list[Member]:
        """Return whose keys the secrets of an environment are encrypted to."""
        return [each for each in self.members if each.reads(env)]

    def entering(self, env: str) -> list[Member]:
        """Return whose SSH keys belong on the machines of an environment."""
        return [each for each in self.members if each.enters(env)]

    def with_member(self, member: Member) -> "Team":
        """Return the team with one more, or with another entry for somebody."""
        if self.find(member.name) is None:
            return Team((*self.members, member))
        return Team(tuple(member if each.name == member.name else each for each in self.members))

    def without(self, name: str) -> "Team":
        """Return the team without one of it."""
        return Team(tuple(each for each in self.members if each.name != name))


def complaints(team: Team, production: Collection[str]) -> Iterator[str]:
    """Say what stands against a team: too few who can read, spare keys that open nothing."""
    for env in production:
        readers = team.readers(env)
        if readers and len(readers) < FEWEST:
            names = ", ".join(each.name for each in readers)
            yield (
                f"{env} can be read by {names} alone; add a colleague, or a key in a safe "
                f"(--role={BREAK_GLASS}): "
                f"inv team.add --name=NAME --environments={env} --age=age1..."
            )
        spares = [each for each in team.members if each.role == BREAK_GLASS]
        if readers and spares and not any(each.reads(env) for each in spares):
            yield f"no break-glass key reads {env}, although there is one: {spares[0].name}"


def demand_safe(before: Team, after: Team, production: Collection[str], own: Sequence[str]) -> None:
    """Raise Refused for a change by which production, its spare key or its author is locked out.

    `own` are the public keys of who makes it. What was as bad before does not stop a change.
    """
    for env in sorted({*before.environments, *after.environments}):
        earlier, later = before.readers(env), after.readers(env)
        if not earlier:
            continue
        if not later:
            raise Refused(
                f"nobody could read the secrets of {env} any more; let somebody in first: "
                f"inv team.add --name=NAME --environments={env}; nothing was changed"
            )
        mine = {core(key) for key in own}
        if _has(earlier, mine) and not _has(later, mine):
            raise Refused(
                f"you could not read the secrets of {env} any more: the key is your own; let "
                "somebody who stays do this; nothing was changed"
            )
        if env in production and len(later) < min(FEWEST, len(earlier)):
            raise Refused(
                f"{later[0].name} alone could read the secrets of {env}; production is readable by "
                f"{FEWEST} keys at least: add one first, with inv team.add; nothing was changed"
            )
        if _spares(earlier) and not _spares(later):
            raise Refused(
                f"no break-glass key could read the secrets of {env} any more; add another one "
                f"first, with inv team.add --role={BREAK_GLASS}; nothing was changed"
            )


def _has(readers: Sequence[Member], keys: Collection[str]) -> bool:
    return any(core(each.age) in keys for each in readers)


def _spares(readers: Sequence[Member]) -> list[Member]:
    return [each for each in readers if each.role == BREAK_GLASS]
