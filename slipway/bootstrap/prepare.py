"""Makes this computer ready for dev: a plan that can be shown, repeated, and skipped when done."""

import fcntl
import hashlib
import json
import os
import shutil
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from slipway import whole_file
from slipway.bootstrap import devsecrets, loop_settings, sops_release, stack_images, tools
from slipway.bootstrap.images import ensure_images
from slipway.errors import Refused
from slipway.hosts import docker_client
from slipway.hosts.local import LocalHost
from slipway.images import lockfile
from slipway.machines.engine import ensure_engine
from slipway.plan import Plan, Step
from slipway.progress import SILENT, Reporter
from slipway.project import COMPOSE, ROOT, SECRETS, STATE
from slipway.releases import loop_routes
from slipway.secrets import encrypted_file

STAMP = STATE / "prepared.json"
PROGRAMS = ("git", "ssh", "docker")


def prepare(reporter: Reporter, *, thorough: bool = False) -> None:
    """Check and install what dev needs; at once when the last run still holds."""
    docker_client.report_settings(reporter)
    if not thorough and is_prepared():
        return
    with _locked():
        plan(reporter).run(reporter)
        whole_file.write(STAMP, json.dumps(_now()))
    _return_ownership()


def is_prepared() -> bool:
    """Whether the last run still holds: same files, tools and secrets there, all images present.

    One call asks the engine for every image, and it fails when the engine is stopped.
    """
    try:
        before = json.loads(STAMP.read_text())
    except (OSError, ValueError):
        return False
    if (
        before.get("inputs") != _digest(before.get("dockerfiles", []))
        or before.get("secrets") != devsecrets.present()
        or before.get("loop") != _has_loop()
    ):
        return False
    if not all(shutil.which(name) for name in PROGRAMS):
        return False
    argv = ["docker", "image", "inspect", "--format", "{{.Id}}", *before["images"]]
    return LocalHost().run(argv, timeout=20, check=False).code == 0


def plan(reporter: Reporter = SILENT) -> Plan:
    """The steps, each of which does nothing where nothing is to be done."""

    def engine() -> str:
        here = LocalHost(docker_client.look().engine)
        lines = [line.removeprefix(f"{here.name}: ") for line in ensure_engine(here)]
        return "; ".join(lines) or "runs"

    def images() -> str:
        names = {*stack_images.read().names, *stack_images.rehearsal_images()}
        lock = lockfile.read(COMPOSE)
        return ", ".join(ensure_images(sorted(names), reporter, lock=lock)) or "present"

    def secrets() -> str:
        return ", ".join(devsecrets.materialise()) or "in place"

    def routes() -> str:
        return f"to {', '.join(sorted(loop_routes.write())) or 'nothing'}"

    return Plan(
        "Prepare this computer for dev",
        [
            Step("programs", "git and the ssh client", tools.ensure_programs),
            Step("checkout", f"{ROOT} is a git checkout with a commit", tools.check_checkout),
            Step("engine", "Docker Engine >= 26 with Compose v2 and buildx, running", engine),
            Step("sops", "a release of sops by its sum, on PATH or fetched", sops_release.ensure),
            Step("secrets", "dev's secrets as files below .slipway/dev", secrets),
            Step(
                "settings", "dev's in compose/.env, for docker compose", loop_settings.materialise
            ),
            Step("images", "images that the stack starts from: pulled, or stand-ins", images),
            Step("routes", "the loop's below .slipway/dev, for its edge", routes),
        ],
    )


def _has_loop() -> bool:
    """Whether what plain `docker compose` needs is written."""
    return loop_settings.is_present() and loop_routes.is_present()


def _now() -> dict[str, object]:
    stack = stack_images.read()
    # A rehearsal machine starts from the image that official ones start from too: nearly no cost.
    images = sorted({*stack.names, *stack_images.rehearsal_images()})
    files = [str(path) for path in (*stack.dockerfiles, stack_images.REHEARSAL)]
    return {
        "inputs": _digest(files),
        "dockerfiles": files,
        "images": images,
        "secrets": devsecrets.present(),
        "loop": _has_loop(),
    }


def _digest(dockerfiles: Iterable[str]) -> str:
    """What the answer depends on: the stack's files, dev's secrets, this code, the engine asked."""
    digest = hashlib.sha256(repr(_engine()).encode())
    secrets = [SECRETS / "dev.sops.yaml", SECRETS / encrypted_file.PUBLIC_KEY_FILE]
    code = sorted(Path(__file__).parent.glob("**/*"))
    names = [*map(Path, dockerfiles), COMPOSE / lockfile.FILE]
    files = [*stack_images.settings_files(), *names, *secrets]
    for path in [*files, *(p for p in code if p.suffix != ".pyc")]:
        if path.is_file():
            digest.update(f"{path.name}\0".encode() + path.read_bytes() + b"\0")
    return digest.hexdigest()


def _engine() -> tuple[str, ...]:
    client = docker_client.look()
    return os.environ.get("DOCKER_HOST", ""), client.context, client.endpoint


@contextmanager
def _locked() -> Iterator[None]:
    """Let two first starts at once do the work once."""
    try:
        STATE.mkdir(exist_ok=True)
        file = (STATE / "prepare.lock").open("w")
    except OSError as error:
        raise Refused(f"cannot write {error.filename}: {error.strerror}") from None
    with file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _return_ownership() -> None:
    """After `sudo ./inv bootstrap` the state belongs to the owner of the checkout."""
    owner = ROOT.stat()
    if os.geteuid() != 0 or owner.st_uid == 0:
        return
    loop = [file] if (file := COMPOSE / loop_settings.FILE).exists() else []
    for path in [STATE, *STATE.rglob("*"), *loop]:
        os.chown(path, owner.st_uid, owner.st_gid, follow_symlinks=False)
