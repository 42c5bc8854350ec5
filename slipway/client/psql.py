"""psql on a person's terminal, run beside an environment's database."""

import contextlib
from collections.abc import Callable

from slipway.client.container import Container

COMMAND = ["python", "-m", "slipway.agent.shell"]
CHUNK = 64 * 1024


def open_shell(place: Container, *, write: bool, tty: bool) -> int:
    """Give this terminal to psql there; SQL on this command's input is run, where it is no `tty`.

    Returns the exit code: 1 where SQL failed.
    """
    flags = ["--interactive", "--tty"] if tty else ["--interactive"]
    return place.host.attach(["docker", "exec", *flags, *_command(place, write)])


def run(place: Container, text: str, on_output: Callable[[bytes], None], *, write: bool) -> int:
    """Run SQL, or a command of psql's own, there; hand over what it prints, return its code.

    The text goes over its input: what somebody writes in SQL is nothing for a list of processes.
    """
    argv = ["docker", "exec", "--interactive", *_command(place, write)]
    with place.host.open(argv) as spoken:
        with contextlib.suppress(BrokenPipeError):  # it ended already, and says why
            spoken.write(text.encode() + b"\n")
        spoken.end()
        while chunk := spoken.read(CHUNK):
            on_output(chunk)
        done = spoken.wait()
    on_output(done.err.encode())
    return done.code


def _command(place: Container, write: bool) -> list[str]:
    return [place.container, *COMMAND, *(["--write"] if write else [])]
