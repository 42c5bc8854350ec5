"""What no kept release needs: old records, secrets, routes and images, removed everywhere."""

from slipway import shell_scripts
from slipway.cluster import ledger
from slipway.cluster.observed import Observed
from slipway.environments.environment import Environment
from slipway.hosts import parallel
from slipway.hosts.host import Host, script
from slipway.machines.connect import Cluster
from slipway.releases import networks, one_off, stack, warm
from slipway.releases.release import Release

# The Swarm and the engine refuse to remove what is in use, so a refusal is no failure.
OBJECTS = r"""
kind=$1; shift
for name in "$@"; do docker "$kind" rm "$name" >/dev/null 2>&1 && echo "$name" || true; done
"""
IMAGES = shell_scripts.read(__file__, "prune_images.sh")
KEEP_RUNS = 24 * 3600  # seconds in which the lines of a run that was let go can be read
# Environments may share an engine, so what any of them keeps is kept.
KEPT_TAGS = r"""
ids=$(docker config ls -q --filter label=slipway.tags)
[ -z "$ids" ] || docker config inspect $ids --format '{{index .Spec.Labels "slipway.tags"}}'
"""


def run(env: Environment, cluster: Cluster, observed: Observed, live: Release) -> str:
    """Remove what is not needed; return a summary."""
    app = env.prefix
    # What is warm served just before.
    keep = max(env.number("KEEP_RELEASES"), 1 if warm.of(observed, app) else 0)
    records = ledger.kept(observed, app, keep)
    secrets = observed.secrets - ledger.needed(observed, records, "secrets")
    configs = ledger.obsolete(observed, app, keep)
    one_off.sweep(cluster.manager, app, KEEP_RUNS, "job", stack.ONCE)
    removed = len(_remove(cluster.manager, "secret", sorted(secrets)))
    removed += len(_remove(cluster.manager, "config", configs))
    unused = networks.shared(app, (), is_encrypted=not live.encrypts_networks)
    removed += len(_remove(cluster.manager, "network", sorted(observed.networks & unused.keys())))
    lines = script(cluster.manager, KEPT_TAGS, timeout=30).out.split()
    ours = " ".join(f"--filter=reference={each}" for each in _ours(env.project, observed, app))

    def images(host: Host) -> int:
        return len(script(host, IMAGES, ours, *sorted(set(lines)), timeout=120).out.split())

    removed += sum(parallel.each(cluster.all, images))
    return f"{removed} removed" if removed else "nothing to remove"


def _ours(project: str, observed: Observed, app: str) -> list[str]:
    """Return patterns for tags of ours: under the project's name, and what its releases name."""
    records = [name for name in observed.configs if name.startswith(f"{app}.release.")]
    tags = (tag.partition(":src-") for tag in ledger.needed(observed, records, "tags"))
    repositories = {repository for repository, mark, _ in tags if mark}
    return sorted(f"{each}:src-*" for each in {f"{project}/*", *repositories})


def _remove(manager: Host, kind: str, names: list[str]) -> list[str]:
    return script(manager, OBJECTS, kind, *names, timeout=60).out.split() if names else []
