"""The compose files of the new project as a person would write them, with reasons as comments."""

import functools
import re
import textwrap
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

WIDTH = 110
IN_ONE_LINE = 84
NUMBERS = re.compile(r"\d+:\d+")  # a time to some readers of YAML
OCTAL = re.compile(r"mode: 292\b")
HEAD = """\
# What runs, in every environment: the services of {name}. Slipway's own, the database, what
# operates it and the edge, are in slipway.yml. Overlays (compose.<environment>.yml) say only what
# differs.
name: ${{PROJECT}}
include: [slipway.yml]

services:
"""
ROUTES = """\
# Routes beside those of labels in compose.yml, and all else that the edge does with requests:
# vendor/docs/operations.md, Routes.
"""
LOOP = """\
# The hacking loop: `inv up`, or plain `docker compose up` in this folder. Code is mounted here and
# nowhere else; a deploy never reads this file.
"""


def service(name: str, reason: str, spec: Mapping[str, Any]) -> str:
    """Write one service, with the reason for its part above it."""
    comment = textwrap.wrap(reason, WIDTH - 4)
    lines = [f"  # {line}" for line in comment]
    return "\n".join(lines) + ("\n" if lines else "") + _below({name: spec}, 2)


def base(name: str, services: Iterable[str], parts: Mapping[str, Mapping[str, Any]]) -> str:
    """Write compose.yml."""
    tops = (f"\n{_below({key: part}, 0)}" for key, part in parts.items() if part)
    return HEAD.format(name=name) + "\n".join(services) + "".join(tops)


def loop(services: Mapping[str, Mapping[str, Any]], parts: Mapping[str, Mapping[str, Any]]) -> str:
    """Write compose.override.yml."""
    whole = {"services": services, **{key: part for key, part in parts.items() if part}}
    return LOOP + (_below(whole, 0) if services else "services: {}\n")


def routes(entries: Sequence[Mapping[str, str]]) -> str:
    """Write routes.yml."""
    lines = (_below({"-": entry}, 2).replace("-: ", "- ", 1) for entry in entries)
    return ROUTES + "routes:\n" + "".join(lines)


def secrets(names: Sequence[str]) -> dict[str, Any]:
    """Describe where the loop has the secrets from."""
    return {name: {"file": f"../.slipway/dev/secrets/{name}"} for name in sorted(names)}


def _below(value: Mapping[str, Any], indent: int) -> str:
    import yaml

    lines = []
    for key, part in value.items():
        text: str = yaml.dump(
            part, Dumper=_dumper(), sort_keys=False, width=1000, allow_unicode=True
        )
        is_short = text.count("\n") == 1 and text[:1] in "{["
        lines.append(f"{key}: {text}" if is_short else f"{key}:\n{textwrap.indent(text, '  ')}")
    return textwrap.indent(OCTAL.sub("mode: 0444", "".join(lines)), " " * indent)


@functools.cache
def _dumper() -> Any:
    """Return a dumper that writes what is short in one line, as a person would."""
    import yaml

    class Dumper(yaml.SafeDumper):
        def ignore_aliases(self, data: Any) -> bool:
            return True

        def increase_indent(self, flow: bool = False, indentless: bool = False) -> Any:
            return super().increase_indent(flow, False)

        def represent_str(self, data: str) -> Any:
            if NUMBERS.fullmatch(data):
                return self.represent_scalar("tag:yaml.org,2002:str", data, style='"')
            style = "|" if "\n" in data and data.isprintable() else None
            return self.represent_scalar("tag:yaml.org,2002:str", data, style=style)

        def represent_sequence(self, tag: str, sequence: Any, flow_style: Any = None) -> Any:
            return _shaped(super().represent_sequence(tag, sequence), is_mapping=False)

        def represent_mapping(self, tag: str, mapping: Any, flow_style: Any = None) -> Any:
            return _shaped(super().represent_mapping(tag, mapping), is_mapping=True)

    Dumper.add_representer(str, Dumper.represent_str)
    return Dumper


def _shaped(node: Any, *, is_mapping: bool) -> Any:
    """Put a collection into one line where that is short, and what is in it is plain."""
    pairs = node.value if is_mapping else [(None, each) for each in node.value]
    length = sum(_length(key) + _length(each) + 2 for key, each in pairs)
    node.flow_style = length < IN_ONE_LINE or not pairs
    return node


def _length(node: Any) -> int:
    if node is None:
        return 0
    if isinstance(node.value, str):
        return len(node.value) if "\n" not in node.value else IN_ONE_LINE
    if not node.flow_style:
        return IN_ONE_LINE
    return sum(
        _length(part) + 2
        for pair in node.value
        for part in (pair if isinstance(pair, tuple) else (pair,))
    )
