"""A shell on this computer whose `docker` talks to the engine of a machine."""

import os
import shlex
import tempfile
from pathlib import Path

from slipway.hosts.local import LocalHost
from slipway.hosts.ssh import SshHost
from slipway.project import LENT_ENGINE

ENGINE = "/var/run/docker.sock"
# They would win over the socket, or speak TLS to it.
OTHERS = ("DOCKER_CONTEXT", "DOCKER_TLS", "DOCKER_TLS_VERIFY", "DOCKER_CERT_PATH")

PROFILE = """
[ ! -r ~/.bashrc ] || . ~/.bashrc
PS1={prompt}$PS1
"""


def shell(host: SshHost, place: str, command: str = "") -> int:
    """Open a shell, or run one line in it; return its code. The way there ends with it.

    The socket is this user's alone, 0600 in a folder of 0700; `place` is what the prompt shows.
    """
    with tempfile.TemporaryDirectory(prefix="slipway-") as folder:
        socket, profile = Path(folder, "engine.sock"), Path(folder, "profile")
        profile.write_text(PROFILE.format(prompt=shlex.quote(f"[docker at {place}] ")))
        inherited = {key: value for key, value in os.environ.items() if key not in OTHERS}
        theirs = inherited | {"DOCKER_HOST": f"unix://{socket}", LENT_ENGINE: place}
        here = LocalHost(env=theirs, is_persons=True)
        line = ["-c", command] if command else ["--rcfile", str(profile), "-i"]
        with host.forward(socket, ENGINE):
            return here.attach(["bash", *line])
