"""The tasks as a runbook sees them: their names, their flags, whether a command is valid."""

from collections.abc import Mapping, Sequence
from typing import Literal

from invoke.collection import Collection
from invoke.exceptions import Exit
from invoke.parser.argument import Argument
from invoke.parser.context import ParserContext

from slipway.notebook.commands import UNKNOWN, Commands, Flag
from slipway.suggest import nearest

from . import usage
from .command import Choices, Values
from .group import all_tasks, registered


class CommandIndex(Commands):
    """The commands behind `inv`, judged by the parser that judges a command line."""

    def __init__(self, namespace: Collection) -> None:
        self._tasks = dict(all_tasks(namespace))
        contexts = usage.contexts_of(self._tasks)
        self._contexts = {str(context.name): context for context in contexts}
        self._complaints: dict[tuple[str, ...], str | None] = {}
        self._values: dict[tuple[str, str], tuple[str, ...]] = {}
        for context in contexts:
            for argument in context.args.values():
                if argument.kind is int:
                    argument.kind = _number

    def tasks(self) -> Mapping[str, str]:
        """Return every task's name with the name of its runbook, "" where it has none."""
        return {name: task.runbook for name, task in self._tasks.items()}

    def flags(self, task: str) -> Sequence[Flag]:
        """Return a task's flags; nothing for a task there is not."""
        if task not in self._contexts:
            return ()
        arguments = self._contexts[task].args
        return [
            Flag(
                name=name,
                help=argument.help or "",
                kind=_kind(argument),
                choices=self._choices(task, _key(argument)),
                is_required=_key(argument) in self._required(task),
            )
            for name, argument in arguments.items()
            if name == argument.names[0]
        ]

    def complaint(self, words: Sequence[str]) -> str | None:
        """Say what is wrong with what follows `inv`, with the nearest name; None when it parses."""
        line = tuple(words)
        if line not in self._complaints:
            self._complaints[line] = self._check(line)
        return self._complaints[line]

    def _check(self, words: Sequence[str]) -> str | None:
        fixed, is_complete = self._fixed_words(words)
        if fixed and fixed[0] == UNKNOWN:
            return None
        try:
            contexts = usage.check(fixed, list(self._contexts.values()), list(self._contexts))
        except Exit as error:
            return str(error.message).removeprefix("error: ")
        if is_complete and not {"-h", "--help"} & {word.partition("=")[0] for word in fixed}:
            for context in contexts:
                if missing := self._missing(context):
                    return missing
        return next(filter(None, map(self._invalid_choice, contexts)), None)

    def _fixed_words(self, words: Sequence[str]) -> tuple[list[str], bool]:
        """Return the words but those that a shell may make several of, and whether none was."""
        fixed: list[str] = []
        taking = {flag for name in words if name in self._contexts for flag in self._taking(name)}
        for word in words:
            is_value = bool(fixed) and fixed[-1] in taking
            if word == UNKNOWN and fixed and not is_value:
                continue
            if UNKNOWN in word.partition("=")[0] and word.startswith("-"):
                continue  # the flag itself is not known
            fixed.append(word)
        return fixed, len(fixed) == len(words)

    def _taking(self, task: str) -> list[str]:
        flags = self._contexts[task].flags.items()
        return [flag for flag, argument in flags if argument.takes_value]

    def _missing(self, context: ParserContext) -> str | None:
        task = str(context.name)
        for argument in context.args.values():
            if _key(argument) in self._required(task) and not argument.got_value:
                values = self._choices(task, _key(argument))
                hint = f" (one of: {', '.join(values)})" if values else ""
                return f"{task} needs --{argument.names[0]}{hint}"
        return None

    def _invalid_choice(self, context: ParserContext) -> str | None:
        task = str(context.name)
        for argument in context.args.values():
            value = argument.value
            if not argument.got_value or not isinstance(value, str) or UNKNOWN in value:
                continue
            values = self._choices(task, _key(argument))
            parts = value.split(",") if self._may_be_several(task, _key(argument)) else [value]
            for part in parts if values and value else ():
                if part not in values:
                    hint = nearest(part, list(values)) or f" (one of: {', '.join(values)})"
                    return f"{task} --{argument.names[0]} cannot be {part[:40]!a}{hint}"
        return None

    def _required(self, task: str) -> frozenset[str]:
        return self._tasks[task].required

    def _choices(self, task: str, key: str) -> tuple[str, ...]:
        if (task, key) not in self._values:
            self._values[task, key] = tuple(_resolve(self._declared(task, key)))
        return self._values[task, key]

    def _may_be_several(self, task: str, key: str) -> bool:
        return isinstance(self._declared(task, key), Choices)

    def _declared(self, task: str, key: str) -> Values | Choices:
        return self._tasks[task].choices.get(key, ())


def project_commands() -> CommandIndex:
    """Return the commands of this project's own tasks, as tasks/cli.py registered them."""
    return CommandIndex(registered())


def _resolve(values: Values | Choices) -> Sequence[str]:
    if isinstance(values, Choices):
        return _resolve(values.of)
    return values() if callable(values) else values


def _key(argument: Argument) -> str:
    return str(argument.name)


def _kind(argument: Argument) -> Literal["text", "number", "switch"]:
    if argument.kind is bool:
        return "switch"
    return "number" if argument.kind is _number else "text"


def _number(text: str) -> int:
    return 0 if UNKNOWN in text else int(text)
