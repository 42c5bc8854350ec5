"""What no kept release needs: old records, secrets, routes and images, removed everywhere."""

import contextlib
import http.client
from collections.abc import Collection, Mapping
from fnmatch import fnmatchcase

from slipway import shell_scripts
from slipway.cluster import engine_api, ledger
from slipway.cluster.engine_api import EngineApi
from slipway.cluster.observed import Observed
from slipway.environments.environment import Environment
from slipway.hosts import parallel
from slipway.hosts.host import Host, script
from slipway.images.ship import Inventory
from slipway.machines.connect import Cluster
from slipway.releases import edge_identity, networks, one_off, stack, warm
from slipway.releases.release import Release

OBJECTS = shell_scripts.read(__file__, "prune_objects.sh")
IMAGES = shell_scripts.read(__file__, "prune_images.sh")
RUN_ONCE = ("job", stack.ONCE)  # roles
KEEP_RUNS = 24 * 3600  # seconds in which the lines of a run that was let go can be read


def run(
    env: Environment,
    cluster: Cluster,
    observed: Observed,
    live: Release,
    inventory: Inventory | None = None,
) -> str:
    """Remove what is not needed; return a summary.

    A machine that was seen to have no image too many, in an `inventory`, is not asked.
    """
    app = env.prefix
    # What is warm served just before.
    keep = max(env.number("KEEP_RELEASES"), 1 if warm.of(observed, app) else 0)
    records = ledger.kept(observed, app, keep)
    secrets = observed.secrets - ledger.needed(observed, records, "secrets")
    secrets -= {edge_identity.name(env)}  # of no release
    if any(service.role in RUN_ONCE for service in observed.services):
        one_off.sweep(cluster.manager, app, KEEP_RUNS, *RUN_ONCE)
    unused = networks.shared(app, (), is_encrypted=not live.encrypts_networks)
    objects = {
        "secret": secrets,
        "config": ledger.obsolete(observed, app, keep),
        "network": observed.networks & unused.keys(),
    }
    removed, tags = _remove(cluster.manager, objects)
    patterns = _ours(env.project, observed, app)
    ours = " ".join(f"--filter=reference={each}" for each in patterns)

    def images(host: Host) -> int:
        return len(script(host, IMAGES, ours, *sorted(tags), timeout=120).out.split())

    def has_too_many(host: Host) -> bool:
        present = inventory.get(host.name) if inventory else None
        if present is None:
            return True
        return any(fnmatchcase(tag, each) for tag in present.tags - tags for each in patterns)

    removed += sum(parallel.each([host for host in cluster.all if has_too_many(host)], images))
    return f"{removed} removed" if removed else "nothing to remove"


def _remove(manager: Host, objects: Mapping[str, Collection[str]]) -> tuple[int, set[str]]:
    """Remove objects by their kind and name; return how many were, and the tags to keep.

    The Swarm refuses to remove what is in use, so a refusal is no failure. Environments may share
    an engine: what any of them keeps is kept.
    """
    words = [(kind, name) for kind, names in objects.items() for name in sorted(names)]
    with contextlib.suppress(*engine_api.FAILURES), engine_api.dialled(manager) as api:
        removed = sum(_is_removed(api, f"{kind}s", name) for kind, name in words)
        records = api.objects("configs", "slipway.tags")
        texts = [record["Spec"]["Labels"]["slipway.tags"] for record in records]
        return removed, {tag for text in texts for tag in text.split()}
    lines = script(manager, OBJECTS, *map(" ".join, words), timeout=120).out.splitlines()
    tags = {tag for line in lines if line.startswith("kept ") for tag in line.split()[1:]}
    return sum(line.startswith("removed ") for line in lines), tags


def _is_removed(api: EngineApi, kind: str, name: str) -> bool:
    with contextlib.suppress(http.client.HTTPException):
        api.remove(kind, name)
        return True
    return False


def _ours(project: str, observed: Observed, app: str) -> list[str]:
    """Return patterns for tags of ours: under the project's name, and what its releases name."""
    records = [name for name in observed.configs if name.startswith(f"{app}.release.")]
    tags = (tag.partition(":src-") for tag in ledger.needed(observed, records, "tags"))
    repositories = {repository for repository, mark, _ in tags if mark}
    return sorted(f"{each}:src-*" for each in {f"{project}/*", *repositories})
