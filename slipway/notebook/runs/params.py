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
    names = set(used)
    params: dict[str, Param] = {}
    bare = {use.name for use in _uses(runbook) if not use.has_default}
    for task in runbook.matter.tasks:
        for flag in commands.flags(task):
            name = flag.name.upper().replace("-", "_")
            if RESERVED.fullmatch(name) or name in params:
                continue
            optional = not flag.is_required and (name not in bare or flag.kind == "switch")
            params[name] = Param(
                name, flag.help, flag.choices, optional=optional and name != "ENV", kind=flag.kind
            )
    for name, rules in runbook.matter.params.items():
        params[name] = _narrowed(runbook, params.get(name, Param(name)), rules)
    chosen = [param for name, param in params.items() if name in names]
    return sorted(chosen, key=lambda param: param.name != "ENV")


def parse_set(words: Sequence[str]) -> dict[str, str]:
    """Parse what --set was given: ["release=3"] gives {"RELEASE": "3"}."""
    values: dict[str, str] = {}
    for word in words:
        typed, mark, value = word.partition("=")
        name = typed.strip().upper().replace("-", "_")
        if not mark or not NAME.fullmatch(name):
            raise UsageError(f"--set {word[:40]!a}: write it as --set release=3")
        if name in values:
            raise UsageError(f"--set gives {typed} twice")
        values[name] = value
    return values


def settle(
    params: Sequence[Param],
    assigned: Mapping[str, str],
    ask: Callable[[Param], str] | None = None,
    command: str = "inv runbook.run",
) -> dict[str, str]:
    """Return a value for each parameter, prompting for those without one where `ask` is given.

    `assigned` may hold the environment as ENV, also where no cell uses it. Raises UsageError with
    all that is wrong and the whole command line to type.
    """
    names = [param.name for param in params]
    for name in assigned:
        if name not in names and name != "ENV":
            typed = name.lower().replace("_", "-")
            others = [param.typed for param in params]
            hint = nearest(typed, others) or (f" (it has {', '.join(others)})" if others else "")
            raise UsageError(f"no cell of this runbook uses a parameter {typed!a}{hint}")
    values: dict[str, str] = {}
    missing: list[Param] = []
    for param in params:
        if param.name in assigned:
            values[param.name] = accept(param, assigned[param.name])
        elif param.default or param.optional:
            values[param.name] = accept(param, param.default) if param.default else ""
        elif ask is not None:
            values[param.name] = accept(param, ask(param))
        else:
            missing.append(param)
    if missing:
        raise UsageError(_missing(params, missing, assigned, command))
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
        return "a value is required"
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
    outside: list[variables.VariableUse] = []
    already_set: set[str] = set()
    for cell in runbook.cells():
        if not cell.attributes.skip:
            outside += [use for use in variables.uses(cell) if use.name not in already_set]
            already_set |= variables.sets(cell)
    return outside


def _narrowed(runbook: Runbook, param: Param, rules: Mapping[str, object]) -> Param:
    where = f"{runbook.path.name}: params: {param.name}"
    if RESERVED.fullmatch(param.name):
        raise ConfigError(f"{where} is a name that the shell itself uses; choose another")
    rules = {name: value for name, value in rules.items() if value is not None}
    choices = rules.get("choices", param.choices)
    return replace(
        param,
        help=str(rules.get("help", param.help)),
        choices=tuple(map(_text, choices)) if isinstance(choices, list | tuple) else (),
        default=_text(rules.get("default", param.default)),
        pattern=str(rules.get("pattern", param.pattern)),
        optional=_text(rules["optional"]) in YES if "optional" in rules else param.optional,
    )


def _text(value: object) -> str:
    """Return what YAML read as a person wrote it; yes and no are true and false there."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    return str(value)


def _missing(
    params: Sequence[Param], missing: Sequence[Param], assigned: Mapping[str, str], command: str
) -> str:
    """Say what is missing, and the whole line to type, with … for what is to be filled in."""
    problems = []
    for param in missing:
        choices = f" (one of: {', '.join(param.choices)})" if param.choices else ""
        number = " (a number)" if param.kind == "number" else ""
        help_ = f": {param.help.rstrip('.')}" if param.help else ""
        problems.append(f"{param.typed} is missing{help_}{choices}{number}")
    words = [command]
    for param in params:
        if param.name in assigned:
            words.append(param.flag(assigned[param.name]))
        elif param in missing:
            words.append(param.flag("…").replace("'", ""))
    if "ENV" in assigned and "ENV" not in [param.name for param in params]:
        words.insert(1, f"--env={assigned['ENV']}")
    return f"{'; '.join(problems)}. Type: {' '.join(words)}"
