"""Services restarted as they are: one container after the other, each before its elder goes."""

from dataclasses import dataclass

from slipway.client import activity
from slipway.cluster import lease
from slipway.cluster.observed import DeployedService
from slipway.environments.environment import Environment
from slipway.errors import Refused, SlipwayError, UsageError
from slipway.machines import connect
from slipway.machines.connect import Cluster
from slipway.progress import Reporter
from slipway.releases import containers, health, stack_watch
from slipway.releases.health import NotHealthy

SECONDS_EACH = 30.0  # that a container may take to go, beside what it may take to be healthy
WORKING = ("ops", "schedule")


@dataclass(frozen=True)
class Restarted:
    """What was restarted: a service as it is called, and how many containers of it."""

    service: str
    containers: int


def restart(
    env: Environment, name: str, reporter: Reporter, *, downtime: bool = False
) -> Restarted:
    """Restart a service and wait until all of it is healthy.

    Raises Refused for a service that would be away meanwhile, unless `downtime` allows it.
    """
    with connect.connected(env, lenient=True) as cluster:
        manager = cluster.manager
        with lease.hold(manager, env.prefix, f"restart of {name}"):
            deployed = containers.find(env, cluster, name)
            demand_restartable(env, deployed, downtime=downtime)
            if deployed.role == "data":
                activity.wait(cluster.all, env.prefix, WORKING, reporter)
            try:
                _update(cluster, deployed, env.number("HEALTH_TIMEOUT"))
            except NotHealthy as error:
                raise SlipwayError(
                    f"{name} does not become healthy again; its old containers run on: {error}\n"
                    f"look at: inv status --env={env.name}"
                ) from error
            finally:
                if deployed.role == "data":
                    activity.release(cluster.all, env.prefix, WORKING)
    return Restarted(name, deployed.desired)


def demand_restartable(env: Environment, service: DeployedService, *, downtime: bool) -> None:
    """Raise Refused or UsageError where it may not be restarted."""
    name = service.service
    if service.role not in ("colour", "data"):
        raise UsageError(f"{name} (slipway.role {service.role}) is restarted by a deploy only")
    if service.role == "data" and not downtime:
        raise Refused(
            f"there is one {name}: who uses it meets errors until it is back; if that is meant, "
            f"inv restart --env={env.name} --service={name} --downtime"
        )
    if not service.desired:
        raise Refused(f"{name} is stopped, with nothing to restart; see: inv status")


def _update(cluster: Cluster, service: DeployedService, timeout: float) -> None:
    manager, stack = cluster.manager, service.stack
    before = stack_watch.look(manager, stack)
    argv = ["docker", "service", "update", "--force", "--detach", "--quiet", service.id]
    manager.run(argv, timeout=60)
    each = timeout + SECONDS_EACH
    health.settle(manager, stack, each * service.desired, before)
