"""What is settled before a run begins: a runbook without errors, its parameters, open gates."""

import os
import shlex
import socket
from collections.abc import Mapping
from dataclasses import replace

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
from slipway.notebook.reading import collection, parse
from slipway.notebook.runs import blanks, gates, params
from slipway.notebook.runs.interfaces import Interfaces, Location, PrompterGone
from slipway.notebook.runs.options import Mode, RunOptions
from slipway.notebook.runs.params import Param
from slipway.notebook.runs.plan import RunPlan
from slipway.notebook.runs.secrets import of_parameters, refuse_unmaskable


def load(name: str, commands: Commands, mode: Mode) -> Runbook:
    """Read a runbook. Raises ConfigError with the errors in its cells: nothing of it runs.

    Through one that was not written for this kit a person is led all the same: a cell that cannot
    run is shown with the reason.
    """
    path = collection.find(name)
    runbook, problems = parse.read(path, native=collection.has_house_style(path))
    errors = check.blocking_errors(runbook, problems, commands)
    if errors and mode.attended and not runbook.native:
        return check.with_faults(runbook, errors)
    if errors:
        raise ConfigError(
            "\n".join(["nothing was run, the runbook has errors:", *map(str, errors)])
        )
    return runbook


def settle(
    runbook: Runbook, plan: RunPlan, values: Mapping[str, str], interfaces: Interfaces
) -> dict[str, str]:
    """Return every parameter's value, prompting where a person is there to answer.

    What only cells use that the plan leaves out is not asked for.
    """
    needed = params.needed(runbook, interfaces.commands, params.used(runbook))
    others = blanks.undeclared(runbook, os.environ)
    needed += [replace(p, optional=p.optional or interfaces.mode.attended) for p in others]
    if plan.left_out:
        variables = variables_of(runbook)
        used = {name for action in plan.actions for name in variables.get(action.id, ())}
        needed = [p if p.name in used else replace(p, optional=True) for p in needed]

    env = values.get("ENV") or next((p.default for p in needed if p.name == "ENV"), "")
    prompt = ParamPrompt(interfaces, env)

    is_ours = runbook.path.is_relative_to(collection.RUNBOOKS)
    name = runbook.name if is_ours else shlex.quote(where(runbook.path))
    command = f"inv runbook.run --name={name}"
    ask = prompt.value if interfaces.mode.attended else None
    try:
        settled = params.settle(needed, values, ask, command)
    except UsageError as error:  # it repeats what was typed, and CI keeps it
        raise UsageError(Mask(of_parameters(values)).text(str(error))) from None
    asked_later = {param.name for param in others} - set(values)
    settled = {name: value for name, value in settled.items() if name not in asked_later}
    published = {param.name for param in needed if param.choices or param.kind == "switch"}
    refuse_unmaskable({name: value for name, value in settled.items() if name not in published})
    return settled


class ParamPrompt:
    """Asks a person for parameters; the environment comes first, and each later prompt shows it."""

    def __init__(self, interfaces: Interfaces, env: str) -> None:
        self._interfaces = interfaces
        self._env = env

    def value(self, param: Param) -> str:
        """Ask until the answer fits."""
        choices = f" ({', '.join(param.choices)})" if param.choices else ""
        help_ = f": {param.help.rstrip('.')}" if param.help else ""
        location = self._location()
        while True:
            try:
                question = f"{param.typed}{choices}{help_}?"
                value = self._interfaces.prompter.type(question, location)
            except PrompterGone:
                raise UsageError(f"{param.typed} is required: {param.flag('…')}") from None
            complaint = params.complaint(param, value)
            if not complaint:
                break
            self._interfaces.display.note(complaint, loud=True)
        if param.name == "ENV":
            self._env = value
        return value

    def _location(self) -> Location:
        env = environment.load(self._env) if self._env else None
        return Location(self._env, socket.gethostname(), is_real=is_real(env))


def refuse_closed_gates(
    runbook: Runbook, plan: RunPlan, options: RunOptions, mode: Mode, env: str
) -> None:
    """Raise UnattendedPrompt with every gate that is closed and nobody there to open it."""
    if problems := gates.closed_gates(runbook, plan, options, mode, env):
        lines = [f"{gates.CANNOT_PROMPT}; nothing was run:", *map(str, problems)]
        raise gates.UnattendedPrompt("\n".join(lines))


def variables_of(runbook: Runbook) -> dict[str, tuple[str, ...]]:
    """Return the names of the variables that each cell takes from outside."""
    return {
        cell.id: tuple(dict.fromkeys(use.name for use in uses(cell))) for cell in runbook.cells()
    }


def is_real(env: Environment | None) -> bool:
    """Whether users would notice."""
    return env is not None and has_users(env)
