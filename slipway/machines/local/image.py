"""The image of a rehearsal machine, built once from the Dockerfile beside this file."""

import hashlib
from pathlib import Path

from slipway.errors import SlipwayError
from slipway.hosts.host import MINUTES, Host

TAG = "slipway/host"
FOLDER = Path(__file__).parent
CONTEXT = ("Dockerfile", "boot", "daemon.json")


def ensure(engine: Host) -> str:
    """Build the image unless this very Dockerfile is built already; return its name."""
    digest = hashlib.sha256(b"".join((FOLDER / name).read_bytes() for name in CONTEXT))
    reference = f"{TAG}:{digest.hexdigest()[:12]}"
    if engine.run(["docker", "image", "inspect", reference], check=False).code == 0:
        return reference
    argv = ["docker", "build", "--quiet", "--label", "slipway.image=host", "--tag", reference]
    built = engine.run([*argv, str(FOLDER)], timeout=15 * MINUTES, check=False)
    if built.code != 0:
        last = built.err.strip().splitlines()[-1:] or ["no message"]
        raise SlipwayError(
            f"the image of rehearsal machines does not build: {last[0]}; "
            "`inv bootstrap` sees to its base image"
        )
    return reference
