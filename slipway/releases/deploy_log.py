"""The log of each deploy on the computer that makes it: what happened when, a line of JSON each."""

import contextlib
import json
import os
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from slipway.errors import UNREADABLE, ConfigError
from slipway.progress import Reporter
from slipway.project import STATE
from slipway.releases import changes, commit_range
from slipway.releases.deployment import Deployment

KEPT = 50  # logs of an environment


@dataclass(frozen=True)
class LoggedStep:
    """A step of a deploy: when it began and ended, in seconds from the beginning, and how.

    `result` is done, failed, interrupted, or unfinished where the log ends before it did.
    """

    name: str
    describe: str
    began: float
    ended: float
    result: str
    text: str
    is_undone: bool = False


@dataclass(frozen=True)
class LoggedDeploy:
    """A deploy as its log has it; `facts` are what was known at its beginning, `end` at its end."""

    at: float
    facts: Mapping[str, Any]
    steps: Sequence[LoggedStep]
    notes: Sequence[tuple[float, str, str]]  # when, in which step, what
    end: Mapping[str, Any] = field(default_factory=dict)

    @property
    def seconds(self) -> float:
        """How long it took, as far as it is known."""
        last = [step.ended for step in self.steps] + [note[0] for note in self.notes]
        return float(self.end.get("seconds", max(last, default=0.0)))


class DeployLog:
    """Passes on what is reported, and writes it down; what cannot be written changes nothing."""

    def __init__(self, path: Path, reporter: Reporter) -> None:
        self.path = path
        self.progress = reporter.progress
        self.lane = reporter.lane
        self._reporter = reporter
        self._file: int | None = None
        try:
            path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            self._file = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        except OSError as error:
            reporter.note(f"no log is written: {path}: {error.strerror}")

    def write(self, event: str, **fields: object) -> None:
        """Write one line."""
        if self._file is None:
            return
        line = json.dumps({"at": round(time.time(), 3), "event": event, **fields}, default=str)
        try:
            os.write(self._file, f"{line}\n".encode())
        except OSError as error:
            self.close()
            self._reporter.note(f"the log ends here: {self.path}: {error.strerror}")

    def close(self) -> None:
        """Write no more."""
        if self._file is not None:
            os.close(self._file)
            self._file = None

    def note(self, text: str) -> None:
        self.write("note", text=text)
        self._reporter.note(text)

    def started(self, step: str, describe: str, usual: float = 0.0) -> None:
        self.write("started", step=step, describe=describe)
        self._reporter.started(step, describe, usual)

    def finished(self, step: str, result: str) -> None:
        self.write("finished", step=step, result=result)
        self._reporter.finished(step, result)

    def failed(self, step: str, *, interrupted: bool) -> None:
        self.write("failed", step=step, interrupted=interrupted)
        self._reporter.failed(step, interrupted=interrupted)

    def undone(self, step: str) -> None:
        self.write("undone", step=step)
        self._reporter.undone(step)


def facts(deployment: Deployment) -> dict[str, object]:
    """Return what is known of a deploy when it begins, for its log."""
    live, release = deployment.live, deployment.release
    return {
        "command": "rollback" if deployment.draft.is_recorded else "deploy",
        "env": deployment.env.name,
        "release": release.number,
        "commit": release.commit,
        "by": release.by,
        "colour": deployment.colour,
        "before": live.label if live else "",
        "canary": asdict(deployment.canary) if deployment.canary else None,
        "machines": [host.name for host in deployment.cluster.all],
        "changes": changes.sentences(changes.between(live, release)),
        "commits": commit_range.read(live.commit, release.commit).sentences if live else [],
    }


@contextlib.contextmanager
def opened(env: str, number: int, reporter: Reporter) -> Iterator[DeployLog]:
    """Log a deploy for a block, and remove the oldest logs of the environment."""
    folder = folder_of(env)
    stamp = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime())
    log = DeployLog(folder / f"{stamp}-{number:05d}.jsonl", reporter)
    try:
        yield log
    finally:
        log.close()
        for old in sorted(folder.glob("*.jsonl"))[:-KEPT]:
            with contextlib.suppress(OSError):
                old.unlink()


def folder_of(env: str) -> Path:
    """Return where the logs of an environment are."""
    return STATE / env / "deploys"


def find(env: str, number: int = 0) -> Path:
    """Return the newest log, or the newest of a release. Raises ConfigError where there is none."""
    pattern = f"*-{number:05d}.jsonl" if number else "*.jsonl"
    logs = sorted(folder_of(env).glob(pattern))
    if not logs:
        which = f"a deploy of release {number}" if number else "a deploy"
        raise ConfigError(
            f"{folder_of(env)} has no log of {which} to {env}; the computer that deployed has it"
        )
    return logs[-1]


def read(path: Path) -> LoggedDeploy:
    """Read a log, up to the first line that is none. Raises ConfigError for what is no log."""
    events = list(_events(path))
    first = next((event for event in events if event["event"] == "begin"), None)
    if first is None:
        raise ConfigError(f"{path} is no log of a deploy, or is damaged")
    steps: dict[str, LoggedStep] = {}
    notes: list[tuple[float, str, str]] = []
    end: Mapping[str, Any] = {}
    current = ""
    for event in events:
        at = event["at"] - first["at"]
        match event["event"]:
            case "started":
                current = event["step"]
                steps[current] = LoggedStep(
                    current, event["describe"], at, at, "unfinished", event["describe"]
                )
            case "finished" if event["step"] in steps:
                steps[event["step"]] = _ended(steps[event["step"]], at, "done", event["result"])
                current = ""
            case "failed" if event["step"] in steps:
                how = "interrupted" if event["interrupted"] else "failed"
                steps[event["step"]] = _ended(steps[event["step"]], at, how, how)
            case "undone" if event["step"] in steps:
                one = steps[event["step"]]
                steps[one.name] = LoggedStep(
                    one.name, one.describe, one.began, one.ended, one.result, one.text, True
                )
            case "note":
                notes.append((at, current, event["text"]))
            case "end":
                end = event | {"seconds": at}
    return LoggedDeploy(first["at"], first, list(steps.values()), notes, end)


def _ended(step: LoggedStep, at: float, result: str, text: str) -> LoggedStep:
    return LoggedStep(step.name, step.describe, step.began, at, result, text)


def _events(path: Path) -> Iterator[dict[str, Any]]:
    for line in path.read_text(encoding="utf-8", errors="replace").splitlines():
        try:
            event = json.loads(line)
            event["at"] = float(event["at"])
            event["event"] = str(event["event"])
        except UNREADABLE:  # what a kill left of the last line
            return
        yield event
