"""Where each variable of a cell comes from: a parameter, an earlier cell, the environment."""

import re
from collections.abc import Iterator
from dataclasses import replace

from slipway.notebook.checking.variables import ANYTHING, VariableUse, sets, uses
from slipway.notebook.commands import Commands
from slipway.notebook.document import ORDER, WAY_BACK, Runbook
from slipway.notebook.problem import Problem, nearest

# What a run, bash or a login has set already, on any computer.
GIVEN = re.compile(
    r"RUNBOOK|RUNBOOK_CELL|RUNBOOK_RUN_ID|RUNBOOK_RUN_FOLDER"
    r"|HOME|PATH|PWD|OLDPWD|USER|LOGNAME|SHELL|TERM|LANG|LC_\w+|TZ|TMPDIR|EDITOR|VISUAL|DISPLAY"
    r"|CI|HOSTNAME|HOSTTYPE|OSTYPE|MACHTYPE|COLUMNS|LINES|UID|EUID|GROUPS|PPID|SHLVL|IFS|RANDOM"
    r"|SRANDOM|SECONDS|LINENO|EPOCH\w+|BASH\w*|FUNCNAME|PIPESTATUS|DIRSTACK|OPTARG|OPTIND|REPLY"
    r"|MAPFILE|_|(?:SSH|XDG|DOCKER|SOPS|GIT)_\w+"
)


def problems(runbook: Runbook, file: str, commands: Commands) -> Iterator[Problem]:
    """Find what cells take and nothing gives, in the order in which a run comes by."""
    tasks = [task for task in runbook.matter.tasks if task not in runbook.matter.awaits]
    available = {parameter(flag.name) for task in tasks for flag in commands.flags(task)}
    available |= set(runbook.matter.params)
    if len(tasks) < len(runbook.matter.tasks):
        return  # nobody knows yet which flags an awaited task will have
    missing: dict[str, VariableUse] = {}
    for section in (*ORDER[:-1], *WAY_BACK, ORDER[-1]):
        for cell in runbook.cells(section):
            if cell.attributes.skip:
                continue
            for use in uses(cell):
                if not (use.has_default or use.name in available or GIVEN.fullmatch(use.name)):
                    may_be_set = use.may_be_set or ANYTHING in available
                    missing.setdefault(use.name, replace(use, may_be_set=may_be_set))
            available |= sets(cell)
    available.discard(ANYTHING)
    for name, use in missing.items():
        if use.may_be_set:
            why = "only what ., source or eval brings in can set it"
            text = f"${name} is set by no cell before: {why}{nearest(name, available - {name})}"
            yield Problem(file, use.line, text, "warning")
        else:
            yield Problem(file, use.line, f"${name} is {_why(name, tasks, available)}")


def parameter(flag: str) -> str:
    """Return the variable that carries a flag: --skip-unreachable is SKIP_UNREACHABLE."""
    return flag.upper().replace("-", "_")


def _why(name: str, tasks: list[str], available: set[str]) -> str:
    if name in available:
        return "used before anything sets it: move what sets it up"
    flag = name.lower().replace("_", "-")
    lacking = [f"inv {task} has no --{flag}" for task in tasks[:3]]
    where = " and ".join(["no cell before sets it", *lacking])
    if not lacking:
        where += ", and the front matter names no task and no such parameter"
    return f"set nowhere: {where}{nearest(name, available)}"
