"""Somebody who types what a guide says, block by block, into one shell, and nothing else."""

import re
import subprocess
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from tests.waiting import PATIENCE

# A block that is marked as the guide's own {skip} is for another computer than this one.
BLOCK = re.compile(r"^```sh(?! \{skip\})[^\n]*\n(?P<lines>.*?)^```$", re.MULTILINE | re.DOTALL)
HEADING = re.compile(r"^## (?P<title>.+)$", re.MULTILINE)


@dataclass
class Typist:
    """A shell that keeps its folder from block to block."""

    folder: Path
    environment: Mapping[str, str]
    replacing: Mapping[str, str]  # what the guide calls by a name that this test has another for

    def follow(self, guide: Path, title: str) -> str:
        """Type all blocks below a heading; return what they printed."""
        return "".join(self.type(block, title) for block in blocks(guide.read_text(), title))

    def type(self, lines: str, title: str) -> str:
        for old, new in self.replacing.items():
            lines = lines.replace(old, new)
        began, place = time.monotonic(), Path(self.environment["HOME"]) / "folder"
        script = f"set -euo pipefail\ntrap 'pwd >{place}' EXIT\n{lines}"
        done = subprocess.run(
            ["bash", "--noprofile", "--norc", "-c", script],
            cwd=self.folder,
            env=dict(self.environment),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=PATIENCE,
            check=False,
        )
        assert done.returncode == 0, (
            f"{title}: {lines}\nended with {done.returncode}\n{done.stdout}"
        )
        self.folder = Path(place.read_text().strip())
        print(f"{title}: {time.monotonic() - began:.0f} s for: {lines.strip()}")
        return done.stdout


def blocks(text: str, title: str) -> Iterator[str]:
    """Yield the blocks of a guide below one of its headings."""
    starts = {match["title"]: match.end() for match in HEADING.finditer(text)}
    assert title in starts, f"the guide has no heading {title!r}"
    start = starts[title]
    end = min((other for other in starts.values() if other > start), default=len(text))
    for match in BLOCK.finditer(text[start:end]):
        yield match["lines"]
