"""One measured claim, and docs/benchmarks.md, where each has a section that a run replaces."""

import os
import platform
import re
import subprocess
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

DOCUMENT = Path(__file__).resolve().parents[1] / "docs" / "benchmarks.md"
HEAD = """# Benchmarks

What Slipway costs, measured beside what one would use without it, both in the same run on the same
machine. `inv benchmark` measures all of it again and writes this file; `inv benchmark --name=list`
measures one claim.
"""


@dataclass(frozen=True)
class Section:
    """A claim, the goal it is held against, what was measured, and how."""

    name: str
    title: str
    goal: str
    met: bool
    columns: Sequence[str]
    rows: Sequence[Sequence[object]]
    method: str

    def to_markdown(self) -> str:
        verdict = "met" if self.met else "**missed**"
        lines = [
            f"## {self.title}",
            "",
            f"Goal: {self.goal}: {verdict}.",
            "",
            "| " + " | ".join(self.columns) + " |",
            "|" + "---|" * len(self.columns),
            *("| " + " | ".join(str(cell) for cell in row) + " |" for row in self.rows),
            "",
            self.method,
            "",
            f"{time.strftime('%Y-%m-%d', time.gmtime())}, {machine()}.",
        ]
        return "\n".join(lines)


def write(section: Section, document: Path = DOCUMENT) -> None:
    """Put a section in place of its older self, or at the end."""
    text = document.read_text() if document.exists() else HEAD
    document.write_text(put(section.name, section.to_markdown(), text))


def put(name: str, markdown: str, page: str) -> str:
    """Return the page with this text between the marks of that name, at the end where new."""
    start, end = f"<!-- {name} -->", f"<!-- end of {name} -->"
    whole = f"{start}\n{markdown}\n{end}"
    pattern = re.compile(f"{re.escape(start)}.*?{re.escape(end)}", re.DOTALL)
    if pattern.search(page):
        return pattern.sub(lambda _: whole, page)
    return f"{page.rstrip()}\n\n{whole}\n"


def machine() -> str:
    """Describe this computer in one line."""
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    parts = [f"{os.cpu_count()} cores of {_processor()}", f"{memory:.0f} GB"]
    parts += [f"Linux {platform.release().split('-')[0]}", f"Python {platform.python_version()}"]
    argv = ["docker", "version", "--format", "{{.Server.Version}}"]
    done = subprocess.run(argv, capture_output=True, text=True, check=False)
    if done.returncode == 0:
        parts.append(f"Docker {done.stdout.strip().split('+')[0]}")
    return ", ".join(parts)


def _processor() -> str:
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return " ".join(line.partition(":")[2].split())
    return platform.machine()
