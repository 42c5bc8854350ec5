"""The command line, checked before a task runs: every mistake is one sentence and exit code 2.

Invoke itself ends such a mistake with 1 and never says what was meant.
"""

import copy
import re
import signal
import sys
from collections.abc import Sequence
from pathlib import Path

from invoke.collection import Collection
from invoke.exceptions import Exit, ParseError
from invoke.parser.context import ParserContext
from invoke.parser.parser import Parser
from invoke.program import Program

from slipway.environments.schema import nearest

WRONG_USAGE = 2
LAUNCHED_AS = ("inv", "invoke", "invoke/__main__.py")


def check_command_line(tasks: Collection) -> None:
    """Check what this process was started with, when it was started as `inv`."""
    launched = Path(sys.argv[0])
    # `python -m invoke` starts a __main__.py, and so do pytest and others.
    name = "/".join(launched.parts[-2:]) if launched.name == "__main__.py" else launched.name
    if {"-l", "--list", "-h", "--help"} & set(sys.argv):
        signal.signal(signal.SIGPIPE, signal.SIG_DFL)  # `inv --list | head` is no failure
    if name in LAUNCHED_AS and "--complete" not in sys.argv:
        # A copy, because Invoke takes the help texts out of a task when it is asked for contexts.
        check(sys.argv[1:], copy.deepcopy(tasks).to_contexts())


def check(argv: Sequence[str], contexts: Sequence[ParserContext]) -> None:
    """Raise Exit with code 2 and a sentence when the command line cannot be parsed."""
    start = Program().initial_context
    try:
        # In two goes, as Invoke does: its own flags, then what they leave.
        core = Parser(initial=start, ignore_unknown=True).parse_argv(list(argv))
        Parser(contexts=contexts, initial=start).parse_argv(core.unparsed)
    except ParseError as error:
        raise Exit(f"error: {_explain(error, argv, contexts)}", code=WRONG_USAGE) from None
    except ValueError as error:
        given = str(error).rpartition(": ")[2]
        raise Exit(f"error: a number was expected, not {given}", code=WRONG_USAGE) from None


def _explain(error: ParseError, argv: Sequence[str], contexts: Sequence[ParserContext]) -> str:
    text = str(error)
    start = "No idea what '"
    if not text.startswith(start):
        flag = re.search(r"<Argument: ([\w-]+)", text)
        return f"--{flag[1]} needs a value, --{flag[1]}=..." if flag else text
    token = text.removeprefix(start).removesuffix("' is!")
    names = [str(context.name) for context in contexts]
    if not token.startswith("-"):
        hint = nearest(token, names) or "; see inv --list, and give every value with its flag"
        return f"there is no task {token[:40]!a}{hint}"
    task = next((word for word in argv if word in names), None)
    flags = [flag for c in contexts if c.name == task for flag in c.flags]
    where = f"{task} has" if task else "there is"
    return f"{where} no flag {token[:40]}{nearest(token.partition('=')[0], flags)}"
