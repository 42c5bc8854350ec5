"""Compose files of others: each is read for a deploy, or refused with a reason; nothing else.

`python -m tests.peers.compose_files FOLDER`, such as a clone of github.com/docker/awesome-compose.
Their services get a role first: `data` with a volume, else `colour`. What is accepted, or would be
without folders of the computer, is written as stack files, which docker has to read without a word
and without losing a key.
"""

import json
import re
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

from slipway.environments import environment
from slipway.errors import ConfigError
from slipway.releases import application, stack
from slipway.releases.release import Release

NAMES = ("compose.yaml", "compose.yml", "docker-compose.yaml", "docker-compose.yml")
PATH = re.compile(r"/[^\s:]+")
SPECIFIC = re.compile(r"^(?:\S+: )?(services|networks|volumes|secrets)\.[^.:]+")


def models(folder: Path) -> Iterator[tuple[Path, Any]]:
    """Yield the files that Compose takes, as it prints them."""
    for path in sorted(each for name in NAMES for each in folder.rglob(name)):
        argv = ["docker", "compose", "--file", str(path), "--project-name", "peer"]
        argv += ["--profile", "*", "config", "--format", "json", "--no-consistency"]
        result = subprocess.run(argv, capture_output=True, check=False)
        if result.returncode == 0:
            yield path, json.loads(result.stdout)


def with_roles(model: Any) -> Any:
    """Give every service of a model what each service of this kit has: a role and an image."""
    for name, spec in (model.get("services") or {}).items():
        kinds = [mount["type"] for mount in spec.get("volumes") or []]
        role = "data" if "volume" in kinds else "colour"
        deploy = spec["deploy"] = spec.get("deploy") or {}
        deploy["labels"] = {**(deploy.get("labels") or {}), "slipway.role": role}
        spec.setdefault("image", f"peer/{name}")
    return model


def without_folders(model: Any) -> Any:
    """Leave out what is most often refused, folders of the computer, so that more is written."""
    for spec in (model.get("services") or {}).values():
        mounts = spec.get("volumes") or []
        spec["volumes"] = [mount for mount in mounts if mount["type"] != "bind"]
    return model


def lost(written: Any, read: Any, path: str = "") -> Iterator[str]:
    """Name the keys of a stack file that docker has not read."""
    if isinstance(written, dict) and isinstance(read, dict):
        for key, value in written.items():
            if key not in read and value not in (None, False, "", [], {}):
                yield f"{path}.{key}"
            yield from lost(value, read.get(key), f"{path}.{key}")
    elif isinstance(written, list) and isinstance(read, list):
        for one, other in zip(written, read, strict=False):
            yield from lost(one, other, path)


def outcome(model: Any) -> Iterator[str]:
    """Say what a deploy would do with a model: refusals by key, or what docker says."""
    try:
        app = application.parse(with_roles(model), prefix="peer-prod")
    except ConfigError as error:
        for line in str(error).splitlines():
            key, _, reason = SPECIFIC.sub(r"\1.*", line.split(": ", 1)[1]).partition(": ")
            yield f"refused: {key}: {PATH.sub('/…', reason)[:70]}"
        return
    ids = {service.name: f"sha256:{0:064x}" for service in app.services}
    secrets = {key: key for key in model.get("secrets") or {}}
    release = Release(1, "c0ffee", ids, ids, ids, secrets, app.services)
    whole = stack.together(environment.load("prod"), release)
    argv = ["docker", "stack", "config", "--compose-file", "-"]
    text = json.dumps(whole).encode()
    result = subprocess.run(argv, input=text, capture_output=True, check=False)
    if result.returncode or result.stderr:
        yield f"DOCKER: {result.stderr.decode().strip()[:200]}"
    else:
        # Docker takes no mode of a tmpfs; 1777 is what it has anyway.
        gone = set(lost(whole, yaml.safe_load(result.stdout)))
        yield from (f"LOST: {key}" for key in gone if not key.endswith(".tmpfs.mode"))


def main() -> int:
    """Print what is refused how often, and the counts; 1 where docker refuses or loses anything."""
    reasons: Counter[str] = Counter()
    total = accepted = unread = 0
    for path, model in models(Path(sys.argv[1])):
        total += 1
        results = list(outcome(model))
        accepted += not results
        reasons.update(results)
        for line in [*results, *(outcome(without_folders(model)) if results else ())]:
            if not line.startswith("refused"):
                unread += 1
                sys.stdout.write(f"{path}: {line}\n")
    for reason, count in reasons.most_common():
        sys.stdout.write(f"{count:4d} {reason}\n")
    sys.stdout.write(f"{total} files: {accepted} accepted, {total - accepted} refused\n")
    return 1 if unread else 0


if __name__ == "__main__":
    sys.exit(main())
