"""The compose files of an environment: which they are, what Compose makes of them, and where in
them something stands."""

import functools
import json
import os
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from slipway.environments import compose_errors, environment, hacking
from slipway.environments.compose_errors import Keys, Refusal
from slipway.environments.environment import Environment
from slipway.errors import CommandFailed, ConfigError
from slipway.hosts.local import LocalHost
from slipway.releases import compose_aliases, compose_keys, compose_program, static_services
from slipway.suggest import nearest
from slipway.yaml_file import compose_strings

if TYPE_CHECKING:
    from yaml import Node

Model = dict[str, Any]  # what `docker compose config --format json` prints
DEEPEST = 20  # merges of merges
OVERLAY = re.compile(r"(?:docker-)?compose\.(?P<name>[^.]+)\.ya?ml")
WARNING = re.compile(r'level=warning msg="((?:[^"\\]|\\.)*)"')
HARMLESS = re.compile("deprecated|obsolete")  # it is done all the same
DOTENV = re.compile(r"^[ \t]*(?:export[ \t]+)?(\w+)[ \t]*=", re.MULTILINE)
UNSET = re.compile(r"The \\?\"(\w+)\\?\" variable is not set")


def find(env: Environment) -> list[Path]:
    """List the files of an environment, base first. Raises ConfigError for one never read."""
    base = env.compose / "compose.yml"
    own = f"compose.{env.name}.yml"
    for path in sorted(env.compose.glob("*.y*ml")):
        if path.name == "compose.yaml" or (
            path.name[:15] == "docker-compose." and not base.exists()
        ):
            raise ConfigError(f"compose/{path.name} is not read by a deploy; name it compose.yml")
        match = OVERLAY.fullmatch(path.name)
        if match is None or path.name == own or match["name"] == "override":
            continue
        if match["name"] == env.name:
            raise ConfigError(f"compose/{path.name} is not read by a deploy; name it {own}")
        known = environment.names(env.compose)
        if match["name"] not in known and (hint := nearest(match["name"], known)):
            raise ConfigError(f"compose/{path.name} is of no environment{hint}, and never read")
    if not base.is_file():
        raise ConfigError("compose/compose.yml is missing")
    overlay = env.compose / own
    return [base, overlay] if overlay.is_file() else [base]


def read(env: Environment, files: Sequence[Path]) -> Model:
    """Let Compose merge the files, with the env files. Raises ConfigError, for its warnings too."""
    argv = [*compose_program.command(), "--project-directory", str(env.compose)]
    for path in sources(files):
        if complaint := compose_aliases.complaint(_nodes(path)):
            raise ConfigError(f"compose/{path.name}: {complaint}")
    base, *overlays = [["--file", str(path)] for path in files]
    static = static_services.describe(env)
    for words in (base, ["--file", "-"] if static else [], *overlays):
        argv += words
    for name in ("common.env", f"{env.name}.env"):
        argv += ["--env-file", str(env.compose / name)]
    bare = _bare()
    host = LocalHost(env=bare | {"ENVIRONMENT": env.name}, cwd=env.compose)
    try:
        argv += ["--profile", "*", "config", "--format", "json"]
        result = host.run(argv, stdin=static.encode(), timeout=30)
    except CommandFailed as error:
        refusal = compose_errors.read(error.stderr)
        raise ConfigError(_refused(env, files, refusal)) from None
    for name in UNSET.findall(result.err):
        raise ConfigError(_explain(env, files, name))
    for text in WARNING.findall(result.err):
        if not HARMLESS.search(text):
            reason = text.replace('\\"', "'")
            raise ConfigError(f"the compose files of {env.name}: Compose warns: {reason}")
    _refuse_values_of_the_loop(env, files)
    model: Model = json.loads(result.out)
    _refuse_values_of_the_shell(files, model, bare)
    return model


def place(files: Sequence[Path], keys: Keys) -> str:
    """Say where a key stands: `compose/compose.prod.yml:12`; the last file that has it counts."""
    best, depth = f"compose/{files[0].name if files else 'compose.yml'}", 0
    for path in reversed(sources(files)):
        *_, (reached, line) = _steps(path, keys)
        if reached > depth:
            best, depth = f"compose/{path.name}:{line}", reached
    return best


def sources(files: Sequence[Path]) -> list[Path]:
    """List these files and those that they include, each before the one that includes it."""
    listed: list[Path] = []
    for path in files:
        if path not in listed:
            inner = [each for each in _included(path) if each not in (*listed, *files)]
            listed += [*inner, path]
    return listed


def _included(path: Path) -> list[Path]:
    """List what stands under `include:`; what Compose would refuse there is left to Compose."""
    pair = entry(_nodes(path), "include")
    names = _scalars(pair[1]) if pair else []
    return [file for name in names if (file := path.parent / name).is_file()]


def _scalars(node: "Node") -> list[str]:
    """List the texts of a list, also where its entries are mappings with a `path`."""
    import yaml

    if isinstance(node, yaml.ScalarNode):
        return [str(node.value)]
    if isinstance(node, yaml.MappingNode):
        pair = entry(node, "path")
        return _scalars(pair[1]) if pair else []
    inner = node.value if isinstance(node, yaml.SequenceNode) else []
    return [name for each in inner for name in _scalars(each)]


def _steps(path: Path, keys: Keys) -> Iterator[tuple[int, int]]:
    """Follow keys into a file; yield how many were there, and the line of the last."""
    node = _nodes(path)
    yield 0, 0
    for count, key in enumerate(keys, 1):
        pair = entry(node, key)
        if pair is None:
            return
        line, node = pair
        yield count, line


def _nodes(path: Path) -> "Node | None":
    return document(path.read_text(encoding="utf-8", errors="replace"))


@functools.lru_cache(maxsize=8)
def document(text: str) -> "Node | None":
    import yaml

    try:
        return compose_strings(text)
    except (yaml.YAMLError, RecursionError):
        return None  # of Compose's own dialect; the file's name has to do


def entry(
    node: "Node | None",
    key: str,
    named: Callable[[str, str], bool] = lambda item, key: re.split("[=:]", item)[0] == key,
    depth: int = DEEPEST,
) -> "tuple[int, Node] | None":
    """Find a key in a mapping, also in one that is merged into it, or in a list of KEY=value.

    `named` says whether an item of a list is the one. A mapping may be merged into itself, so
    merges are followed only so deep.
    """
    import yaml

    merged: list[Node] = []
    if isinstance(node, yaml.MappingNode):
        for name, value in node.value:
            if name.value == key:
                return name.start_mark.line + 1, value
            if name.value == "<<":
                merged += value.value if isinstance(value, yaml.SequenceNode) else [value]
    elif isinstance(node, yaml.SequenceNode):
        for value in node.value:
            if isinstance(value, yaml.ScalarNode) and named(value.value, key):
                return value.start_mark.line + 1, value
    below = (entry(each, key, named, depth - 1) for each in merged if depth)
    return next((pair for pair in below if pair), None)


def unknown_key(files: Sequence[Path], refusal: Refusal) -> str:
    """Say where a key stands that Compose refuses, and what was probably meant; "" of all else."""
    if not refusal.unknown:
        return ""
    return f"{place(files, refusal.keys)}: {refusal.reason}{compose_keys.resembling(refusal.keys)}"


def _refused(env: Environment, files: Sequence[Path], refusal: Refusal) -> str:
    """Write what Compose refuses, with the line where it stands."""
    if unknown := unknown_key(files, refusal):
        return unknown
    if name := refusal.variable:
        where = next(_uses(files, name), f"the compose files of {env.name}")
        return f"{where}: {_setting(env, name)}, since Compose demands a value"
    if refusal.keys:
        return f"{place(files, refusal.keys)}: {refusal.reason}"
    return f"the compose files of {env.name} are invalid: {refusal.reason}"


def _setting(env: Environment, name: str) -> str:
    return f"set {name} in compose/{env.name}.env and declare it in compose/settings.yml"


def _explain(env: Environment, files: Sequence[Path], name: str) -> str:
    """Write what a variable that nothing sets does to a release, and what to write instead."""
    where = next(_uses(files, name), f"the compose files of {env.name}")
    advice = f"write $${name} where a dollar sign is meant"
    if name.isupper():  # as settings are
        advice += f", or {_setting(env, name)}"
    return (
        f"{where}: nothing sets the variable {name}, and Compose would put nothing in its place; "
        f"{advice}"
    )


def _refuse_values_of_the_loop(env: Environment, files: Sequence[Path]) -> None:
    """Find a variable that only compose/.env sets, which Compose reads for the hacking loop."""
    path = env.compose / ".env"
    text = path.read_text(encoding="utf-8", errors="replace") if path.is_file() else ""
    for name in DOTENV.findall(text.partition(hacking.MARK)[0]):
        if name not in env.settings and (where := next(_uses(files, name), "")):
            raise ConfigError(
                f"{where}: {name} has its value from compose/.env in the hacking loop, and no "
                "deploy reads that; set it in compose/common.env and declare it in "
                "compose/settings.yml"
            )


def _uses(files: Sequence[Path], name: str) -> Iterator[str]:
    use = re.compile(rf"(?<!\$)(?:\$\$)*\$(?:{name}\b|\{{{name}\b)")
    for path in reversed(sources(files)):
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
            if use.search(line):
                yield f"compose/{path.name}:{number}"


def _bare() -> dict[str, str]:
    """Return what docker needs to run, and no more: nothing of a shell may reach a release.

    The values mean the same to docker, and are told from any that a file holds.
    """
    config = os.environ.get("DOCKER_CONFIG") or str(Path("~/.docker").expanduser())
    return {
        "PATH": f"{os.environ.get('PATH', os.defpath)}:/dev/null/of-the-shell",
        "DOCKER_CONFIG": f"{config}/./.",
    }


def _refuse_values_of_the_shell(
    files: Sequence[Path], model: Model, bare: Mapping[str, str]
) -> None:
    for service, spec in model.get("services", {}).items():
        text = json.dumps(spec)
        for key, value in bare.items():
            if json.dumps(value)[1:-1] in text:
                where = place(files, ("services", service, "environment", key))
                raise ConfigError(
                    f"{next(_uses(files, key), where)}: services.{service} takes {key} from the "
                    "shell of whoever deploys; write its value"
                )
