"""The parts of the test suite: none keeps another from running, and one may run beside others."""

import os
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Protocol

from slipway.checks import advisories, requirements
from slipway.checks.changes import Changes
from slipway.checks.impact import Graph, Selection
from slipway.errors import SlipwayError, UsageError
from slipway.hosts.host import Host
from slipway.hosts.local import LocalHost
from slipway.project import IS_THIN, ROOT
from slipway.suggest import nearest


@dataclass(frozen=True)
class Part:
    """One part: commands that all have to end with 0.

    `wants_engine` parts have this computer made ready first; `why_not` says why a part cannot run
    here at all, or nothing. One fails at once while something is missing that `lacks` names. One
    that runs `beside` the others shows what it prints at its end. `tests` is the folder that its
    command names last, and one that is not `usual` is run only by its name.
    """

    name: str
    commands: Sequence[Sequence[str]]
    wants_engine: bool = False
    beside: bool = False
    tests: str = ""
    usual: bool = True
    why_not: Callable[[], str] = str
    lacks: Callable[[], str] = str


@dataclass(frozen=True)
class PartResult:
    """What became of a part: passed, failed or left out."""

    part: str
    result: str
    seconds: float
    note: str = ""

    @property
    def failed(self) -> bool:
        return self.result == "failed"


PYTEST = ("pytest", "--color=auto", "--durations=5")
# One worker more than processors: some tests wait for a terminal.
SPREAD = (
    f"--numprocesses={(os.cpu_count() or 1) + 1}",
    "--dist=worksteal",
    "--max-worker-restart=0",
)
SHARED = (
    "--dist=loadgroup",
    "--no-loadscope-reorder",  # the tests come in the order that is best
    "--max-worker-restart=0",  # or pytest-xdist waits for ever for the rest of a dead one's group
)


def _within(test: int, part: int) -> tuple[str, str]:
    """Return how long one test and how long a part may take, in seconds, before it has failed.

    Long enough for a machine that does much else: they end what hangs.
    """
    return f"--timeout={test}", f"--session-timeout={part}"


def shared_by(workers: int) -> tuple[str, ...]:
    """Return how workers share tests. Most of what they do is wait for containers, so there may
    be more of them than processors.
    """
    return (f"--numprocesses={workers}", *SHARED)


PARTS = (
    Part(
        "lint",
        [
            ("ruff", "check", "."),
            ("ruff", "format", "--check", "."),
            ("slipway.checks.shell",),
            ("slipway.checks.workflows",),
            ("invoke", "runbook.check"),
            ("invoke", "secrets.check"),
        ],
    ),
    # tasks.py apart: mypy would see two modules called "tasks"
    Part("types", [("mypy", "slipway", "tasks", "tests", "benchmarks"), ("mypy", "tasks.py")]),
    Part("unit", [(*PYTEST, *SPREAD, *_within(300, 1200), "tests/unit")], tests="tests/unit"),
    Part(
        "integration",
        [(*PYTEST, *shared_by(2), *_within(1800, 3 * 3600), "tests/integration")],
        tests="tests/integration",
        wants_engine=True,
    ),
    Part(
        "e2e",
        [(*PYTEST, *shared_by(3), *_within(3600, 3 * 3600), "tests/e2e")],
        tests="tests/e2e",
        wants_engine=True,
        beside=True,  # it waits much: what the others do meanwhile costs little time
        why_not=requirements.why_no_hosts,
    ),
    # In CI: what others publish must not make a computer's tests red.
    Part("advisories", [("slipway.checks.advisories",)], usual=False, why_not=advisories.why_not),
    # Before a release: it takes long, and writes docs/soak.md.
    Part(
        "soak",
        [(*PYTEST, *_within(3 * 3600, 6 * 3600), "tests/soak")],
        tests="tests/soak",
        wants_engine=True,
        usual=False,
    ),
)

# Of a project made from the kit. Every command of a part runs, so testing is removed in any case.
TESTING = "--env=testing"
PROJECT_PARTS = (
    Part("checks", [("invoke", "runbook.check"), ("invoke", "secrets.check")]),
    Part(
        "services",
        [
            ("invoke", "deploy", TESTING, "--dirty"),
            ("invoke", "verify", TESTING),
            ("invoke", "destroy", TESTING),
        ],
        wants_engine=True,
        lacks=requirements.why_no_engine,
    ),
)


def parts() -> tuple[Part, ...]:
    """Return the parts that there are: of the kit, or of a project that was made from it."""
    return PROJECT_PARTS if IS_THIN else PARTS


def chosen(only: str) -> tuple[Part, ...]:
    """Read `unit,e2e`; nothing means the usual. Raises UsageError for a part there is not."""
    names = [name.strip() for name in only.split(",") if name.strip()]
    known = [part.name for part in parts()]
    for name in names:
        if name not in known:
            hint = nearest(name, known) or f" (one of: {', '.join(known)})"
            raise UsageError(f"--only: there is no part {name[:40]!a}{hint}")
    return tuple(part for part in parts() if (part.name in names if names else part.usual))


def narrowed(part: Part, tests: Sequence[str]) -> Part:
    """Return a part with only these test files; left out when none of them is its own."""
    if not part.tests:
        return part
    own = [test for test in tests if test.startswith(f"{part.tests}/")]
    if not own:
        return replace(part, wants_engine=False, why_not=lambda: "no test of it can break")
    commands = [
        [each for word in words for each in (own if word == part.tests else [word])]
        for words in part.commands
    ]
    return replace(part, commands=commands)


def can_break(parts: Sequence[Part], changes: Changes) -> Selection:
    """Return which tests of these parts a change can break."""
    if not changes.since:
        return Selection(whole="git does not say where this branch began (--changed=REVISION)")
    folders = [part.tests for part in parts if part.tests]
    if not folders:
        return Selection()
    return Graph(ROOT, changes.files).select(changes.paths, folders)


class Display(Protocol):
    """Where people see what comes of the parts."""

    def begin(self, part: Part) -> None:
        """Say which part comes; what it prints itself follows."""
        ...

    def quote(self, log: Path) -> None:
        """Show what a part has printed that ran beside others."""
        ...


def run_all(parts: Sequence[Part], display: Display, host: Host | None = None) -> list[PartResult]:
    """Run parts in their order, and beside them those that may."""
    aside = [part for part in parts if part.beside and len(parts) > 1]
    results: dict[str, PartResult] = {}
    with tempfile.TemporaryDirectory() as folder, ThreadPoolExecutor(max(1, len(aside))) as pool:
        logs = {part.name: Path(folder) / part.name for part in aside}
        running = [pool.submit(run, part, host, logs[part.name]) for part in aside]
        for part in parts:
            if part not in aside:
                display.begin(part)
                results[part.name] = run(part, host)
        for part, result in zip(aside, running, strict=True):
            results[part.name] = result.result()
            display.begin(part)
            display.quote(logs[part.name])
    return [results[part.name] for part in parts]


def run(part: Part, host: Host | None = None, log: Path | None = None) -> PartResult:
    """Run a part with this terminal as its own, or with a file for what it prints."""
    began = time.monotonic()
    # In the terminal's own process group, so that Ctrl-C is heard there too.
    written = ["sh", "-c", 'exec >>"$0" 2>&1 </dev/null && exec "$@"', str(log)] if log else []
    if reason := part.why_not():
        return PartResult(part.name, "left out", 0.0, reason)
    if reason := part.lacks():
        return PartResult(part.name, "failed", 0.0, reason)
    host = host or LocalHost(cwd=ROOT)
    broken = [
        " ".join(words)
        for words in part.commands
        if host.attach([*written, sys.executable, "-m", *words]) != 0
    ]
    seconds = time.monotonic() - began
    note = f"again: .venv/bin/python -m {broken[0]}" if broken else ""
    return PartResult(part.name, "failed" if broken else "passed", seconds, note)


def made_ready(prepare: Callable[[], None]) -> str:
    """Make this computer ready for the parts that want an engine; return why it is not, if so."""
    try:
        prepare()
    except SlipwayError as error:
        return str(error)
    finally:
        requirements.why_no_engine.cache_clear()
        requirements.why_no_hosts.cache_clear()
    return ""
