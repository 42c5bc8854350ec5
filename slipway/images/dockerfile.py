"""Which images a Dockerfile stands on, read by a parser made after BuildKit's own."""

import functools
import platform
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from slipway.images.references import plain

if TYPE_CHECKING:
    from e2b_dockerfile_utils import DockerfileInstruction

ARCHITECTURES = {"x86_64": "amd64", "aarch64": "arm64", "armv7l": "arm"}


class Stage:
    """One FROM and what follows it; `uses` are the names that it starts from and copies from."""

    def __init__(self, base: str, name: str) -> None:
        self.name = name.lower()
        self.uses = [base]


def bases_of(path: Path, args: Mapping[str, str] | None = None, target: str = "") -> list[str]:
    """Return the images that a build of this file needs; none where there is no such file."""
    data = path.read_bytes() if path.is_file() else b""
    return bases(data.decode(errors="replace"), args, target)


def bases(text: str, args: Mapping[str, str] | None = None, target: str = "") -> list[str]:
    """Return the images that a build of the target, or of the last stage, needs, each once.

    What this cannot read names none: a Dockerfile may be of another syntax (`# syntax=`), and it
    is BuildKit that builds it, or says what is wrong.
    """
    return list(_bases(text, tuple(sorted((args or {}).items())), target))


@functools.lru_cache(maxsize=64)
def _bases(text: str, args: tuple[tuple[str, str], ...], target: str) -> Sequence[str]:
    """Read a file once, of which many services may be built."""
    try:
        stages = _stages(text, dict(args))
    except ValueError:
        return []
    last = _find(stages, target) if target else len(stages) - 1
    if last is None or not stages:
        return []
    needed = _needed(stages, last)
    images = [name for index in needed for name in _images(stages, index)]
    return list(dict.fromkeys(plain(name) for name in images))


def _stages(text: str, args: Mapping[str, str]) -> list[Stage]:
    """Read the stages, with the variables in their FROM lines filled in. Raises ValueError."""
    from e2b_dockerfile_utils import ShellLex, parse_dockerfile_ast

    ast = parse_dockerfile_ast(text)
    known = _platform(args)
    stages: list[Stage] = []
    for instruction in ast.instructions:
        # Only an ARG before the first FROM counts in a FROM.
        fill = ShellLex(ast.escape_token, env=known, skip_unset_env=False).process_word
        if instruction.name == "ARG" and not stages:
            for word in instruction.args:
                name, equals, default = word.partition("=")
                if name in args:
                    known[name] = args[name]
                elif equals:
                    known[name] = fill(default)
        elif instruction.name == "FROM" and instruction.args:
            base, *rest = instruction.args
            named = len(rest) == 2 and rest[0].upper() == "AS"
            stages.append(Stage(fill(base), rest[1] if named else ""))
        elif stages:
            stages[-1].uses += _sources(instruction)
    return stages


def _sources(instruction: "DockerfileInstruction") -> Iterator[str]:
    """Name what an instruction copies or mounts from."""
    for flag in instruction.flags:
        name, _, value = flag.partition("=")
        if name == "--from":
            yield value
        elif name == "--mount":
            yield from (part[5:] for part in value.split(",") if part.startswith("from="))


def _needed(stages: list[Stage], last: int) -> list[int]:
    """Follow a stage to all those below it that it needs; return their numbers."""
    needed = {last}
    for index in range(last, -1, -1):
        if index in needed:
            needed |= {
                below
                for name in stages[index].uses
                if (below := _find(stages[:index], name)) is not None
            }
    return sorted(needed)


def _images(stages: list[Stage], index: int) -> list[str]:
    """Return what a stage uses that is no stage before it."""
    names = stages[index].uses
    return [n for n in names if n and n != "scratch" and _find(stages[:index], n) is None]


def _find(stages: list[Stage], name: str) -> int | None:
    """Find a stage by its name, or by its number; the last of a name counts."""
    for index in range(len(stages) - 1, -1, -1):
        if name.lower() == stages[index].name:
            return index
    return int(name) if name.isdecimal() and int(name) < len(stages) else None


def _platform(args: Mapping[str, str]) -> dict[str, str]:
    """Return the variables that every build has: the platform it is built on and for."""
    architecture = ARCHITECTURES.get(platform.machine(), platform.machine())
    values = {"OS": "linux", "ARCH": architecture, "PLATFORM": f"linux/{architecture}"}
    known = {f"{side}{key}": value for side in ("BUILD", "TARGET") for key, value in values.items()}
    return {key: args.get(key, value) for key, value in known.items()}
