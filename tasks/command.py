"""`@command`: an Invoke task whose arguments are all flags and whose failures are one line."""

import functools
import inspect
import os
import signal
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Never

from invoke.context import Context
from invoke.exceptions import Exit
from invoke.tasks import Task

from slipway.errors import Refused, SlipwayError, UsageError
from slipway.project import LENT_ENGINE

Body = Callable[..., None]
Values = Sequence[str] | Callable[[], Sequence[str]]  # a function where they have to be looked up

ENV_HELP = "Environment to act on: dev, testing, staging or prod."
INTERRUPTED = 130


@dataclass(frozen=True)
class Choices:
    """Values of which several may be given at once, with commas."""

    of: Values


class Command(Task[Body]):
    """A task that also tells which flags it cannot do without and what they may be given.

    A task judges its own arguments as it runs; these are for whoever reads a command without
    running it.
    """

    runbook = ""
    required: frozenset[str] = frozenset()
    choices: Mapping[str, Values | Choices] = {}


def command(
    *,
    help: dict[str, str] | None = None,
    runbook: str = "",
    choices: Mapping[str, Values | Choices] | None = None,
    **options: Any,
) -> Callable[[Body], Command]:
    """Turn `body(env, *, ...)` into a task; a parameter called `env` arrives as an Environment.

    Every argument becomes a flag, never a positional: Invoke lets a missing positional swallow
    the next token, so `inv deploy --dry` would deploy to an environment called "--dry"
    (pyinvoke/invoke#1084). A flag without a default is required. `choices` says for a flag with a
    closed set of values which these are; `env` has its own.
    """

    def decorate(body: Body) -> Command:
        parameters = list(inspect.signature(body).parameters.values())
        required = [p.name for p in parameters if p.default is p.empty and p.name != "env"]

        @functools.wraps(body)
        def run(ctx: Context, **given: Any) -> None:
            signal.signal(signal.SIGTERM, _interrupt)
            signal.signal(signal.SIGHUP, _interrupt)
            _open_streams()
            try:
                _refuse_a_lent_engine()
                for p in parameters:
                    if p.name == "env" and (given.get("env") or p.default is p.empty):
                        given["env"] = _environment(given.get("env"))
                for name in required:
                    if given.get(name) is None:
                        raise UsageError(f"--{name.replace('_', '-')} is required")
                body(**given)
            except SlipwayError as error:
                raise Exit(f"error: {error}", code=error.exit_code) from error
            except KeyboardInterrupt:
                raise Exit("interrupted", code=INTERRUPTED) from None
            except BrokenPipeError:
                sys.stdout = None  # `inv status | head` is no failure

        flags = [_flag(parameter) for parameter in parameters]
        ctx = inspect.Parameter("ctx", inspect.Parameter.POSITIONAL_OR_KEYWORD)
        setattr(run, "__signature__", inspect.Signature([ctx, *flags]))  # noqa: B010
        if runbook:
            run.__doc__ = f"{inspect.getdoc(body)}\n\nRunbook: runbooks/{runbook}.md"
        texts = {"env": ENV_HELP, **(help or {})}
        known = {parameter.name for parameter in parameters}
        made = Command(
            run,
            help={name: text for name, text in texts.items() if name in known},
            positional=(),
            auto_shortflags=False,
            **options,
        )
        made.runbook = runbook
        made.required = frozenset(p.name for p in parameters if p.default is p.empty)
        made.choices = {
            name: values
            for name, values in {"env": _environments, **(choices or {})}.items()
            if name in known
        }
        return made

    return decorate


def _interrupt(*_: object) -> Never:
    """A cancelled CI job or a closed terminal is a Ctrl-C: what was begun is taken back."""
    raise KeyboardInterrupt


def _open_streams() -> None:
    """Put the null device where a stream came closed, or the next file opened would be there."""
    for number, name in enumerate(("stdin", "stdout", "stderr")):
        try:
            os.fstat(number)
        except OSError:
            null = os.open(os.devnull, os.O_RDWR)  # has the lowest number that is free, this one
            os.set_inheritable(null, True)
        if getattr(sys, name) is None:
            to_the_end = Path(os.devnull).open("w" if number else "r")  # noqa: SIM115
            setattr(sys, name, to_the_end)


def _refuse_a_lent_engine() -> None:
    """In the shell of `inv machine.engine` this computer's engine is not what docker reaches."""
    if place := os.environ.get(LENT_ENGINE):
        raise Refused(f"docker talks to {place} in this shell; leave it first, with: exit")


def _flag(parameter: inspect.Parameter) -> inspect.Parameter:
    default = None if parameter.default is parameter.empty else parameter.default
    return inspect.Parameter(
        parameter.name, inspect.Parameter.POSITIONAL_OR_KEYWORD, default=default
    )


def _environments() -> list[str]:
    from slipway.environments.environment import names

    return names()


def _environment(name: str | None) -> Any:
    from slipway.environments.environment import load

    return load(name)
