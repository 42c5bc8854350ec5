"""What is settled before a run begins: a runbook without errors, its parameters, closed gates."""

import shlex
import socket
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from slipway.environments import environment
from slipway.environments.environment import Environment
from slipway.environments.protection import has_users
from slipway.errors import ConfigError, UsageError
from slipway.notebook.cells.mask import Mask
from slipway.notebook.checking import check
from slipway.notebook.checking.variables import uses
from slipway.notebook.commands import Commands
from slipway.notebook.document import Runbook
from slipway.notebook.problem import where
from slipway.notebook.reading import parse
from slipway.notebook.records.record import RUNS, Record
from slipway.notebook.runs import gates, params
from slipway.notebook.runs.interfaces import Display, Location, Prompter, PrompterGone
from slipway.notebook.runs.options import Mode, RunOptions
from slipway.notebook.runs.params import Param
from slipway.notebook.runs.plan import RunPlan
from slipway.notebook.runs.secrets import of_parameters
from slipway.project import ROOT


@dataclass(frozen=True)
class Interfaces:
    """What a run reaches the world through."""

    asker: Prompter
    teller: Display
    commands: Commands
    mode: Mode
    runs: Path = RUNS
    records: type[Record] = Record
    debug: Callable[[str], None] | None = None


def load(name: str, commands: Commands) -> Runbook:
    """Read a runbook. Raises ConfigError with what is wrong in its cells: nothing of it runs."""
    runbook, slips = parse.read(parse.find(name))
    if found := check.obstacles(runbook, slips, commands):
        raise ConfigError(
            "\n".join(["nothing was run, for the runbook is wrong:", *map(str, found)])
        )
    return runbook


def settle(
    runbook: Runbook, course: RunPlan, given: Mapping[str, str], ports: Interfaces
) -> dict[str, str]:
    """Return every parameter's value, asked for where a person is there to answer.

    What only cells use that the course leaves out is not asked for.
    """
    wanted = params.needed(runbook, ports.commands, params.used(runbook))
    if course.left_out:
        used = variables_of(runbook)
        here_used = {name for each in course.actions for name in used.get(each.id, ())}
        wanted = [p if p.name in here_used else replace(p, optional=True) for p in wanted]

    env = given.get("ENV") or next((p.default for p in wanted if p.name == "ENV"), "")
    asking = Prompting(ports, env)

    is_ours = runbook.path.parent == ROOT / "runbooks"
    name = runbook.name if is_ours else shlex.quote(where(runbook.path))
    command = f"inv runbook.run --name={name}"
    try:
        return params.settle(wanted, given, asking.value if ports.mode.person else None, command)
    except UsageError as error:  # it repeats what was typed, and CI keeps it
        raise UsageError(Mask(of_parameters(given)).text(str(error))) from None


class Prompting:
    """Asks a person for parameters; the environment comes first, and each later prompt shows it."""

    def __init__(self, ports: Interfaces, env: str) -> None:
        self._ports = ports
        self._env = env

    def value(self, param: Param) -> str:
        """Ask until the answer fits."""
        choices = f" ({', '.join(param.choices)})" if param.choices else ""
        help_ = f": {param.help.rstrip('.')}" if param.help else ""
        place = self._place()
        while True:
            try:
                value = self._ports.asker.type(f"{param.typed}{choices}{help_}?", place)
            except PrompterGone:
                raise UsageError(f"{param.typed} is needed: {param.flag('…')}") from None
            fault = params.complaint(param, value)
            if not fault:
                break
            self._ports.teller.note(fault, loud=True)
        if param.name == "ENV":
            self._env = value
        return value

    def _place(self) -> Location:
        env = environment.load(self._env) if self._env else None
        return Location(self._env, socket.gethostname(), is_real=is_real(env))


def refuse_gates(runbook: Runbook, course: RunPlan, wish: RunOptions, mode: Mode, env: str) -> None:
    """Raise Unanswered with every gate that is closed and nobody there to open it."""
    if closed := gates.gates(runbook, course, wish, mode, env):
        lines = ["nobody is at a terminal to answer, so nothing was run:", *map(str, closed)]
        raise gates.UnattendedPrompt("\n".join(lines))


def variables_of(runbook: Runbook) -> dict[str, tuple[str, ...]]:
    """Return the names of the variables that each cell takes from outside."""
    return {
        cell.id: tuple(dict.fromkeys(use.name for use in uses(cell))) for cell in runbook.cells()
    }


def is_real(env: Environment | None) -> bool:
    """Whether users would notice."""
    return env is not None and has_users(env)
