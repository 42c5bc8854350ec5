"""Somebody leaves: a plan that can be killed after any step and be typed again.

Who has left is written down before anything else, so that nothing of it is forgotten halfway.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import date

from slipway.cluster import swarm
from slipway.errors import UsageError
from slipway.machines import fleet, inventory
from slipway.plan import Plan, Step
from slipway.suggest import nearest
from slipway.team import departures
from slipway.team.apply import NOTHING, Applying, has_machines, place
from slipway.team.departures import Departure, Exposure
from slipway.team.member import Member
from slipway.team.project import Project


@dataclass
class Removal:
    """One person's leaving; of somebody who left already, what is still to be done."""

    project: Project
    departure: Departure
    applying: Applying

    def plan(self) -> Plan:
        """Return the steps."""
        return Plan(f"{self.departure.name} leaves", list(self._steps()))

    def _steps(self) -> Iterator[Step]:
        envs = ", ".join(self.departure.environments) or "no environment"
        yield Step("record", f"{departures.NAME}: could read {envs}", self._record)
        yield from self.applying.steps()
        for name in self.departure.environments:
            if has_machines(self.project, name):
                what = "another join token and another authority of its Swarm's certificates"
                yield Step(f"{name} swarm", what, self._swarm(name))

    def _record(self) -> str:
        if departures.read(self.project.root).get(self.departure.name) == self.departure:
            return NOTHING
        departures.put(self.departure, self.project.root)
        return "written"

    def _swarm(self, env: str) -> Callable[[], str]:
        def run() -> str:
            known = departures.read(self.project.root)[self.departure.name]
            exposure = known.environments[env]
            if exposure.swarm:
                return NOTHING
            where = place(self.project, env)
            with fleet.connected(where, inventory.load(env, where.root)) as hosts:
                manager = fleet.manager(hosts)
                if manager is None:
                    why = f"no manager of {env} answers: its Swarm has its old join tokens"
                    again = f"inv team.remove --name={self.departure.name}"
                    self.applying.problems.append(f"{why}; when it answers: {again}")
                    return "no manager answers"
                swarm.change_keys(manager)
            departures.put(known.with_exposure(env, replace(exposure, swarm=True)), where.root)
            return "changed"

        return run


def begin(project: Project, name: str, today: date) -> Removal:
    """Return how somebody leaves, or what is left of it. Raises UsageError for an unknown name."""
    team, known = project.team(), departures.read(project.root)
    person = team.find(name)
    if person is None and name not in known:
        everybody = [each.name for each in team.members]
        hint = nearest(name, everybody) or f" (members: {', '.join(everybody)})"
        raise UsageError(f"team.yml has no {name[:40]!a}{hint}")
    departure = known[name] if person is None else _departure(person, known.get(name), today)
    return Removal(project, departure, Applying(project, team, team.without(name)))


def _departure(person: Member, earlier: Departure | None, today: date) -> Departure:
    """Return what is written down of somebody; what an earlier departure has open stays open."""
    exposures = dict(earlier.environments) if earlier else {}
    exposures |= {env: Exposure() for env in person.environments}
    ssh = dict.fromkeys([*(earlier.ssh if earlier else ()), *person.ssh])
    return Departure(person.name, today, person.age, tuple(ssh), exposures)
