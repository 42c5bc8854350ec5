"""An upgrade that is under way: what is noted of it, so that it is resumed or taken back."""

import json
import shutil
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from slipway import whole_file
from slipway.errors import UNREADABLE, Refused
from slipway.hosts import git
from slipway.plan import Plan, Step

FOLDER = Path(".slipway") / "upgrade"  # of a project; holds the new wheel too
RECORD = "record.json"
MARKER = b"<<<<<<< yours"
GO_BACK = "inv kit.upgrade --abort"


@dataclass(frozen=True)
class UnfinishedUpgrade:
    """What has to be known of an upgrade by whoever resumes it or takes it back.

    A later version reads what this one wrote: a field that is new there has a default.
    """

    before: str
    after: str
    wheel: str  # the name of its file
    head: str  # the commit that it began at, then its own
    changed: Sequence[str]  # files of that commit which are written or go
    added: Sequence[str]
    conflicts: Sequence[str]
    actions: Sequence[str]  # what the notes leave to a person
    env: str = ""  # to deploy to
    commits: bool = False  # before the deploy: a release is named by its commit
    tests: bool = True
    finished: Sequence[str] = ()  # steps, by name

    @property
    def title(self) -> str:
        return f"Slipway from {self.before} to {self.after}"


def read(project: Path) -> UnfinishedUpgrade | None:
    """Return the upgrade under way; one whose commit somebody has left behind is over."""
    try:
        record = UnfinishedUpgrade(**json.loads((project / FOLDER / RECORD).read_text("utf-8")))
    except (FileNotFoundError, *UNREADABLE):
        return None
    return record if record.head == head(project) else None


def demand(project: Path) -> UnfinishedUpgrade:
    """Return the upgrade under way. Raises Refused where there is none."""
    record = read(project)
    if record is None:
        raise Refused("no upgrade is under way here; inv kit.upgrade --to=... begins one")
    return record


def refuse_another(project: Path) -> None:
    """Raise Refused while an upgrade is under way."""
    if record := read(project):
        raise Refused(
            f"an upgrade of {record.title} is under way; inv kit.upgrade --resume continues it, "
            f"{GO_BACK} takes it back"
        )


def begin(project: Path, record: UnfinishedUpgrade, wheel: Path) -> None:
    """Note an upgrade before anything is changed, and keep its wheel."""
    (project / FOLDER).mkdir(parents=True, exist_ok=True)
    whole_file.write(project / FOLDER / record.wheel, wheel.read_bytes())
    write(project, record)


def write(project: Path, record: UnfinishedUpgrade) -> None:
    """Note how far an upgrade is."""
    whole_file.write(project / FOLDER / RECORD, json.dumps(asdict(record), indent=1))


def finish(project: Path, step: str) -> None:
    """Note that a step is finished, and the commit that it may have made."""
    raw = json.loads((project / FOLDER / RECORD).read_text("utf-8"))
    record = UnfinishedUpgrade(**raw)
    finished = (*record.finished, step)
    write(project, replace(record, finished=finished, head=head(project)))


def forget(project: Path) -> None:
    """Note that no upgrade is under way."""
    shutil.rmtree(project / FOLDER, ignore_errors=True)


def head(project: Path) -> str:
    """Return the commit that is checked out. Raises Refused where there is none."""
    result = git.at(project).run(["git", "rev-parse", "--verify", "HEAD"], check=False)
    if result.code != 0:
        raise Refused(git.why_no_commit(project))
    return result.out.strip()


def unsettled(project: Path, record: UnfinishedUpgrade) -> list[str]:
    """List the files in which conflict markers still stand."""
    paths = [path for path in record.conflicts if (project / path).is_file()]
    return [path for path in paths if MARKER in (project / path).read_bytes()]


def abort(project: Path) -> Plan:
    """Return the steps that take an upgrade back. Raises Refused for one that is committed."""
    record = demand(project)
    if "commit" in record.finished:
        raise Refused(
            "the upgrade is committed; to go back: git revert --no-edit HEAD && "
            f"./inv deploy --env={record.env}"
        )
    count = len(record.changed) + len(record.added)

    def files() -> str:
        take_back(project, record)
        forget(project)
        return f"Slipway {record.before}; the next ./inv has it"

    return Plan(
        f"Take back the upgrade of {record.title}",
        [Step("files", f"{count} files as commit {record.head[:7]} has them", files)],
    )


def take_back(project: Path, record: UnfinishedUpgrade) -> None:
    """Bring back what an upgrade changed; other files stay as they are."""
    here = git.at(project)
    here.run(["git", "reset", "--quiet", "--", *record.changed, *record.added])
    for path in record.added:
        (project / path).unlink(missing_ok=True)
    here.run(["git", "checkout", "--quiet", record.head, "--", *record.changed])
