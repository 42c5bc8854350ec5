"""What is said of a text that stands in a file of its own, for tests of the checks."""

from datetime import date
from pathlib import Path

from slipway.notebook.checking.check import check
from tasks.cli import namespace
from tasks.command_index import CommandIndex

TODAY = date(2026, 11, 22)


TASKS = CommandIndex(namespace)


FRONT = """---
task: deploy
owner: "@ops"
last_tested: 2026-11-01
---

# Deploy

Brings a release into service with `inv deploy`.

"""


BEFORE = '## Before you start\n\n```sh\ninv status --env="$ENV"\n```\n\n'


AFTER = "## Verify\n\n```sh\ntrue\n```\n\n## Escalate\n\nCall ops.\n"


def complaints(text: str, folder: Path, name: str = "deploy.md") -> list[str]:
    """Return what is said of a text, without the folder before the file's name."""
    path = folder / name
    path.write_text(text)
    return [str(each).removeprefix(f"{folder}/") for each in check([path], TASKS, today=TODAY)]


def of_cell(source: str, folder: Path, info: str = "sh") -> list[str]:
    """Return what is said of a runbook with one step, whose source begins in line 20."""
    step = f"## Go\n\n```{info}\n{source}\n```\n\n"
    return complaints(FRONT + BEFORE + step + AFTER, folder)
