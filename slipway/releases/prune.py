"""What no kept release needs: old records, secrets, routes and images, removed everywhere."""

from slipway import shell_scripts
from slipway.cluster import ledger
from slipway.cluster.observed import Observed
from slipway.environments.environment import Environment
from slipway.hosts import parallel
from slipway.hosts.host import Host, script
from slipway.machines.connect import Cluster
from slipway.releases import edge_identity, networks, one_off, stack, warm
from slipway.releases.release import Release

OBJECTS = shell_scripts.read(__file__, "prune_objects.sh")
IMAGES = shell_scripts.read(__file__, "prune_images.sh")
RUN_ONCE = ("job", stack.ONCE)  # roles
KEEP_RUNS = 24 * 3600  # seconds in which the lines of a run that was let go can be read


def run(env: Environment, cluster: Cluster, observed: Observed, live: Release) -> str:
    """Remove what is not needed; return a summary."""
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
    words = [f"{kind} {name}" for kind, names in objects.items() for name in sorted(names)]
    lines = script(cluster.manager, OBJECTS, *words, timeout=120).out.splitlines()
    removed = sum(line.startswith("removed ") for line in lines)
    tags = {tag for line in lines if line.startswith("kept ") for tag in line.split()[1:]}
    ours = " ".join(f"--filter=reference={each}" for each in _ours(env.project, observed, app))

    def images(host: Host) -> int:
        return len(script(host, IMAGES, ours, *sorted(tags), timeout=120).out.split())

    removed += sum(parallel.each(cluster.all, images))
    return f"{removed} removed" if removed else "nothing to remove"


def _ours(project: str, observed: Observed, app: str) -> list[str]:
    """Return patterns for tags of ours: under the project's name, and what its releases name."""
    records = [name for name in observed.configs if name.startswith(f"{app}.release.")]
    tags = (tag.partition(":src-") for tag in ledger.needed(observed, records, "tags"))
    repositories = {repository for repository, mark, _ in tags if mark}
    return sorted(f"{each}:src-*" for each in {f"{project}/*", *repositories})
