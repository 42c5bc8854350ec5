"""Images where they are needed: brought there for a new release, brought back for an old one."""

from dataclasses import replace

from slipway.environments.environment import Environment
from slipway.errors import Refused
from slipway.hosts import docker_client
from slipway.hosts.local import LocalHost
from slipway.images import registry, ship, sources
from slipway.machines.connect import Cluster
from slipway.progress import Reporter
from slipway.releases.draft import Draft
from slipway.releases.release import Release


def bring(
    env: Environment, cluster: Cluster, draft: Draft, reporter: Reporter
) -> tuple[Draft, str]:
    """Get the images of a draft to every machine; return it with references, and a summary."""
    images = {image.id: image for image in draft.images.values()}
    if place := env.settings["REGISTRY"]:
        references = registry.push(list(images.values()), place)
        named = {n: references.get(ident, ident) for n, ident in draft.release.images.items()}
        pushed = replace(draft, release=replace(draft.release, images=named))
        return pushed, f"{len(references)} images to {place}"
    if env.is_local:
        return draft, "same engine"
    return draft, ship.over_ssh(cluster.all, list(images.values()), reporter)


def bring_back(env: Environment, cluster: Cluster, release: Release, reporter: Reporter) -> str:
    """Bring back the images that a machine has lost. Raises Refused when nobody has them."""
    if env.settings["REGISTRY"]:
        return "from the registry"
    by_id = {ident: release.tags[name] for name, ident in release.images.items()}
    missing = ship.missing(cluster.all, list(by_id))
    if not missing:
        return "all present"
    if not env.is_local:
        docker_client.report_engine(reporter)  # it is where they are looked for
    here = sources.inspect(LocalHost(), sorted({by_id[ident] for ident in missing}))
    images = [image for image in here.values() if image.id in missing]
    if {image.id for image in images} != missing or env.is_local:
        lost = sorted(by_id[ident] for ident in missing)
        raise Refused(f"the image {lost[0]} of {release.label} is on no machine any more")
    return ship.over_ssh(cluster.all, images, reporter)
