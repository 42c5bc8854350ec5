"""Whether the image of a service knows the user that its compose file names."""

from collections.abc import Mapping

from slipway import shell_scripts
from slipway.errors import ConfigError
from slipway.hosts.host import Host, script
from slipway.images.sources import Image
from slipway.releases.release import Release

READ = shell_scripts.read(__file__, "image_users.sh")


def check(release: Release, host: Host, images: Mapping[str, Image]) -> None:
    """Raise ConfigError for a name that an image lacks; `images` are those that are built, by tag.

    A number needs no name. An engine finds out only when it starts the container.
    """
    for service in release.services:
        image = images.get(release.tags[service.name])
        names = str(service.spec.get("user") or "").split(":")
        if image is None or all(not name or name.isdecimal() for name in names):
            continue
        text = script(host, READ, image.id, timeout=60).out
        users, _, groups = f"\n{text}".partition("\n--\n")
        for name, table in zip(names, (users, f"\n{groups}"), strict=False):
            if name and not name.isdecimal() and f"\n{name}:" not in table:
                raise ConfigError(
                    f"compose/compose.yml: services.{service.name}.user: its image knows no "
                    f"{name}; make it in the Dockerfile, or write the user's number"
                )
