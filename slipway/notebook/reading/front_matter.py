"""The front matter of a runbook: the YAML between two lines of ---, judged key by key.

Keys of others, such as Hugo's and MkDocs', are nobody's business, unless one is nearly one of ours.
"""

import datetime
import difflib
import re
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any, Protocol, cast

from slipway.notebook.document import FrontMatter
from slipway.notebook.problem import Elsewhere, nearest
from slipway.notebook.reading.markdown import front
from slipway.yaml_file import compose_strings

if TYPE_CHECKING:
    from yaml.nodes import MappingNode, Node
    from yaml.tokens import Token


class Complain(Protocol):
    # No run of a file of others depends on it, so there it is a warning.
    def __call__(self, line: int, text: str, *, elsewhere: Elsewhere = "warning") -> None: ...


KEYS = ["task", "owner", "risk", "time", "last_tested", "needs", "params", "awaits"]
PARAM_KEYS = ["help", "choices", "default", "pattern", "optional"]
RISKS = ["low", "medium", "high"]
TASK = re.compile(r"[a-z][a-z0-9_-]*(\.[a-z][a-z0-9_-]*)*")
PARAM = re.compile(r"[A-Z][A-Z0-9_]{0,62}")
TAKEN = {
    "RUNBOOK",
    "RUNBOOK_CELL",
    "RUNBOOK_RUN_ID",
    "RUNBOOK_RUN_FOLDER",
    "PATH",
    "HOME",
    "IFS",
    "PWD",
}
NEAR = 0.85  # how alike two keys are, from 0 to 1: `title` and `time` are less
LARGEST = 8_000  # characters; a runbook says little about itself


def read(lines: tuple[str, ...], complain: Complain) -> FrontMatter:
    """Read the front matter of a page, complaining with the line of what is wrong."""
    if lines[0].rstrip() != "---":
        first = next((n for n, line in enumerate(lines) if line.strip()), 0)
        if first and front(lines[first:]):
            complain(first + 1, "front matter begins on the first line: remove what is above")
        return FrontMatter()
    size = front(lines)
    if not size:
        complain(1, "the front matter is never closed: end it with a line of ---")
        return FrontMatter()
    # The first line stays as an empty one, so that YAML counts as the file does.
    root = _compose("\n" + "\n".join(lines[1 : size - 1]) + "\n", complain)
    values: dict[str, Any] = {}
    for line, key, node in _pairs(root, complain, "the front matter", None):
        if key in KEYS:
            values[key] = _value(key, node, line, complain)
        elif key == "title":
            values[key] = node.value if _kind(node) == "scalar" else None
        elif near := _misspelt(key):
            complain(line, f'the front matter has no "{key[:40]}" (did you mean "{near}"?)')
    if "task" in values:
        values["tasks"] = values.pop("task")
    return FrontMatter(**{key: value for key, value in values.items() if value is not None})


def _misspelt(key: str) -> str:
    """Return the key of ours that another one nearly is: `ownr`, `lastTested`, not `title`."""
    squeezed = re.sub(r"[^a-z]", "", key.casefold())
    for ours in KEYS:
        plain = ours.replace("_", "")
        near = difflib.SequenceMatcher(None, squeezed, plain).ratio() >= NEAR
        swapped = sorted(squeezed) == sorted(plain)
        if squeezed[:1] == plain[:1] and (near or swapped):
            return ours
    return ""


def _compose(text: str, complain: Complain) -> "Node | None":
    import yaml

    if len(text) > LARGEST:
        what = f"the front matter is longer than {LARGEST} characters: move it to the text"
        complain(1, what, elsewhere="nothing")
        return None
    try:
        marks = "&" in text or "*" in text
        for token in yaml.scan(text, Loader=yaml.BaseLoader) if marks else ():
            if isinstance(token, yaml.AnchorToken | yaml.AliasToken):
                what = "anchors and aliases are not understood here: repeat it"
                complain(_line(token), what, elsewhere="nothing")
                return None
        return compose_strings(text)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line = min(mark.line + 1, text.count("\n")) if mark else 1
        complain(line, f"the front matter is not YAML: {error.problem}{_hint(error.problem)}")
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        complain(1, f"the front matter is not YAML: {' '.join(str(error).split())[:100]}")
    return None


def _hint(problem: str | None) -> str:
    if problem and "cannot start any token" in problem:
        return ' (put quotes around the value: "@ops")'
    if problem and "not allowed here" in problem:
        return " (put quotes around a value with a colon)"
    return ""


def _pairs(
    node: "Node | None", complain: Complain, where: str, keys: list[str] | None
) -> Iterator[tuple[int, str, "Node"]]:
    """Yield line, key and value of a mapping, once for each known key."""
    if node is None or _plain(node) == "":
        return
    if _kind(node) != "mapping":
        complain(_line(node), f"{where} must be lines of key: value")
        return
    seen: set[str] = set()
    for key_node, value in cast("MappingNode", node).value:
        key, line = _plain(key_node), _line(key_node)
        if not isinstance(key, str):
            complain(line, f"{where} has a key that is no word")
        elif keys is not None and key not in keys:
            complain(line, f'{where} has no "{key[:40]}"{nearest(key, keys)}')
        elif key in seen:
            complain(line, f'"{key[:40]}" stands twice in {where}')
        else:
            seen.add(key)
            yield line, key, value


def _value(key: str, node: "Node", line: int, complain: Complain) -> object:
    """Return what the runbook gets for a key, None where it was wrong."""
    if key == "params":
        return _params(node, complain)
    value = _plain(node)
    if key in ("task", "needs", "awaits"):
        words = _texts(value)
        if words is None:
            complain(line, f"{key} must be a text or a list of texts", elsewhere="nothing")
        elif key != "needs" and (wrong := [word for word in words if not TASK.fullmatch(word)]):
            what = f'{key} names tasks as inv --list does, not "{wrong[0][:40]}"'
            complain(line, what, elsewhere="nothing")
        else:
            return words
        return None
    if not isinstance(value, str):
        complain(line, f"{key} must be a text", elsewhere="nothing")
        return None
    if value and key == "risk" and value not in RISKS:
        near = nearest(value, RISKS)
        what = f'risk is low, medium or high, not "{value[:40]}"{near}'
        complain(line, what, elsewhere="warning" if near else "nothing")
        return None
    if value and key == "last_tested" and not _is_date(value):
        complain(line, f'last_tested is a date like 2026-11-01, not "{value[:40]}"')
        return None
    return value


def _params(node: "Node", complain: Complain) -> Mapping[str, Mapping[str, object]]:
    params: dict[str, Mapping[str, object]] = {}
    for line, name, rules in _pairs(node, complain, "params", None):
        if not PARAM.fullmatch(name):
            suggestion = name.upper().replace("-", "_")
            hint = f", like {suggestion}" if PARAM.fullmatch(suggestion) else ""
            what = f'the parameter "{name[:40]}" must be in capital letters{hint}'
            complain(line, what, elsewhere="nothing")  # Hugo has `params` too
        elif name in TAKEN:
            complain(line, f"{name} is set by the run itself: choose another name")
        else:
            params[name] = _rules(name, rules, complain)
    return params


def _rules(name: str, mapping: "Node", complain: Complain) -> Mapping[str, object]:
    rules: dict[str, object] = {}
    for line, key, value_node in _pairs(mapping, complain, name, PARAM_KEYS):
        value = _plain(value_node)
        if key == "choices":
            words = _texts(value)
            if not words:
                complain(line, f"choices of {name} must be a list: [daily, weekly]")
            else:
                rules[key] = words
        elif not isinstance(value, str):
            complain(line, f"{key} of {name} must be a text")
        elif key == "optional":
            if value not in ("true", "false"):
                complain(line, f"optional of {name} is true or false")
            rules[key] = value == "true"
        elif key == "pattern" and (complaint := _bad_pattern(value)):
            complain(line, f"pattern of {name} is not a regular expression: {complaint}")
        else:
            rules[key] = value
    choices = cast("tuple[str, ...]", rules.get("choices", ()))
    default = cast("str | None", rules.get("default"))
    if choices and default is not None and default not in choices:
        hint = nearest(default, choices)
        complain(_line(mapping), f'the default of {name} is none of its choices: "{default}"{hint}')
    return rules


def _bad_pattern(value: str) -> str | None:
    try:
        re.compile(value)
    except (re.error, RecursionError, OverflowError) as error:
        return str(error)
    return None


def _plain(node: "Node") -> str | list[str | None] | None:
    """Return a scalar as its text, a list as a list, anything else as None."""
    if _kind(node) == "scalar":
        return str(node.value)
    if _kind(node) == "sequence":
        return [item.value if _kind(item) == "scalar" else None for item in node.value]
    return None


def _kind(node: Any) -> str:
    return str(node.id)


def _texts(value: object) -> tuple[str, ...] | None:
    if isinstance(value, str):
        return (value,) if value else ()
    if isinstance(value, list) and all(isinstance(item, str) and item for item in value):
        return tuple(value)
    return None


def _is_date(value: str) -> bool:
    try:
        return datetime.date.fromisoformat(value).isoformat() == value
    except ValueError:
        return False


def _line(node: "Node | Token") -> int:
    return int(node.start_mark.line) + 1
