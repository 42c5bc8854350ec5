"""A new runbook: every section a person needs at night, asking its author for what it holds."""

import re
from collections.abc import Sequence
from pathlib import Path

from slipway import whole_file
from slipway.errors import Refused, SlipwayError, UsageError
from slipway.notebook.commands import Commands, Flag
from slipway.notebook.problem import nearest, where
from slipway.notebook.reading.collection import RUNBOOKS

NAME = re.compile(r"[a-z][a-z0-9]*(-[a-z0-9]+)*")
LONGEST = 50

PAGE = """\
---
{task}owner: "@ops"
risk: medium
time: 10m
# last_tested: the day it was last run from the first line to the last
---

# {title}

_One sentence: what it achieves, and when to use it. Another: when not to, and what to read then._
{drives}
## Impact

_What users notice while it runs, and for how long. If they notice nothing, say so._

## Before you start

_Checks run by themselves and only look: tools, access, free disk, a fresh backup, the right state._

```sh
{before}
```

- [ ] Tell the people whom it concerns _(who are they?)_

## Make the change

_One change under one heading, with a sentence of why. Its cell waits for a yes; what destroys needs
`{{destructive}}` after `sh`, what costs money or time `{{confirm="..."}}`._

```sh
{command}
```
{others}
## Verify

_A command that fails by itself when it did not work. Nobody has to look._

```sh
echo "nothing is verified yet: write the command that fails when it did not work" >&2
false
```

## Stop and roll back if

_The numbers that mean no: so many errors, so many minutes, this line of output._

## Roll back

_The way back, in cells of its own, and what it cannot undo. If there is none, say so and why._

## Escalate

_After how long, and to whom._ Give them the transcript: `inv runbook.export`.

## Afterwards

- [ ] Tell the same people that it is done
- [ ] Undo what was opened for it, and write down what is left to do
"""


def new(name: str, task: str, flags: Sequence[Flag]) -> str:
    """Return the text of a new runbook."""
    return PAGE.format(
        task=f"task: {task}\n" if task else "",
        title=name.replace("-", " ").capitalize(),
        drives=f"\nDrives `inv {task}`.\n" if task else "",
        before=_before(flags),
        command=_command(task, flags),
        others=_others(flags),
    )


def write(name: str, task: str, commands: Commands, folder: Path = RUNBOOKS) -> Path:
    """Write a new runbook, never over another; returns where it is."""
    if not NAME.fullmatch(name) or len(name) > LONGEST:
        suggestion = (
            re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-0123456789")[:LONGEST].strip("-")
        )
        hint = f", like {suggestion}" if suggestion else ""
        shape = f"lower-case words with dashes between, at most {LONGEST} characters"
        raise UsageError(f"--name={name[:60]!a} must be {shape}{hint}")
    tasks = commands.tasks()
    if task and task not in tasks:
        raise UsageError(f'there is no task "{task[:60]}"{nearest(task, tasks)}')
    path = folder / f"{name}.md"
    text = new(name, task, commands.flags(task) if task else ())
    try:
        _make(path, text)
    except OSError as error:
        raise SlipwayError(f"{where(path)} cannot be written: {error.strerror}") from None
    return path


def _make(path: Path, text: str) -> None:
    """Write a file that was not there, whole or not at all."""
    folder = path.parent
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except FileExistsError:
        raise Refused(f"{where(folder)} is there and no folder: move it out of the way") from None
    try:
        whole_file.create(path, text)
    except FileExistsError:
        raise Refused(f"{where(path)} exists already: choose another name, or edit it") from None


def _before(flags: Sequence[Flag]) -> str:
    if any(flag.name == "env" for flag in flags):
        return 'inv status --env="$ENV"'
    return "git diff --quiet HEAD   # this checkout has no changes of its own"


def _command(task: str, flags: Sequence[Flag]) -> str:
    if not task:
        return 'echo "nothing is done yet: write the command" >&2\nfalse'
    named = [flag.name for flag in flags if flag.is_required or flag.name == "env"]
    return " ".join([f"inv {task}", *(f'--{each}="${_variable(each)}"' for each in named)])


def _others(flags: Sequence[Flag]) -> str:
    rest = [flag.name for flag in flags if not flag.is_required and flag.name != "env"]
    if not rest:
        return ""
    names = ", ".join(f"`--{name}`" for name in rest)
    return f"\n_It also takes {names}; a cell that uses ${_variable(rest[0])} has it asked for._\n"


def _variable(flag: str) -> str:
    return flag.upper().replace("-", "_")
