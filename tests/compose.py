"""Whether Compose is here to be asked; it needs no engine to read files."""

import functools
import shutil
import subprocess


@functools.cache
def has_compose() -> bool:
    argv = ["docker", "compose", "version"]
    program = shutil.which("docker")
    return bool(program) and subprocess.run(argv, capture_output=True, check=False).returncode == 0
