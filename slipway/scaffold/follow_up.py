"""The second half of an upgrade, by the version that is new: checks, tests, a commit, a deploy."""

from collections.abc import Callable
from functools import partial
from pathlib import Path

from slipway.errors import DifferenceFound, SlipwayError
from slipway.hosts import git
from slipway.hosts.local import LocalHost
from slipway.plan import Plan, Step
from slipway.scaffold import unfinished
from slipway.scaffold.unfinished import GO_BACK, UnfinishedUpgrade

PARTS = {"checks": "checks", "tests": "services"}  # steps, and the parts of `inv test` they run


def plan(project: Path, record: UnfinishedUpgrade, deploy: Callable[[], None]) -> Plan:
    """Return the steps that are left."""
    steps = [_test(project, record, "checks", "runbooks, secrets")]
    if record.tests:
        steps.append(_test(project, record, "tests", "deploy to testing, ask it, remove it"))
    if record.commits:
        message = f"Upgrade Slipway to {record.after}"
        steps.append(Step("commit", message, partial(_commit, project, message)))
    if record.env:
        steps.append(Step("deploy", f"./inv deploy --env={record.env}", deploy))
    left = [step for step in steps if step.name not in record.finished]
    return Plan(f"Upgrade {record.title}", left)


def demand_settled(project: Path, record: UnfinishedUpgrade) -> None:
    """Raise DifferenceFound while conflict markers stand in a file."""
    if names := unfinished.unsettled(project, record):
        raise DifferenceFound(
            f"{', '.join(names)}: your changes and Slipway's meet; settle what stands between "
            f"<<<<<<< and >>>>>>> there, then: inv kit.upgrade --resume ({GO_BACK} takes it back)"
        )


def _test(project: Path, record: UnfinishedUpgrade, name: str, what: str) -> Step:
    command = ["test", f"--only={PARTS[name]}"]

    def run() -> str:
        host = LocalHost(cwd=project, is_persons=True)
        if host.attach([str(project / "inv"), *command]) != 0:
            raise SlipwayError(
                f"the {name} fail with Slipway {record.after}, for what is printed above; what is "
                f"deployed serves as before. Fix it, then: inv kit.upgrade --resume; or {GO_BACK} "
                f"brings Slipway {record.before} back"
            )
        unfinished.finish(project, name)
        return "passed"

    return Step(name, f"./inv {' '.join(command)}: {what}", run)


def _commit(project: Path, message: str) -> str:
    git.commit(project, message)
    unfinished.finish(project, "commit")
    return unfinished.head(project)[:7]
