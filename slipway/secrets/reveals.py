"""What was shown to whom on this computer: a note for its people, and no proof against them."""

import getpass
import json
import os
import time

from slipway.environments.environment import Environment
from slipway.project import STATE

FILE = STATE / "reveals.jsonl"


def record(env: Environment, name: str) -> None:
    """Note that a value is about to be shown; without that note it is not."""
    line = {
        "at": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        "user": getpass.getuser(),
        "environment": env.name,
        "name": name,
    }
    FILE.parent.mkdir(exist_ok=True)
    descriptor = os.open(FILE, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    try:
        os.write(descriptor, f"{json.dumps(line)}\n".encode())
    finally:
        os.close(descriptor)
