"""The command line, checked before a task runs: every mistake is one sentence and exit code 2.

Invoke itself ends such a mistake with 1 and never says what was meant.
"""

import functools
import re
import signal
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from invoke.collection import Collection
from invoke.exceptions import Exit, ParseError
from invoke.parser.context import ParserContext
from invoke.parser.parser import Parser
from invoke.program import Program

from .command import Command
from .group import all_tasks

WRONG_USAGE = 2
# Invoke's own flags for commands that it runs itself, as no task here does; and what is meant.
WITHOUT_EFFECT = {
    "dry": "a task's own --plan, where it has one, shows what it would do",
    **dict.fromkeys(("echo", "hide", "pty", "warn-only"), "leave it out"),
    **dict.fromkeys(("command-timeout", "prompt-for-sudo-password"), "leave it out"),
}
LAUNCHED_AS = ("inv", "invoke", "invoke/__main__.py")


def check_command_line(tasks: Collection) -> None:
    """Check what this process was started with, when it was started as `inv`."""
    launched = Path(sys.argv[0])
    # `python -m invoke` starts a __main__.py, and so do pytest and others.
    name = "/".join(launched.parts[-2:]) if launched.name == "__main__.py" else launched.name
    if {"-l", "--list", "-h", "--help"} & set(sys.argv):
        signal.signal(signal.SIGPIPE, signal.SIG_DFL)  # `inv --list | head` is no failure
    if name in LAUNCHED_AS and "--complete" not in sys.argv:
        commands = dict(all_tasks(tasks))
        for name, task in commands.items():
            task.is_named = any(name in word for word in sys.argv[1:])
        named = {name: task for name, task in commands.items() if task.is_named}
        if set(sys.argv[1:]) - {"-l", "--list"}:
            check(sys.argv[1:], contexts_of(named), list(commands))


def contexts_of(tasks: Mapping[str, Command]) -> list[ParserContext]:
    """Return what the command line of each of these tasks may hold."""
    return [ParserContext(name=name, args=task.flags()) for name, task in tasks.items()]


def check(
    argv: Sequence[str], contexts: Sequence[ParserContext], names: Sequence[str]
) -> Sequence[ParserContext]:
    """Return the tasks of a command line; raise Exit with code 2 and a sentence where it is wrong.

    The tasks come as copies of their contexts, with the values that were given. `names` are those
    of all tasks; a context is needed only where a task is named.
    """
    start = _own_flags()
    # Invoke copies all that it is given, for each command line anew.
    named = [context for context in contexts if context.name in argv]
    try:
        # In two goes, as Invoke does: its own flags, then what they leave. Without any, all.
        rest, own = list(argv), None
        if rest and rest[0].startswith("-"):
            core = Parser(initial=start, ignore_unknown=True).parse_argv(rest)
            rest, own = core.unparsed, core[0]
        parsed = Parser(contexts=named, initial=start).parse_argv(rest) if rest else []
    except ParseError as error:
        raise Exit(f"error: {_explain(error, argv, contexts, names)}", code=WRONG_USAGE) from None
    except ValueError as error:
        value = str(error).rpartition(": ")[2]
        raise Exit(f"error: a number was expected, not {value}", code=WRONG_USAGE) from None
    _refuse_without_effect([*parsed[:1], *([own] if own else [])])
    # A variable that is not set must not widen what is done: --only=$PART, --to-time="$MOMENT".
    for context in parsed:
        if empty := next((a.name for a in context.args.values() if a.raw_value == ""), None):
            flag = f"--{empty.replace('_', '-')}="
            text = f"{context.name} {flag} is empty; give it a value or leave it out"
            raise Exit(f"error: {text}", code=WRONG_USAGE)
    help_for = own.args["help"].value if own else None
    if isinstance(help_for, str) and help_for not in names:
        raise Exit(f"error: {_no_task(help_for, names)}", code=WRONG_USAGE)
    return [context for context in parsed if context.name]


def _refuse_without_effect(initial: Sequence[ParserContext]) -> None:
    """Raise Exit for a flag of Invoke's that no task here obeys: `--dry` would change things."""
    for context in initial:
        for name, hint in WITHOUT_EFFECT.items():
            if name in context.args and context.args[name].got_value:
                text = f"--{name} is Invoke's own and no task here obeys it; {hint}"
                raise Exit(f"error: {text}", code=WRONG_USAGE)


@functools.cache
def _own_flags() -> ParserContext:
    return Program().initial_context


def _explain(
    error: ParseError,
    argv: Sequence[str],
    contexts: Sequence[ParserContext],
    names: Sequence[str],
) -> str:
    from slipway.suggest import nearest

    text = str(error)
    start = "No idea what '"
    if not text.startswith(start):
        flag = re.search(r"<Argument: ([\w-]+)", text)
        return f"--{flag[1]} needs a value, --{flag[1]}=..." if flag else text
    token = text.removeprefix(start).removesuffix("' is!")
    if not token.startswith("-"):
        return _no_task(token, names)
    task = next((word for word in argv if word in names), None)
    flags = [flag for c in contexts if c.name == task for flag in c.flags]
    where = f"{task} has" if task else "there is"
    return f"{where} no flag {token[:40]}{nearest(token.partition('=')[0], flags)}"


def _no_task(name: str, names: Sequence[str]) -> str:
    from slipway.suggest import nearest

    hint = nearest(name, list(names)) or "; see inv --list, and give every value with its flag"
    return f"there is no task {name[:40]!a}{hint}"
