"""compose/routes.yml as it is written: its lines, its variables, and all that is wrong in it."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from slipway import yaml_file
from slipway.edge import route_words
from slipway.edge.route_words import LISTS, ROUTE, Unfit
from slipway.environments import domains
from slipway.errors import ConfigError
from slipway.suggest import nearest

if TYPE_CHECKING:
    from yaml import Node

FILE = "routes.yml"
TOP = ("routes", "protect", "errors", "defaults", "https_only", "caddy")
VARIABLE = re.compile(r"\$(?:\$|\{(\w+)\})")
TOO_MUCH = "have a service serve it, as compose/web does"

Keys = tuple[str | int, ...]  # where something stands: routes, 0, path


@dataclass(frozen=True)
class Backend:
    """A service as routes see it: the port that it listens on, or why none can lead there."""

    port: int = 0
    complaint: str = ""


@dataclass(frozen=True)
class Surroundings:
    """What a file of routes refers to: an environment, its settings and secrets, its services."""

    environment: str
    environments: Sequence[str]
    settings: Mapping[str, str]
    secrets: Sequence[str]
    backends: Mapping[str, Backend]


@dataclass
class RoutesFile:
    """One file; whatever is wrong in it is said at the end, all at once."""

    path: Path
    around: Surroundings
    lines: dict[Keys, int] = field(default_factory=dict)
    findings: list[tuple[int, str]] = field(default_factory=list)

    @property
    def name(self) -> str:
        return f"compose/{self.path.name}"

    def read(self) -> dict[str, Any]:
        """Return what stands in it, settings filled in. Raises ConfigError where it is no YAML."""
        document = yaml_file.read_yaml(self.path, self.name)
        text = self.path.read_bytes().decode(errors="replace")
        self.lines = dict(_lines(yaml_file.compose_strings(text), ()))
        if not isinstance(document or {}, dict):
            self.complain((), f"must begin with {': or '.join(TOP)}:")
            return {}
        resolved: dict[str, Any] = self._resolved(document or {}, ())
        self.demand_known(resolved, (), TOP)
        return resolved

    def complain(self, keys: Keys, text: str) -> None:
        """Note what is wrong at a place."""
        ends = range(len(keys), 0, -1)
        known = next((keys[:end] for end in ends if keys[:end] in self.lines), ())
        where = "".join(f"[{key + 1}]" if isinstance(key, int) else f".{key}" for key in keys)
        label = f"{where.lstrip('.')}: " if where else ""
        self.findings.append((self.lines.get(known, 1), f"{label}{text}"))

    def end(self) -> None:
        """Raise ConfigError where anything is wrong."""
        if self.findings:
            lines = [f"{self.name}:{line}: {text}" for line, text in sorted(self.findings)]
            raise ConfigError("\n".join(dict.fromkeys(lines)))

    def demand_known(self, entry: Mapping[Any, Any], keys: Keys, words: Sequence[str]) -> None:
        for word in entry:
            if word not in words:
                name = str(word)[:60]
                self.complain((*keys, str(word)), f"unknown word {name}{nearest(name, words)}")

    def entries(self, document: Mapping[str, Any], word: str) -> Iterator[tuple[Keys, Any]]:
        """Return those entries of a list that hold in this environment."""
        entries = document.get(word, [])
        if not isinstance(entries, list):
            self.complain((word,), "must be a list; begin each entry with a dash")
            return
        for number, entry in enumerate(entries):
            keys: Keys = (word, number)
            if not isinstance(entry, dict):
                self.complain(keys, "must be words with values, such as {path: /api/*, to: api}")
            elif self._is_here(entry, keys):
                yield keys, entry

    def values(self, entry: Mapping[str, Any], keys: Keys) -> dict[str, Any]:
        """Read those words of a route that are there."""
        read = {word: self.value(reader, entry, keys, word) for word, reader in ROUTE.items()}
        values = {word: value for word, value in read.items() if value is not None}
        for plural, (single, reader) in LISTS.items():
            values[plural] = self.list(reader, entry, keys, plural, single)
        if "intercept" in entry:
            values["intercept"] = self.list(route_words.status, entry, keys, "intercept")
        return values

    def value(
        self, reader: route_words.Reader, entry: Mapping[str, Any], keys: Keys, word: str
    ) -> Any:
        """Read one value; None where it is not there, or not fit."""
        return self._read(reader, entry[word], (*keys, word)) if word in entry else None

    def list(
        self,
        reader: route_words.Reader,
        entry: Mapping[str, Any],
        keys: Keys,
        plural: str,
        single: str = "",
    ) -> tuple[Any, ...]:
        """Read several values, or one that is written without a list."""
        if single in entry and plural in entry:
            self.complain((*keys, plural), f"stands beside {single}; write one of both")
        word = single if single in entry else plural
        values = entry.get(word, [])
        values = values if isinstance(values, list) else [values]
        if word in entry and not values:
            self.complain((*keys, word), "is an empty list; leave it out")
        fit = [self._read(reader, each, (*keys, word)) for each in values]
        return tuple(each for each in fit if each is not None)

    def content(self, name: Any, keys: Keys) -> str:
        """Return the text of a file of the project, which is named from beside routes.yml."""
        folder = self.path.parent
        if not isinstance(name, str) or not name:
            self.complain(keys, "must be a file beside routes.yml, such as pages/404.html")
            return ""
        path = (folder / name).resolve()
        if not path.is_relative_to(folder.parent.resolve()):
            self.complain(keys, f"{name[:60]} lies outside of the project")
        elif not path.is_file():
            self.complain(keys, f"there is no file compose/{name[:60]}")
        else:
            try:
                return path.read_bytes().decode()
            except UnicodeDecodeError:
                self.complain(keys, f"{name[:60]} is no text in UTF-8; {TOO_MUCH}")
        return ""

    def _read(self, reader: route_words.Reader, value: object, keys: Keys) -> Any:
        try:
            return reader(value)
        except Unfit as error:
            self.complain(keys, str(error))
            return None

    def _is_here(self, entry: Mapping[str, Any], keys: Keys) -> bool:
        names = entry.get("only", [self.around.environment])
        names = names if isinstance(names, list) else [names]
        if not names:
            self.complain((*keys, "only"), "is an empty list; leave it out")
        for name in names:
            if name not in self.around.environments:
                hint = nearest(str(name), self.around.environments)
                self.complain((*keys, "only"), f"there is no environment {str(name)[:60]}{hint}")
        return self.around.environment in names

    def _resolved(self, value: Any, keys: Keys) -> Any:
        """Fill in settings: ${DOMAIN} is the first of its names, localhost where there is none."""
        if isinstance(value, dict):
            return {key: self._resolved(each, (*keys, str(key))) for key, each in value.items()}
        if isinstance(value, list):
            return [self._resolved(each, (*keys, number)) for number, each in enumerate(value)]
        if not isinstance(value, str):
            return value
        return VARIABLE.sub(lambda match: self._setting(match[1], keys), value)

    def _setting(self, name: str | None, keys: Keys) -> str:
        settings = self.around.settings
        if name is None:  # $$
            return "$"
        if name in self.around.secrets:
            self.complain(keys, f"{name} is a secret, and routes are no place for one")
        elif name not in settings:
            hint = nearest(name, settings)
            self.complain(keys, f"there is no setting {name}{hint}; write $${{{name}}} for itself")
        elif name == "DOMAIN":
            names = domains.split(settings[name]) or ("localhost",)
            if whole := [each for each in names if "*" not in each]:
                return whole[0]
            self.complain(keys, f"DOMAIN is {names[0]}, which stands for many; write the name")
        return settings.get(name, "")


def _lines(node: "Node | None", above: Keys) -> Iterator[tuple[Keys, int]]:
    import yaml

    if isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            yield (*above, key.value), key.start_mark.line + 1
            yield from _lines(value, (*above, key.value))
    elif isinstance(node, yaml.SequenceNode):
        for number, value in enumerate(node.value):
            yield (*above, number), value.start_mark.line + 1
            yield from _lines(value, (*above, number))
