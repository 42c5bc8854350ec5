"""Why the hacking loop is not well: which container, what its check asked and what it answered."""

import json
from collections.abc import Iterator

from slipway import shell_scripts
from slipway.environments.loop_owner import PROJECT
from slipway.errors import UNREADABLE
from slipway.hosts.host import Host, script
from slipway.releases import task_failures

CONTAINERS = shell_scripts.read(__file__, "loop_failures_containers.sh")


def explain(host: Host, project: str) -> Iterator[str]:
    """Say of each container of the loop that is not well why that is."""
    result = script(host, CONTAINERS, f"{PROJECT}={project}", timeout=30)
    for line in result.out.splitlines():
        try:
            service, container = line.split("\t", 1)
            yield from _sentences(service, json.loads(container))
        except UNREADABLE:
            continue  # what a container shows only adds to what is known


def _sentences(service: str, container: dict[str, dict[str, object]]) -> Iterator[str]:
    state = container["state"]
    health = (state.get("Health") or {}).get("Status")  # type: ignore[attr-defined]
    code = state.get("ExitCode")
    if health not in ("unhealthy", "starting") and not (state["Status"] != "running" and code):
        return
    how = health or f"{state['Status']} with {code}"
    what = "; ".join(task_failures.reasons(container))
    because = f": {what}" if what else ""
    yield f"{service} is {how}{because}; its words: inv logs --service={service}"
