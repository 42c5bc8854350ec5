"""Brings a project to another version of Slipway: its shared files merged, its wheel replaced."""

import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from slipway.errors import Refused, UsageError
from slipway.hosts import git
from slipway.plan import Plan, Step
from slipway.project import ROOT
from slipway.scaffold import answers, kit, shared
from slipway.scaffold.shared import Merge

HEADING = re.compile(r"^## \[([^\]]+)\].*$", re.MULTILINE)
UNRELEASED = "Unreleased"
CHANGELOG = "vendor/docs/CHANGELOG.md"


@dataclass(frozen=True)
class Upgrade:
    """What an upgrade of a project would do, with the wheel that it is to."""

    project: Path
    before: str
    after: str
    wheel: Path
    merges: Sequence[Merge]
    notes: str  # of the changelog, of all versions between

    @property
    def conflicts(self) -> list[str]:
        return [merge.path for merge in self.merges if merge.outcome == "conflict"]

    def plan(self) -> Plan:
        """Return the steps. The tree was clean, so git brings everything back."""
        changed = [merge for merge in self.merges if merge.outcome not in ("same", "yours")]
        return Plan(
            f"Upgrade Slipway from {self.before} to {self.after}",
            [
                Step("files", f"{len(changed)} shared files change", self._put, self._restore),
                Step("wheel", f"{self.wheel.name} in {kit.VENDOR}/", self._put_wheel),
            ],
        )

    def _put(self) -> str:
        for merge in self.merges:
            shared.put(self.project, merge)
        return f"{len(self.conflicts)} with conflicts" if self.conflicts else "no conflict"

    def _put_wheel(self) -> None:
        shared.put_wheel(self.project, self.wheel)

    def _restore(self) -> None:
        here = git.at(self.project)
        here.run(["git", "checkout", "--quiet", "HEAD", "--", "."])
        added = [merge.path for merge in self.merges if merge.outcome == "added"]
        here.run(["git", "clean", "--quiet", "--force", "--", *added, kit.VENDOR])


@contextmanager
def prepared(to: str, project: Path = ROOT) -> Iterator[Upgrade]:
    """Work out an upgrade to a wheel, or to a checkout of the kit; nothing is changed.

    Raises UsageError for another file or an older version, Refused for changes not committed.
    """
    current = answers.read(project)
    with _wheel(Path(to).expanduser().absolute()) as wheel:
        after = kit.version_of(wheel)
        own = kit.vendored(project)
        if wheel.read_bytes() == own.read_bytes():
            raise Refused(f"this project has Slipway {after} already, this very file")
        _demand_newer(current.version, after)
        _demand_clean(project)
        with shared.rendered(project, own) as old, shared.rendered(project, wheel) as new:
            merges = shared.merges(project, old, new)
            log = (new / CHANGELOG).read_text(encoding="utf-8")
            notes = "".join(between(log, current.version, after))
            yield Upgrade(project, current.version, after, wheel, merges, notes)


@contextmanager
def _wheel(path: Path) -> Iterator[Path]:
    if path.is_dir() and (path / "inv").is_file() and (path / "slipway").is_dir():
        with TemporaryDirectory(prefix="slipway-") as folder:
            yield kit.build(path, Path(folder))
    elif path.is_file():
        yield path
    else:
        raise UsageError(f"--to: {path} is neither a wheel of Slipway nor a checkout of it")


def _demand_newer(before: str, after: str) -> None:
    from packaging.version import InvalidVersion, Version

    try:
        older = Version(after) < Version(before)
    except InvalidVersion as error:
        raise UsageError(f"--to: {error}") from None
    if older:
        raise Refused(
            f"{after} is older than {before}; to go back, revert the commit of the upgrade "
            "(git revert) and deploy"
        )


def _demand_clean(project: Path) -> None:
    status = git.at(project).run(["git", "status", "--porcelain"]).out
    if status.strip():
        first = status.splitlines()[0][3:]
        raise Refused(
            f"there are changes that are not committed ({first}); commit them first, so that git "
            "can show and undo what the upgrade does"
        )


def between(log: str, before: str, after: str) -> Iterator[str]:
    """Yield the parts of a changelog that tell of versions after one and up to another."""
    from packaging.version import Version

    headings = list(HEADING.finditer(log))
    ends = [match.start() for match in headings[1:]] + [len(log)]
    for match, end in zip(headings, ends, strict=True):
        is_told = bool(log[match.end() : end].strip())
        is_new = match[1] == UNRELEASED or Version(before) < Version(match[1]) <= Version(after)
        if is_told and is_new:
            yield log[match.start() : end]
