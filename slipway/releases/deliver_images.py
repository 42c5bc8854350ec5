"""Images where they are needed: brought there for a new release, brought back for an old one."""

from collections.abc import Collection, Mapping
from dataclasses import replace

from slipway.environments.environment import Environment
from slipway.errors import Refused
from slipway.hosts import docker_client, parallel, registry_logins
from slipway.hosts.host import MINUTES, Host, script
from slipway.hosts.local import LocalHost
from slipway.images import registry, ship, sources
from slipway.images.ship import Inventory
from slipway.images.sources import Image
from slipway.machines.connect import Cluster
from slipway.progress import Reporter
from slipway.releases.draft import Draft
from slipway.releases.release import Release

# Prints those of the images that a machine does not have.
LACKING = 'for name; do docker image inspect "$name" >/dev/null 2>&1 || echo "$name"; done'


def bring(
    env: Environment,
    cluster: Cluster,
    draft: Draft,
    reporter: Reporter,
    inventory: Inventory | None = None,
) -> tuple[Draft, str]:
    """Get the images of a draft to every machine; return it with references, and a summary.

    `inventory` is what the machines were seen to have.
    """
    images = {image.id: image for image in draft.images.values()}
    if place := env.settings["REGISTRY"]:
        references = registry.push(list(images.values()), place)
        named = {n: references.get(ident, ident) for n, ident in draft.release.images.items()}
        pushed = replace(draft, release=replace(draft.release, images=named))
        return pushed, f"{len(references)} images to {place}"
    if env.is_local:
        return draft, "same engine"
    standing = [Image(tag, ident) for tag, ident in draft.standing.items()]
    lost = ship.between(cluster.all, standing, reporter, inventory)
    if lost and not cluster.missing:  # the machine that has it may be one of those
        name = next(image.tag for image in standing if image.id in lost)
        raise Refused(f"the image {name} was removed from the machines meanwhile; deploy again")
    lacking = list(images.values())
    return draft, ship.over_ssh(cluster.all, lacking, reporter, inventory=inventory)


def bring_back(
    env: Environment,
    cluster: Cluster,
    release: Release,
    reporter: Reporter,
    inventory: Inventory | None = None,
) -> str:
    """Bring back the images that a machine has lost. Raises Refused when nobody has them.

    `inventory` is what the machines were seen to have.
    A release names what it was pushed by a repository's digest, else by the image's own: which
    of the two counts, and not what REGISTRY is by now.
    """
    by_id = {ident: release.tags[name] for name, ident in release.images.items()}
    pushed = {name: tag for name, tag in by_id.items() if "@" in name}
    note = _pull(cluster, release, pushed, reporter) if pushed else ""
    by_id = {ident: tag for ident, tag in by_id.items() if ident not in pushed}
    brought = [Image(tag, ident) for ident, tag in by_id.items()]
    lost = ship.between(cluster.all, brought, reporter, inventory)
    if not lost:
        return note or "all present"
    if not env.is_local:
        docker_client.report_engine(reporter)  # it is where they are looked for
    here = sources.inspect(LocalHost(), sorted({by_id[ident] for ident in lost}))
    images = [image for image in here.values() if image.id in lost]
    if {image.id for image in images} != lost or env.is_local:
        gone = sorted(by_id[ident] for ident in lost)
        raise Refused(f"the image {gone[0]} of {release.label} is on no machine any more")
    return ship.over_ssh(cluster.all, images, reporter)


def _pull(cluster: Cluster, release: Release, names: Mapping[str, str], reporter: Reporter) -> str:
    """Have every machine pull what it lacks; one that may not gets it by the manager's sign-in."""

    def one(host: Host) -> set[str]:
        for name in (lacking := _lacking(host, names)):
            reporter.note(f"pulling {names[name]} on {host.name}")
            pull = ["docker", "pull", "--quiet", name]
            registry_logins.run(host, pull, timeout=15 * MINUTES, check=False)
        return _lacking(host, names) if lacking else set()

    for name in sorted(set[str]().union(*parallel.each(cluster.all, one))):
        if not registry.has(cluster.manager, name):
            raise Refused(
                f"the image {names[name]} of {release.label} is not on every machine, and "
                f"{cluster.manager.name} cannot get {name} from its registry: is it gone, or does "
                "docker login help there? Nothing was changed"
            )
    return "on the machines, or in the registry"


def _lacking(host: Host, names: Collection[str]) -> set[str]:
    return set(script(host, LACKING, *sorted(names), timeout=60).out.split())
