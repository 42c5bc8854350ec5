"""shellcheck over every shell script of this checkout, also over those without an ending."""

import sys
from collections.abc import Iterator
from pathlib import Path

from slipway.hosts import git
from slipway.hosts.local import LocalHost
from slipway.project import ROOT

SHEBANGS = (b"#!/bin/sh", b"#!/bin/bash", b"#!/usr/bin/env bash", b"#!/usr/bin/env sh")
LIST = ("git", "ls-files", "-z", "--cached", "--others", "--exclude-standard")


def scripts(root: Path = ROOT) -> Iterator[Path]:
    """Yield the shell scripts that git tracks or could add."""
    for name in git.at(root).run(LIST).out.split("\0"):
        path = root / name
        if path.is_file() and (path.suffix == ".sh" or _has_shebang(path)):
            yield path.relative_to(root)


def _has_shebang(path: Path) -> bool:
    with path.open("rb") as file:
        return file.readline(64).rstrip().startswith(SHEBANGS)


def main() -> int:
    """Show what shellcheck finds; return its exit code."""
    program = Path(sys.executable).with_name("shellcheck")
    return LocalHost(cwd=ROOT).attach([str(program), *map(str, scripts())])


if __name__ == "__main__":
    sys.exit(main())
