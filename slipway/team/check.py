"""Whether all follows team.yml: rules, files, machines, who has left; nothing is changed."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date

from slipway.environments.environment import Environment
from slipway.environments.protection import DISPOSABLE
from slipway.errors import SlipwayError
from slipway.machines import inventory
from slipway.secrets import recipients
from slipway.secrets.rules import core
from slipway.team import departures, machine_keys, member
from slipway.team.apply import place
from slipway.team.departures import Departure
from slipway.team.machine_keys import KeyThere
from slipway.team.member import Team
from slipway.team.project import Project
from slipway.team.public_keys import shortened
from slipway.team.readings import pending_after

APPLY = "inv team.apply"
# What is encrypted with these stays so: another passphrase begins another place.
PAGES = {
    "BACKUP_PITR_PASSPHRASE": "runbooks/point-in-time.md, Another passphrase",
    "BACKUP_FILES_PASSPHRASE": "runbooks/files.md, Another passphrase",
}


@dataclass(frozen=True)
class Difference:
    """One thing that is not as team.yml says, and what to type."""

    where: str
    what: str
    command: str


def differences(project: Project, today: date, *, machines: bool = True) -> list[Difference]:
    """Return all that differs. Raises Refused where there is no team.yml, ConfigError."""
    team = project.team()
    return [
        *_people(project, team, today),
        *_files(project, team),
        *(_machines(project, team) if machines else ()),
        *_left(project, team),
    ]


def _people(project: Project, team: Team, today: date) -> Iterator[Difference]:
    for complaint in member.complaints(team, project.production()):
        what, _, command = complaint.rpartition(": ")
        yield Difference("team.yml", what, command)
    for each in team.members:
        if each.has_expired(today):
            what = f"{each.name} was to be in the team until {each.until}"
            yield Difference("team.yml", what, f"inv team.remove --name={each.name}")


def _files(project: Project, team: Team) -> Iterator[Difference]:
    for path, before, after in project.follow_ups(team):
        if before != after:
            yield Difference(path.name, "is not as team.yml has it", APPLY)
    for name in project.environments:
        env = project.environment(name)
        if not env.secrets_file.is_file():
            continue
        if name in team.environments:
            yield from _readers(project, env, team)
        elif name not in DISPOSABLE:
            what = f"names nobody for {name}, whose secrets others can read"
            yield Difference("team.yml", what, f"inv team.add --name=NAME --environments={name}")
    for problem in recipients.problems(project.root / "secrets"):
        where, _, what = problem.partition(": ")
        name = where.removeprefix("secrets/").removesuffix(recipients.SUFFIX)
        if name not in team.environments:
            yield Difference(where, what, "inv secrets.check")


def _readers(project: Project, env: Environment, team: Team) -> Iterator[Difference]:
    where, actual = f"secrets/{env.secrets_file.name}", recipients.actual(env.secrets_file)
    expected, owners = project.readers(env, team), {core(e.age): e.name for e in team.members}
    for key in sorted(expected.difference(actual)):
        yield Difference(where, f"{owners.get(key, key)} cannot read it", APPLY)
    for key in sorted({*actual} - expected):
        owner = owners.get(key) or shortened(key)
        what = f"{owner} can read it, and team.yml names nobody of that key for it"
        yield Difference(where, what, APPLY)


def _machines(project: Project, team: Team) -> Iterator[Difference]:
    left = departures.read(project.root).values()
    for env in project.environments:
        known = inventory.load(env, project.root)
        if not known or env not in team.environments:
            continue
        where = place(project, env)
        own = machine_keys.own_identity(where, known)
        for machine, answer in machine_keys.look(where).items():
            at = f"{env}/{machine}"
            if isinstance(answer, SlipwayError):
                yield Difference(at, f"which keys open it is not known: {answer}", "inv team.check")
                continue
            missing, strangers = machine_keys.differences(env, team, answer, own)
            for name in missing:
                yield Difference(at, f"{name} cannot enter it", APPLY)
            for key in strangers:
                yield _stranger(at, key, env, team, list(left))


def _stranger(at: str, key: KeyThere, env: str, team: Team, left: list[Departure]) -> Difference:
    gone = next((e.name for e in left if key.key in map(core, e.ssh)), "")
    own = next((m.name for m in team.members if key.key in map(core, m.ssh)), "")
    if own:
        what = f"{own} can enter it as {key.account}, and team.yml does not say so"
        return Difference(at, what, APPLY)
    if gone:
        return Difference(at, f"{gone} has left and can enter it as {key.account}", APPLY)
    who = f"{key.comment} ({shortened(key.key)})" if key.comment else shortened(key.key)
    what = f"{who} can enter it as {key.account}, and team.yml does not say so"
    command = f"inv team.add --name=NAME --environments={env} --ssh='{key.key}'"
    return Difference(at, what, f"{command}, or take the line out of authorized_keys")


def _left(project: Project, team: Team) -> Iterator[Difference]:
    for each in departures.read(project.root).values():
        again = f"inv team.remove --name={each.name}"
        for name, exposure in each.environments.items():
            if name not in project.environments:
                continue
            env = project.environment(name)
            has_file = env.secrets_file.is_file()
            if has_file and exposure.snapshot is None:
                yield Difference(name, f"{each.name} may have kept the data key", again)
                continue
            if not exposure.swarm and inventory.load(name, project.root):
                what = f"the Swarm still has the join tokens that {each.name} knew"
                yield Difference(name, what, again)
            for value in pending_after(project, env, each):
                what = f"{each.name} knows {value}: it has had no other value since {each.left}"
                yield Difference(name, what, rotation_command(env, value))
        if team.find(each.name) and not any(e.snapshot for e in each.environments.values()):
            yield Difference("team.yml", f"{each.name} is only half removed", again)


def values_left(project: Project, name: str) -> list[Difference]:
    """Return the values that somebody who has left still knows, each with how to rotate it."""
    each = departures.read(project.root)[name]
    envs = [project.environment(env) for env in each.environments if env in project.environments]
    return [
        Difference(f"{value} of {env.name}", f"{name} knows it", rotation_command(env, value))
        for env in envs
        for value in pending_after(project, env, each)
    ]


def rotation_command(env: Environment, name: str) -> str:
    """Return what to type to give a value another one, or where it stands what goes with it."""
    if page := PAGES.get(name):
        return f"see {page}"
    return f"inv runbook.run --name=rotate-secrets --env={env.name} --set secret={name}"
