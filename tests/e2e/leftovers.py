"""What a run leaves in the engine, found by its project's name and removed, also after a crash."""

import contextlib
import fcntl
import os
import secrets
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from docker import DockerClient

from tests.e2e import checkout
from tests.e2e.checkout import Checkout, docker

FOLDER = Path("/tmp")
LOCK = "slipway-e2e."  # and the project, which is alive while somebody holds the lock
ENVIRONMENTS = ("dev", "testing", "staging")


@contextmanager
def swept(project: str) -> Iterator[None]:
    """Remove all that a project made when the block ends.

    The lock tells a run that lives from one that was killed, whose things go now.
    """
    for path in FOLDER.glob(f"{LOCK}*"):
        # Another worker may have removed it just now, or do so.
        with contextlib.suppress(FileNotFoundError, BlockingIOError), path.open() as file:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            sweep(path.name.removeprefix(LOCK))
            path.unlink(missing_ok=True)
    mine = FOLDER / f"{LOCK}{project}"
    with _locked(mine):
        try:
            yield
        finally:
            sweep(project)
            mine.unlink(missing_ok=True)


@contextmanager
def lent_clone(folder: Path) -> Iterator[Checkout]:
    """A clean clone of a name nobody else has; whatever it makes in the engine is removed."""
    name = new_name()
    with swept(name):
        yield checkout.clone(folder, name)


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    """Hold the lock of a new file, which another run may take for a dead one's and remove."""
    while True:
        with path.open("w") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            if path.exists() and path.stat().st_ino == os.fstat(file.fileno()).st_ino:
                yield
                return


def somebody_runs() -> bool:
    """Whether end-to-end tests run on this computer right now, and need its Swarm."""
    for path in FOLDER.glob(f"{LOCK}*"):
        try:
            with path.open() as file:
                fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except FileNotFoundError:
            continue
        except BlockingIOError:
            return True
    return False


def sweep(project: str) -> None:
    """Remove hosts, services, records, networks, volumes and images of a project."""
    machines = docker("ps", "--all", "--quiet", "--filter", f"label=slipway.project={project}")
    _remove(["rm", "--force", "--volumes"], machines)
    for env in ENVIRONMENTS:
        label = f"label=slipway.app={project}-{env}"
        for kind in ("service", "config", "secret"):  # none, where the engine is in no Swarm
            found = docker(kind, "ls", "--quiet", "--filter", label, check=False)
            _remove([kind, "rm"], found)
        _wait_until_stopped(label)
        _remove(["rm", "--force"], docker("ps", "--all", "--quiet", "--filter", label))
        _networks(label)
        _remove(["volume", "rm"], docker("volume", "ls", "--quiet", "--filter", label))
    for label in (
        f"label=com.docker.compose.project={project}",
        f"label=slipway.project={project}",
    ):
        _remove(["rm", "--force"], docker("ps", "--all", "--quiet", "--filter", label))
        _networks(label)
        _remove(["volume", "rm"], docker("volume", "ls", "--quiet", "--filter", label))
    form = "{{.Repository}}:{{.Tag}}"
    images = docker("image", "ls", "--format", form, "--filter", f"reference={project}/*")
    _remove(["image", "rm", "--force"], images)


def remaining(app: str) -> list[str]:
    """Name everything in this computer's engine that carries the label of an environment.

    Asked through the SDK: what one client made and removed is looked for by another.
    """
    labelled: dict[str, str | list[str] | bool] = {"label": f"slipway.app={app}"}
    client = DockerClient(base_url=os.environ.get("DOCKER_HOST", "unix:///var/run/docker.sock"))
    with contextlib.closing(client):
        found = [f"container {one.name}" for one in client.containers.list(True, filters=labelled)]
        found += [f"network {one.name}" for one in client.networks.list(filters=labelled)]
        found += [f"volume {one.name}" for one in client.volumes.list(filters=labelled)]
        if client.info()["Swarm"]["LocalNodeState"] == "inactive":  # nobody deployed here yet
            return found
        found += [f"service {one.name}" for one in client.services.list(filters=labelled)]
        found += [f"secret {one.name}" for one in client.secrets.list(filters=labelled)]
        found += [f"config {one.name}" for one in client.configs.list(filters=labelled)]
    return found


def new_name() -> str:
    """Return a project name nobody else has right now."""
    return f"e2e{secrets.token_hex(4)}"


def _remove(words: list[str], found: str) -> None:
    if found:
        docker(*words, *found.split(), check=False)


def _networks(label: str) -> None:
    for _ in range(120):  # a network is free a moment after its last container
        found = docker("network", "ls", "--quiet", "--filter", label)
        if not found:
            return
        _remove(["network", "rm"], found)
        time.sleep(0.5)


def _wait_until_stopped(label: str) -> None:
    for _ in range(240):
        if not docker("ps", "--quiet", "--filter", label):
            return
        time.sleep(0.25)
