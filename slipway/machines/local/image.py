"""The image of a rehearsal machine, built once: what is installed on it and what it stocks."""

import hashlib
import time
from collections.abc import Sequence
from pathlib import Path

from slipway import shell_scripts
from slipway.errors import CommandFailed, SlipwayError, last_line
from slipway.hosts.host import MINUTES, SECONDS, Host, script
from slipway.images import checkout, context

TAG = "slipway/host"
LABEL = "slipway.image=host"
FOLDER = Path(__file__).parent
CONTEXT = ("Dockerfile", "boot", "daemon.json")

# A privileged container needs capabilities that a virtual machine may lack; these suffice.
RIGHTS = (
    *("--cap-add", "ALL", "--cgroupns", "host", "-v", "/sys/fs/cgroup:/sys/fs/cgroup:rw"),
    *("--security-opt", "seccomp=unconfined", "--security-opt", "apparmor=unconfined"),
    *("--security-opt", "systempaths=unconfined"),
)

STOCK = shell_scripts.read(__file__, "image_stock.sh")


def ensure(engine: Host) -> str:
    """Build the image unless this very Dockerfile is built already; return its name."""
    digest = hashlib.sha256(b"".join((FOLDER / name).read_bytes() for name in CONTEXT))
    reference = f"{TAG}:{digest.hexdigest()[:12]}"
    if _is_there(engine, reference):
        return reference
    argv = ["docker", "build", "--quiet", "--label", LABEL, "--tag", reference]
    with context.copied(FOLDER, CONTEXT, checkout.moment(FOLDER, CONTEXT)) as copy:
        built = engine.run([*argv, str(copy)], timeout=15 * MINUTES, check=False)
    if built.code != 0:
        raise SlipwayError(
            f"the image of rehearsal machines does not build: {last_line(built.err)}; "
            "`inv bootstrap` provides its base image"
        )
    return reference


def stocked(engine: Host, names: Sequence[str]) -> str:
    """Return an image whose machines start with images of this computer; those it lacks are left
    out. A deploy sends only what stands on them.
    """
    plain = ensure(engine)
    form = ["docker", "image", "inspect", "--format", "{{.Id}}"]
    known = {name: engine.run([*form, name], check=False).out.strip() for name in names}
    stock = {name: ident for name, ident in sorted(known.items()) if ident}
    if not stock:
        return plain
    digest = hashlib.sha256("\n".join([plain, *stock, *stock.values()]).encode()).hexdigest()[:12]
    reference = f"{TAG}-stocked:{digest}"
    deadline = time.monotonic() + 15 * MINUTES
    while not _is_there(engine, reference):
        # Its name is the lock: of several who want the same image one makes it.
        maker = f"slipway-stock-{digest}"
        try:
            engine.run(["docker", "run", "--detach", "--rm", "--name", maker, *_how(plain)])
        except CommandFailed as error:
            if "already in use" not in error.stderr:
                raise
            if time.monotonic() > deadline:  # whoever began it was killed
                engine.run(["docker", "rm", "--force", "--volumes", maker], check=False)
            time.sleep(0.5 * SECONDS)
            continue
        try:
            script(engine, STOCK, maker, *stock, timeout=15 * MINUTES)
            engine.run(["docker", "commit", maker, reference], timeout=5 * MINUTES)
        finally:
            engine.run(["docker", "rm", "--force", "--volumes", maker], check=False)
    return reference


def _how(plain: str) -> list[str]:
    return ["--label", LABEL, *RIGHTS, "--volume", "/var/lib/docker", "--pull", "never", plain]


def _is_there(engine: Host, reference: str) -> bool:
    return engine.run(["docker", "image", "inspect", reference], check=False).code == 0
