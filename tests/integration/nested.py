"""Another computer: a container with an engine of its own."""

import io
import subprocess
import tarfile
from collections.abc import Sequence
from typing import Any

from slipway.hosts.local import LocalHost
from slipway.machines.local import image as host_image
from slipway.machines.local.image import RIGHTS
from tests.integration.docker_sandbox import DockerSandbox, base_image
from tests.waiting import wait_until


class Nested(LocalHost):
    """A container with an engine of its own, as a host."""

    def _start(self, argv: Sequence[str], **more: Any) -> Any:
        return super()._start(["docker", "exec", "-i", self.name, *argv], **more)

    def version_in(self, image: str) -> str:
        """Read the file `version` out of an image, without running it."""
        made = self.run(["docker", "create", image, "none"]).out.strip()
        try:
            name = super().name
            argv = ["docker", "exec", name, "docker", "cp", f"{made}:/version", "-"]
            data = subprocess.run(argv, capture_output=True, check=True).stdout
        finally:
            self.run(["docker", "rm", made])
        with tarfile.open(fileobj=io.BytesIO(data)) as archive:
            file = archive.extractfile("version")
            assert file is not None
            return file.read().decode()


def start(corner: DockerSandbox, *options: str) -> Nested:
    """Start one, and wait for its engine."""
    base_image("debian:trixie-slim")
    reference = host_image.ensure(LocalHost())
    rights = (*RIGHTS, "--volume", "/var/lib/docker", *options)
    host = Nested(corner.run(reference, options=rights)[:12])
    asks = ["docker", "version"]
    wait_until("its engine starts", lambda: host.run(asks, check=False).code == 0, timeout=120)
    return host
