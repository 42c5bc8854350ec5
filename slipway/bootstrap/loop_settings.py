"""The settings of dev for plain `docker compose`, which reads compose/.env by itself."""

import json
from pathlib import Path
from typing import Any

from slipway import whole_file
from slipway.bootstrap import devsecrets
from slipway.environments import hacking
from slipway.errors import CommandFailed
from slipway.hosts import git
from slipway.project import COMPOSE
from slipway.releases import compose_variables, static_services

FILE = ".env"


def materialise(compose: Path = COMPOSE, variables: Path = hacking.VARIABLES) -> str:
    """Write what the loop begins with; return what changed."""
    static_services.write_live(compose)
    is_ignored = _is_ignored(compose)
    # First, since Compose reads it: a file that it names may be gone by now.
    is_new = is_ignored and _write_settings(compose, variables)
    changed = [variables.name] if _write_variables(compose, variables) else []
    if not is_ignored:
        reason = "git does not ignore compose/.env, so plain docker compose has no settings of dev"
        return "; ".join([*changed, f"{reason}: add /compose/.env to .gitignore"])
    if _write_settings(compose, variables) or is_new:
        changed.append("compose/.env")
    return ", ".join(changed) or "in place"


def _write_settings(compose: Path, variables: Path) -> bool:
    """Write compose/.env below what a person has written there; say whether it changed."""
    path = compose / FILE
    before = path.read_text(encoding="utf-8") if path.is_file() else ""
    text = before.partition(hacking.MARK)[0] + _block(compose, variables)
    if text != before:
        whole_file.write(path, text)
    return text != before


def is_present(compose: Path = COMPOSE) -> bool:
    """Whether compose/.env has what was written."""
    path = compose / FILE
    return path.is_file() and hacking.MARK in path.read_text(encoding="utf-8", errors="replace")


def _block(compose: Path, variables: Path) -> str:
    texts = [hacking.MARK, "# A change there counts here after the next inv up or inv bootstrap."]
    for name in ("common.env", "dev.env"):
        if (compose / name).is_file():
            texts.append((compose / name).read_text(encoding="utf-8").strip("\n"))
    if paths := hacking.files(compose, variables):
        texts.append(f"COMPOSE_FILE='{':'.join(map(str, paths))}'")
    return "\n".join(texts) + "\n"


def _write_variables(compose: Path, path: Path) -> bool:
    """Give services in the loop, as variables, the secrets that a deploy gives them so."""
    services: dict[str, Any] = {}
    for name, spec in (hacking.model(compose).get("services") or {}).items():
        if values := _values(spec, path.parent / devsecrets.FOLDER.name):
            services[name] = {"environment": values}
    text = json.dumps({"services": services}, indent=1)
    before = path.read_text(encoding="utf-8") if path.is_file() else ""
    if not services:
        path.unlink(missing_ok=True)
    elif text != before:
        path.parent.mkdir(parents=True, exist_ok=True)
        whole_file.write(path, text)
        path.chmod(0o600)
    return text != before and bool(services or before)


def _values(spec: dict[str, Any], folder: Path) -> dict[str, str]:
    sources = compose_variables.of(spec)
    files = {
        name: folder / secret for name, secret in sources.items() if (folder / secret).is_file()
    }
    return {n: p.read_text(encoding="utf-8").replace("$", "$$") for n, p in files.items()}


def _is_ignored(compose: Path) -> bool:
    argv = ["git", "check-ignore", "--quiet", FILE]
    try:
        return git.at(compose).run(argv, timeout=20, check=False).code == 0
    except CommandFailed:
        return False
