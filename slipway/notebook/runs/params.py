"""The parameters of a run: which ones its cells need, and a checked value for each.

They come from the flags of the linked tasks; front matter narrows them or adds more. Values
travel as environment variables, so nothing in them is ever read as shell.
"""

import re
import shlex
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from slipway.errors import ConfigError, UsageError
from slipway.notebook.checking import variables
from slipway.notebook.commands import Commands
from slipway.notebook.document import Runbook
from slipway.notebook.problem import nearest

NAME = re.compile(r"[A-Z][A-Z0-9_]*")
NUMBER = re.compile(r"-?[0-9]+")
# A flag called --path must not become the PATH that finds every command.
RESERVED = re.compile(
    r"PATH|HOME|USER|LOGNAME|SHELL|PWD|OLDPWD|IFS|TERM|TMPDIR|PS[0-4]|UID|EUID|PPID|RANDOM|SECONDS"
    r"|LINENO|OPT(ARG|IND|ERR)|REPLY|SHELLOPTS|BASHOPTS|CDPATH|GLOBIGNORE|CI|NO_TTY|NO_COLOR"
    r"|(BASH|LD|DYLD|LC|PYTHON|RUNBOOK)(_.*)?|PYTHON[A-Z]+|LANG"
)
YES, NO = ("yes", "true", "on", "1"), ("", "no", "false", "off", "0")


@dataclass(frozen=True)
class Param:
    """One parameter; a `kind` of switch is "yes" or "", made for ${NAME:+--flag}."""

    name: str
    help: str = ""
    choices: tuple[str, ...] = ()
    default: str = ""
    pattern: str = ""
    optional: bool = False
    kind: str = "text"  # text, number, switch

    @property
    def typed(self) -> str:
        """The name as it is typed: `skip-unreachable`."""
        return self.name.lower().replace("_", "-")

    def flag(self, value: str) -> str:
        """Return what gives it a value on the command line of `inv runbook.run`."""
        if self.name == "ENV":
            return f"--env={shlex.quote(value)}"
        return f"--set {shlex.quote(f'{self.typed}={value}')}"


def used(runbook: Runbook) -> set[str]:
    """Return the variables that cells take and that no cell before them has set."""
    return {use.name for use in _uses(runbook)}


def needed(runbook: Runbook, commands: Commands, used: Iterable[str]) -> list[Param]:
    """Return the parameters among the variables that are used, the environment first.

    Raises ConfigError for a parameter in the front matter that can be none.
    """
    wanted = set(used)
    found: dict[str, Param] = {}
    bare = {use.name for use in _uses(runbook) if not use.has_default}
    for task in runbook.matter.tasks:
        for flag in commands.flags(task):
            name = flag.name.upper().replace("-", "_")
            if RESERVED.fullmatch(name) or name in found:
                continue
            optional = not flag.is_required and (name not in bare or flag.kind == "switch")
            found[name] = Param(
                name, flag.help, flag.choices, optional=optional and name != "ENV", kind=flag.kind
            )
    for name, said in runbook.matter.params.items():
        found[name] = _narrowed(runbook, found.get(name, Param(name)), said)
    chosen = [param for name, param in found.items() if name in wanted]
    return sorted(chosen, key=lambda param: param.name != "ENV")


def parse_set(words: Sequence[str]) -> dict[str, str]:
    """Read what --set was given: ["release=3"] gives {"RELEASE": "3"}."""
    found: dict[str, str] = {}
    for word in words:
        typed, mark, value = word.partition("=")
        name = typed.strip().upper().replace("-", "_")
        if not mark or not NAME.fullmatch(name):
            raise UsageError(f"--set {word[:40]!a}: write it as --set release=3")
        if name in found:
            raise UsageError(f"--set gives {typed} twice")
        found[name] = value
    return found


def settle(
    params: Sequence[Param],
    given: Mapping[str, str],
    ask: Callable[[Param], str] | None = None,
    command: str = "inv runbook.run",
) -> dict[str, str]:
    """Return a value for each parameter, asking for those without one where there is somebody.

    `given` may hold the environment as ENV, also where no cell uses it. Raises UsageError with
    all that is wrong and the whole command line to type.
    """
    names = [param.name for param in params]
    for name in given:
        if name not in names and name != "ENV":
            typed = name.lower().replace("_", "-")
            known = [param.typed for param in params]
            hint = nearest(typed, known) or (f" (it has {', '.join(known)})" if known else "")
            raise UsageError(f"no cell of this runbook uses a parameter {typed!a}{hint}")
    values: dict[str, str] = {}
    missing: list[Param] = []
    for param in params:
        if param.name in given:
            values[param.name] = accept(param, given[param.name])
        elif param.default or param.optional:
            values[param.name] = accept(param, param.default) if param.default else ""
        elif ask is not None:
            values[param.name] = accept(param, ask(param))
        else:
            missing.append(param)
    if missing:
        raise UsageError(_missing(params, missing, given, command))
    return values


def accept(param: Param, value: str) -> str:
    """Return a value as the cells get it. Raises UsageError that says what would be right."""
    if fault := complaint(param, value):
        raise UsageError(f"{param.typed}: {fault}")
    if param.kind == "switch":
        return "yes" if value.lower() in YES else ""
    return value


def complaint(param: Param, value: str) -> str:
    """Say what is wrong with a value; "" when nothing is."""
    shown = ascii(value[:60])
    if "\0" in value:
        return "a NUL byte cannot stand in a value"
    if param.kind == "switch":
        return "" if value.lower() in (*YES, *NO) else f"{shown} is neither yes nor no"
    if not value and not param.optional:
        return "a value is needed"
    if not value:
        return ""
    if param.choices and value not in param.choices:
        hint = nearest(value[:60], list(param.choices))
        return f"{shown} is none of {', '.join(param.choices)}{hint}"
    if param.kind == "number" and not NUMBER.fullmatch(value):
        return f"{shown} is not a whole number"
    if param.pattern:
        fits = re.fullmatch(param.pattern, value)
        return "" if fits else f"{shown} does not fit {param.pattern}"
    if any(not (c.isprintable() or c == "\t") for c in value):
        return f"{shown} holds a line break or another character that cannot be seen"
    return ""


def _uses(runbook: Runbook) -> list[variables.VariableUse]:
    """Return what cells take from outside the runbook, in its order."""
    found: list[variables.VariableUse] = []
    known: set[str] = set()
    for cell in runbook.cells():
        if not cell.attributes.skip:
            found += [use for use in variables.uses(cell) if use.name not in known]
            known |= variables.sets(cell)
    return found


def _narrowed(runbook: Runbook, param: Param, said: Mapping[str, object]) -> Param:
    where = f"{runbook.path.name}: params: {param.name}"
    if RESERVED.fullmatch(param.name):
        raise ConfigError(f"{where} is a name that the shell itself uses; choose another")
    given = {name: value for name, value in said.items() if value is not None}
    choices = given.get("choices", param.choices)
    return replace(
        param,
        help=str(given.get("help", param.help)),
        choices=tuple(map(_text, choices)) if isinstance(choices, list | tuple) else (),
        default=_text(given.get("default", param.default)),
        pattern=str(given.get("pattern", param.pattern)),
        optional=_text(given["optional"]) in YES if "optional" in given else param.optional,
    )


def _text(value: object) -> str:
    """Return what YAML read as a person wrote it; yes and no are true and false there."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    return str(value)


def _missing(
    params: Sequence[Param], missing: Sequence[Param], given: Mapping[str, str], command: str
) -> str:
    """Say what is missing, and the whole line to type, with … for what is to be filled in."""
    said = []
    for param in missing:
        choices = f" (one of: {', '.join(param.choices)})" if param.choices else ""
        number = " (a number)" if param.kind == "number" else ""
        help_ = f": {param.help.rstrip('.')}" if param.help else ""
        said.append(f"{param.typed} is missing{help_}{choices}{number}")
    words = [command]
    for param in params:
        if param.name in given:
            words.append(param.flag(given[param.name]))
        elif param in missing:
            words.append(param.flag("…").replace("'", ""))
    if "ENV" in given and "ENV" not in [param.name for param in params]:
        words.insert(1, f"--env={given['ENV']}")
    return f"{'; '.join(said)}. Type: {' '.join(words)}"
