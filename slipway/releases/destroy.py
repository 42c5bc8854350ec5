"""Removing an environment: services, data, networks, secrets and records, on every machine."""

from slipway import shell_scripts
from slipway.cluster import stacks
from slipway.cluster.observed import observe
from slipway.environments.environment import Environment
from slipway.hosts import parallel
from slipway.hosts.host import Host, script
from slipway.machines.connect import Cluster
from slipway.plan import Plan, Step
from slipway.releases import job_schedule

LEFT = "docker ps --all --quiet --filter label=slipway.app=$1"
WAIT = f'i=0; while [ -n "$({LEFT})" ] && [ $i -lt 120 ]; do i=$((i+1)); sleep 0.5; done'
VOLUMES = r"""
ids=$(docker volume ls --quiet --filter "label=slipway.app=$1")
[ -z "$ids" ] || docker volume rm $ids
"""
OBJECTS = shell_scripts.read(__file__, "destroy_objects.sh")


def plan(env: Environment, cluster: Cluster) -> Plan:
    """Return the steps; each may be repeated, so an interrupted removal is finished by the next."""
    app = env.prefix

    def remove_services() -> str:
        observed = observe(cluster.manager, app)
        names = sorted({service.stack for service in observed.services if service.stack})
        for name in names:
            stacks.remove(cluster.manager, name)
        parallel.each(cluster.all, lambda host: script(host, WAIT, app, timeout=90))
        return ", ".join(names) or "none"

    def remove_volumes() -> str:
        removed = parallel.each(cluster.all, lambda host: _lines(host, VOLUMES, app))
        return ", ".join(sorted({line for lines in removed for line in lines})) or "none"

    def remove_timers() -> str:
        return job_schedule.end(env, cluster, observe(cluster.manager, app))

    def remove_objects() -> str:
        removed = _lines(cluster.manager, OBJECTS, app)
        return f"{len(removed)} removed" if removed else "none"

    return Plan(
        f"remove {env.name}",
        [
            Step("jobs", "start no more jobs at their times", remove_timers),
            Step("services", "stop and remove every service", remove_services),
            Step("data", "remove the volumes, with the database in them", remove_volumes),
            Step("records", "remove secrets, releases on record, networks", remove_objects),
        ],
    )


def _lines(host: Host, text: str, app: str) -> list[str]:
    return script(host, text, app, timeout=90).out.split()
