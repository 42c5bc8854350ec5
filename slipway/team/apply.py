"""What follows from team.yml, as a plan: rules, files of secrets, keys on machines.

Each step compares first and does what is missing, so a plan that was killed is begun again.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date

from slipway import whole_file
from slipway.environments.environment import Environment
from slipway.errors import Refused
from slipway.machines import inventory
from slipway.machines.provider import ProviderContext
from slipway.plan import Plan, Step
from slipway.secrets import change, encrypted_file, recipients, rekey, rules, sops
from slipway.secrets.rules import core
from slipway.team import departures, machine_keys, member
from slipway.team.departures import Departure, Exposure
from slipway.team.member import Team
from slipway.team.project import Project
from slipway.team.readings import pending_after, readable
from slipway.team.rotation import snapshot

NOTHING = "nothing to do"


@dataclass
class Applying:
    """A team to be, held against the team that was; `problems` collects what stays to be done."""

    project: Project
    before: Team
    after: Team
    problems: list[str] = field(default_factory=list)
    departed: Mapping[str, Departure] = field(default_factory=dict)

    def demand_safe(self, own: Sequence[str]) -> None:
        """Raise Refused where somebody would be locked out, or a file cannot be opened here."""
        member.demand_safe(self.before, self.after, self.project.production(), own)
        self.project.follow_ups(self.after)
        for name in self.environments():
            env = self.project.environment(name)
            if env.secrets_file.is_file() and self._has_other_readers(env):
                sops.decrypt(env.secrets_file, env)

    def plan(self, title: str) -> Plan:
        """Return the steps; those of environments without a file or a machine are left out."""
        return Plan(title, list(self.steps()))

    def steps(self) -> Iterator[Step]:
        yield Step("team", "team.yml, .sops.yaml, team.signers", self._write)
        for name in self.environments():
            if self.project.environment(name).secrets_file.is_file():
                yield self._rekey_step(name)
        for name in self.environments():
            if has_machines(self.project, name):
                yield Step(f"{name} machines", "SSH keys of the team", self._machines(name))

    def environments(self) -> list[str]:
        """Return the environments that the team names, or named before."""
        left = departures.read(self.project.root).values()
        named = {*self.before.environments, *self.after.environments}
        named |= {env for each in left for env in each.environments}
        return [name for name in self.project.environments if name in named]

    def _write(self) -> str:
        if self.departed and self.departed != departures.read(self.project.root):
            departures.write(self.departed, self.project.root)
        changed = ["team.yml"] if self.project.write_team(self.after) else []
        return ", ".join(changed + self.project.write_rules(self.after)) or NOTHING

    def _rekey_step(self, name: str) -> Step:
        env = self.project.environment(name)
        describe = f"secrets/{env.secrets_file.name} for {names(self.after.readers(name))}"
        return Step(f"{name} secrets", describe, lambda: self._rekey(env))

    def _has_other_readers(self, env: Environment) -> bool:
        return {*recipients.actual(env.secrets_file)} != self.project.readers(env, self.after)

    def _rekey(self, env: Environment) -> str:
        expected, actual = (
            self.project.readers(env, self.after),
            recipients.actual(env.secrets_file),
        )
        waiting = self._unsettled(env)
        if {*actual} == expected and not waiting:
            return NOTHING
        is_taken = bool({*actual} - expected) or bool(waiting)
        with change.locked(env.secrets_file):
            encrypt_anew(self.project, env, new_data_key=is_taken)
        return "encrypted to other keys" + (", with another data key" if is_taken else "")

    def _unsettled(self, env: Environment) -> list[str]:
        """Return who has left and may still hold the data key: the file was not changed since."""
        known = departures.read(self.project.root).values()
        return [
            each.name
            for each in known
            if env.name in each.environments and each.environments[env.name].snapshot is None
        ]

    def _machines(self, env: str) -> Callable[[], str]:
        def run() -> str:
            added = [key for each in self.after.entering(env) for key in each.ssh]
            staying = {core(key) for key in added}
            left = [key for e in departures.read(self.project.root).values() for key in e.ssh]
            before = [key for each in self.before.entering(env) for key in each.ssh]
            others = [key for each in self.after.members for key in each.ssh]
            keys = dict.fromkeys([*left, *before, *others])  # who stays, but not here, too
            gone = [key for key in keys if core(key) not in staying]
            changed, problems = machine_keys.change(place(self.project, env), added, gone)
            self.problems += [f"{problem}; when it answers: inv team.apply" for problem in problems]
            missed = f"; {len(problems)} did not answer" if problems else ""
            return (f"changed on {', '.join(changed)}" if changed else NOTHING) + missed

        return run


def begin(project: Project, today: date) -> Applying:
    """Return what team.yml as it stands asks for, after an edit by hand or a pull.

    Whoever was taken out of it by hand, and can still read a file, is written down as gone.
    """
    team, before = project.team(), project.team_of_rules()
    known = departures.read(project.root)
    for name in project.environments:
        env = project.environment(name)
        if name not in team.environments or not env.secrets_file.is_file():
            continue
        staying = {core(each.age) for each in team.readers(name)}
        staying |= {core(each.age) for each in known.values() if name in each.environments}
        for key in rules.without_comments(encrypted_file.recipients(env.secrets_file)):
            if key not in staying:
                owner = next((e.name for e in before.members if core(e.age) == key), key[-8:])
                gone = known.get(owner, Departure(owner, today, key))
                known[owner] = gone.with_exposure(name, Exposure())
    return Applying(project, before, team, departed=known)


def encrypt_anew(project: Project, env: Environment, *, new_data_key: bool) -> None:
    """Give a file to those whom .sops.yaml names; what was to be rotated stays to be rotated.

    The record comes first: one that is written and a file that is not are told apart by the
    recipients, and the step is begun again.
    """
    data = env.secrets_file.read_bytes()
    text = rekey.draft(env, project.rules_text(), new_data_key=new_data_key)
    after = snapshot(encrypted_file.parse(text, env.secrets_file))
    known = departures.read(project.root)
    for each in list(known.values()):
        exposure = each.environments.get(env.name)
        if exposure is None:
            continue
        remaining = pending_after(project, env, each) if exposure.snapshot else readable(env)
        settled = Exposure(after, tuple(remaining), exposure.swarm)
        known[each.name] = each.with_exposure(env.name, settled)
    if known:
        departures.write(known, project.root)
    if env.secrets_file.read_bytes() != data:
        raise Refused(f"secrets/{env.secrets_file.name} was changed meanwhile; type it again")
    whole_file.write(env.secrets_file, text)


def place(project: Project, env: str) -> ProviderContext:
    """Return an environment's machines, as rooms below know them."""
    return ProviderContext(project.environment(env).project, env, project.root)


def has_machines(project: Project, env: str) -> bool:
    """Whether an environment has machines in its inventory."""
    return bool(inventory.load(env, project.root))


def names(members: Sequence[member.Member]) -> str:
    """List members by name."""
    return ", ".join(each.name for each in members) or "nobody"
