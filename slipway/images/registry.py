"""Images to the machines through a registry: pushed once, pulled by digest."""

import json
import re
from collections.abc import Collection, Sequence

from slipway.errors import CommandFailed, SlipwayError, last_line
from slipway.hosts import registry_logins
from slipway.hosts.answers import reading
from slipway.hosts.host import MINUTES, Host
from slipway.hosts.local import LocalHost
from slipway.images import lockfile
from slipway.images.lockfile import NONE, Lock
from slipway.images.references import plain
from slipway.images.sources import Image
from slipway.progress import Reporter

WANTS_LOGIN = re.compile("auth|denied|credentials")


def push(images: Collection[Image], registry: str) -> dict[str, str]:
    """Push images; map each id to the reference by digest that any machine can pull."""
    host = LocalHost()
    references = {}
    for image in images:
        name = name_in(registry, image.tag)
        host.run(["docker", "tag", image.id, name], timeout=20)
        try:
            host.run(["docker", "push", "--quiet", name], timeout=30 * MINUTES)
        except CommandFailed as error:
            last = last_line(error.stderr)
            login = f" ({login_advice(registry)})" if WANTS_LOGIN.search(last) else ""
            raise SlipwayError(
                f"{registry} did not accept {image.tag}; nothing was changed: {last}{login}"
            ) from None
        form = "{{json .RepoDigests}}"
        out = host.run(["docker", "image", "inspect", "-f", form, name]).out
        repository = plain(name).rpartition(":")[0]
        with reading(host.name, f"the digest of {name}"):
            digests = [each for each in json.loads(out) if each.startswith(f"{repository}@")]
            references[image.id] = digests[0]
    return references


def pull(host: Host, names: Sequence[str], reporter: Reporter, lock: Lock = NONE) -> None:
    """Pull images as the lock has them; one that cannot be had is left to whoever needs it."""
    for name in names:
        reporter.note(f"pulling {name}")
        lockfile.pull(host, name, lock)


def has(host: Host, reference: str) -> bool:
    """Whether its registry still has an image."""
    argv = ["docker", "buildx", "imagetools", "inspect", "--raw", reference]
    return registry_logins.run(host, argv, timeout=1 * MINUTES, check=False).code == 0


def login_advice(registry: str) -> str:
    """Say how one signs in to a registry, for oneself or for everybody who deploys."""
    place = registry.partition("/")[0]
    return f"docker login {place}, or REGISTRY_LOGINS among the environment's secrets"


def name_in(registry: str, image: str) -> str:
    """Name an image in a registry; one that is named by its digest gets a tag of it."""
    repository, _, digest = plain(image).partition("@")
    tag = f":{digest.replace(':', '-')[:32]}" if digest else ""
    return f"{registry}/{repository}{tag}"
