"""Volumes and networks that are there already, held against what the compose files say of them.

An engine uses what it has under a name, whatever is asked for, so a difference would stay unseen.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from slipway import shell_scripts
from slipway.cluster.observed import Observed
from slipway.environments.environment import Environment
from slipway.errors import Refused
from slipway.hosts import parallel
from slipway.hosts.answers import reading
from slipway.hosts.host import Host, script
from slipway.machines.connect import Cluster
from slipway.releases import mounts, networks
from slipway.releases.release import Release

VOLUMES = shell_scripts.read(__file__, "existing_volumes.sh")
NETWORKS = shell_scripts.read(__file__, "existing_networks.sh")
FOR_GOOD = "put that back, or back up, inv destroy, deploy and restore"


def check(
    env: Environment, cluster: Cluster, observed: Observed, release: Release, live: Release | None
) -> None:
    """Raise Refused for a volume or a network that is not what the files say, or is not there."""
    _check_networks(env, cluster.manager, release, live)
    volumes = dict(_volumes(env, release))
    if not volumes:
        return
    data = {name: about for name, (role, about) in volumes.items() if role == "data"}
    others = {name: about for name, (role, about) in volumes.items() if role != "data"}
    keepers = cluster.all if env.is_local else _keepers(cluster, observed)

    def one(host: Host) -> None:
        if expected := others | (data if host in keepers else {}):
            _check_volumes(env, host, expected)

    parallel.each(cluster.all, one)


def _volumes(
    env: Environment, release: Release
) -> Iterator[tuple[str, tuple[str, Mapping[str, Any]]]]:
    """Yield the volumes of which the files say more than a name, with the role that has them."""
    specs = [service.spec for service in release.services]
    for service in release.services:
        for mount in service.spec.get("volumes") or []:
            if mount.get("definition"):
                about = mounts.volume(env.prefix, mount["source"], specs)
                yield about["name"], (service.role, about)


def _keepers(cluster: Cluster, observed: Observed) -> Sequence[Host]:
    """Return the machines that may keep the data: those labelled for it, or the first to be.

    One that is unreachable is left out, as the deploy does that was told to.
    """
    nodes = [node for node in observed.nodes if node.holds_data] or observed.nodes[:1]
    return [cluster.hosts[node.id] for node in nodes if node.id in cluster.hosts]


def _check_volumes(env: Environment, host: Host, expected: Mapping[str, Mapping[str, Any]]) -> None:
    present: dict[str, Mapping[str, Any]] = {}
    for line in script(host, VOLUMES, *expected, timeout=30).out.splitlines():
        word, _, rest = line.partition(" ")
        with reading(host.name, "its volumes"):
            if word == "volume":
                volume = _volume(json.loads(rest))
                present[volume["Name"]] = volume
                continue
            name, app, container = rest.split(" ")
            about = expected[name]
        if about.get("external") and app != env.prefix:
            raise Refused(
                f"the container {container} of {host.name} uses the volume {name}, which is to be "
                f"of {env.name} alone; stop it first. Nothing was changed"
            )
    for name, about in expected.items():
        if about.get("external") and name not in present:
            raise Refused(
                f"{host.name} has no volume {name}, which the compose files call external; a new, "
                f"empty one would take its place. If that is meant: docker volume create {name}. "
                "Nothing was changed"
            )
        if not about.get("external") and name in present:
            _compare(host, name, about, present[name])


def _volume(document: Mapping[str, Any]) -> dict[str, Any]:
    options = dict(document["Options"] or {})
    return {"Name": document["Name"], "Driver": document["Driver"], "Options": options}


def _network(document: Mapping[str, Any]) -> dict[str, Any]:
    flags = {key: bool(document[key]) for key in ("Internal", "Attachable")}
    return {"Name": document["Name"], "Options": dict(document["Options"] or {}), **flags}


def _compare(host: Host, name: str, about: Mapping[str, Any], volume: Mapping[str, Any]) -> None:
    options = {key: str(value) for key, value in (about.get("driver_opts") or {}).items()}
    if (about.get("driver", "local"), options) != (volume["Driver"], volume["Options"]):
        raise Refused(
            f"the volume {name} of {host.name} was made with {volume['Driver']} and "
            f"{volume['Options'] or 'no options'}, and an engine never changes that; {FOR_GOOD}. "
            "Nothing was changed"
        )


def _check_networks(
    env: Environment, manager: Host, release: Release, live: Release | None
) -> None:
    is_encrypted = release.encrypts_networks
    definitions = _shared(release)
    is_same = live is not None and live.encrypts_networks == is_encrypted
    before = _shared(live) if live and is_same else {}
    names = {
        networks.full_name(env.prefix, name, is_encrypted=is_encrypted): name
        for name in (*definitions, *before)
    }
    if not names:
        return
    for line in script(manager, NETWORKS, *names, timeout=20).out.splitlines():
        with reading(manager.name, "its networks"):
            network = _network(json.loads(line))
            about = definitions.get(names[network["Name"]], {})
        for key in ("internal", "attachable"):
            if bool(about.get(key)) != network[key.capitalize()]:
                raise Refused(_difference(network, key))
        options = {key: str(value) for key, value in (about.get("driver_opts") or {}).items()}
        if not options.items() <= network["Options"].items():
            raise Refused(_difference(network, "driver_opts"))


def _shared(release: Release) -> dict[str, dict[str, Any]]:
    specs = [service.spec for service in release.services]
    return networks.shared_definitions(specs, is_encrypted=release.encrypts_networks)


def _difference(network: Mapping[str, Any], key: str) -> str:
    return (
        f"the network {network['Name']} was made with another value of {key}, and an engine never "
        f"changes that; {FOR_GOOD}. Nothing was changed"
    )
