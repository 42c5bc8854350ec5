"""Backups, drills and restores that a change of database, operations or machines would end."""

from slipway.client import activity
from slipway.errors import HostError
from slipway.hosts.host import Host
from slipway.hosts.parallel import HostsFailed
from slipway.machines.connect import Cluster
from slipway.progress import Reporter
from slipway.releases.compose_labels import Role
from slipway.releases.shared_services import SharedServices

DATA: tuple[Role, ...] = ("data", "ops")
OPERATIONS: tuple[Role, ...] = ("ops",)
SERVICES = ("ops", "schedule")  # in which the agent works on the database


def wait(
    standing: SharedServices,
    cluster: Cluster,
    reporter: Reporter,
    patience: float = activity.PATIENCE,
) -> str:
    """Wait where database or operations differ; then none begins until `release`. Raises Busy, or
    Refused where files are of two times: a rollback would start what uses them, too."""
    standing.refuse_unfinished_swap()
    if not standing.differs(*DATA):
        return "as described, nothing to wait for"
    activity.wait(cluster.all, standing.app, SERVICES, reporter, patience)
    return "nothing is under way"


def release(standing: SharedServices, cluster: Cluster) -> None:
    """Let the agent begin again."""
    if standing.differs(*DATA):
        activity.release(cluster.all, standing.app, SERVICES)


def keep(standing: SharedServices, cluster: Cluster, reporter: Reporter) -> str:
    """Bring database and operations to their description, once `wait` has returned."""
    try:
        return standing.keep(*DATA, reporter=reporter)
    finally:
        release(standing, cluster)


def begin(standing: SharedServices, cluster: Cluster, reporter: Reporter) -> str:
    """Have operations replaced soon, once nothing runs in them. Raises Busy.

    The mark that lets none begin goes with the container that has it.
    """
    activity.wait(cluster.all, standing.app, OPERATIONS, reporter)
    try:
        standing.begin(*OPERATIONS)
    except BaseException:
        activity.release(cluster.all, standing.app, OPERATIONS)
        raise
    return "operations start"


def bring_back(standing: SharedServices, cluster: Cluster, reporter: Reporter) -> None:
    """Bring them back after a failure, also where nobody sees what is under way. Raises Busy."""
    try:
        wait(standing, cluster, reporter)
    except (HostError, HostsFailed) as error:
        reporter.note(f"cannot see what is under way there: {error}")
    keep(standing, cluster, reporter)


def leave(host: Host, app: str, reporter: Reporter, patience: float = activity.PATIENCE) -> None:
    """Wait for what runs on a machine that is to be removed, where that answers. Raises Busy."""
    try:
        activity.wait([host], app, SERVICES, reporter, patience)
    except HostError as error:
        reporter.note(f"cannot see what is under way there: {error}")
