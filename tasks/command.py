"""`@command`: an Invoke task whose arguments are all flags and whose failures are one line."""

import functools
import inspect
import os
import signal
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Never, Self

from invoke.exceptions import Exit
from invoke.parser.argument import Argument
from invoke.tasks import Task

from slipway.errors import ConfigError, Refused, SlipwayError, UsageError, listing, readable
from slipway.project import LENT_ENGINE

from . import hints

Body = Callable[..., None]
Values = Sequence[str] | Callable[[], Sequence[str]]  # a function where they have to be looked up

ENV_HELP = "Environment to act on: dev, testing, staging or prod."
INTERRUPTED = 130
NO_HOME = "Could not determine home directory"  # says pathlib, wherever it looks for one


class Choices:
    """Values of which several may be given at once, with commas."""

    def __init__(self, of: Values) -> None:  # making a dataclass takes as long as ten tasks
        self.of = of


class Command(Task[Body]):
    """A task whose arguments are all flags, and that also tells what these may be given.

    A task judges its own arguments as it runs; `required` and `choices` are for whoever reads a
    command without running it.
    """

    def __init__(
        self,
        body: Body,
        runbook: str,
        choices: Mapping[str, Values | Choices],
        suggestions: Mapping[str, str],
        docker: bool | None,
        **options: Any,
    ) -> None:
        super().__init__(body, positional=(), auto_shortflags=False, **options)
        self.runbook = runbook
        self.is_named = True
        self._choices = choices
        self.suggestions = suggestions
        self._docker = docker
        if runbook:
            self.__doc__ = f"{(body.__doc__ or '').rstrip()}\n\n    Runbook: runbooks/{runbook}.md"

    def __deepcopy__(self, memo: dict[int, Any]) -> Self:
        """Stay the same: Invoke copies every task at each start, which takes long, for nothing."""
        return self

    def __call__(self, *args: Any, **values: Any) -> Any:
        """Run the body with what was given; args[0] is Invoke's context, which no body wants."""
        signal.signal(signal.SIGTERM, _interrupt)
        signal.signal(signal.SIGHUP, _interrupt)
        _open_streams()
        env = values.get("env")
        try:
            _refuse_a_lent_engine()
            for name, parameter in self.parameters.items():
                if name == "env" and (values.get(name) or parameter.default is parameter.empty):
                    values[name] = _environment(values.get(name))
            for name, parameter in self.parameters.items():
                if parameter.default is parameter.empty and values.get(name) is None:
                    raise UsageError(f"--{name.rstrip('_').replace('_', '-')} is required")
            if self.uses_docker(values.get("env")):
                _report_engine()
            self.body(**values)
        except SlipwayError as error:
            text = hints.with_environment(str(error), env) if env else str(error)
            raise Exit(f"error: {readable(text)}", code=error.exit_code) from error
        except KeyboardInterrupt:
            raise Exit("interrupted", code=INTERRUPTED) from None
        except RuntimeError as error:
            if NO_HOME not in str(error):
                raise
            raise Exit(
                "error: there is no such home directory; set HOME, or write out the path", code=2
            ) from error
        except BrokenPipeError:
            sys.stdout = None  # `inv status | head` is no failure
        except OSError as error:
            if error.filename is None:
                raise
            text = f"{os.fsdecode(error.filename)}: {error.strerror}"
            raise Exit(f"error: {readable(text)}", code=_code(error)) from error

    @functools.cached_property
    def parameters(self) -> Mapping[str, inspect.Parameter]:
        """The arguments of the body, by name."""
        return inspect.signature(self.body).parameters

    @property
    def required(self) -> frozenset[str]:
        """The arguments that have to be given."""
        return frozenset(p.name for p in self.parameters.values() if p.default is p.empty)

    def uses_docker(self, env: Any) -> bool:
        """Whether it works through this computer's docker: on the loop, or where `env` is here."""
        if self._docker is not None or "env" not in self.parameters:
            return bool(self._docker)
        return env is None or bool(env.is_local)

    @property
    def choices(self) -> Mapping[str, Values | Choices]:
        """The arguments that have a closed set of values, with these."""
        all_choices = {"env": environments, **self._choices}
        return {name: values for name, values in all_choices.items() if name in self.parameters}

    def argspec(self, body: Body) -> inspect.Signature:
        """Return what Invoke makes flags of."""
        return inspect.Signature([_flag(parameter) for parameter in self.parameters.values()])

    def get_arguments(self, ignore_unknown_help: bool | None = None) -> list[Argument]:
        """Return the flags to Invoke, which asks all tasks at each start: nothing if not named."""
        return self.flags() if self.is_named else []

    def flags(self) -> list[Argument]:
        """Return the flags as Invoke's parser takes them."""
        texts = self.help
        self.help = {"env": ENV_HELP, **texts} if "env" in self.parameters else dict(texts)
        try:
            return super().get_arguments()
        finally:
            self.help = texts  # which Invoke empties


def command(
    *,
    help: dict[str, str] | None = None,
    runbook: str = "",
    choices: Mapping[str, Values | Choices] | None = None,
    suggestions: Mapping[str, str] | None = None,
    docker: bool | None = None,
    **options: Any,
) -> Callable[[Body], Command]:
    """Turn `body(env, *, ...)` into a task; a parameter called `env` arrives as an Environment.

    Every argument becomes a flag, never a positional: Invoke lets a missing positional swallow
    the next token, so `inv deploy --dry` would deploy to an environment called "--dry"
    (pyinvoke/invoke#1084). A flag without a default is required. `choices` says for a flag with a
    closed set of values which these are; `env` has its own. `suggestions` says for other flags what
    a shell offers at TAB: services, machines, runbooks, runs or tasks. That docker leads to another
    computer is reported before a task with `env` acts on the loop or on an environment that is
    local; `docker` says of a task that it always has to be, or never.
    """
    return lambda body: Command(
        body, runbook, choices or {}, suggestions or {}, docker, help=help, **options
    )


def _code(error: OSError) -> int:
    """Tell a file that is not as it must be from a computer that fails."""
    wrong = PermissionError | IsADirectoryError | NotADirectoryError | FileNotFoundError
    return 2 if isinstance(error, wrong) else 1


def _interrupt(*_: object) -> Never:
    """A cancelled CI job or a closed terminal is a Ctrl-C: what was begun is rolled back."""
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


def _report_engine() -> None:
    from slipway.hosts import docker_client
    from slipway.show.progress import TerminalReporter

    docker_client.report_engine(TerminalReporter())


def _flag(parameter: inspect.Parameter) -> inspect.Parameter:
    default = None if parameter.default is parameter.empty else parameter.default
    return inspect.Parameter(
        parameter.name, inspect.Parameter.POSITIONAL_OR_KEYWORD, default=default
    )


def environments() -> list[str]:
    """Return the names of this project's environments."""
    from slipway.environments.environment import names

    return names()


def _environment(name: str | None) -> Any:
    from slipway.environments.environment import examine

    env, problems = examine(name)
    if problems:
        from slipway.releases import application

        more = [line for line in application.problems(env) if line not in problems]
        raise ConfigError(listing([*problems, *more]))
    return env
