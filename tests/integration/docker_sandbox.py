"""A sandbox in the real engine for one test: a unique name, swept afterwards."""

import os
import subprocess
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager

from slipway.bootstrap.images import ensure_images
from slipway.progress import SILENT

# What this run calls its images: all its workers the same, another run beside it otherwise.
IMAGES = "slipway-test-" + os.environ.setdefault("SLIPWAY_TEST_RUN", uuid.uuid4().hex[:6])


class DockerSandbox:
    """Everything a test makes in the engine carries the label `slipway.app=<app>`."""

    def __init__(self, app: str) -> None:
        self.app = app
        self.label = f"slipway.app={app}"

    def docker(self, *words: str, check: bool = True) -> str:
        argv = ["docker", *words]
        done = subprocess.run(argv, capture_output=True, text=True, check=False)
        assert done.returncode == 0 or not check, f"{' '.join(argv)}: {done.stderr}"
        return done.stdout.strip()

    def names(self, kind: str) -> list[str]:
        """Name what there is of a kind: config, secret."""
        form = "{{.Name}}"
        return self.docker(kind, "ls", "--filter", f"label={self.label}", "--format", form).split()

    def run(self, image: str, *words: str, options: tuple[str, ...] = ()) -> str:
        """Start a container; return its id."""
        return self.docker("run", "--detach", "--label", self.label, *options, image, *words)

    def port(self, container: str, inside: int) -> int:
        return int(self.docker("port", container, str(inside)).rpartition(":")[2])

    def sweep(self) -> None:
        label = f"label={self.label}"
        self._remove("service", self.docker("service", "ls", "-q", "--filter", label, check=False))
        found = self.docker("ps", "-aq", "--filter", label, check=False).split()
        if found:
            self.docker("rm", "--force", "--volumes", *found, check=False)
        for kind in ("secret", "config", "network"):
            for _ in range(20):  # what a service used is free a moment after it
                self._remove(kind, self.docker(kind, "ls", "-q", "--filter", label, check=False))
                if not self.docker(kind, "ls", "-q", "--filter", label, check=False):
                    break
                time.sleep(0.5)
        images = self.docker("image", "ls", "-q", "--filter", label, check=False)
        self._remove("image", images, "--force")

    def _remove(self, kind: str, found: str, *flags: str) -> None:
        if found:
            self.docker(kind, "rm", *flags, *sorted(set(found.split())), check=False)


@contextmanager
def taken() -> Iterator[DockerSandbox]:
    """Take a corner for a while."""
    made = DockerSandbox(f"t{uuid.uuid4().hex[:7]}-test")
    try:
        yield made
    finally:
        made.sweep()


def base_image(name: str) -> str:
    """Have a base image: pulled, or built as a stand-in."""
    ensure_images([name], SILENT)
    return name


def sweep_images() -> None:
    """Remove the images that a run shares; call it once, after the last user of them."""
    # By name: the same image may go by another one too, which is not ours to take.
    form = ("--format", "{{.Repository}}:{{.Tag}}", "--filter", f"reference={IMAGES}/*")
    argv = ["docker", "image", "ls", *form]
    found = subprocess.run(argv, capture_output=True, text=True, check=False).stdout.split()
    if found:
        argv = ["docker", "image", "rm", "--force", *found]
        subprocess.run(argv, capture_output=True, check=False)
