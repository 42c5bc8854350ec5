"""What a build needs of this computer, and machines of an image, looked at before either."""

import itertools
import os
from collections.abc import Iterator, Mapping, Sequence

from slipway.cluster.node import Node
from slipway.environments.environment import Environment
from slipway.errors import Refused
from slipway.hosts.host import Host
from slipway.images.dockerfile import ARCHITECTURES
from slipway.images.sources import Build
from slipway.releases.draft import Draft

FORM = "{{.Id}} {{.Os}}/{{.Architecture}}"
ENGINE = ["docker", "version", "--format", "{{.Server.Os}}/{{.Server.Arch}}"]
AGENT = "SSH_AUTH_SOCK"


def check(env: Environment, nodes: Sequence[Node], draft: Draft, host: Host) -> None:
    """Raise Refused for a build that cannot begin here, or an image that a machine cannot run."""
    demand_agent([build for build, _ in draft.unbuilt], os.environ)
    if not env.is_local:
        demand_platform(nodes, dict(_platforms(draft, host)))


def demand_agent(builds: Sequence[Build], environ: Mapping[str, str]) -> None:
    """Raise Refused where a build asks an SSH agent and there is none."""
    for build in builds:
        asks = any("=" not in word for word in _values(build.unnamed, "--ssh"))
        if asks and not environ.get(AGENT):
            raise Refused(
                f"services.{build.service}.build.ssh asks your SSH agent, and this shell knows "
                f"none ({AGENT}); start it: eval $(ssh-agent), add your key: ssh-add, and deploy "
                "again. Nothing was changed"
            )


def demand_platform(nodes: Sequence[Node], platforms: Mapping[str, str]) -> None:
    """Raise Refused where a machine cannot run an image; `platforms` are by service."""
    machines = {each.name: _as_images(each.platform) for each in nodes if each.is_ready}
    for machine, platform in machines.items():
        first, of_first = next(iter(machines.items()))
        if platform != of_first:
            raise Refused(
                f"{first} is {of_first} and {machine} is {platform}: an image is built for one, so "
                "the machines of an environment have to be alike; take one out: inv machine.rm"
            )
        for service, own in platforms.items():
            if own != platform:
                raise Refused(
                    f"the image of {service} is for {own}, and {machine} is {platform}; write "
                    f"platform: {platform} at a service that is built, and pull one of others "
                    f"for it: docker pull --platform={platform}. Nothing was changed"
                )


def _platforms(draft: Draft, host: Host) -> Iterator[tuple[str, str]]:
    """Yield services and the platform of the image that they have, or will have, here."""
    idents = sorted({image.id for image in draft.images.values()})
    argv = ["docker", "image", "inspect", "--format", FORM, *idents]
    known = dict(line.split() for line in host.run(argv).out.splitlines()) if idents else {}
    for service, tag in draft.release.tags.items():
        if tag in draft.standing:
            continue  # machines run it already
        if tag in draft.images:
            yield service, known[draft.images[tag].id]
        elif tag in draft.builds:
            own = next(_values(draft.builds[tag].options, "--platform"), "")
            yield service, "/".join((own or host.run(ENGINE).out.strip()).split("/")[:2])


def _as_images(platform: str) -> str:
    """Name a platform as images do, not as its kernel does."""
    system, _, architecture = platform.partition("/")
    return f"{system}/{ARCHITECTURES.get(architecture, architecture)}"


def _values(flags: Sequence[str], name: str) -> Iterator[str]:
    return (value for flag, value in itertools.pairwise(flags) if flag == name)
