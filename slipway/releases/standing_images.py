"""Images that the serving release has under the same names: what is built once is built once.

A name says what an image is built from. Two computers that build it make the same files, and yet
other layers: a RUN line dates what it writes. So whoever deploys takes what is there.
"""

from collections.abc import Mapping
from dataclasses import replace

from slipway.environments.environment import Environment
from slipway.hosts.host import Host
from slipway.images import registry, ship
from slipway.images.references import plain
from slipway.machines.connect import Cluster
from slipway.releases import secret_variables
from slipway.releases.draft import Draft
from slipway.releases.release import Release


def keep(
    env: Environment, cluster: Cluster, draft: Draft, live: Release | None, here: Host
) -> Draft:
    """Have a draft keep the images of the serving release that its own builds are named as.

    They are those that the ledger names, and only where they still are: on a machine, which the
    others get them from, or in the registry.
    """
    if live is None or env.is_local or draft.is_recorded:
        return draft
    draft = replace(draft, release=secret_variables.inherited(draft.release, live))
    built = draft.builds.keys() - secret_variables.unknown(draft.release)
    same = {tag: live.images[name] for name, tag in live.tags.items() if tag in built}
    if place := env.settings["REGISTRY"]:
        return replace(draft, standing=_in_registry(place, draft, same, here))
    ids = {tag: image.id for tag, image in draft.images.items()}
    others = {t: i for t, i in same.items() if i.startswith("sha256:") and ids.get(t) != i}
    held = ship.present(cluster.all) if others else set()
    if cluster.missing:  # the machine that keeps the data is the only one that needs these
        held |= {live.images[service.name] for role in ("data", "ops") for service in live.of(role)}
    return replace(draft, standing={t: i for t, i in others.items() if i in held})


def _in_registry(place: str, draft: Draft, same: Mapping[str, str], here: Host) -> dict[str, str]:
    """Ask only for what would have to be built: an image that is here is pushed in no time."""
    repositories = {tag: plain(registry.name_in(place, tag)).rpartition(":")[0] for tag in same}
    return {
        tag: reference
        for tag, reference in same.items()
        if tag not in draft.images
        and plain(reference).startswith(f"{repositories[tag]}@")
        and registry.has(here, reference)
    }
