"""Brings a project to another version of Slipway: its shared files merged, its wheel replaced."""

from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from slipway import whole_file
from slipway.errors import Refused, SlipwayError, UsageError, last_line
from slipway.hosts import git
from slipway.hosts.host import MINUTES
from slipway.hosts.local import LocalHost
from slipway.plan import Plan, Step
from slipway.project import ROOT
from slipway.scaffold import answers, follow_up, kit, notes, shared, unfinished
from slipway.scaffold.shared import Merge
from slipway.scaffold.unfinished import UnfinishedUpgrade

CHANGELOG = "vendor/docs/CHANGELOG.md"
LOCK = "requirements.lock"


@dataclass(frozen=True)
class Options:
    """What comes after the files are merged: tests or none, and a deploy to an environment."""

    tests: bool = True
    env: str = ""
    commits: bool = False  # before that deploy, which wants a commit


USUAL = Options()


@dataclass(frozen=True)
class Upgrade:
    """What an upgrade of a project would do, with the wheel that it is to."""

    project: Path
    wheel: Path
    merges: Sequence[Merge]
    notes: str  # of the changelog, of all versions between
    record: UnfinishedUpgrade

    def preview(self) -> Plan:
        """Return all steps, to be looked at."""
        rest = follow_up.plan(self.project, self.record, lambda: None)
        return Plan(rest.title, [*self.plan().steps, *rest.steps])

    def plan(self) -> Plan:
        """Return the steps up to where the new version continues, or a person settles conflicts.

        The tree was clean, so git brings everything back.
        """
        changed = sum(merge.is_written for merge in self.merges)
        files = f"{changed} shared files change, {self.wheel.name} comes to {kit.VENDOR}/"
        steps = [Step("files", files, self._put, self._take_back)]
        if not self.record.conflicts:
            steps.append(install(self.project, self.record))
        return Plan(f"Upgrade {self.record.title}", steps)

    def _put(self) -> str:
        """Write the lock when all that it names is there: until then ./inv is the one of before."""
        unfinished.begin(self.project, self.record, self.wheel)
        vendor = self.project / kit.VENDOR
        whole_file.write(vendor / self.wheel.name, self.wheel.read_bytes(), mode=0o644)
        for merge in sorted(self.merges, key=lambda merge: merge.path == LOCK):
            shared.put(self.project, merge)
        for path in vendor.glob(kit.WHEEL):
            if path.name != self.wheel.name:
                path.unlink()
        unfinished.finish(self.project, "files")
        count = len(self.record.conflicts)
        return f"{count} with conflicts" if count else "no conflict"

    def _take_back(self) -> None:
        unfinished.take_back(self.project, self.record)
        unfinished.forget(self.project)


def install(project: Path, record: UnfinishedUpgrade) -> Step:
    """Return the step that has the launcher make .venv of the new lock."""

    def run() -> str:
        host = LocalHost(cwd=project, is_persons=True)
        argv = [str(project / "inv"), "--version"]
        result = host.run(argv, timeout=30 * MINUTES, check=False)
        if result.code != 0:
            raise SlipwayError(f"Slipway {record.after} is not installed: {last_line(result.err)}")
        unfinished.finish(project, "engine")
        return result.out.strip()

    return Step("engine", f"./inv installs Slipway {record.after} into .venv", run)


@contextmanager
def prepared(to: str, project: Path = ROOT, options: Options = USUAL) -> Iterator[Upgrade]:
    """Work out an upgrade to a wheel, or to a checkout of the kit; nothing is changed.

    Raises UsageError for another file or an older version, Refused for changes not committed.
    """
    unfinished.refuse_another(project)
    current = answers.read(project)
    with _wheel(Path(to).expanduser().absolute()) as wheel:
        after = kit.version_of(wheel)
        own = kit.vendored(project)
        if wheel.read_bytes() == own.read_bytes():
            raise Refused(f"this project has Slipway {after} already, this very file")
        _demand_newer(current.version, after)
        head = unfinished.head(project)
        _demand_clean(project)
        with shared.rendered(project, own) as old, shared.rendered(project, wheel) as new:
            merges = shared.merges(project, old, new)
            log = (new / CHANGELOG).read_text(encoding="utf-8")
        text = "".join(notes.between(log, current.version, after))
        added = {merge.path for merge in merges if merge.outcome == "added"}
        changed = {merge.path for merge in merges if merge.is_written} - added
        (added if wheel.name != own.name else changed).add(f"{kit.VENDOR}/{wheel.name}")
        record = UnfinishedUpgrade(
            before=current.version,
            after=after,
            wheel=wheel.name,
            head=head,
            changed=sorted({*changed, f"{kit.VENDOR}/{own.name}"}),
            added=sorted(added),
            conflicts=[merge.path for merge in merges if merge.outcome == "conflict"],
            actions=notes.actions(text),
            env=options.env,
            commits=options.commits,
            tests=options.tests,
        )
        _demand_seen_by_git(project, [*record.changed, *record.added])
        yield Upgrade(project, wheel, merges, text, record)


def restarted(record: UnfinishedUpgrade, project: Path = ROOT) -> AbstractContextManager[Upgrade]:
    """Work out again an upgrade that was interrupted while it wrote files, from the commit."""
    unfinished.take_back(project, record)
    _demand_clean(project)
    (project / unfinished.FOLDER / unfinished.RECORD).unlink()
    wheel = project / unfinished.FOLDER / record.wheel
    return prepared(str(wheel), project, Options(record.tests, record.env, record.commits))


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


def _demand_seen_by_git(project: Path, paths: Sequence[str]) -> None:
    """Refuse what git ignores: a commit would lack it, and nothing could bring it back."""
    argv = ["git", "check-ignore", "--", *paths]
    if ignored := git.at(project).run(argv, check=False).out.splitlines():
        raise Refused(
            f"git ignores {ignored[0]}, and a clone would lack it; take the rule out that "
            f"`git check-ignore --verbose {ignored[0]}` names, or write !/{ignored[0]} at the end "
            "of .gitignore"
        )
