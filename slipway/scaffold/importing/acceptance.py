"""Whether a deploy would take the new compose files: its own rules read them."""

import json
import os
import re
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from slipway.errors import CommandFailed, ConfigError, last_line
from slipway.hosts.local import LocalHost
from slipway.releases import application, compose_labels, compose_program
from slipway.scaffold.importing.findings import Problem

# In the place of Slipway's own file: names that the project's services may use.
SLIPWAY = """\
services:
  db: {image: db, networks: [data], deploy: {labels: {slipway.role: data}}}
  edge: {image: edge, networks: [edge], deploy: {mode: global, labels: {slipway.role: edge}}}
networks: {edge: {}, data: {}}
volumes: {db: {}}
secrets:
  DATABASE_PASSWORD: {file: ./none}
  DATABASE_MIGRATOR_PASSWORD: {file: ./none}
  DATABASE_CA: {file: ./none}
"""
DEV = "RUNS_ON=this-computer\n"
LINE = re.compile(r"^(?:(?P<file>\S+?\.ya?ml)(?::(?P<line>\d+))?: )?(?P<text>.*)$")


def problems(files: Mapping[str, str], name: str) -> Iterator[Problem]:
    """Yield what a deploy or the hacking loop would refuse, with the line of the new file."""
    with tempfile.TemporaryDirectory(prefix="slipway-import-") as scratch:
        root = Path(scratch)
        for path, text in {**files, "compose/slipway.yml": SLIPWAY, "compose/dev.env": DEV}.items():
            (root / path).parent.mkdir(parents=True, exist_ok=True)
            (root / path).write_text(text, encoding="utf-8")
        compose = root / "compose"
        try:
            model = _known(_config(compose, ["compose.yml"]))
            application.parse(model, [compose / "compose.yml"], f"{name}-staging")
            _config(compose, ["compose.yml", "compose.override.yml"])
        except ConfigError as error:
            yield from map(_problem, str(error).splitlines())


def _config(compose: Path, names: list[str]) -> dict[str, Any]:
    argv = [*compose_program.command(), "--project-directory", str(compose)]
    argv += [word for name in names for word in ("--file", str(compose / name))]
    for name in ("common", "dev"):
        argv += ["--env-file", str(compose / f"{name}.env")]
    argv += ["--profile", "*", "config", "--format", "json"]
    env = {"PATH": os.environ.get("PATH", os.defpath), "HOME": str(compose), "ENVIRONMENT": "dev"}
    if "DOCKER_CONFIG" in os.environ:
        env["DOCKER_CONFIG"] = os.environ["DOCKER_CONFIG"]
    try:
        result = LocalHost(env=env, cwd=compose).run(argv, timeout=30)
    except CommandFailed as error:
        reason = last_line(error.stderr).replace(f"{compose}/", "")
        raise ConfigError(f"compose/{names[-1]}: Compose does not read it: {reason}") from None
    model: dict[str, Any] = json.loads(result.out)
    return model


def _known(model: dict[str, Any]) -> dict[str, Any]:
    """Leave out labels that this version of the engine does not know yet."""
    for spec in model.get("services", {}).values():
        labels = (spec.get("deploy") or {}).get("labels") or {}
        for key in [each for each in labels if each.startswith("slipway.")]:
            if key not in compose_labels.WORDS:
                del labels[key]
    return model


def _problem(line: str) -> Problem:
    match = LINE.match(line)
    assert match is not None  # noqa: S101  whatever it is
    return Problem(
        Path(match["file"] or "compose/compose.yml"), int(match["line"] or 0), match["text"]
    )
