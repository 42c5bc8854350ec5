"""Whether Compose is here to be asked; it needs no engine to read files."""

import shutil
import subprocess


def has_compose() -> bool:
    argv = ["docker", "compose", "version"]
    program = shutil.which("docker")
    return bool(program) and subprocess.run(argv, capture_output=True, check=False).returncode == 0
