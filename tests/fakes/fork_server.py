"""A Python that has imported what is slow to import, and forks for each request.

The server reads lines of JSON and answers each with an exit code. A fork prints into `output` and
`errors`; with `terminal` it has that terminal for its own, and says first which process it is.
"""

import gc
import json
import os
import select
import subprocess
import sys
from collections.abc import Callable, Mapping
from typing import Any, Never, TextIO

from tests.fakes.terminal import PATIENCE, ROOT


class ForkServer:
    """The end of the tests: a module that serves, one request after the other."""

    def __init__(self, module: str, env: Mapping[str, str]) -> None:
        argv = [sys.executable, "-m", module, "serve"]
        self._process = subprocess.Popen(
            argv, cwd=ROOT, env=env, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )

    def run(self, request: dict[str, Any]) -> int:
        self.begin(request)
        return self.answer()

    def begin(self, request: dict[str, Any]) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(request) + "\n")
        self._process.stdin.flush()

    def answer(self) -> int:
        assert self._process.stdout is not None
        assert select.select([self._process.stdout], [], [], PATIENCE)[0], "it hangs"
        return int(self._process.stdout.readline())

    def close(self) -> None:
        self._process.communicate()


def serve(run: Callable[[dict[str, Any]], int], warm_up: Callable[[], None]) -> None:
    """Do what is asked for, each in a process of its own, until stdin ends."""
    requests, answers = os.fdopen(os.dup(0)), os.fdopen(os.dup(1), "w")
    _connect(0, os.devnull, os.O_RDONLY)
    _print_to(os.devnull, os.devnull)
    warm_up()
    gc.disable()  # a fork is short, and to look at what it shares with us would copy all of that
    for line in requests:
        request = json.loads(line)
        child = os.fork()
        if not child:
            _become(run, request, answers)
        _, status = os.waitpid(child, 0)
        print(os.waitstatus_to_exitcode(status), file=answers, flush=True)


def _become(
    run: Callable[[dict[str, Any]], int], request: dict[str, Any], answers: TextIO
) -> Never:
    code = 1
    try:
        if "environ" in request:
            os.environ.clear()
            os.environ.update(request["environ"])
        if "cwd" in request:
            os.chdir(request["cwd"])
        if "terminal" in request:
            os.setsid()
            for number in range(3):
                _connect(number, request["terminal"], os.O_RDWR)  # the first makes it ours
            sys.stdin, sys.stdout = open(0, closefd=False), open(1, "w", closefd=False)  # noqa: SIM115
            print(os.getpid(), file=answers, flush=True)
        else:
            _print_to(request["output"], request.get("errors", request["output"]))
        code = run(request)
    except SystemExit as end:
        code = end.code if isinstance(end.code, int) else int(end.code is not None)
    except BaseException:
        sys.excepthook(*sys.exc_info())
    finally:
        for stream in (sys.stdout, sys.stderr):
            stream.flush()
        os._exit(code)


def _print_to(output: str, errors: str) -> None:
    _connect(1, output, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
    if errors == output:
        os.dup2(1, 2)
    else:
        _connect(2, errors, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)


def _connect(number: int, path: str, flags: int) -> None:
    file = os.open(path, flags, 0o600)
    if file != number:
        os.dup2(file, number)
        os.close(file)
