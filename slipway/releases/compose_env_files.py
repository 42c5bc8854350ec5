"""Env files that compose files give to services: an environment's own two, and others whose every
name is a setting. What is read past compose/settings.yml would be checked by nobody.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from slipway.environments import envfile, environment, setting_complaints
from slipway.environments.environment import Environment
from slipway.errors import CommandFailed, ConfigError
from slipway.hosts import git
from slipway.releases import compose_files

if TYPE_CHECKING:
    from yaml import Node

VARIABLE = re.compile(r"\$\{(?P<name>\w+)(?::?-(?P<default>[^}]*))?\}|\$(?P<short>\w+)")
MOVE = "move its settings to compose/common.env and its passwords to secrets/"


def check(env: Environment, files: Sequence[Path]) -> Iterator[str]:
    """Say with file and line which env file a deploy does not read, or what in one is wrong."""
    seen: set[str] = set()
    for path in _reached(compose_files.sources(files)):
        is_ours = path.is_relative_to(env.compose)
        shown = f"compose/{path.relative_to(env.compose)}" if is_ours else str(path)
        for line, written in _named(path):
            if (name := _filled(written, env)) not in seen:
                seen.add(name)
                for complaint in _complaints(env, path.parent / name):
                    yield f"{shown}:{line}: env_file {name[:80]}: {complaint}"


def _complaints(env: Environment, file: Path) -> Iterator[str]:
    own = {"common.env", f"{env.name}.env"}
    others = {f"{name}.env" for name in environment.names(env.compose)} - own
    is_beside = file.resolve().parent == env.compose.resolve()
    if is_beside and file.name in own:
        return
    if "$" in str(file):
        yield "a deploy cannot tell which file this is; write its name"
    elif is_beside and file.name in others and _is_an_environment(file, env):
        yield f"holds the settings of another environment; write {env.name}.env"
    elif file.name == ".env" or _is_ignored(file):
        yield (
            "is no part of the project in git, so each computer would deploy its own; "
            f"{MOVE}, or name the file in compose.override.yml, which only the loop reads"
        )
    elif not file.is_file():
        return  # Compose says so, or was told that it may be missing
    else:
        yield from _content(env, file)


def _is_an_environment(file: Path, env: Environment) -> bool:
    """Tell an environment from a service with settings of its own, as in shop.env."""
    return (env.compose / f"compose.{file.stem}.yml").exists() or file.stem in (
        *("dev", "testing", "staging", "prod"),
    )


def _content(env: Environment, file: Path) -> Iterator[str]:
    try:
        values, problems = envfile.examine(file)
    except ConfigError as error:
        values, problems = {}, [str(error)]
    yield from problems
    own = env.compose / f"{env.name}.env"
    for key, value in values.items():
        if complaint := setting_complaints.of_value(own, key, value, env.rules):
            yield f"{key} {complaint}"


def _is_ignored(file: Path) -> bool:
    argv = ["git", "check-ignore", "--quiet", file.name]
    try:
        return git.at(file.parent).run(argv, timeout=20, check=False).code == 0
    except (CommandFailed, OSError):
        return False


def _filled(written: str, env: Environment) -> str:
    """Fill in the variables of a name as Compose does, as far as settings say what they are."""
    known: Mapping[str, str] = {**env.settings, "ENVIRONMENT": env.name}

    def value(match: re.Match[str]) -> str:
        default = match["default"] if match["default"] is not None else match[0]
        return known.get(match["name"] or match["short"]) or default

    return VARIABLE.sub(value, written)


def _reached(files: Sequence[Path]) -> Iterator[Path]:
    """Yield these files, and those that a service of theirs extends."""
    queue, seen = list(files), set[Path]()
    while queue:
        path = queue.pop(0)
        if path.resolve() in seen or not path.is_file():
            continue
        seen.add(path.resolve())
        yield path
        for _, service in _services(path):
            above = compose_files.entry(service, "extends")
            if above and (file := compose_files.entry(above[1], "file")):
                queue.append(path.parent / str(file[1].value))


def _named(path: Path) -> Iterator[tuple[int, str]]:
    """Yield each env file that a compose file names, under a service or under `include`."""
    document = _document(path)
    for _, service in _services(path):
        if pair := compose_files.entry(service, "env_file"):
            yield from _paths(pair[1])
    include = compose_files.entry(document, "include")
    for each in include[1].value if include and isinstance(include[1].value, list) else ():
        if pair := compose_files.entry(each, "env_file"):
            yield from _paths(pair[1])


def _services(path: Path) -> Iterator[tuple[str, "Node"]]:
    pair = compose_files.entry(_document(path), "services")
    for entry in pair[1].value if pair and isinstance(pair[1].value, list) else ():
        if isinstance(entry, tuple):
            yield str(entry[0].value), entry[1]


def _paths(node: "Node") -> Iterator[tuple[int, str]]:
    """Yield the names in `env_file:` of each form: a text, a list, mappings with a `path`."""
    import yaml

    if isinstance(node, yaml.ScalarNode):
        if node.value:
            yield node.start_mark.line + 1, str(node.value)
    elif isinstance(node, yaml.MappingNode):
        if pair := compose_files.entry(node, "path"):
            yield from _paths(pair[1])
    elif isinstance(node, yaml.SequenceNode):
        for each in node.value:
            yield from _paths(each)


def _document(path: Path) -> "Node | None":
    return compose_files.document(path.read_text(encoding="utf-8", errors="replace"))
