"""What stands after a fence's opening mark: its language, and in braces how its cell is run."""

import difflib
import re
import shlex
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, fields, replace
from typing import Any

from slipway.notebook.document import Attributes, Language
from slipway.notebook.problem import Elsewhere, nearest

Value = str | float | int | bool

RUNS: Mapping[str, Language] = {"sh": "sh", "bash": "sh", "shell": "sh", "python": "python"}
LOOKS_RUN = {"py": "python", "python3": "python", "zsh": "sh", "ksh": "sh", "dash": "sh"}
NAMES = [each.name for each in fields(Attributes)]
SWITCHES = {"check", "destructive", "interactive", "skip"}
UNITS = {"ms": 0.001, "s": 1, "m": 60, "h": 3600}
LONGEST = 7 * 24 * 3600
LARGEST = 1000  # characters in braces
NEAR = 0.8  # how alike an attribute is to one of ours, from 0 to 1
DURATION = re.compile(r"([0-9]{1,9}(?:\.[0-9]{1,3})?)(ms|s|m|h)")
NAME = re.compile(r"[a-z][a-z0-9-]{0,59}")
VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,99}")
# bash refuses to set these, or a cell without them is lost.
TAKEN = {
    "BASHOPTS",
    "BASH_VERSINFO",
    "EUID",
    "HOME",
    "IFS",
    "PATH",
    "PPID",
    "PWD",
    "SHELLOPTS",
    "UID",
}


Complaint = tuple[str, Elsewhere]


@dataclass(frozen=True)
class FenceInfo:
    """What an opening mark says, and what is wrong with it.

    Each complaint comes with its severity in files of others: MkDocs, Hugo and runme have words of
    their own after the language.
    """

    language: str  # "" where none is named
    attributes: Attributes = field(default_factory=Attributes)
    complaints: tuple[Complaint, ...] = ()

    @property
    def is_native(self) -> bool:
        """Whether it has an attribute that no other tool has; runme knows some by the same name."""
        return replace(self.attributes, name="", cwd="", interactive=False) != Attributes()

    @property
    def runs(self) -> Language | None:
        """As what its source is run, None where it is only shown."""
        return RUNS.get(self.language)


def read(info: str) -> FenceInfo:
    """Read what follows the opening mark of a fence."""
    info = info.strip()
    if not info:
        advice = "```sh to run it, ```console or ```text to show it"
        return _shown("", f"a fence without a language: write {advice}")
    if info.startswith("{"):
        return _shown("", "the language comes first: ```sh {...}")
    word, gap, rest = re.fullmatch(r"([^\s{]+)(\s*)(.*)", info, re.DOTALL).groups()  # type: ignore[union-attr]
    language = word.lower()
    complaints: list[str] = []
    if language in LOOKS_RUN:
        advice = f"write {LOOKS_RUN[language]} to run it, or text"
        complaints.append(f"{_short(word)} is shown and never run: {advice}")
    if language not in RUNS:
        if rest.startswith("{"):
            complaints.append(f"{_short(word)} is never run, so braces after it mean nothing")
        return _shown(language, *complaints)
    if rest and not rest.startswith("{"):
        complaints.append(f"attributes stand in braces: {word} {{{_short(rest)}}}")
        return _shown(language, *complaints)
    if rest and not gap:
        complaints.append(f"add a space before the brace: {word} {_short(rest)}")
    attributes: dict[str, Any] = {}
    about = [*_shown(language, *complaints).complaints, *_braces(rest, attributes)]
    return FenceInfo(language, Attributes(**attributes), tuple(about))


def _shown(language: str, *complaints: str) -> FenceInfo:
    return FenceInfo(language, complaints=tuple((text, "nothing") for text in complaints))


def clashes(attributes: Attributes, *, is_check: bool) -> Iterator[str]:
    """Tell which attributes cannot stand together."""
    if is_check and attributes.confirm is not None:
        yield "a check only looks, so it needs no confirmation: remove confirm or check"
    if is_check and attributes.destructive:
        yield "a check only looks, so it cannot be destructive"
    if attributes.retry and not is_check:
        yield "retry is for checks: add check, or remove retry"
    if attributes.every != Attributes.every and not attributes.retry:
        yield "every goes with retry: add retry=10, or remove every"
    if attributes.interactive and attributes.capture:
        yield "an interactive cell has no output to capture: remove one of the two"
    if attributes.interactive and attributes.retry:
        yield "an interactive cell cannot be retried by itself: remove one of the two"


def _braces(text: str, attributes: dict[str, Value]) -> Iterator[Complaint]:
    if not text:
        return
    if len(text) > LARGEST:
        yield f"the braces hold more than {LARGEST} characters: write less", "nothing"
        return
    inner, brace, after = text[1:].partition("}")
    if not brace:
        yield "the brace is never closed: end the line with }", "nothing"
        return
    if after.strip():
        if "}" in after:
            what = "a } ends the braces, so it cannot stand in a value: write $ENV for ${ENV}"
        else:
            what = f"nothing may follow the closing brace: {_short(after.strip())}"
        yield what, "nothing"
        return
    try:
        words = shlex.split(inner)
    except ValueError:
        yield 'a quote is never closed: write confirm="Deploy to $ENV?"', "nothing"
        return
    for word in words:
        key, has_value, value = word.partition("=")
        if key in attributes:
            yield f"{key} is given twice", "nothing"
        elif key not in NAMES:
            near = difflib.get_close_matches(key[:40], NAMES, n=1, cutoff=NEAR)
            what = f'unknown attribute "{_short(key)}"{nearest(key, NAMES)}'
            yield what, "" if near else "nothing"
        elif complaint := _take(key, value if has_value else None, attributes):
            yield complaint, "warning"


def _take(key: str, value: str | None, attributes: dict[str, Value]) -> str | None:
    """Put one attribute among those found, or say what is wrong with it."""
    if key in SWITCHES:
        attributes[key] = value != "false"
        plain = value in (None, "true", "false")  # as runme has it
        return None if plain else f"{key} takes no value: write {key} alone"
    if key == "confirm":
        attributes[key] = value or ""
        return 'confirm= asks nothing: write confirm, or confirm="..."' if value == "" else None
    if not value:
        return f"{key} needs a value: {key}={EXAMPLES[key]}"
    match key:
        case "timeout" | "every":
            seconds = _seconds(value)
            if seconds is None:
                return (
                    f"{key}={_short(value)} is not a duration: write {EXAMPLES[key]}, 500ms, 5m, 2h"
                )
            if not 0 < seconds <= LONGEST:
                return f"{key}={_short(value)} must be more than 0 and at most 168h"
            attributes[key] = seconds
        case "retry":
            if not re.fullmatch(r"[1-9][0-9]{0,2}", value):
                return f"retry={_short(value)} must be a number from 1 to 999"
            attributes[key] = int(value)
        case "name":
            if not NAME.fullmatch(value):
                shape = "lower-case letters, digits and dashes, beginning with a letter"
                return f"name={_short(value)} must be {shape}"
            attributes[key] = value
        case "capture":
            if not VARIABLE.fullmatch(value):
                return f"capture={_short(value)} is not a variable: write capture=OLD, without $"
            if value in TAKEN or value.startswith("RUNBOOK"):
                return f"capture={value} would overwrite a variable that the run needs"
            attributes[key] = value
        case _:
            attributes[key] = value
    return None


EXAMPLES = {
    "timeout": "5m",
    "every": "3s",
    "retry": "10",
    "name": "back-up",
    "capture": "OLD",
    "cwd": "compose",
    "when": '"test -f .env"',
}


def _seconds(value: str) -> float | None:
    match = DURATION.fullmatch(value)
    return float(match[1]) * UNITS[match[2]] if match else None


def _short(text: str) -> str:
    return text if len(text) <= 40 else f"{text[:39]}…"
