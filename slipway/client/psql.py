"""psql on a person's terminal, run beside an environment's database."""

import contextlib
from collections.abc import Callable

from slipway.client.container import Container

COMMAND = ["python", "-m", "slipway.agent.shell"]
CHUNK = 64 * 1024


def open_shell(ops: Container, *, write: bool, tty: bool) -> int:
    """Give this terminal to psql there; SQL on this command's input is run, where it is no `tty`.

    Returns the exit code: 1 where SQL failed.
    """
    flags = ["--interactive", "--tty"] if tty else ["--interactive"]
    return ops.host.attach(["docker", "exec", *flags, *_command(ops, write)])


def run(ops: Container, text: str, on_output: Callable[[bytes], None], *, write: bool) -> int:
    """Run SQL, or a command of psql's own, there; hand over what it prints, return its code.

    The text goes over its input: what somebody writes in SQL is nothing for a list of processes.
    """
    argv = ["docker", "exec", "--interactive", *_command(ops, write)]
    with ops.host.open(argv) as process:
        with contextlib.suppress(BrokenPipeError):  # it ended already, and says why
            process.write(text.encode() + b"\n")
        process.end()
        while chunk := process.read(CHUNK):
            on_output(chunk)
        status = process.wait()
    on_output(status.err.encode())
    return status.code


def _command(ops: Container, write: bool) -> list[str]:
    return [ops.container, *COMMAND, *(["--write"] if write else [])]
