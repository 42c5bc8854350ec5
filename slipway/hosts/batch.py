"""Several commands of one machine in one round trip, at once, each with an answer of its own."""

import re
import shlex
from collections.abc import Sequence

from slipway import shell_scripts
from slipway.hosts.answers import reading
from slipway.hosts.host import MINUTES, CommandResult, Host, script

RUN = shell_scripts.read(__file__, "batch.sh")
LINE = re.compile(r"(\d+) (out|err|end) (.*)", re.DOTALL)

Argv = Sequence[str]


def run(host: Host, commands: Sequence[Argv], *, timeout: float = MINUTES) -> list[CommandResult]:
    """Run commands that want no input; return their results in the same order, failures too.

    Raises CommandFailed where the machine cannot run any, or one has not ended in time.
    """
    lines = map(shlex.join, commands)
    text = script(host, RUN, *lines, timeout=timeout).out
    printed: dict[tuple[int, str], list[str]] = {}
    for line in text.split("\n"):
        if match := LINE.match(line):
            printed.setdefault((int(match[1]), match[2]), []).append(f"{match[3]}\n")
    with reading(host.name, "what its commands printed"):
        return [
            CommandResult(
                host.name,
                tuple(argv),
                int(printed[number, "end"][0]),
                *("".join(printed.get((number, kind), ())) for kind in ("out", "err")),
            )
            for number, argv in enumerate(commands)
        ]
